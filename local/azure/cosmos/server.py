"""The socket: uvicorn with httptools around the synchronous core, usable as a process or inside one.

`await start(port=..., data=...)` runs the service in the running event loop; several may run in one process.
Knows HTTP and files, and nothing of what requests mean.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local.azure.cosmos import errors
from local.azure.cosmos.admin import PREFIX, Diagnostics
from local.azure.cosmos.api import Cosmos
from local.azure.cosmos.auth import EMULATOR_KEY
from local.azure.cosmos.groups import Groups
from local.azure.cosmos.store import Store
from local.azure.cosmos.waits import Waits
from local.azure.cosmos.wire import Call, Request, Response, refusal
from local.base.guard import why_refused

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

HOST: Final = "127.0.0.1"
KEEP_ALIVE_S: Final = 120
"""Longer than the clients' 15 s: a connection that the server drops just as a write leaves is an unknown outcome."""
SHUTDOWN_S: Final = 2


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers on its port."""

    port: int
    cosmos: Cosmos
    diagnostics: Diagnostics
    _server: "_Server"
    _serving: asyncio.Task[None]
    _groups: Groups[Request, Response]
    _waits: Waits
    _store: Store

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def connection_string(self) -> str:
        return f"AccountEndpoint={self.url}/;AccountKey={EMULATOR_KEY};"

    async def close(self) -> None:
        """Stop taking requests, finish those under way, release the port and the file."""
        self._server.stop()
        self._waits.end()
        await self._serving
        await self._groups.drain()
        await self._store.database.close()


def utc_now() -> datetime:
    return datetime.now(UTC)


async def start(
    *,
    port: int = 0,
    data: Path,
    topology: Path | Mapping[str, object] | None = None,
    partitions: int = 2,
    consistency: str = "Strong",
    clock: Callable[[], datetime] = utc_now,
) -> Running:
    """Serve the folder `data`; answers once this returns.

    Raises OSError when the port is taken, DataInUse when the folder is.

    port: 0 = a free one. topology: the file (or its content) whose `cosmos` part is created if missing.
    partitions: physical partitions of containers created from now on. consistency: the account's default level.
    clock: the time, aware.
    """
    listening = _listen(port)
    try:
        store = _open(data)
    except BaseException:
        listening.close()
        raise
    cosmos = Cosmos(store, clock=lambda: clock().timestamp(), partitions=partitions, consistency=consistency)
    if topology is not None:
        cosmos.catalogue.provision(_loaded(topology))
    waits = Waits()
    groups: Groups[Request, Response] = Groups(
        store.database,
        cosmos.answer,
        reload=cosmos.catalogue.reload,
        unavailable=lambda request: refusal(request, errors.unavailable()),
        written=waits.written,
    )
    diagnostics = Diagnostics()
    server = _Server(_App(groups, diagnostics, identify=cosmos.identify, waits=waits))
    serving = asyncio.create_task(server.serve([listening]))
    await server.answering.wait()
    return Running(listening.getsockname()[1], cosmos, diagnostics, server, serving, groups, waits, store)


def _open(data: Path) -> Store:
    data.mkdir(parents=True, exist_ok=True)
    return Store(data / "cosmos.sqlite")


def _loaded(topology: Path | Mapping[str, object]) -> Mapping[str, object]:
    if not isinstance(topology, Path):
        return topology
    declared: dict[str, object] = json.loads(topology.read_text())
    return declared


def _listen(port: int) -> socket.socket:
    # Named as TCP, or asyncio does not switch Nagle's algorithm off and answers wait 40 ms for the client's next ACK.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
    except OSError:
        listening.close()
        raise
    return listening


class _App:
    """The ASGI application: reads a request whole, has it answered, sends the answer."""

    def __init__(
        self,
        groups: Groups[Request, Response],
        diagnostics: Diagnostics,
        *,
        identify: Callable[[Request], Call],
        waits: Waits,
    ) -> None:
        self._groups = groups
        self._diagnostics = diagnostics
        self._identify = identify
        self._waits = waits

    async def __call__(  # noqa: PLR0917 - as ASGI calls it
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        if request is None:
            return
        if refused := why_refused({name.title(): value for name, value in request.headers.items()}):
            await _send(Response(403, {"content-type": "text/plain"}, ": ".join(refused).encode()), send)
            return
        if request.path[:1] == (PREFIX,):
            await _send(self._diagnostics.answer(request), send)
            return
        response = await self._answer(request)
        if response is not None:
            await _send(response, send)
            return
        scope["state"]["abort"]()
        while (await receive())["type"] != "http.disconnect":
            """Until uvicorn has seen the cut, it would answer 500 in our place."""

    async def _answer(self, request: Request) -> Response | None:
        """None when the connection is to be cut."""
        call = self._identify(request)
        fault = self._diagnostics.take(call)
        response = None
        if fault is None or fault.after:
            response = await self._waits.answer(request, call, submit=self._groups.submit)
        if fault is not None:
            response = None if fault.cuts else fault.response(request)
        status, charge = (response.status, response.charge) if response else (0, 0.0)
        self._diagnostics.record(call, status=status, charge=charge)
        return response


async def _read(scope: "HTTPScope", receive: "ASGIReceiveCallable") -> Request | None:
    """The whole request, None when the client has gone."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message["body"]
        if not message["more_body"]:
            break
    raw = scope["raw_path"].decode("utf-8", "replace")
    return Request(
        method=scope["method"],
        path=tuple(unquote(segment) for segment in raw.split("/") if segment),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )


async def _send(response: Response, send: "ASGISendCallable") -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers.items()]
    if response.status not in (204, 304):
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with a way to cut the connection: some faults are just that."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["abort"] = self.transport.abort


class _Server(uvicorn.Server):
    """uvicorn's server, which here leaves the process's signals alone and says when it answers."""

    def __init__(self, app: _App) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=SHUTDOWN_S,
            )
        )
        self.answering = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        """One tick a second keeps the Date header right; uvicorn's ten would also delay each stop."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn waits a tenth of a second in any case; with nobody connected there is nothing to wait for."""
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()
