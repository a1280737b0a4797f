"""Where a host is questioned: Cosmos DB and Service Bus of our own, the app in a folder, the host as a process."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.amqp import AmqpAnnotatedMessage

from local.azure.cosmos import server as cosmos
from local.azure.servicebus import server as servicebus
from local.ports import FREE
from local.supervisor import ROOT
from tests.foreign_host import COMMAND, words
from tests.local.host_support import Record
from tests.waiting import until

APP = Path(__file__).parent / "app"
FUNCTION_KEY, ADMIN_KEY = "local-function-key", "local-admin-key"
_SUBSCRIPTION = {"lockDuration": "PT1M", "maxDeliveryCount": 3, "forwardDeadLetteredMessagesTo": None}
TOPOLOGY: dict[str, Any] = {
    "cosmos": {
        "database": "probe",
        "containers": [
            {"name": "events", "partitionKey": "/id", "indexed": []},
            {"name": "leases", "partitionKey": "/id", "indexed": []},
        ],
    },
    "serviceBus": {
        "topics": [
            {
                "name": "probe",
                "duplicateDetectionWindow": None,
                "subscriptions": [
                    {"name": name, "rule": f"sys.To = '{name}'", **_SUBSCRIPTION} for name in ("text", "binary")
                ],
            }
        ]
    },
}
STORAGE = "UseDevelopmentStorage=true"


@dataclass(frozen=True)
class Asking:
    """Which host, and at what pace: where its limits are a tenth of Microsoft's, all that we wait for is too."""

    command: Sequence[str] | None = None
    """None: ours."""
    pace: float = 1.0
    data: Path | None = None
    """A folder that the foreign host may keep."""

    @property
    def is_foreign(self) -> bool:
        return self.command is not None

    @property
    def patience_s(self) -> float:
        return 150.0 if self.is_foreign else 60.0


def asking() -> Asking:
    """As E2E_HOST says."""
    command = os.environ.get(COMMAND)
    return Asking(words(command)) if command else Asking()


@dataclass
class World:
    """The services, and what the app has recorded."""

    folder: Path
    store: cosmos.Running
    bus: servicebus.Running

    @property
    def record(self) -> Record:
        return Record(self.folder / "record")

    @property
    def settings(self) -> dict[str, str]:
        return {
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "AzureWebJobsStorage": STORAGE,
            "PYTHON_ENABLE_OPENTELEMETRY": "true",
            "CosmosConnection": self.store.connection_string,
            "ServiceBusConnection": self.bus.connection_string,
            "RECORD": str(self.folder / "record"),
            "SLOW_SCHEDULE": "0 0 0 1 1 *",
            "OVERRUN_S": "0",
            "AzureWebJobs.off_by_a_dot.Disabled": "true",
            "AzureWebJobs__off_by_lines__Disabled": "true",
        }

    async def send(self, *messages: ServiceBusMessage | AmqpAnnotatedMessage) -> None:
        async with (
            ServiceBusClient.from_connection_string(self.bus.connection_string) as client,
            client.get_topic_sender("probe") as sender,
        ):
            for message in messages:
                await sender.send_messages(message)

    async def tell(self, body: str, *, to: str = "text", **more: Any) -> None:
        await self.send(ServiceBusMessage(body, to=to, **more))

    @contextlib.asynccontextmanager
    async def container(self, name: str) -> AsyncIterator[ContainerProxy]:
        async with CosmosClient.from_connection_string(self.store.connection_string) as client:
            yield client.get_database_client("probe").get_container_client(name)

    async def write(self, *documents: Mapping[str, Any]) -> None:
        async with self.container("events") as events:
            for document in documents:
                await events.create_item(dict(document))

    async def leases(self) -> list[dict[str, Any]]:
        async with self.container("leases") as leases:
            return [item async for item in leases.read_all_items()]

    def queued(self, subscription: str) -> int:
        """Messages that wait there, locked ones included."""
        return len(self._subscription(subscription).queue.entries)

    def dead(self, subscription: str) -> int:
        return len(self._subscription(subscription).dead.entries)

    def _subscription(self, name: str) -> Any:
        return next(each for each in self.bus.broker.topics["probe"].subscriptions if each.name == name)


