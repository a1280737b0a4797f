"""`python -m local servicebus`: the local Service Bus as a process of its own. Knows the command line only."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from local.azure.servicebus.server import TOPOLOGY, Running, start
from local.base.serving import serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local servicebus", description="A local Azure Service Bus.")
    parser.add_argument("--port", type=int, default=0, help="for AMQP; 0 is a free port")
    parser.add_argument("--data", type=Path, required=True, help="folder of the messages")
    parser.add_argument("--topology", type=Path, default=TOPOLOGY, help="file that declares topics and subscriptions")
    parser.add_argument("--admin-port", type=int, default=0, help="for diagnostics over HTTP; 0 is a free port")
    options = parser.parse_args(arguments)

    async def started() -> Running:
        running = await start(**vars(options))
        print(f"admin servicebus {running.admin_port}", flush=True)
        return running

    return serve("servicebus", started, port=options.port)
