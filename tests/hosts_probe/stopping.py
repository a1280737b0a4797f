"""What a host does between SIGTERM and its end. Its limits are Microsoft's, 30 s and 10 s, times the pace."""

import asyncio
import contextlib
import time

import aiohttp

from tests.hosts_probe.questions import Answers, Session, until_recorded
from tests.hosts_probe.world import Asking, Host, World, host_on
from tests.waiting import until


def _limits(asking: Asking) -> list[str]:
    """Ours, told to be quicker."""
    return [] if asking.is_foreign else ["--http-drain-s", str(30 * asking.pace), "--drain-s", str(10 * asking.pace)]


async def without_requests(asking: Asking, at: World) -> Answers:
    """A short and a long message, and a long page of the feed under way; a message and a change after SIGTERM."""
    pace = asking.pace
    async with host_on(asking, at, arguments=_limits(asking)) as host:
        await at.tell(f"wait {6 * pace}")
        await at.tell(f"wait {40 * pace}")
        await at.write({"id": "long", "wait_s": 40 * pace})
        await until_recorded(at, lambda r: len(set(r.all("text"))) == 2 and bool(r.all("changes")))
        told = time.time()
        stopping = asyncio.create_task(host.stop())
        await asyncio.sleep(1.5 * pace)
        refused = not await host.answers()
        await at.tell("late")
        took_s = await stopping
        leases = [lease for lease in await at.leases() if "LeaseToken" in lease]
    ticks = [line["at"] for line in at.record.lines() if "second" in line and line["at"] > told + 1.2]
    return {
        "without a request it takes": _about(took_s / pace),
        "a new connection after SIGTERM": "refused" if refused else "answered",
        "a message of 6 s": "done" if f"wait {6 * pace}" in at.record.all("done") else "cut",
        "a message of 40 s": "done" if f"wait {40 * pace}" in at.record.all("done") else "cut",
        "messages left": str(at.queued("text")),
        "a message sent after SIGTERM": "run" if "late" in at.record.all("text") else "left",
        "a timer of seconds after SIGTERM": ("fires" if ticks else "rests") if pace == 1 else "not asked",
        "a page of 40 s": "noted" if leases[0]["ContinuationToken"] else "not noted",
        "the lease of a page that was cut is": "free" if not leases[0]["Owner"] else "owned",
    }


async def with_a_request(asking: Asking, at: World) -> Answers:
    """A request of 12 s and a message of 16 s under way, and one of 40 s; the feed rests."""
    pace = asking.pace
    async with host_on(asking, at, arguments=_limits(asking)) as host:
        await at.write({"id": "done"})
        await until_recorded(at, lambda r: bool(r.all("seen")))
        await asyncio.sleep(1)
        await at.tell(f"wait {16 * pace}")
        await at.tell(f"wait {40 * pace}")
        await until_recorded(at, lambda r: len(set(r.all("text"))) == 2)
        request = asyncio.create_task(_asked(host, 12 * pace))
        await until_recorded(at, lambda r: bool(r.all("waiting")))
        took_s = await host.stop()
        leases = [lease for lease in await at.leases() if "LeaseToken" in lease]
    return {
        "a request of 12 s": await request,
        "beside it a message of 16 s": "done" if f"wait {16 * pace}" in at.record.all("done") else "cut",
        "beside it a message of 40 s": "done" if f"wait {40 * pace}" in at.record.all("done") else "cut",
        "with a request of 12 s it takes": _about(took_s / pace),
        "the lease of a feed at rest is": "free" if not leases[0]["Owner"] else "owned",
    }


async def with_a_long_request(asking: Asking, at: World) -> Answers:
    pace = asking.pace
    async with host_on(asking, at, arguments=_limits(asking)) as host:
        request = asyncio.create_task(_asked(host, 60 * pace))
        await until_recorded(at, lambda r: bool(r.all("waiting")))
        took_s = await host.stop()
    return {"a request of 60 s": await request, "with a request of 60 s it takes": _about(took_s / pace)}


async def at_rest(asking: Asking, at: World) -> Answers:
    async with host_on(asking, at, arguments=_limits(asking)) as host:
        await until(host.answers)
        took_s = await host.stop()
    return {"with nothing under way it takes": _about(took_s / asking.pace)}


async def _asked(host: Host, seconds: float) -> str:
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        return await host.status(f"/api/wait?s={seconds}", timeout=aiohttp.ClientTimeout(total=120))
    return "cut"


def _about(seconds: float) -> str:
    return f"about {round(seconds / 10) * 10} s"


STOPPING: dict[str, Session] = {
    "stopped": without_requests,
    "stopped with a request": with_a_request,
    "stopped with a long request": with_a_long_request,
    "stopped at rest": at_rest,
}
