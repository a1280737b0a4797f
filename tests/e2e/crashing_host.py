"""`python -m tests.e2e.crashing_host`: the local host with the product in it, which ends by os._exit at a given call.

CRASH_POINTS names the calls, `before publisher.publish,after provider.settle`. Each process crashes at the first one at
which no earlier process has; the folder CRASH_MARKS keeps which have been used. When all have been used, the host
lives.
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
from tests.crashes import CrashPlan, Side, with_crashes

EXIT_CODE = 9


def next_plan(points: str, marks: Path) -> CrashPlan:
    for point in points.split(","):
        mark = marks / point.replace(" ", "-")
        if not mark.exists():
            return _plan(point, mark)
    return CrashPlan()


def _plan(point: str, mark: Path) -> CrashPlan:
    def die(_where: str) -> NoReturn:
        mark.touch()
        os._exit(EXIT_CODE)

    side, name = point.split()
    return CrashPlan(named=name, side=Side(side), die=die)


def install(plan: CrashPlan) -> None:
    """Every port of the product, and the host's own completing of messages, runs by the plan."""
    build, complete = wiring.build, BusReceiver.complete

    async def building(settings: Settings) -> wiring.Built:
        built = await build(settings)
        return dataclasses.replace(built, services=with_crashes(built.services, plan))

    async def completing(receiver: BusReceiver, message: ServiceBusReceivedMessage) -> None:
        await plan.run("host.complete", lambda: complete(receiver, message))

    wiring.build = building
    BusReceiver.complete = completing  # type: ignore[method-assign, assignment] # the point of this module


if __name__ == "__main__":
    install(next_plan(os.environ["CRASH_POINTS"], Path(os.environ["CRASH_MARKS"])))
    sys.exit(main())
