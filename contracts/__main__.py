"""`python -m contracts` writes the contracts anew; `--check` only says which are out of date."""

import argparse
import sys

from contracts.endpoints import ROOT, declared
from contracts.files import written


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m contracts", description="Write the contracts from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a file is out of date")
    options = parser.parse_args()
    stale = {path: text for path, text in written(declared()).items() if not _is(path, text)}
    for path, text in stale.items():
        print(path)  # noqa: T201 - a command line: what it prints is its answer
        if not options.check:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8", newline="\n")
    return 1 if options.check and stale else 0


def _is(path: str, text: str) -> bool:
    file = ROOT / path
    return file.is_file() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
