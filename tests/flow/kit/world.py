"""The whole payment processor in one process: the product's verbs and adapters, over the local services.

It is real where money depends on it. The store and the provider are the local services, over real sockets with the real
SDK. The broker is the local service's rules with the SDK's messages, without AMQP; bus.py says why. Time moves only
when a test moves it. The host does one thing after another, so that every run of a test is the same; what happens at
the same time is tested in tests/e2e.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from local.azure.servicebus.topology import load as load_topology
from local.supervisor import TOPOLOGY
from shared import flow
from shared.adapters.cosmos.letters import CosmosLetterBox
from shared.adapters.servicebus.wire import delivery_of
from shared.codec.documents import from_document
from shared.codec.erasure import Words
from shared.codec.facts import type_name
from shared.codec.messages import Message
from shared.domain.decisions import Refused
from shared.domain.evolution import fold
from shared.domain.letters import LetterRecord, LetterStatus
from shared.domain.money import Money
from shared.domain.payment import Payment
from shared.domain.stream import StoredEvent
from shared.ports.letter_box import LetterFilter
from shared.services import Services
from shared.verbs.accept import By, Initiate, accept
from shared.verbs.cancel import cancel
from shared.verbs.erase import erase
from shared.verbs.recovery.discard import Discard, discard
from shared.verbs.recovery.replay import Replay, replay
from shared.verbs.refund import GiveBack, RefundAccepted, refund
from shared.verbs.sweep import sweep
from tests.crashes import CrashPlan
from tests.facts import facts_in
from tests.flow.kit.backends import Backends, running_backends
from tests.flow.kit.bus import DirectBus, Taken
from tests.flow.kit.gateway import Gateway, gateway_to
from tests.flow.kit.host import FEEDS, Host, read_feed
from tests.flow.kit.telemetry import RecordedTelemetry
from tests.flow.kit.worker import WorkerFactory

USUAL_AMOUNT = Money(1250, "EUR")


class World(Host):
    """A host with its bus and backends, and what merchants, operators and tests do with it."""

    def __init__(self, factory: WorkerFactory, *, positions: dict[str, str | None]) -> None:
        super().__init__(factory, positions=positions)
        self._keys = 0
        self._number = factory.backends.worlds

    # -- what merchants, operators and timers do; when the worker crashes in it, they do it again

    async def accept(
        self,
        payment_method: str = "pm_ok",
        *,
        notify: str | None = None,
        description: str | None = None,
        amount: Money = USUAL_AMOUNT,
    ) -> str:
        """A new payment; its id. notify: how the merchant's web server answers (docs/test-tokens.md), or its url."""
        self._keys += 1
        at = notify if notify is None or "://" in notify else f"{self.backends.provider_url}/merchant/{notify}"
        command = Initiate(
            amount=amount,
            payment_method=payment_method,
            reference="order-1",
            description=description,
            metadata={"note": description} if description else {},
            notification_url=at,
        )
        by = By(merchant_id="merchant-1", idempotency_key=f"world-{self._number}-{self._keys}", traceparent=None)
        accepted = await self.operate(lambda services: accept(command, by=by, services=services))
        assert not isinstance(accepted, Refused), accepted
        return accepted.stored.payment.payment_id

    async def cancel(self, payment_id: str) -> Payment | Refused | None:
        """What the payment's own merchant is answered."""
        return await self.operate(
            lambda services: cancel(payment_id, merchant_id="merchant-1", traceparent=None, services=services)
        )

    async def refund(
        self, payment_id: str, amount_minor: int | None = None, *, key: str = "refund-1"
    ) -> RefundAccepted | Refused | None:
        """What the payment's own merchant is answered."""
        command = GiveBack(amount_minor=amount_minor, reason_given="damaged")
        return await self.operate(
            lambda services: refund(
                command,
                payment_id=payment_id,
                merchant_id="merchant-1",
                idempotency_key=key,
                traceparent=None,
                services=services,
            )
        )

    async def replay_all(self, **wanted: Any) -> list[Replay]:
        """Every open dead letter, or those that are wanted."""
        verdicts = []
        for letter in await self.letters(status=LetterStatus.OPEN, **wanted):
            verdict = await self.replay(letter.letter_id)
            verdicts.append(verdict)
        return verdicts

    async def replay(self, letter_id: str, *, dry_run: bool = False) -> Replay:
        verdict = await self.operate(
            lambda services: replay(letter_id, by="operator", dry_run=dry_run, services=services)
        )
        assert verdict is not None
        return verdict

    async def discard(self, letter_id: str) -> Discard:
        outcome = await self.operate(
            lambda services: discard(letter_id, by="operator", reason="the customer has gone", services=services)
        )
        assert outcome is not None
        return outcome

    async def erase(self, payment_id: str) -> tuple[Words, ...] | None:
        return await self.operate(
            lambda services: erase(
                payment_id, by="operator", reason="wants to be forgotten", dry_run=False, services=services
            )
        )

    async def sweep(self) -> int:
        """How many payments it started again."""
        return await self.operate(lambda services: sweep(services=services))

    # -- what goes wrong with a message

    async def lose_message(self, place: str) -> bool:
        """The message that is ready there never comes; False when there is none."""
        taken = await self.bus.take(self.bus.queue(place))
        if taken is not None:
            await self.bus.complete(taken)
        return taken is not None

    async def make_unreadable(self, place: str, *, message_id: str | None = None) -> None:
        """The message that is ready there has no readable body any more."""
        taken = await self.bus.take(self.bus.queue(place))
        assert taken is not None
        await self.bus.complete(taken)
        topic, subscription = place.split("/")
        unreadable = Message(
            topic=topic,
            message_id=message_id or f"{taken.message.message_id}:{subscription}:9",
            body="no event",
            subject="unreadable",
            to=subscription,
        )
        await self.services.publisher.publish([unreadable])

    async def send_as_earlier(self, taken: Taken, *, place: flow.Place, message_id: str, attempt: int) -> None:
        """A copy of a message for one subscription, as a release wrote it that counted runs."""
        delivery = delivery_of(taken.message, queue=str(place))
        copy = Message(
            topic=place.topic,
            message_id=message_id,
            body=delivery.body,
            subject=delivery.subject,
            to=place.subscription,
            properties={"attempt": attempt, "run": "0"},
        )
        await self.services.publisher.publish([copy])

    # -- what a test looks at

    async def is_waiting(self, place: str) -> bool:
        """Whether a message is ready there."""
        return self.bus.queue(place).has_ready

    def scheduled(self) -> dict[str, float]:
        """The messages that come later: in how many seconds each, by message id."""
        queues = [topic.scheduled for topic in self.bus.broker.topics.values()]
        entries = [entry for queue in queues for entry in queue.entries.values()]
        now_ms = self.clock.now_ms()
        return {str(entry.body.envelope.message_id): ((entry.scheduled_ms or 0) - now_ms) / 1000 for entry in entries}

    async def stream(self, payment_id: str) -> tuple[StoredEvent, ...]:
        pages = self.backends.container(flow.EVENTS).query_items("SELECT * FROM c", partition_key=payment_id)
        stored = [from_document(document) async for document in pages]
        return tuple(sorted(stored, key=lambda each: each.payment.version))

    async def events(self, payment_id: str) -> list[str]:
        """The facts that tests tell of (tests/facts.py), such as `created`."""
        stored = await self.stream(payment_id)
        assert [each.payment.version for each in stored] == list(range(1, len(stored) + 1))
        return facts_in(type_name(each.event) for each in stored)

    async def types(self, payment_id: str) -> list[str]:
        """Every event of the stream, such as `created`."""
        return [type_name(each.event).removeprefix("payment.") for each in await self.stream(payment_id)]

    async def payment(self, payment_id: str) -> Payment:
        payment = fold(each.event for each in await self.stream(payment_id))
        assert payment is not None
        return payment

    async def letters(self, **wanted: Any) -> list[LetterRecord]:
        """Recorded dead letters, oldest first."""
        box = CosmosLetterBox(self.backends.container(flow.DEAD_LETTERS))
        found = await box.find(LetterFilter(**wanted), limit=100)
        return sorted(found.letters, key=lambda letter: letter.recorded_at)

    async def only_letter(self, **wanted: Any) -> LetterRecord:
        """The one dead letter that there is of these."""
        (letter,) = await self.letters(**wanted)
        return letter

    async def charges(self, payment_id: str) -> int:
        """How often money was taken."""
        return int((await self.backends.charge(payment_id)).get("times_charged", 0))