@contextlib.asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    store = await cosmos.start(data=folder / "cosmos", topology=TOPOLOGY, partitions=1)
    try:
        bus = await servicebus.start(data=folder / "bus", topology=TOPOLOGY)
        try:
            yield World(folder, store, bus)
        finally:
            await bus.close()
    finally:
        await store.close()


@dataclass
class Host:
    """The process of a host."""

    asking: Asking
    process: asyncio.subprocess.Process
    port: int
    log_file: Path
    started: float = field(default_factory=time.monotonic)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def category(self, mark: str) -> str:
        """How the line with that mark is named in the log: `info Function.logs.User`; nothing when there is none."""
        lines = self.log.splitlines()
        for at, line in enumerate(lines):
            if mark in line:
                return _named(line) or _named(lines[at - 1])
        return "nothing"

    async def get(self, path: str, *, method: str = "GET", **options: Any) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, f"{self.url}{path}", **options) as response,
        ):
            return response.status, await response.text()

    async def status(self, path: str, **options: Any) -> str:
        return str((await self.get(path, **options))[0])

    async def answers(self, path: str = "/api/echo") -> bool:
        try:
            return (await self.get(path, timeout=aiohttp.ClientTimeout(total=5)))[0] == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def until_it_answers(self) -> None:
        async def answers() -> bool:
            return self.process.returncode is not None or await self.answers()

        await until(answers, what=lambda: self.log[-3000:], limit_s=self.asking.patience_s, every_s=0.1)
        assert self.process.returncode is None, self.log[-3000:]

    async def stop(self) -> float:
        """SIGTERM to the host alone, as a platform does it: not to its worker or its storage. The seconds it took."""
        began = time.monotonic()
        pid = _listener(self.port) or self.process.pid
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        await until(lambda: not Path(f"/proc/{pid}").exists() or _is_dead(pid), limit_s=120)
        took_s = time.monotonic() - began
        await self.process.wait()
        return took_s


def _listener(port: int) -> int | None:
    """The process that listens on the port. Linux only."""
    wanted = f"0100007F:{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1] == wanted and row[3] == "0A"}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(descriptor.readlink()) in sockets:
                return int(descriptor.parts[2])
    return None


def _is_dead(pid: int) -> bool:
    """Ended, and its parent has not asked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _named(line: str) -> str:
    found = re.search(r"\b(info|warn|fail)\w*:? (Function\.\w+(?:\.User)?|Host\.Function\.Console)", line, re.I)
    return f"{found[1].lower()} {found[2]}" if found else ""


def lay_out(folder: Path, *, host_json: Mapping[str, Any] | None = None, source: str | None = None) -> None:
    """The app in a folder of its own, with these changes of host.json, or with another function_app.py."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "requirements.txt", folder)
    (folder / "function_app.py").write_text(source or (APP / "function_app.py").read_text())
    declared = json.loads((APP / "host.json").read_text())
    (folder / "host.json").write_text(json.dumps({**declared, **(host_json or {})}))


async def spawn(asking: Asking, folder: Path, *, settings: Mapping[str, str], arguments: Sequence[str] = ()) -> Host:
    """Start the host on the folder. It may not answer yet."""
    port = FREE.chosen().http
    named = {name: value for name, value in settings.items() if name.isidentifier()}  # the rest by the environment
    (folder / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": named}))
    ours = [sys.executable, "-m", "local", "host", "--app", str(folder)]
    log_file = folder / "host.log"
    with log_file.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(asking.command or ours),
            *("--port", str(port)),
            *arguments,
            cwd=folder if asking.is_foreign else ROOT,
            env={**os.environ, **settings, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    return Host(asking, process, port, log_file)


@contextlib.asynccontextmanager
async def host_on(
    asking: Asking,
    at: World,
    *,
    host_json: Mapping[str, Any] | None = None,
    settings: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    answers: Callable[[Host], Any] | None = None,
) -> AsyncIterator[Host]:
    """A host that answers, and gone at the end."""
    folder = at.folder / "app"
    lay_out(folder, host_json=host_json)
    host = await spawn(asking, folder, settings={**at.settings, **(settings or {})}, arguments=arguments)
    try:
        await host.until_it_answers()
        # HTTP is up before the rest.
        await until(
            lambda: bool(at.record.all("minute")), what=lambda: host.log[-3000:], limit_s=asking.patience_s, every_s=0.1
        )
        yield host
    finally:
        if host.process.returncode is None:
            await host.stop()
