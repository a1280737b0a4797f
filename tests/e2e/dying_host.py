"""`python -m tests.e2e.dying_host`: the local host with the product in it, which leaves by os._exit at a given point.

DYING_POINTS names them, `before publisher.publish,after provider.settle`; each process dies at the first that no
process before it has died at, which DYING_MARKS, a folder, keeps. When all are used up the host lives.
"""

import dataclasses
import os
import sys
from pathlib import Path
from typing import NoReturn

from azure.servicebus import ServiceBusReceivedMessage

from local.azure.host.bus import BusReceiver
from local.azure.host.command import main
from shared import wiring
from shared.settings import Settings
from tests.faults import Side, Tripwire, watched

EXIT_CODE = 9


def next_wire(points: str, marks: Path) -> Tripwire:
    for point in points.split(","):
        mark = marks / point.replace(" ", "-")
        if not mark.exists():
            return _wire(point, mark)
    return Tripwire()


def _wire(point: str, mark: Path) -> Tripwire:
    def die(_where: str) -> NoReturn:
        mark.touch()
        os._exit(EXIT_CODE)

    side, name = point.split()
    return Tripwire(named=name, side=Side(side), die=die)


def arm(wire: Tripwire) -> None:
    """Every port of the product, and the host's own settling of messages, passes the wire."""
    build, complete = wiring.build, BusReceiver.complete

    async def building(settings: Settings) -> wiring.Built:
        built = await build(settings)
        return dataclasses.replace(built, services=watched(built.services, wire))

    async def completing(receiver: BusReceiver, message: ServiceBusReceivedMessage) -> None:
        await wire.through("host.complete", lambda: complete(receiver, message))

    wiring.build = building
    BusReceiver.complete = completing  # type: ignore[method-assign, assignment] # the point of this module


if __name__ == "__main__":
    arm(next_wire(os.environ["DYING_POINTS"], Path(os.environ["DYING_MARKS"])))
    sys.exit(main())
