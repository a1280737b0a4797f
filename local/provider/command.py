"""`python -m local.provider --port N --data DIR`: the payment provider and the merchant as a process of their own."""

import argparse
import functools
import sys
from pathlib import Path

from local.base.serving import serve
from local.provider.server import start
from local.provider.store import DataInUse


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=7090, help="0: a free one, named in the ready line")
    parser.add_argument("--data", type=Path, default=Path(".local"), help="the folder of provider.sqlite")
    parser.add_argument("--slow-s", type=float, default=1.0, help="how long a call with pm_slow takes")
    parser.add_argument("--hold-s", type=float, default=60.0, help="how long a time-out holds the response")
    options = parser.parse_args()
    started = functools.partial(
        start, port=options.port, data=options.data, slow_s=options.slow_s, hold_s=options.hold_s
    )
    try:
        return serve("provider", options.port, started)
    except DataInUse as in_use:
        print(in_use, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
