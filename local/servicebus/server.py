"""The local Service Bus as a service: opens the file, listens, closes in order. Wires everything, decides nothing."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from aiohttp import web

from local.servicebus import sections, topology
from local.servicebus.admin import start_admin
from local.servicebus.cbs import KEY_NAME, KEY_VALUE
from local.servicebus.engine import Engine
from local.servicebus.faults import OrderedFaults
from local.servicebus.peer import Client
from local.servicebus.state import Broker
from local.servicebus.store import Store
from local.servicebus.timers import Timers

HOST = "127.0.0.1"
TOPOLOGY = Path(__file__).parents[2] / "infra" / "topology.json"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Running:
    """A broker that answers."""

    port: int
    admin_port: int
    broker: Broker
    faults: OrderedFaults
    timers: Timers
    _server: asyncio.Server
    _admin: web.AppRunner
    _engines: set[Engine]
    _store: Store

    @property
    def connection_string(self) -> str:
        """For the SDKs."""
        key = f"SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY_VALUE}"
        return f"Endpoint=sb://{HOST}:{self.port};{key};UseDevelopmentEmulator=true;"

    def drop_connections(self) -> None:
        """Cut every connection without a word."""
        for engine in tuple(self._engines):
            engine.cut()

    async def close(self) -> None:
        """Stop taking work, finish what is under way, release the ports and the file."""
        self._server.close()
        self.timers.close()
        await self._admin.cleanup()
        await self._store.settle()
        self.drop_connections()
        await self._server.wait_closed()
        await self._store.close()


async def start(
    *,
    port: int = 0,
    data: Path,
    topology_of: Path | Mapping[str, object] = TOPOLOGY,
    admin_port: int = 0,
    clock: Callable[[], datetime] = utc_now,
) -> Running:
    """Start on a folder: everything acknowledged before is there again. Port 0 is a free port."""
    topics = topology.load(topology_of)
    await asyncio.to_thread(data.mkdir, parents=True, exist_ok=True)
    store = Store(data / "servicebus.sqlite")
    return await _Starting(port, admin_port, store).run(topics, clock)
