"""What a running host is asked, one session per way to start it; each answers as {question: what the host did}."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
from azure.servicebus.amqp import AmqpAnnotatedMessage

from tests.hosts_probe.world import ADMIN_KEY, FUNCTION_KEY, Asking, Host, World, host_on
from tests.local.host_support import Record
from tests.waiting import until

type Answers = dict[str, str]
type Session = Callable[[Asking, World], Awaitable[Answers]]

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SOON_S = 30.0


async def until_recorded(at: World, fits: Callable[[Record], bool], *, limit_s: float = SOON_S) -> None:
    await until(lambda: fits(at.record), what=lambda: f"record: {at.record.lines()[-20:]}", limit_s=limit_s)


def first(at: World, key: str, value: Any = None) -> dict[str, Any]:
    """The first line with that key, and that value under it."""
    return next(line for line in at.record.lines() if key in line and value in (None, line[key]))


async def serving(asking: Asking, at: World) -> Answers:
    """The app as it is, without keys."""
    async with host_on(asking, at) as host:
        return {
            **await _requests(host),
            **await _traces(at, host),
            **await _messages(at),
            **await _leases(at),
            **await _timers(at),
            **await _logs(host),
        }


async def _requests(host: Host) -> Answers:
    async def in_chunks() -> AsyncIterator[bytes]:
        yield b"12345"

    meeting = await asyncio.gather(*(host.get("/api/meet") for _ in range(12)))
    twice = await _echoed(host, headers=[("x-twice", "1"), ("x-twice", "2")])
    return {
        "a body in chunks": f"{(await _echoed(host, data=in_chunks()))['body']} bytes of 5",
        "a header sent twice": twice["headers"]["x-twice"],
        "AzureWebJobs.NAME.Disabled": await host.status("/api/dot"),
        "AzureWebJobs__NAME__Disabled": await host.status("/api/lines"),
        "a route that two functions match": (await host.get("/api/order/fixed"))[1],
        "twelve synchronous calls at once": " ".join(sorted({text for _, text in meeting})),
        "GET /": str((await host.get("/"))[0]),
        "GET /favicon.ico": await host.status("/favicon.ico"),
    }


async def _echoed(host: Host, **options: Any) -> dict[str, Any]:
    headers = options.pop("headers", None)
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{host.url}/api/echo", headers=headers, **options) as response,
    ):
        seen: dict[str, Any] = await response.json()
        return seen


def _told(trace: dict[str, Any]) -> str:
    """What a function learned of the trace it stands in."""
    parent: str = trace["parent"] or ""
    if not parent:
        return "nothing"
    id_, span = parent.split("-")[1:3]
    kept = "the caller's trace" if id_ in CALLER else "a new trace"
    whose = "the caller's span" if span in CALLER else "a new span"
    return ", ".join([kept, whose, *trace["attributes"]])


async def _traces(at: World, host: Host) -> Answers:
    called, alone = await _echoed(host, headers={"traceparent": CALLER}), await _echoed(host)
    await at.tell("traced", application_properties={"traceparent": CALLER})
    await at.tell("untraced")
    await at.write({"id": "traced"})
    await until_recorded(at, lambda r: {"traced", "untraced"} <= set(r.all("text")) and bool(r.all("changes")))
    await until_recorded(at, lambda r: bool(r.all("second")))
    return {
        "trace of a request that brings one": _told(called["trace"]),
        "trace of a request that brings none": _told(alone["trace"]),
        "trace of a message that brings one": _told(first(at, "text", "traced")["trace"]),
        "trace of a message that brings none": _told(first(at, "text", "untraced")["trace"]),
        "trace of a change": _told(first(at, "changes")["trace"]),
        "trace of a timer": _told(first(at, "second")["trace"]),
    }


async def _messages(at: World) -> Answers:
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=dt.UTC)
    kept = {"at": moment, "n": 7}
    await at.tell("plain", subject="", content_type="", application_properties=kept, time_to_live=dt.timedelta(hours=1))
    await at.send(_of_value({"a": "b"}, to="text"), _of_value("value", to="binary"))
    await until_recorded(at, lambda r: "plain" in r.all("text"))
    await until(lambda: at.dead("text") + at.dead("binary") + len(at.record.all("binary")) >= 2, limit_s=SOON_S)
    plain = first(at, "text", "plain")
    expires = plain["expires"].partition("+")[0]
    return {
        "a time among the properties": repr(plain["properties"]["at"]),
        "a number among the properties": repr(plain["properties"]["n"]),
        "an empty subject": repr(plain["subject"]),
        "an empty content type": repr(plain["content_type"]),
        "fractions of a second in the expiry": "yes" if "." in expires else "no",
        "an AMQP value that is a map, as text": _fate(at, "text", ran=any(t[:1] == "b" for t in at.record.all("text"))),
        "an AMQP value that is text, as bytes": _fate(at, "binary", ran=bool(at.record.all("binary"))),
    }


def _of_value(value: object, *, to: str) -> AmqpAnnotatedMessage:
    return AmqpAnnotatedMessage(value_body=value, properties={"to": to})


def _fate(at: World, subscription: str, *, ran: bool) -> str:
    return "delivered" if ran else f"dead-lettered: {at.dead(subscription)}"


TEXTS = (
    "2026-01-02T03:04:05+01:00",
    "2026-01-02T03:04:05-0130",
    "2026-01-02T03:04:05.1200Z",
    "2026-01-02T03:04:05.123456789Z",
    "2026-01-02T03:04:05",
    "2026-01-02T03:04:05z",
    "2026-01-02T03:04Z",
    "2026-01-02",
    "2026-02-30T00:00:00Z",
    "2026-01-02T24:00:00Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "/Date(1234656000000)/",
    "/Date(1234656000000+0100)/",
)
"""Times, or nearly."""


async def _leases(at: World) -> Answers:
    async with at.container("events") as events:
        await events.create_item({"id": "kept", "texts": list(TEXTS)})
        await events.create_item({"id": "deleted"})
        await events.delete_item("deleted", partition_key="deleted")
    await until_recorded(at, lambda r: ["kept"] in r.all("seen"))
    shown = first(at, "changes", ["kept"])["number"]
    await until(lambda: _counted(at, shown), limit_s=SOON_S)
    documents = await at.leases()
    [lease] = [each for each in documents if "LeaseToken" in each]
    range_ = lease["FeedRange"]
    return {
        **{
            f"{text} in a document of the feed": said
            for text, said in zip(TEXTS, at.record.all("texts")[0], strict=True)
        },
        "a lease": " ".join(f"{key}={lease.get(key)!r}" for key in ("version", "LeaseToken", "Mode")),
        "the properties of a lease": " ".join(lease["properties"]) or "none",
        "the keys of a lease": " ".join(sorted(key for key in lease if not key.startswith("_"))),
        "the range of a lease": repr(range_),
        "a delete that the feed does not show": f"counts {int(lease['ContinuationToken'].strip(chr(34))) - shown}",
        "the id of a lease ends": lease["id"].rpartition("_")[2].partition("..")[2],
        "the .info beside the leases": " ".join(
            key for each in documents if each["id"].endswith(".info") for key in each if not key.startswith("_")
        ),
        "the owner of a lease is": "a GUID" if _is_guid(lease["Owner"]) else "another name",
    }


async def _counted(at: World, number: int) -> bool:
    """Whether the lease has come that far."""
    notes = [each["ContinuationToken"] for each in await at.leases() if "LeaseToken" in each]
    return any(note and int(note.strip('"')) >= number for note in notes)


def _is_guid(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4


async def _timers(at: World) -> Answers:
    await until_recorded(at, lambda r: len(r.all("second")) >= 2 and bool(r.all("minute")))
    minute = first(at, "minute")
    return {
        "a timer of seconds: its status": repr(first(at, "second")["second"]),
        "a timer of minutes, at the start: last": str((minute["minute"] or {}).get("Last")),
        "a timer of minutes, at the start: past due": str(minute["past_due"]),
    }


async def _logs(host: Host) -> Answers:
    await host.get("/api/logs")
    await until(lambda: "mark-probe-WARNING" in host.log and "mark-print" in host.log, limit_s=SOON_S)
    marks = {
        "an SDK's INFO": "azure.core.pipeline-INFO",
        "another SDK's INFO": "uamqp-INFO",
        "the app's DEBUG": "probe-DEBUG",
        "the app's INFO": "probe-INFO",
        "the app's WARNING": "probe-WARNING",
        "INFO named azure.functions": "azure.functions.probe-INFO",
        "print": "print",
    }
    return {f"in the log, {what}": host.category(f"mark-{mark}") for what, mark in marks.items()}


async def without_telemetry(asking: Asking, at: World) -> Answers:
    """Without telemetryMode; a timer by a time span, which takes longer than it."""
    settings = {"SLOW_SCHEDULE": "00:00:02", "OVERRUN_S": "3", "PYTHON_ENABLE_OPENTELEMETRY": "false"}
    async with host_on(asking, at, host_json={"telemetryMode": "ApplicationInsights"}, settings=settings) as host:
        called = await _echoed(host, headers={"traceparent": CALLER})
        await at.tell("traced", application_properties={"traceparent": CALLER})
        await until_recorded(at, lambda r: "traced" in r.all("text") and len(r.all("overrun")) >= 2)
    begun = [line["at"] for line in at.record.lines() if "overrun" in line]
    return {
        "trace of a request, telemetryMode not OpenTelemetry": _told(called["trace"]),
        "trace of a message, telemetryMode not OpenTelemetry": _told(first(at, "text", "traced")["trace"]),
        "a timer that overran fires again": "at once" if begun[1] - begun[0] < 4.5 else "at the next time",
        "a timer that overran: past due": str(at.record.all("overrun")[1]),
    }


async def keys(asking: Asking, at: World) -> Answers:
    """With keys asked for."""
    own = {"LOCAL_HOST_FUNCTION_KEY": FUNCTION_KEY, "LOCAL_HOST_ADMIN_KEY": ADMIN_KEY}
    async with host_on(asking, at, settings=own, arguments=["--enableAuth"]) as host:
        right, empty = f"?code={FUNCTION_KEY}", {"x-functions-key": ""}
        return {
            "?code=": await host.status(f"/api/locked{right}"),
            "?CODE=": await host.status(f"/api/locked{right.upper().replace(FUNCTION_KEY.upper(), FUNCTION_KEY)}"),
            "no key": await host.status("/api/locked"),
            "an empty header beside the right ?code=": await host.status(f"/api/locked{right}", headers=empty),
            **await _admin(at, host),
        }


async def _admin(at: World, host: Host) -> Answers:
    answers, by_admin = {}, {"x-functions-key": ADMIN_KEY}
    for path in ("/admin/host/ping", "/admin/host/status", "/admin/functions", "/admin/functions/ECHO"):
        for who, key in (("no", ""), ("a function", FUNCTION_KEY), ("the admin", ADMIN_KEY)):
            headers = {"x-functions-key": key} if key else {}
            answers[f"GET {path}, {who} key"] = await host.status(path, headers=headers)
    answers["GET /admin/functions/nobody"] = await host.status("/admin/functions/nobody", headers=by_admin)
    for what, name, body in (
        ("a message", "on_text", {"json": {"input": "by hand"}}),
        ("a message, name in capitals", "ON_TEXT", {"json": {"input": "by hand"}}),
        ("no JSON", "on_text", {"data": "by hand"}),
        ("an input that is no text", "on_text", {"json": {"input": {"a": 1}}}),
        ("an unknown name", "nobody", {"json": {"input": ""}}),
        ("a timer", "each_minute", {"json": {}}),
    ):
        answers[f"POST /admin/functions, {what}"] = await host.status(
            f"/admin/functions/{name}", method="POST", headers=by_admin, **body
        )
    async with aiohttp.ClientSession() as http, http.get(f"{host.url}/admin/host/status") as response:
        answers["WWW-Authenticate of an admin path"] = response.headers.get("WWW-Authenticate", "")
    await until_recorded(at, lambda r: "by hand" in r.all("text"))
    by_hand = first(at, "text", "by hand")
    return answers | {
        "a message by hand: delivery count": str(by_hand["delivery"]),
        "a message by hand: enqueued": by_hand["enqueued"][:19],
    }


async def timed_out(asking: Asking, at: World) -> Answers:
    """functionTimeout of four seconds, and whatever makes a function never answer."""
    async with host_on(asking, at, host_json={"functionTimeout": "00:00:04"}) as host:
        return {**await _left(at, host), **await _hung(at, host)}


async def _left(at: World, host: Host) -> Answers:
    """What leaves a function and is no Exception."""
    before = (await _echoed(host))["life"]
    await at.tell("leave cancelled")
    cancelled, own = await asyncio.gather(_left_by(host, "cancelled"), _left_by(host, "own"))
    await until(host.answers, limit_s=30, every_s=0.1)
    after = (await _echoed(host))["life"]
    await until_recorded(at, lambda r: r.all("text").count("leave cancelled") >= 2, limit_s=30)
    counts = [line["delivery"] for line in at.record.lines() if line.get("text") == "leave cancelled"]
    return {
        "CancelledError out of a function": cancelled,
        "another BaseException out of a function": own,
        "CancelledError out of a message's function: deliveries": repr(counts[:2]),
        "after the time-out the worker is": "another" if before != after else "the same",
    }


async def _left_by(host: Host, how: str) -> str:
    began = time.monotonic()
    try:
        status = await host.status(f"/api/leave/{how}", timeout=aiohttp.ClientTimeout(total=12))
    except (aiohttp.ClientError, TimeoutError) as exc:
        status = type(exc).__name__
    return f"{status} {'at once' if time.monotonic() - began < 3 else 'at the time-out'}"


async def exited(asking: Asking, at: World) -> Answers:
    """SystemExit and KeyboardInterrupt, each in a worker of its own; functionTimeout is four seconds."""
    async with host_on(asking, at, host_json={"functionTimeout": "00:00:04"}) as host:
        answers = {}
        for name, how in (("SystemExit", "exit"), ("KeyboardInterrupt", "interrupt")):
            before = (await _echoed(host))["life"]
            answers[f"{name} out of a function"] = await _left_by(host, how)
            await asyncio.sleep(3)
            await until(host.answers, limit_s=30, every_s=0.1)
            after = (await _echoed(host))["life"]
            answers[f"after {name} the worker is"] = "another" if before != after else "the same"
        return answers


async def _hung(at: World, host: Host) -> Answers:
    """One message never ends; a request and a message beside it have three seconds left."""
    before = (await _echoed(host))["life"]
    await at.tell("wait 60")
    await until_recorded(at, lambda r: "wait 60" in r.all("text"))
    await asyncio.sleep(2)
    await at.tell("wait 3")
    status, _ = await host.get("/api/wait?s=3", timeout=aiohttp.ClientTimeout(total=30))
    await until_recorded(at, lambda r: {"wait 3", "wait 60"} <= set(r.all("done")), limit_s=30)
    await until(host.answers, limit_s=30, every_s=0.1)
    done = {line["done"]: line["delivery"] for line in at.record.lines() if "done" in line}
    return {
        "a request beside one that hangs": str(status),
        "a message beside one that hangs is done at delivery": str(done["wait 3"]),
        "the message that hung is done at delivery": str(done["wait 60"]),
        "after a hung message the worker is": "another" if (await _echoed(host))["life"] != before else "the same",
    }


RUNNING: dict[str, Session] = {
    "serving": serving,
    "without telemetry": without_telemetry,
    "keys": keys,
    "timed out": timed_out,
    "left by an exit": exited,
}
