"""Everything that the verbs work with, in one frozen value. Knows the ports and no adapter."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.payment import Step
from shared.domain.retry import Retries
from shared.ports.attempts import Attempts
from shared.ports.clock import Clock
from shared.ports.dead_letters import DeadLetters, RecorderQueue
from shared.ports.event_store import EventStore
from shared.ports.letter_box import LetterBox
from shared.ports.notifier import Notifier
from shared.ports.outbox import Outbox
from shared.ports.overview import Overview
from shared.ports.provider import Provider
from shared.ports.provider_news import ProviderNews
from shared.ports.telemetry import Telemetry
from shared.ports.topics import Publisher, Scheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers that the verbs keep to; docs/operations.md says what they mean for operators.

    fresh: how long a first delivery is acted on without asking; below the topics' duplicate-detection window.
    request_id_valid: how long the provider remembers a request id.
    expires_after: how long after initiation a payment may still be created.
    turn_limit: no call of a turn begins or lasts longer than this after the turn began.
    never_seen_after: how long the other side may take until it knows of a request that it was sent.
    sweep_margin: how much longer than a step's longest retries a payment may stand still before it is swept.
    sweep_limit: how often in a row a step is swept before a person must look.
    topic_patience: how long the feed waits for one topic that refuses while others take.
    replays_at_once: of how many payments one request replays letters side by side.
    """

    retries: Retries
    fresh: timedelta
    request_id_valid: timedelta
    expires_after: timedelta
    turn_limit: timedelta
    never_seen_after: timedelta
    sweep_margin: timedelta
    sweep_limit: int

    @property
    def quiet(self) -> timedelta:
        """After this time nothing that was sent before can still be under way, and the other side knows of it."""
        return self.turn_limit + self.never_seen_after

    topic_patience: timedelta
    replays_at_once: int

    def longest_wait(self, step: Step) -> timedelta:
        """From one attempt of a step to the next at most: what may be under way has to come to its end meanwhile."""
        return max(timedelta(seconds=self.retries.of(step).cap_s), self.quiet)

    def horizon(self, step: Step) -> timedelta:
        """How long somebody may be working on a cause of a step.

        That is its longest series of retries, each as late as it may be, and a margin. It is never less than the time
        in which a first delivery is acted on without asking.
        """
        policy = self.retries.of(step)
        retrying = timedelta(seconds=policy.horizon_s()) + policy.attempts * self.quiet + self.sweep_margin
        return max(retrying, self.fresh + self.turn_limit)

    def is_beyond(self, step: Step, *, since: datetime, now: datetime) -> bool:
        """Whether nobody can be working any more on a cause of that time."""
        return now - since > self.horizon(step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that the verbs work with; made by wiring.build, or by a test.

    provider_api: which provider it is, as PROVIDER_API names it. jitter: draws a number from 0 to 1. new_id: a fresh
    unique id.
    """

    store: EventStore
    publisher: Publisher
    scheduler: Scheduler
    dead_letters: DeadLetters
    letters: LetterBox
    recorder_queue: RecorderQueue
    overview: Overview
    outbox: Outbox
    provider: Provider
    provider_api: str
    provider_news: ProviderNews
    notifier: Notifier
    attempts: Attempts
    telemetry: Telemetry
    clock: Clock
    limits: Limits
    jitter: Callable[[], float]
    new_id: Callable[[], str]


type GetServices = Callable[[], Awaitable[Services]]
"""For the triggers: the first call builds the services, inside the loop of the process."""
