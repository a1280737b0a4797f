"""`python -m tests.package.host`: the platform's host, with the unzipped package in place of this repository.

It becomes the process of tests/package/bare.py, so that signals and standard input stay what they were.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BARE = Path(__file__).with_name("bare.py")
APP = "PACKAGED_APP"
"""The environment variable that names the unzipped package."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.package.host", description=__doc__)
    parser.add_argument("--port", required=True)
    parser.add_argument("--host-id", required=True)
    given, _ = parser.parse_known_args()
    app = os.environ[APP]
    options = ["--port", given.port, "--host-id", given.host_id]
    os.chdir(app)
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-u", str(BARE), str(ROOT), app, *options])  # noqa: S606


if __name__ == "__main__":
    main()
