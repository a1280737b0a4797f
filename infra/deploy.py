"""What follows the infrastructure: the code, and the proof that it works. One script for GitHub and for azd.

`needs`: is everything set that the check asks for? `idle`: waits until no deployment of that name is under way. `code`:
uploads the package, and waits while roles still spread. `check`: the build, the triggers, the functions by name, the
rules, and one payment through every step.

Names of deployed things come from the environment, where azd and the workflow put them, or with `--deployment` from
Azure. A step that fails stops the run and says what to do next. Imports nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.azure_cli import CommandFailed
from infra.deploy_options import Options, Stopped
from infra.deployed import Deployed
from infra.package import PACKAGE
from infra.publish import PublishFailed
from infra.smoke_http import NotYet, SmokeFailed

WAIT = "if it says 403, a role is missing or still spreads: run this again in ten minutes; if not, mend what it names"


def run(command: str, options: Options) -> int:
    """One line per step, up to the first that fails. Returns the exit code."""
    for name, step in Deployed(options).steps(command).items():
        started = time.monotonic()
        try:
            found = step()
        except Stopped as exc:
            return _failed(name, exc, do=exc.do)
        except (CommandFailed, PublishFailed, SmokeFailed, NotYet) as exc:
            return _failed(name, exc, do=WAIT)
        print(f"ok      {name}: {found} ({time.monotonic() - started:.1f} s)", flush=True)
    return 0


def _failed(name: str, exc: Exception, *, do: str) -> int:
    print(f"FAILED  {name}: {exc}\nNEXT    {do}", flush=True)
    return 1


def main(arguments: list[str] | None = None) -> int:
    defaults = Options(package=PACKAGE)
    parser = argparse.ArgumentParser(prog="python infra/deploy.py", description="Deploys the code; does it work?")
    parser.add_argument("command", choices=["needs", "idle", "code", "check"])
    parser.add_argument("--package", type=Path, default=defaults.package, help="what infra/package.py built")
    parser.add_argument("--build-id", help="the package has to be of this commit")
    parser.add_argument("--deployment", help="read the names of deployed things from this deployment")
    parser.add_argument("--limit-s", type=float, default=defaults.limit_s, help="for all that may pass by itself")
    parser.add_argument("--back", action="store_true", help="an older release: what a newer one left stops nothing")
    parser.add_argument("--pause-s", type=float, default=defaults.pause_s)
    options = vars(parser.parse_args(arguments))
    if options["command"] == "idle" and not options["deployment"]:
        parser.error("idle takes --deployment")
    return run(options.pop("command"), Options(**options))


if __name__ == "__main__":
    sys.exit(main())
