"""`python -m local cosmos`: the local Cosmos DB as a process of its own. Knows the command line and nothing else."""

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path

from local.azure.cosmos.server import start
from local.base.serving import serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local cosmos", description="A local Azure Cosmos DB.")
    parser.add_argument("--port", type=int, default=0, help="0 = a free one; it stands in the ready line")
    parser.add_argument("--data", type=Path, required=True, help="the folder of cosmos.sqlite")
    parser.add_argument("--topology", type=Path, help="creates the containers of this file if they are missing")
    parser.add_argument("--partitions", type=int, default=2, help="physical partitions of new containers")
    parser.add_argument("--consistency", default="Strong", help="the account's default consistency level")
    options = parser.parse_args(arguments)
    return serve("cosmos", functools.partial(start, **vars(options)), port=options.port)
