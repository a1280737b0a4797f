"""A function app in memory with several workers, its merchants and its operators. Each of them begins jobs on a stage.

The host is here too: a message is completed when its function has returned and given back when it has raised, a page of
the feed is noted when its function has returned. Knows no order: actions.py and rest.py decide what happens next.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from shared import flow
from shared.adapters.provider.webhook import SignedNews
from shared.codec.deliveries import Delivery
from shared.domain.decisions import Refused
from shared.domain.events import FIRST_PROVIDER_API
from shared.domain.letters import LetterStatus
from shared.domain.money import Money
from shared.errors import BusUnavailable
from shared.services import Services
from shared.verbs.accept import By, Initiate, accept
from shared.verbs.advance import advance
from shared.verbs.cancel import cancel
from shared.verbs.erase import erase
from shared.verbs.hear import Heard, hear
from shared.verbs.project import project
from shared.verbs.publish import publish
from shared.verbs.recovery.discard import discard
from shared.verbs.recovery.drain import drain
from shared.verbs.recovery.keep import keep
from shared.verbs.recovery.replay import replay
from shared.verbs.refund import GiveBack, refund
from shared.verbs.sweep import sweep
from tests.invariants.boxes import Letters, NoOutbox, NoTelemetry, Rows, Shelf, Tries
from tests.invariants.bus import LIMIT_S, LOCK_S, RECORD, WINDOW_S, Bus, BusPort, Entry
from tests.invariants.disputes import Telling
from tests.invariants.limits import LIMITS, NEVER_SEEN_AFTER_S
from tests.invariants.loop import WorldLoop
from tests.invariants.luck import Luck, Rates
from tests.invariants.provider import Habits, NotifierPort, Provider, ProviderPort
from tests.invariants.stage import Job, Stage
from tests.invariants.store import Store, StorePort

WORKERS = 3
AMOUNT_MINOR = 1250
WHY = "no hope"
"""Why an operator gives something up; it must never leave."""
WORDS = "for Jo at No. 7"
"""What a merchant writes for itself."""
FEED_RETRY_S = 30.0
"""The longest interval of the feed's retry policy."""
_STEP_AT = {str(place): step for step, place in flow.PLACE_OF.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a world is like from its beginning to its end."""

    remembers_ids: bool
    rates: Rates
    declines: float
    finds_fault: float
    lags: float
    has_url: bool
    window_s: float
    """How long the topics know an id. A short one stands for topics that were made anew."""
    settles_late: bool
    """Whether the provider may take far longer than it says until it knows of what it did."""
    fed_again_early: bool
    """Whether history is fed again before operators end what is left, or after."""

    @classmethod
    def drawn(cls, chance: Random) -> "Setting":
        rates = [chance.choice([0.0, 0.0, 0.1, 0.3]) for _ in range(2)]
        return cls(
            remembers_ids=chance.random() < 0.35,
            rates=Rates(
                store=rates[0],
                bus=rates[1],
                provider=chance.choice([0.1, 0.4, 0.7]),
                merchant=chance.choice([0.0, 0.3, 0.9]),
            ),
            declines=chance.choice([0.0, 0.0, 0.3]),
            finds_fault=chance.choice([0.0, 0.0, 0.0, 0.3]),
            lags=chance.choice([0.0, 0.5, 1.0]),
            has_url=chance.random() < 0.8,
            window_s=chance.choice([WINDOW_S, WINDOW_S, WINDOW_S, 20.0]),
            settles_late=chance.random() < 0.1,
            fed_again_early=chance.random() < 0.4,
        )


@dataclass(slots=True)
class Feed:
    """A reader of the change feed. position: up to where it is noted as read. again_s: it has failed, and waits."""

    verb: Callable[..., Awaitable[None]]
    position: int = 0
    at_work: int = 0
    again_s: float = 0.0


@dataclass(slots=True)
class Claim:
    """What an operator was told. is_of_step: not of the feed. result: None when the answer never came."""

    by: str
    verb: str
    letter_id: str
    is_of_step: bool
    result: Any = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A message that was delivered to a step."""

    delivery: Delivery
    step: str
    began_s: float


@dataclass(slots=True, eq=False)
class World:
    """Everything that outlives the workers, and the services that they work with."""

    stage: Stage
    setting: Setting
    store: Store = field(default_factory=Store)
    claims: list[Claim] = field(default_factory=list)
    completed: list[Entry] = field(default_factory=list)
    turns: dict[int, Turn] = field(default_factory=dict)
    """What was delivered to each job that is a step's turn, by the job's number."""
    statuses: dict[str, LetterStatus] = field(default_factory=dict)
    """How letters stood when they were looked at last."""
    erased: dict[str, int] = field(default_factory=dict)
    """Up to which version of each payment an operator was told that words are gone."""
    bus: Bus = field(init=False)
    provider: Provider = field(init=False)
    letters: Shelf = field(init=False)
    rows: Shelf = field(init=False)
    services: Services = field(init=False)
    feeds: dict[str, Feed] = field(init=False)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        stage, setting = self.stage, self.setting
        self.bus = Bus(stage, window_s=setting.window_s)
        habits = Habits(
            remembers=setting.remembers_ids,
            settles_within_s=NEVER_SEEN_AFTER_S * (5 if setting.settles_late else 1),
            remembers_for_s=LIMITS.request_id_valid.total_seconds(),
            declines=setting.declines,
            finds_fault=setting.finds_fault,
            lags=setting.lags,
        )
        self.provider = Provider(stage, habits)
        self.letters, self.rows = Shelf(self.store, stage), Shelf(self.store, stage)
        self.feeds = {"publish": Feed(publish), "project": Feed(project)}
        topics = BusPort(self.bus, stage)
        self.services = Services(
            store=StorePort(self.store, stage),
            publisher=topics,
            scheduler=topics,
            dead_letters=topics,
            letters=Letters(self.letters),
            recorder_queue=topics,
            overview=Rows(self.rows),
            outbox=NoOutbox(),
            provider=ProviderPort(self.provider, stage),
            provider_api=FIRST_PROVIDER_API,
            provider_news=SignedNews(()),
            notifier=NotifierPort(self.provider, stage),
            attempts=Tries(self.store, stage),
            telemetry=NoTelemetry(stage),
            clock=stage,
            limits=LIMITS,
            jitter=stage.number,
            new_id=lambda: f"id-{next(self._numbers)}",
        )

    # -- what begins a job

    def accept(self, key: str, *, worker: int) -> Job:
        """A merchant sends a request, perhaps again."""
        command = Initiate(
            amount=Money(AMOUNT_MINOR, "EUR"),
            payment_method="pm_ok",
            reference=key,
            description=WORDS,
            metadata={"note": WORDS},
            notification_url="https://shop.example/hooks" if self.setting.has_url else None,
        )

        async def work() -> None:
            by = By(merchant_id="merchant-1", idempotency_key=key, traceparent=None)
            accepted = await accept(command, by=by, services=self.services)
            assert not isinstance(accepted, Refused)
            self.stage.short[accepted.stored.payment.payment_id] = f"({key})"

        return self.stage.start(work(), name=f"accept {key}", worker=worker)

    def cancel(self, payment_id: str, *, worker: int) -> Job:
        """The merchant wants it to end."""

        async def work() -> None:
            answer = await cancel(payment_id, merchant_id="merchant-1", traceparent=None, services=self.services)
            self.stage.tell(f"    the merchant is told {answer.reason if isinstance(answer, Refused) else 'yes'}")

        return self.stage.start(work(), name=f"cancel ({payment_id[:8]})", worker=worker)

    def refund(self, payment_id: str, *, key: str, amount_minor: int | None, worker: int) -> Job:
        """The merchant gives something back, perhaps again under the same key."""

        async def work() -> None:
            answer = await refund(
                GiveBack(amount_minor=amount_minor, reason_given=WORDS),
                payment_id=payment_id,
                merchant_id="merchant-1",
                idempotency_key=key,
                traceparent=None,
                services=self.services,
            )
            self.stage.tell(f"    the merchant is told {answer.reason if isinstance(answer, Refused) else 'yes'}")

        return self.stage.start(work(), name=f"refund {amount_minor} ({payment_id[:8]})", worker=worker)

    def hear(self, telling: Telling, *, worker: int) -> Job:
        """The provider tells of a dispute. Only a yes lets it stop, if that yes arrives."""
        disputes, news = self.provider.disputes, telling.news

        def effect(luck: Luck) -> None:
            if not (luck.silent or luck.meets(luck.rates.provider)):
                disputes.was_heard(telling)

        async def work() -> None:
            outcome = await hear(news, traceparent=None, services=self.services)
            self.stage.tell(f"    the provider is told {outcome.heard.value}")
            if outcome.heard in (Heard.RECORDED, Heard.KNOWN):
                await self.stage.call("answer the provider", effect, limit_s=LIMIT_S)

        disputes.tries(telling)
        return self.stage.start(work(), name=f"hear {news.dispute_id} ({news.payment_id[:8]})", worker=worker)

    def erase(self, payment_id: str, *, worker: int) -> Job:
        """An operator takes the merchant's words out of it."""
        stood = len(self.store.texts(payment_id))

        async def work() -> None:
            gone = await erase(payment_id, by="eraser", reason="wanted", dry_run=False, services=self.services)
            assert gone is not None
            self.erased[payment_id] = max(stood, self.erased.get(payment_id, 0))
            self.stage.tell(f"    the operator is told that words are gone of {len(gone)} events")

        return self.stage.start(work(), name=f"erase ({payment_id[:8]})", worker=worker)

    def deliver(self, entry: Entry, *, worker: int) -> Job:
        """The broker hands a message to a function."""
        lock, delivery = self.bus.lock(entry), entry.delivery

        async def work() -> None:
            try:
                if entry.place == RECORD:
                    await keep(delivery, services=self.services)
                else:
                    await advance(delivery, step=_STEP_AT[entry.place], services=self.services)
            except Exception as fault:  # noqa: BLE001 - the edge, as in the real host
                self.stage.tell(f"    raised {type(fault).__name__}: {fault}")
                await self._settle("abandon", entry, lock=lock)
            else:
                await self._settle("complete", entry, lock=lock)

        def died() -> None:
            if entry.lock == lock:
                entry.locked_until_s = self.stage.now_s + LOCK_S

        _, _, short = delivery.message_id.partition(":")
        name = f"{entry.place} <{short}> delivery {delivery.delivery_count}"
        job = self.stage.begin(name, worker=worker, on_death=died)
        if entry.place != RECORD:
            self.turns[job.number] = Turn(delivery, _STEP_AT[entry.place].value, self.stage.now_s)
        return self.stage.run(job, work())

    async def _settle(self, name: str, entry: Entry, *, lock: int) -> None:
        def effect(luck: Luck) -> None:
            if self.bus.is_down or luck.silent or luck.meets(luck.rates.bus):
                if entry.lock == lock:
                    entry.locked_until_s = self.stage.now_s + LOCK_S
                raise BusUnavailable("the message could not be settled")
            if name == "complete":
                self.completed.append(entry)
                self.bus.complete(entry, lock=lock)
            else:
                self.bus.give_back(entry, lock=lock)

        try:
            await self.stage.call(name, effect, limit_s=LIMIT_S)
        except BusUnavailable:
            return  # its lock ends by itself

    def read_feed(self, name: str, *, pages: int, worker: int) -> Job:
        """A page goes to a function; it is noted when the function has returned."""
        feed = self.feeds[name]
        start, end = feed.position, min(feed.position + pages, len(self.store.feed))
        documents = [self.store.as_seen(text) for text in self.store.feed[start:end]]
        feed.at_work += 1

        def over() -> None:
            feed.at_work -= 1

        async def work() -> None:
            await feed.verb(documents, services=self.services)
            await self.stage.call("note the page", lambda luck: self._note(feed, start, end, luck), limit_s=LIMIT_S)
            over()

        async def whole() -> None:
            try:
                await work()
            except Exception:
                over()
                feed.again_s = self.stage.now_s + FEED_RETRY_S
                raise

        return self.stage.start(whole(), name=f"{name} {start}-{end}", worker=worker, on_death=over)

    def _note(self, feed: Feed, start: int, end: int, luck: Luck) -> None:
        if self.store.is_down or luck.silent or luck.meets(luck.rates.store):
            raise BusUnavailable("the lease could not be written")
        if feed.position == start:
            feed.position = end

    def sweep(self, *, worker: int) -> Job:
        async def work() -> None:
            await sweep(services=self.services)

        return self.stage.start(work(), name="sweep", worker=worker)

    def drain(self, *, worker: int) -> Job:
        async def work() -> None:
            await drain(keep=keep, services=self.services)

        return self.stage.start(work(), name="drain", worker=worker)

    def operate(self, verb: str, letter_id: str, *, worker: int, dry_run: bool = False) -> Job:
        """An operator replays or discards a letter."""
        is_of_step = (self.letters.get(letter_id) or {}).get("step") != flow.PUBLISH
        claim = Claim(f"op{len(self.claims) + 1}", verb, letter_id, is_of_step=is_of_step)
        self.claims.append(claim)

        async def work() -> None:
            try:
                if verb == "replay":
                    claim.result = await replay(letter_id, by=claim.by, dry_run=dry_run, services=self.services)
                else:
                    claim.result = await discard(letter_id, by=claim.by, reason=WHY, services=self.services)
            except Exception as fault:
                claim.fault = type(fault).__name__
                raise
            self.stage.tell(f"    {claim.by} is told {claim.result}")

        name = f"{claim.by} {verb}{' (dry run)' if dry_run else ''} {letter_id[:8]}"
        return self.stage.start(work(), name=name, worker=worker)

    # -- what a run looks at

    def payment_ids(self) -> list[str]:
        return list(self.store.streams)

    def readable_feeds(self) -> list[str]:
        """Those with something to read that do not wait after a failure."""
        end, now_s = len(self.store.feed), self.stage.now_s
        return [name for name, feed in self.feeds.items() if feed.position < end and feed.again_s <= now_s]

    def next_due_s(self) -> float | None:
        """When something happens by itself; None when nothing does."""
        end = len(self.store.feed)
        feeds = [feed.again_s for feed in self.feeds.values() if feed.position < end]
        others = (self.bus.next_due_s(), self.provider.disputes.next_due_s())
        return min([*feeds, *(due_s for due_s in others if due_s is not None)], default=None)

    def close(self) -> None:
        """Nothing waits any more."""
        for job in list(self.stage.jobs):
            self.stage.kill(job, luck=Luck(0))


def a_world(loop: WorldLoop, setting: Setting, *, tells: bool) -> World:
    """A world in which nothing has happened."""
    return World(Stage(loop, tells=tells), setting)
