"""A world in one process: the product's verbs and adapters over the local services, played by a small host.

Fidelity where it decides about money: the store and the provider are the local services over real sockets with the real
SDK; the broker is the local service's rules with the SDK's messages, without AMQP (see bus.py for why). Time is the
test's. The host takes one thing after another, so every run of a test is the same; what happens side by side is shown
end to end.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from local.azure.servicebus.topology import load as load_topology
from local.supervisor import TOPOLOGY
from shared import flow
from shared.adapters.cosmos.letters import CosmosLetterBox
from shared.codec.documents import from_document
from shared.codec.facts import type_name
from shared.codec.messages import Message
from shared.domain.decisions import Refused
from shared.domain.letters import LetterRecord
from shared.domain.money import Money
from shared.domain.payment import Payment, fold
from shared.domain.stream import StoredEvent
from shared.ports.letter_box import LetterFilter
from shared.services import Services
from shared.verbs.accept import Initiate, accept
from shared.verbs.project import project
from shared.verbs.publish import publish
from shared.verbs.recovery.replay import Replay, replay
from tests.faults import Tripwire
from tests.flow.bus import DirectBus
from tests.flow.gateway import Gateway, gateway_to
from tests.flow.grounds import Grounds, standing
from tests.flow.host import RECORD, Feed, Host, read_feed
from tests.flow.signals_seen import SignalsSeen
from tests.flow.worker import Plant

__all__ = ["RECORD", "World", "a_world", "a_world_behind_a_gateway", "a_world_on", "read_feed"]


async def _publish(documents: list[dict[str, Any]], services: Services) -> None:
    await publish(documents, services=services)


async def _project(documents: list[dict[str, Any]], services: Services) -> None:
    await project(documents, services=services)


class World(Host):
    """A host on one bus and the ground's store and provider, and the people around it."""

    def __init__(self, plant: Plant, *, feeds: Mapping[str, Feed], positions: dict[str, str | None]) -> None:
        super().__init__(plant, feeds=feeds, positions=positions)
        self._keys = 0
        self._number = plant.grounds.worlds

    # -- the merchant and the operator: both repeat what got no answer

    async def accept(self, payment_method: str = "pm_ok", *, notify: str | None = None) -> str:
        """The id of a new payment. notify: how the merchant's web server answers (docs/test-tokens.md), or its url."""
        self._keys += 1
        at = notify if notify is None or "://" in notify else f"{self.grounds.provider_url}/merchant/{notify}"
        command = Initiate(
            amount=Money(1250, "EUR"),
            payment_method=payment_method,
            reference="order-1",
            description=None,
            metadata={},
            notification_url=at,
        )
        key = f"world-{self._number}-{self._keys}"
        stored = await self.operate(
            lambda services: accept(command, idempotency_key=key, traceparent=None, services=services)
        )
        assert not isinstance(stored, Refused), stored
        return stored.payment.payment_id

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

    # -- looking

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

    def scheduled(self) -> dict[str, float]:
        """The messages that are to come: in how many seconds, by message id."""
        queues = [topic.scheduled for topic in self.bus.broker.topics.values()]
        entries = [entry for queue in queues for entry in queue.entries.values()]
        now_ms = self.clock.now_ms()
        return {str(entry.body.envelope.message_id): ((entry.scheduled_ms or 0) - now_ms) / 1000 for entry in entries}

    async def stream(self, payment_id: str) -> tuple[StoredEvent, ...]:
        pages = self.grounds.container(flow.EVENTS).query_items("SELECT * FROM c", partition_key=payment_id)
        stored = [from_document(document) async for document in pages]
        return tuple(sorted(stored, key=lambda each: each.payment.version))

    async def events(self, payment_id: str) -> list[str]:
        """The names of the events, such as `created`."""
        stored = await self.stream(payment_id)
        assert [each.payment.version for each in stored] == list(range(1, len(stored) + 1))
        return [type_name(each.event).removeprefix("payment.") for each in stored]

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


@asynccontextmanager
async def a_world_behind_a_gateway(data: Path, **options: Any) -> AsyncIterator[tuple[World, Gateway]]:
    """A world that believes the gateway to be the provider."""
    async with (
        standing(data) as grounds,
        gateway_to(grounds.provider_url) as gateway,
        a_world_on(grounds, provider_base_url=gateway.url, **options) as world,
    ):
        yield world, gateway
