"""The local host over an unzipped package, in a Python that has the standard library and nothing else installed.

    python -I -S -u tests/package/bare.py ROOT APP [the options of `python -m local host`]

What the host itself needs is taken from the package too. The repository at ROOT is on the path only while the host's
own modules are imported: the app then finds its code and its libraries in the package, or not at all.
"""

import importlib
import pkgutil
import sys
from pathlib import Path

SITE_PACKAGES = ".python_packages/lib/site-packages"


def main(root: str, app: str, *options: str) -> int:
    sys.path[:0] = [str(Path(app) / SITE_PACKAGES)]
    sys.path.append(root)
    for name in ("local.azure.host", "local.base"):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    sys.path.remove(root)
    _refuse_strangers(root, app)
    sys.path.insert(0, app)
    code: int = sys.modules["local.azure.host.command"].main(["--app", app, *options])
    return code


def _refuse_strangers(root: str, app: str) -> None:
    """Nothing but the host's own modules may come from elsewhere than the package and the standard library."""
    inside = (str(Path(app)), sys.base_prefix)
    ours = (str(Path(root) / "local"), str(Path(__file__)))
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    strangers = [name for name, file in files.items() if file and not file.startswith((*inside, *ours))]
    if strangers:
        raise SystemExit(f"not from the package: {', '.join(sorted(strangers))}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
