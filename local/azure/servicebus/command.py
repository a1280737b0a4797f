"""`python -m local.azure.servicebus`: the local Service Bus as a process of its own."""

import argparse
import sys
from pathlib import Path

from local.azure.servicebus.server import TOPOLOGY, start
from local.azure.servicebus.store import FolderTaken
from local.base.serving import Running, serve


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m local.azure.servicebus", description=__doc__)
    options.add_argument("--port", type=int, default=0, help="for AMQP; 0 is a free port")
    options.add_argument("--data", type=Path, required=True, help="folder of the messages")
    options.add_argument("--topology", type=Path, default=TOPOLOGY, help="file that declares topics and subscriptions")
    options.add_argument("--admin-port", type=int, default=0, help="for diagnostics over HTTP; 0 is a free port")
    chosen = options.parse_args()

    async def started() -> Running:
        running = await start(
            port=chosen.port, data=chosen.data, topology=chosen.topology, admin_port=chosen.admin_port
        )
        print(f"admin servicebus {running.admin_port}", flush=True)
        return running

    try:
        return serve("servicebus", chosen.port, started)
    except FolderTaken as taken:
        print(taken, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
