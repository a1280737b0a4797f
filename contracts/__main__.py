"""`python -m contracts` writes the contracts anew.

With `--check` it only says which are out of date; with `--release` it adds them to what was released.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import sys

from contracts.endpoints import ROOT, declared
from contracts.files import version, written
from contracts.released import release


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m contracts", description="Write the contracts from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a file is out of date")
    parser.add_argument("--release", action="store_true", help="add them to docs/contracts/released/, once per version")
    options = parser.parse_args()
    stale = {path: text for path, text in written(declared()).items() if not _is(path, text)}
    for path, text in stale.items():
        print(path)
        if not options.check:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8", newline="\n")
    if options.check:
        return 1 if stale else 0
    return _release() if options.release else 0


def _release() -> int:
    try:
        print(*(path.relative_to(ROOT).as_posix() for path in release(version())), sep="\n")
    except FileExistsError:
        print(f"FAILED  {version()} was released\nNEXT    a new version in pyproject.toml, then this again")
        return 1
    return 0


def _is(path: str, text: str) -> bool:
    file = ROOT / path
    return file.is_file() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