async def _end_of_feed(backends: Backends) -> str | None:
    """Where the feed ends now, so that a new world does not read what earlier ones left in it."""
    page, backends.feed_read_to = await read_feed(backends, backends.feed_read_to)
    while page:
        page, backends.feed_read_to = await read_feed(backends, backends.feed_read_to)
    return backends.feed_read_to


@asynccontextmanager
async def a_world_on(
    backends: Backends,
    *,
    crash_plan: CrashPlan | None = None,
    topology: Path | Mapping[str, object] = TOPOLOGY,
    projects: bool = True,
    alter: Callable[[Services], Services] = lambda services: services,
    **settings: Any,
) -> AsyncIterator[World]:
    """A new world on backends that earlier ones may have used.

    topology: a file or its content. projects: whether the read model is kept. alter: may replace services by others,
    such as failing ports. settings: of the product, by their names.
    """
    backends.worlds += 1
    telemetry = RecordedTelemetry()
    bus = DirectBus(load_topology(topology), backends.clock)
    factory = WorkerFactory(
        backends=backends,
        bus=bus,
        telemetry=telemetry,
        crash_plan=crash_plan or CrashPlan(),
        settings=settings,
        alter=alter,
    )
    feeds = FEEDS if projects else {"publish"}
    start = await _end_of_feed(backends) if backends.worlds > 1 else None
    world = World(factory, positions=dict.fromkeys(feeds, start))
    try:
        await world.start()
        yield world
    finally:
        await world.stop()
        backends.feed_read_to = world.read_to("publish")
        telemetry.close()


@asynccontextmanager
async def a_world(data: Path, **options: Any) -> AsyncIterator[World]:
    """A world on backends of its own. options: those of a_world_on."""
    async with running_backends(data) as backends, a_world_on(backends, **options) as world:
        yield world


@asynccontextmanager
async def a_world_behind_a_gateway(data: Path, **options: Any) -> AsyncIterator[tuple[World, Gateway]]:
    """A world whose provider is the gateway; options: those of a_world_on."""
    async with (
        running_backends(data) as backends,
        gateway_to(backends.provider_url) as gateway,
        a_world_on(backends, provider_base_url=gateway.url, **options) as world,
    ):
        yield world, gateway
