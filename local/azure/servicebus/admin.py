"""Diagnostics over HTTP, for tests and for people: what is where, and faults on order. The app never calls this."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from local.azure.servicebus.entities import MessageState, Queue, Subscription, Topic
from local.azure.servicebus.faults import OrderedFaults
from local.azure.servicebus.state import Broker
from local.azure.servicebus.watching import tail
from local.base.guard import why_refused

_COUNTED = ("delivered", "completed", "abandoned", "lock_lost", "died", "forwarded")


async def start_admin(
    broker: Broker,
    faults: OrderedFaults,
    *,
    connections: Callable[[], dict[str, int]],
    drop_connections: Callable[[], None],
    host: str,
    port: int,
) -> tuple[web.AppRunner, int]:
    """The runner to clean up in the end, and the port it answers on."""
    answers = _Answers(broker, faults, connections, drop_connections)
    app = web.Application(middlewares=[_own_pages_only])
    app.add_routes(
        [
            web.get("/", answers.entities),  # the address that `make run` shows
            web.get("/entities", answers.entities),
            web.get("/connections", answers.connected),
            web.get("/tail", answers.tail),
            web.get("/faults", answers.waiting),
            web.post("/faults", answers.order),
            web.delete("/faults", answers.clear),
        ]
    )
    app.on_shutdown.append(answers.end)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])


@web.middleware
async def _own_pages_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if refused := why_refused(request.headers):
        code, words = refused
        return web.json_response({"error": words, "code": code}, status=403)
    return await handler(request)


@dataclass(frozen=True, slots=True)
class _Answers:
    broker: Broker
    faults: OrderedFaults
    connections: Callable[[], dict[str, int]]
    drop_connections: Callable[[], None]

    async def entities(self, _request: web.Request) -> web.Response:
        return web.json_response({topic.name: describe(topic) for topic in self.broker.topics.values()})

    async def tail(self, request: web.Request) -> web.StreamResponse:
        return await tail(request, self.broker)

    async def end(self, _app: web.Application) -> None:
        self.broker.taps.end()

    async def connected(self, _request: web.Request) -> web.Response:
        return web.json_response(self.connections())

    async def waiting(self, _request: web.Request) -> web.Response:
        return web.json_response({"faults": self.faults.waiting()})

    async def order(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
            if isinstance(wanted, dict) and wanted.get("kind") == "drop_connections":
                self.drop_connections()
            else:
                self.faults.order(wanted)
        except ValueError as exc:
            return web.json_response({"error": str(exc)}, status=400)
        return web.json_response({}, status=202)

    async def clear(self, _request: web.Request) -> web.Response:
        self.faults.clear()
        return web.Response(status=204)


def describe(topic: Topic) -> dict[str, object]:
    """The counters run from the start of the process; the numbers of messages are as of now."""
    return {
        "sends": topic.counts["sends"],
        "accepted": topic.counts["accepted"],
        "duplicates": topic.counts["duplicates"],
        "scheduled": len(topic.scheduled.entries),
        "subscriptions": {one.name: _describe(topic, one) for one in topic.subscriptions},
    }


def _describe(topic: Topic, subscription: Subscription) -> dict[str, int]:
    queue = subscription.queue
    deferred = sum(entry.state is MessageState.DEFERRED for entry in queue.entries.values())
    unlocked = sum(entry.state is MessageState.ACTIVE for entry in queue.entries.values() if entry.lock_token is None)
    return {
        "active": unlocked,
        "locked": len(queue.locked),
        "deferred": deferred,
        "scheduled": _will_come(topic.scheduled, subscription),
        "dead_lettered": len(subscription.dead.entries),
        **{name: queue.counts[name] for name in _COUNTED},
    }


def _will_come(scheduled: Queue, subscription: Subscription) -> int:
    """The topic's scheduled messages that this subscription's rule will let in."""
    envelopes = (entry.body.envelope for entry in scheduled.entries.values())
    return sum(subscription.matches(envelope.system, envelope.application) for envelope in envelopes)
