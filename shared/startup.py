"""The services of a process, made when a function asks for them first. Knows no adapter."""

import asyncio
import logging
from pathlib import Path

from shared.services import GetServices, Services
from shared.settings import Settings
from shared.wiring import Built, build_patiently

_TALKATIVE = ("azure", "uamqp")
"""The SDKs tell at INFO of every request and of every state of every link."""


def _quiet_libraries() -> None:
    """What libraries say below WARNING is dropped here: in Azure each line costs processor time and is paid for, and
    the filters of host.json see no logger names.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def build_id() -> str:
    """What the package was built from. A file of the package and not a setting, so that a rollback changes it too."""
    stamp = Path(__file__).parent / "build_id.txt"
    return stamp.read_text().strip() if stamp.is_file() else "development"


def once(settings: Settings) -> GetServices:
    """A getter that builds at its first call. Several functions may wake at once in a new process: they share one try,
    so that the last of them waits no longer than the first. After a try in vain the next call tries again.

    From here on libraries are quiet.
    """
    _quiet_libraries()
    tries: list[asyncio.Task[Built]] = []

    async def services() -> Services:
        if not tries or _was_in_vain(tries[-1]):
            tries[:] = [asyncio.create_task(build_patiently(settings))]
        return (await asyncio.shield(tries[-1])).services

    return services


def _was_in_vain(building: asyncio.Task[Built]) -> bool:
    return building.done() and (building.cancelled() or building.exception() is not None)
