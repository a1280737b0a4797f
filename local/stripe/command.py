"""`python -m local stripe`: the imitation of Stripe's API as one process. Knows the command line only."""

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path

from local.base.serving import serve
from local.stripe.server import start


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    words = "An imitation of the part of Stripe's API that the app uses. It moves no money and asks for no key."
    parser = argparse.ArgumentParser(prog="python -m local stripe", description=words)
    parser.add_argument("--port", type=int, default=7090, help="0: a free one, named in the ready line")
    parser.add_argument("--data", type=Path, default=Path(".local"), help="the folder of stripe.sqlite")
    parser.add_argument("--hold-s", type=float, default=60.0, help="how long a time-out holds the response")
    options = vars(parser.parse_args(arguments))
    return serve("stripe", functools.partial(start, **options), port=options["port"])
