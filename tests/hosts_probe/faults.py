"""Apps with a fault, each started alone: what becomes of the host, and of a function beside the faulty one."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.hosts_probe.questions import Answers, Session
from tests.hosts_probe.world import Asking, Host, World, lay_out, spawn

_HEAD = "import typing\nimport azure.functions as func\napp = func.FunctionApp(func.AuthLevel.ANONYMOUS)\n"
_OK = '@app.route("echo")\ndef echo(req: func.HttpRequest) -> str:\n    return "ok"\n'
_BUS = (
    '@app.service_bus_topic_trigger("m", "{connection}", "{topic}", "{subscription}")\n{retry}'
    "def faulty(m: func.ServiceBusMessage) -> None: ...\n"
)
_FEED = (
    '@app.cosmos_db_trigger("d", connection="CosmosConnection", database_name="probe", container_name="{container}",'
    ' lease_container_name="{leases}", lease_container_prefix="{prefix}", start_from_beginning=True)\n'
    '@app.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:01")\n'
    "def {name}(d: func.DocumentList) -> None: ...\n"
)
_RETRY = '@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:01")\n'


def _bus(
    *, connection: str = "ServiceBusConnection", topic: str = "probe", subscription: str = "text", retry: str = ""
) -> str:
    return _BUS.format(connection=connection, topic=topic, subscription=subscription, retry=retry)


def _feed(*, container: str = "events", leases: str = "leases", prefix: str = "x", name: str = "faulty") -> str:
    return _FEED.format(container=container, leases=leases, prefix=prefix, name=name)


def _route(route: str, *, more: str = "", name: str = "faulty", annotation: str = "func.HttpRequest") -> str:
    return f'{more}@app.route("{route}")\ndef {name}(req: {annotation}) -> str:\n    return "faulty"\n'


@dataclass(frozen=True)
class Case:
    source: str
    host_json: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    """Of the faulty function, where it has one."""
    whole: bool = False
    """The source is the whole of function_app.py."""


CASES = {
    "a setting that is missing": Case(_bus(subscription="%NOWHERE%")),
    "a bad schedule": Case('@app.timer_trigger("t", "1 2 3")\ndef faulty(t: func.TimerRequest) -> None: ...\n'),
    "a connection that is missing": Case(_bus(connection="Nowhere")),
    "a topic that is missing": Case(_bus(topic="nowhere")),
    "a subscription that is missing": Case(_bus(subscription="nowhere")),
    "a container that is missing": Case(_feed(container="nowhere")),
    "a lease container that is missing": Case(_feed(leases="nowhere")),
    "leases in the monitored container": Case(_feed(leases="events")),
    "one lease prefix for two functions": Case(_feed(name="faulty") + _feed(name="second")),
    "maxConcurrentCalls 0": Case(_bus(), host_json={"extensions": {"serviceBus": {"maxConcurrentCalls": 0}}}),
    "an unknown key of serviceBus": Case(_bus(), host_json={"extensions": {"serviceBus": {"maxConcurrentCall": 1}}}),
    "@retry on Service Bus": Case(_bus(retry=_RETRY)),
    "retry in host.json": Case(
        _bus(), host_json={"retry": {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:01"}}
    ),
    "functionTimeout that is no time span": Case("", host_json={"functionTimeout": "rubbish"}),
    "a function name with a dot": Case(_route("dotted", more='@app.function_name("o-k.")\n'), path="/api/dotted"),
    "a route below admin": Case(_route("admin/x"), path="/api/admin/x"),
    "two functions with one route": Case(_route("same", name="b_second") + _route("same"), path="/api/same"),
    "a route part of two parameters": Case(_route("{a}.{b}"), path="/api/1.2"),
    "a syntax error": Case("def (", whole=True),
    "an import that fails": Case("import nothing_of_this_name", whole=True),
    "two apps": Case(_HEAD + _OK + "other = func.FunctionApp()\n", whole=True),
    "SystemExit at import": Case("raise SystemExit(3)", whole=True),
    "a parameter without a binding": Case('@app.route("x")\ndef faulty(other: func.HttpRequest) -> str: ...\n'),
    "a parameter annotated wrongly": Case(_route("x", annotation="int")),
    "host.json with nothing in it": Case("", host_json={"empty": True}),
}
_GIVES_UP_AFTER, _EMPTY_FOR_GOOD = 180, 45  # looks, a second apart
_LOOKS_S = 12.0


async def _outcome(asking: Asking, at: World, case: Case) -> str:
    folder = at.folder / "app"
    lay_out(folder, host_json=case.host_json, source=case.source if case.whole else _HEAD + _OK + case.source)
    if case.host_json.get("empty"):
        (folder / "host.json").write_text("{}")
    host = await spawn(asking, folder, settings=at.settings)
    try:
        return await (_foreign(host, case) if asking.is_foreign else _ours(host))
    finally:
        if host.process.returncode is None:
            await host.stop()


async def _foreign(host: Host, case: Case) -> str:
    """What becomes of it, in the words with which ours says what Microsoft's would have done."""
    empty = 0
    for _ in range(_GIVES_UP_AFTER):
        await asyncio.sleep(1)
        if host.process.returncode is not None:
            return f"ends with exit code {host.process.returncode}"
        status = await _status(host, "/api/echo")
        if status == "200":
            return await _beside(host, case)
        if status == "503" and "Function host is not running" in (await host.get("/api/echo"))[1]:
            return "answers 503 to everything"
        empty += status == "404"
        if empty == _EMPTY_FOR_GOOD:
            break
    return f"answers {await _status(host, '/api/echo')} to everything"


async def _beside(host: Host, case: Case) -> str:
    await asyncio.sleep(_LOOKS_S)
    if case.path:
        status = await _status(host, case.path)
        return "starts" if status == "200" and (await host.get(case.path))[1] != "" else f"starts without it: {status}"
    dead = re.search(r"unable to start|in error|Error indexing|failed to start|could not be found", host.log)
    return "starts without it" if dead else "starts"


async def _status(host: Host, path: str) -> str:
    try:
        return await host.status(path)
    except OSError:
        return "none"


async def _ours(host: Host) -> str:
    """It refuses, and says what Microsoft's would have done."""
    await asyncio.wait_for(host.process.wait(), 60)
    said = re.search(r"\(Microsoft's host (.*?)\)$", host.log.strip().splitlines()[-1])
    return said[1] if said and host.process.returncode == 1 else f"{host.process.returncode}: {host.log[-300:]}"


def _session(name: str) -> Session:
    async def ask(asking: Asking, at: World) -> Answers:
        return {name: await _outcome(asking, at, CASES[name])}

    return ask


FAULTS: dict[str, Callable[[Asking, World], Awaitable[Answers]]] = {f"fault: {name}": _session(name) for name in CASES}
