"""`python -m local provider`: the payment provider and the merchant as one process. Knows the command line only."""

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path

from local.base.serving import serve
from local.provider.server import start


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    words = "A local payment provider, and a merchant that it can notify."
    parser = argparse.ArgumentParser(prog="python -m local provider", description=words)
    parser.add_argument("--port", type=int, default=7090, help="0: a free one, named in the ready line")
    parser.add_argument("--data", type=Path, default=Path(".local"), help="the folder of provider.sqlite")
    parser.add_argument("--slow-s", type=float, default=1.0, help="how long a call with pm_slow takes")
    parser.add_argument("--hold-s", type=float, default=60.0, help="how long a time-out holds the response")
    options = parser.parse_args(arguments)
    return serve("provider", functools.partial(start, **vars(options)), port=options.port)
