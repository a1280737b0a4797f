"""A function app in memory with several workers, its merchants and its operators. Each of them begins jobs on a stage.

The host is here too: a message is completed when its function has returned and given back when it has raised, a page of
the feed is noted when its function has returned. Knows no order: actions.py and rest.py decide what happens next.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from shared import flow
from shared.domain.decisions import Refused
from shared.domain.money import Money
from shared.domain.payment import Step
from shared.errors import BusUnavailable
from shared.services import Services
from shared.verbs.accept import Initiate, accept
from shared.verbs.advance import advance
from shared.verbs.project import project
from shared.verbs.publish import publish
from shared.verbs.recovery.discard import discard
from shared.verbs.recovery.drain import drain
from shared.verbs.recovery.keep import keep
from shared.verbs.recovery.replay import replay
from shared.verbs.sweep import sweep
from tests.invariants.boxes import Letters, NoOutbox, NoTelemetry, Rows, Shelf
from tests.invariants.bus import LIMIT_S, LOCK_S, RECORD, Bus, BusPort, Entry
from tests.invariants.limits import LIMITS, NEVER_SEEN_AFTER_S
from tests.invariants.loop import WorldLoop
from tests.invariants.luck import Luck
from tests.invariants.provider import Habits, NotifierPort, Provider, ProviderPort
from tests.invariants.stage import Job, Stage
from tests.invariants.store import Store, StorePort

WORKERS = 3
_STEP_AT = {str(place): step for step, place in flow.PLACE_OF.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a world is like from its beginning to its end."""

    remembers_ids: bool
    fault_rate: float
    declines: float
    finds_fault: float
    has_url: bool

    @classmethod
    def drawn(cls, chance: Random) -> "Setting":
        return cls(
            remembers_ids=chance.random() < 0.5,
            fault_rate=chance.choice([0.0, 0.03, 0.1, 0.25]),
            declines=chance.choice([0.0, 0.0, 0.15]),
            finds_fault=chance.choice([0.0, 0.0, 0.05]),
            has_url=chance.random() < 0.7,
        )


@dataclass(slots=True)
class Feed:
    """A reader of the change feed. position: up to where it is noted as read."""

    verb: Callable[..., Awaitable[None]]
    position: int = 0
    at_work: int = 0


@dataclass(slots=True)
class Claim:
    """What an operator was told. result: None when the answer never came."""

    by: str
    verb: str
    letter_id: str
    result: Any = None
    fault: str | None = None


@dataclass(slots=True, eq=False)
class World:
    """Everything that outlives the workers, and the services that they work with."""

    stage: Stage
    setting: Setting
    store: Store = field(default_factory=Store)
    claims: list[Claim] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)
    completed: list[Entry] = field(default_factory=list)
    bus: Bus = field(init=False)
    provider: Provider = field(init=False)
    letters: Shelf = field(init=False)
    rows: Shelf = field(init=False)
    services: Services = field(init=False)
    feeds: dict[str, Feed] = field(init=False)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        stage, setting = self.stage, self.setting
        self.bus = Bus(stage)
        habits = Habits(
            remembers=setting.remembers_ids,
            settles_within_s=NEVER_SEEN_AFTER_S,
            remembers_for_s=LIMITS.request_id_valid.total_seconds(),
            declines=setting.declines,
            finds_fault=setting.finds_fault,
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
            notifier=NotifierPort(self.provider, stage),
            telemetry=NoTelemetry(stage),
            clock=stage,
            limits=LIMITS,
            merchant_id="merchant-1",
            jitter=lambda: stage.luck.number(),
            new_id=lambda: f"id-{next(self._numbers)}",
        )

    # -- what begins a job

    def accept(self, key: str, *, worker: int) -> Job:
        """A merchant sends a request, perhaps again."""
        command = Initiate(
            amount=Money(1250, "EUR"),
            payment_method="pm_ok",
            reference=key,
            description=None,
            metadata={},
            notification_url="https://shop.example/hooks" if self.setting.has_url else None,
        )

        async def work() -> None:
            stored = await accept(command, idempotency_key=key, traceparent=None, services=self.services)
            assert not isinstance(stored, Refused)

        return self.stage.start(work(), name=f"accept {key}", worker=worker)

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
        return self.stage.start(work(), name=name, worker=worker, on_death=died)

    async def _settle(self, name: str, entry: Entry, *, lock: int) -> None:
        def effect(luck: Luck) -> None:
            if self.bus.is_down or luck.silent or luck.fault():
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
        documents = [json.loads(text) for text in self.store.feed[start:end]]
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
                raise

        return self.stage.start(whole(), name=f"{name} {start}-{end}", worker=worker, on_death=over)

    def _note(self, feed: Feed, start: int, end: int, luck: Luck) -> None:
        if self.store.is_down or luck.silent or luck.fault():
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
        claim = Claim(by=f"op{len(self.claims) + 1}", verb=verb, letter_id=letter_id)
        self.claims.append(claim)

        async def work() -> None:
            try:
                if verb == "replay":
                    claim.result = await replay(letter_id, by=claim.by, dry_run=dry_run, services=self.services)
                else:
                    claim.result = await discard(letter_id, by=claim.by, reason="no hope", services=self.services)
            except Exception as fault:
                claim.fault = type(fault).__name__
                raise
            self.stage.tell(f"    {claim.by} is told {claim.result}")

        name = f"{claim.by} {verb}{' (dry run)' if dry_run else ''} {letter_id[:8]}"
        return self.stage.start(work(), name=name, worker=worker)

    # -- what a run looks at

    def payment_ids(self) -> list[str]:
        return list(self.store.streams)

    def owing_steps(self) -> list[Step]:
        return list(Step)

    def close(self) -> None:
        """Nothing waits any more."""
        for job in list(self.stage.jobs):
            self.stage.kill(job, luck=Luck(0))


def a_world(loop: WorldLoop, setting: Setting, *, tells: bool) -> World:
    """A world in which nothing has happened."""
    return World(Stage(loop, tells=tells), setting)
