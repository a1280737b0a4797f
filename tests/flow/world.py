"""A world in one process: the product's verbs and adapters over the local services, played by a small host.

Fidelity where it decides about money: the store and the provider are the local services over real sockets with the real
SDK; the broker is the local service's rules with the SDK's messages, without AMQP (see bus.py for why). Time is the
test's. The host takes one thing after another, so every run of a test is the same; what happens side by side is shown
end to end.

What the host does is what Azure's does: a page of the feed is noted when its function has returned; a message is
completed when its function has returned and abandoned when it has raised; a worker that dies leaves its locks behind,
and they end after a minute.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from local.faults import Killed, Tripwire
from local.servicebus.refusals import MessageLockLost
from local.servicebus.topology import load as load_topology
from local.supervisor import TOPOLOGY
from shared import codec, flow
from shared.adapters.cosmos.letters import CosmosLetterBox
from shared.adapters.servicebus import _dead
from shared.domain.money import Money
from shared.domain.payment import Payment, Refused, Step, fold
from shared.letters import LetterFilter, LetterRecord
from shared.ports import Message, StoredEvent
from shared.services import Services
from shared.verbs.accept import Initiate, accept
from shared.verbs.advance import advance
from shared.verbs.project import project
from shared.verbs.publish import publish
from shared.verbs.recover import keep
from shared.verbs.replay import Replay, replay
from shared.verbs.turn import Delivery
from tests.flow.bus import DirectBus, Taken
from tests.flow.grounds import Grounds, standing
from tests.flow.signals_seen import SignalsSeen
from tests.flow.worker import Plant, Worker

PAGE = 10
MANY = 2000
"""More turns than any story here has: a world that does not come to rest is found out."""
RECORD = f"{flow.DEAD_LETTER_TOPIC}/{flow.RECORD_SUBSCRIPTION}"

type Feed = Callable[[list[dict[str, Any]], Services], Awaitable[None]]


async def _publish(documents: list[dict[str, Any]], services: Services) -> None:
    await publish(documents, services=services)


async def _project(documents: list[dict[str, Any]], services: Services) -> None:
    await project(documents, services=services)


class World:
    """One bus and one worker at a time, on the ground's store and provider."""

    def __init__(self, plant: Plant, *, feeds: Mapping[str, Feed], positions: dict[str, str | None]) -> None:
        self.grounds, self.bus, self.seen, self.wire = plant.grounds, plant.bus, plant.seen, plant.wire
        self.clock = plant.grounds.clock
        self.deaths = 0
        self.faults: list[Exception] = []
        """What the functions raised; each was followed by an abandoned message or a page that comes again."""
        self._plant = plant
        self._feeds, self._positions = feeds, positions
        self._worker: Worker | None = None
        self._keys = 0
        self._number = plant.grounds.worlds

    @property
    def services(self) -> Services:
        assert self._worker is not None
        return self._worker.services

    async def start(self) -> None:
        self._worker = await self._plant.hire()

    async def stop(self) -> None:
        if self._worker is not None:
            await self._worker.close()
        self._worker = None

    async def restart(self) -> None:
        """Everything that the process held is gone."""
        self.deaths += 1
        await self.stop()
        await self.start()

    # -- the merchant and the operator: both repeat what got no answer

    async def accept(self, payment_method: str = "pm_ok", *, notify: str | None = None, **changes: Any) -> str:
        """The id of a new payment. notify: how the merchant's web server answers, as in docs/test-tokens.md."""
        self._keys += 1
        command = Initiate(
            amount=Money(1250, "EUR"),
            payment_method=payment_method,
            reference="order-1",
            description=None,
            metadata={},
            notification_url=f"{self.grounds.provider_url}/merchant/{notify}" if notify else None,
        )
        key = f"world-{self._number}-{self._keys}"
        stored = await self.operate(
            lambda services: accept(command, idempotency_key=key, traceparent=None, services=services, **changes)
        )
        assert not isinstance(stored, Refused), stored
        return stored.payment.payment_id

    async def operate[T](self, verb: Callable[[Services], Awaitable[T]]) -> T:
        """Call a verb as an HTTP function or a timer does, again when the worker died of it."""
        while True:
            try:
                return await verb(self.services)
            except Killed:
                await self.restart()

    async def replay_all(self, **wanted: Any) -> list[Replay]:
        """Every open dead letter, as an operator does it; by default all."""
        verdicts = []
        for letter in await self.letters(status="open", **wanted):
            verdict = await self.replay(letter.letter_id)
            verdicts.append(verdict)
        return verdicts

    async def replay(self, letter_id: str, *, dry_run: bool = False) -> Replay:
        verdict = await self.operate(
            lambda services: replay(letter_id, by="operator", dry_run=dry_run, services=services)
        )
        assert verdict is not None
        return verdict

    # -- the host

    def rewind(self, feed: str) -> None:
        """The feed's leases are gone: it is read from its beginning again."""
        self._positions[feed] = None

    async def run(self, *, for_s: float = 7200) -> None:
        """Work, and let time pass to what is due next, until nothing is left or comes within `for_s`."""
        until_ms = self.clock.now_ms() + int(for_s * 1000)
        await self.work()
        while (due_ms := self.bus.next_due_ms()) is not None and due_ms <= until_ms:
            self.clock.pass_to_ms(due_ms)
            await self.bus.run_due()
            await self.work()

    async def work(self) -> None:
        """All that is there to be done now; time stands still."""
        for _ in range(MANY):
            if not await self.next():
                return
        raise AssertionError(f"no rest after {MANY} turns; the last faults: {self.faults[-3:]}")

    async def next(self) -> bool:
        """One turn, or the death in it and a new worker; False when there was nothing to do."""
        try:
            return await self.turn()
        except Killed:
            await self.restart()
            return True

    async def next_until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Work until the condition holds; time stands still."""
        while not await condition():
            assert await self.next(), "nothing is left to do, and the condition does not hold"

    async def turn(self) -> bool:
        """One delivery or one page; False when there is none."""
        for place, step in _step_places():
            if await self.deliver_one(place, step):
                return True
        if await self.record_one():
            return True
        for name in self._feeds:
            if await self.read_page(name):
                return True
        return False

    async def deliver_one(self, place: str, step: Step) -> bool:
        taken = await self.bus.take(self.bus.queue(place))
        if taken is None:
            return False
        await self._call(taken, lambda: advance(delivery_of(taken), step=step, services=self.services))
        return True

    async def record_one(self) -> bool:
        taken = await self.bus.take(self.bus.queue(RECORD))
        if taken is None:
            return False
        source = taken.message.dead_letter_source
        await self._call(taken, lambda: keep(delivery_of(taken), dead_letter_source=source, services=self.services))
        return True

    async def _call(self, taken: Taken, function: Callable[[], Awaitable[None]]) -> None:
        try:
            await function()
        except Exception as fault:  # noqa: BLE001 - the edge, as in the real host: whatever is raised, the message is abandoned
            self.faults.append(fault)
            await self._settle("abandon", lambda: self.bus.abandon(taken))
        else:
            await self._settle("complete", lambda: self.bus.complete(taken))

    async def _settle(self, name: str, settling: Callable[[], Awaitable[None]]) -> None:
        try:
            await self.wire.through(f"host.{name}", settling)
        except MessageLockLost as lost:
            self.faults.append(lost)

    async def read_page(self, name: str) -> bool:
        """A page that fails is not noted, and comes again at the next turn of the world: a retry policy without end."""
        page, position = await read_feed(self.grounds, self._positions[name])
        if not page:
            return False
        try:
            await self._feeds[name](page, self.services)
        except Exception as fault:  # noqa: BLE001 - the edge, as in the real host
            self.faults.append(fault)
            return False

        async def note() -> None:
            self._positions[name] = position

        await self.wire.through("host.checkpoint", note)
        return True

    async def is_waiting(self, place: str) -> bool:
        """Whether a message is ready there."""
        return self.bus.queue(place).has_ready

    async def spoil(self, place: str, *, message_id: str | None = None) -> None:
        """The message that is ready there has no readable body any more."""
        taken = await self.bus.take(self.bus.queue(place))
        assert taken is not None
        await self.bus.complete(taken)
        topic, subscription = place.split("/")
        spoilt = Message(
            topic=topic,
            message_id=message_id or f"{taken.message.message_id}:spoilt",
            body="no event",
            subject="spoilt",
            to=subscription,
        )
        await self.services.publisher.publish([spoilt])

    # -- looking

    def scheduled(self) -> dict[str, float]:
        """The messages that are to come: in how many seconds, by message id."""
        queues = [topic.scheduled for topic in self.bus.broker.topics.values()]
        entries = [entry for queue in queues for entry in queue.entries.values()]
        now_ms = self.clock.now_ms()
        return {str(entry.body.envelope.message_id): ((entry.scheduled_ms or 0) - now_ms) / 1000 for entry in entries}

    async def stream(self, payment_id: str) -> tuple[StoredEvent, ...]:
        pages = self.grounds.container(flow.EVENTS).query_items("SELECT * FROM c", partition_key=payment_id)
        stored = [codec.from_document(document) async for document in pages]
        return tuple(sorted(stored, key=lambda each: each.payment.version))

    async def events(self, payment_id: str) -> list[str]:
        """The names of the events, such as `created`."""
        stored = await self.stream(payment_id)
        assert [each.payment.version for each in stored] == list(range(1, len(stored) + 1))
        return [codec.type_name(each.event).removeprefix("payment.") for each in stored]

    async def payment(self, payment_id: str) -> Payment:
        payment = fold(each.event for each in await self.stream(payment_id))
        assert payment is not None
        return payment

    async def letters(self, **wanted: Any) -> list[LetterRecord]:
        """Recorded dead letters, oldest first."""
        box = CosmosLetterBox(self.grounds.container(flow.DEAD_LETTERS))
        found = await box.find(LetterFilter(**wanted), limit=100)
        return sorted(found.letters, key=lambda letter: letter.recorded_at)

    async def charges(self, payment_id: str) -> int:
        """How often money was taken."""
        return int((await self.grounds.charge(payment_id)).get("times_charged", 0))


def _step_places() -> list[tuple[str, Step]]:
    return [(str(place), step) for step, place in flow.PLACE_OF.items()]


def delivery_of(taken: Taken) -> Delivery:
    """As functions/advance.py makes it of what the host hands over; AMQP's own count is of failures."""
    dead = _dead(taken.message)
    return Delivery(
        message_id=dead.message_id,
        body=dead.body,
        subject=dead.subject,
        delivery_count=(taken.message.delivery_count or 0) + 1,
        properties=dead.properties,
    )


