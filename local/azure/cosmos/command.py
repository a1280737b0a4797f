"""`python -m local.azure.cosmos`: the service as a process of its own. Knows the command line and nothing else."""

import argparse
import sys
from pathlib import Path

from local.azure.cosmos.server import start
from local.azure.cosmos.store import DataInUse
from local.base.serving import serve


def main() -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    options = argparse.ArgumentParser(prog="python -m local.azure.cosmos", description="A local Azure Cosmos DB.")
    options.add_argument("--port", type=int, default=0, help="0 = a free one; it stands in the ready line")
    options.add_argument("--data", type=Path, required=True, help="the folder of cosmos.sqlite")
    options.add_argument("--topology", type=Path, help="creates the containers of this file if they are missing")
    options.add_argument("--partitions", type=int, default=2, help="physical partitions of new containers")
    options.add_argument("--consistency", default="Strong", help="the account's default consistency level")
    given = options.parse_args()
    try:
        return serve(
            "cosmos",
            given.port,
            lambda: start(
                port=given.port,
                data=given.data,
                topology=given.topology,
                partitions=given.partitions,
                consistency=given.consistency,
            ),
        )
    except DataInUse as in_use:
        print(in_use, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
