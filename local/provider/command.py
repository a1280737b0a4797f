"""`python -m local provider`: the payment provider and the merchant as one process. Knows the command line only."""

import argparse
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from local.base.serving import serve
from local.provider.server import start
from local.provider.webhook import LOCAL_KEY, Receiver

KEY = "PROVIDER_WEBHOOK_SECRET"
"""The environment variable with the key of the events. A command line can be read by everybody on the machine."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    words = "A local payment provider, and a merchant that it can notify."
    parser = argparse.ArgumentParser(prog="python -m local provider", description=words)
    parser.add_argument("--port", type=int, default=7090, help="0: a free one, named in the ready line")
    parser.add_argument("--data", type=Path, default=Path(".local"), help="the folder of provider.sqlite")
    parser.add_argument("--slow-s", type=float, default=1.0, help="how long a call with pm_slow takes")
    parser.add_argument("--hold-s", type=float, default=60.0, help="how long a time-out holds the response")
    parser.add_argument("--dispute-s", type=float, default=0.2, help="how long the disputes of tokens take, per change")
    parser.add_argument("--events-url", help=f"who is told of disputes, signed with {KEY}; without it nobody is")
    options = vars(parser.parse_args(arguments))
    url = options.pop("events_url")
    try:
        receiver = None if url is None else Receiver(url, key=os.environ.get(KEY, LOCAL_KEY))
    except ValueError as exc:
        parser.exit(2, f"--events-url or {KEY} cannot be used: {exc}\n")
    return serve("provider", functools.partial(start, receiver=receiver, **options), port=options["port"])