async def read_feed(grounds: Grounds, position: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """The next page of the event store's change feed, and where the one after it begins. None: from the beginning."""
    seen: list[Any] = []
    start: dict[str, Any] = {"continuation": position} if position else {"start_time": "Beginning"}
    changes = grounds.container(flow.EVENTS).query_items_change_feed(
        **start, max_item_count=PAGE, response_hook=lambda headers, _body: seen.append(headers)
    )
    async for page in changes.by_page():
        return [document async for document in page], seen[-1]["etag"]
    return [], position


async def _end_of_feed(grounds: Grounds) -> str | None:
    """Where the feed ends now; what earlier worlds left in it is not read twice."""
    page, grounds.feed_read_to = await read_feed(grounds, grounds.feed_read_to)
    while page:
        page, grounds.feed_read_to = await read_feed(grounds, grounds.feed_read_to)
    return grounds.feed_read_to


@asynccontextmanager
async def a_world_on(
    grounds: Grounds,
    *,
    wire: Tripwire | None = None,
    topology: Path | Mapping[str, object] = TOPOLOGY,
    projects: bool = True,
    alter: Callable[[Services], Services] = lambda services: services,
    **settings: Any,
) -> AsyncIterator[World]:
    """A world of its own on ground that others may have used. settings: of the product, by their names."""
    grounds.worlds += 1
    seen = SignalsSeen()
    bus = DirectBus(load_topology(topology), grounds.clock)
    plant = Plant(grounds=grounds, bus=bus, seen=seen, wire=wire or Tripwire(), settings=settings, alter=alter)
    feeds: dict[str, Feed] = {"publish": _publish, **({"project": _project} if projects else {})}
    start = await _end_of_feed(grounds) if grounds.worlds > 1 else None
    world = World(plant, feeds=feeds, positions=dict.fromkeys(feeds, start))
    try:
        await world.start()
        yield world
    finally:
        await world.stop()
        seen.close()


@asynccontextmanager
async def a_world(data: Path, **options: Any) -> AsyncIterator[World]:
    """A world on ground of its own."""
    async with standing(data) as grounds, a_world_on(grounds, **options) as world:
        yield world
