"""The local Service Bus as a service: opens the file, listens, closes in order. Wires everything, decides nothing."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from aiohttp import web

from local.azure.servicebus.admin import start_admin
from local.azure.servicebus.cbs import KEY_NAME, KEY_VALUE
from local.azure.servicebus.entities import Topic
from local.azure.servicebus.faults import OrderedFaults
from local.azure.servicebus.peer import Client
from local.azure.servicebus.sections import envelope
from local.azure.servicebus.state import Broker
from local.azure.servicebus.store import Store
from local.azure.servicebus.timers import Timers
from local.azure.servicebus.topology import load
from local.azure.servicebus.wire import Engine

HOST = "127.0.0.1"
TOPOLOGY = Path(__file__).parents[3] / "infra" / "topology.json"


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
    _engines: "_Engines"
    _store: Store
    admin: web.AppRunner | None = None

    @property
    def connection_string(self) -> str:
        """For the SDKs."""
        key = f"SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY_VALUE}"
        return f"Endpoint=sb://{HOST}:{self.port};{key};UseDevelopmentEmulator=true;"

    def connections(self) -> dict[str, int]:
        """How many are open, and the most that ever were at once."""
        return {"open": self._engines.count, "most": self._engines.most}

    def drop_connections(self) -> None:
        """Cut every connection without a word."""
        self._engines.cut()

    async def close(self) -> None:
        """Stop taking work, finish what is under way, release the ports and the file."""
        self._server.close()
        self.timers.close()
        if self.admin is not None:
            await self.admin.cleanup()
        await self._store.drain()
        self.drop_connections()
        await self._server.wait_closed()
        await self._store.close()


async def start(
    *,
    port: int = 0,
    data: Path,
    topology: Path | Mapping[str, object] = TOPOLOGY,
    admin_port: int = 0,
    clock: Callable[[], datetime] = utc_now,
) -> Running:
    """Start on a folder: everything acknowledged before is there again. Port 0 is a free port.

    Raises OSError when a port is taken, DataInUse when the folder is.
    """
    declared = load(topology)
    engines = _Engines()
    # The port comes first: who starts a second time should hear of the port, not of the locked file.
    server = await asyncio.get_running_loop().create_server(engines.connect, HOST, port, start_serving=False)
    try:
        await asyncio.to_thread(data.mkdir, parents=True, exist_ok=True)
        running = _open(Store(data / "servicebus.sqlite"), declared, server=server, engines=engines, clock=clock)
    except BaseException:
        server.close()
        raise
    try:
        running.admin, running.admin_port = await start_admin(
            running.broker,
            running.faults,
            connections=running.connections,
            drop_connections=running.drop_connections,
            host=HOST,
            port=admin_port,
        )
        await server.start_serving()
    except BaseException:
        await running.close()
        raise
    return running


class _Engines:
    """The connections that are open."""

    def __init__(self) -> None:
        self.peer: Callable[[Engine, Callable[[], None]], Client]
        self._open: set[Engine] = set()
        self.most = 0

    @property
    def count(self) -> int:
        return len(self._open)

    def connect(self) -> Engine:
        engine = Engine(container="local-servicebus")
        engine.peer = self.peer(engine, lambda: self._open.discard(engine))
        self._open.add(engine)
        self.most = max(self.most, self.count)
        return engine

    def cut(self) -> None:
        for engine in tuple(self._open):
            engine.cut()


def _open(
    store: Store, topics: dict[str, Topic], *, server: asyncio.Server, engines: _Engines, clock: Callable[[], datetime]
) -> Running:
    def now_ms() -> int:
        return int(clock().timestamp() * 1000)

    timers, faults = Timers(now_ms), OrderedFaults()
    broker = Broker(topics, store, read=envelope, now_ms=now_ms, alarm=timers, faults=faults, new_token=uuid4)
    broker.recover(store.load())
    engines.peer = lambda engine, left: Client(engine, broker, faults=faults, now_ms=now_ms, left=left)
    return Running(server.sockets[0].getsockname()[1], 0, broker, faults, timers, server, engines, store)
