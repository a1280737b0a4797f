"""Everything that the verbs work with, in one frozen value. Knows the ports and no adapter."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.payment import Step
from shared.domain.retry import Retries
from shared.ports.clock import Clock
from shared.ports.dead_letters import DeadLetters, RecorderQueue
from shared.ports.event_store import EventStore
from shared.ports.letter_box import LetterBox
from shared.ports.notifier import Notifier
from shared.ports.outbox import Outbox
from shared.ports.overview import Overview
from shared.ports.provider import Provider
from shared.ports.telemetry import Telemetry
from shared.ports.topics import Publisher, Scheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers that the verbs keep to; docs/operations.md says what they mean for operators.

    fresh: how long a first delivery is acted on without asking; below the topics' duplicate-detection window.
    request_id_valid: how long the provider remembers a request id.
    expires_after: how long after initiation a payment may still be created.
    sweep_margin: how much longer than a step's longest retries a payment may stand still before it is swept.
    topic_patience: how long the feed waits for one topic that refuses while others take.
    """

    retries: Retries
    fresh: timedelta
    request_id_valid: timedelta
    expires_after: timedelta
    sweep_margin: timedelta
    topic_patience: timedelta

    def horizon(self, step: Step) -> timedelta:
        """How long somebody may be working on a step: its longest series of retries, and a margin."""
        return timedelta(seconds=self.retries.of(step).horizon_s()) + self.sweep_margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that the verbs work with; made by wiring.build, or by a test.

    jitter: draws a number from 0 to 1. new_id: a fresh unique id.
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
    notifier: Notifier
    telemetry: Telemetry
    clock: Clock
    limits: Limits
    merchant_id: str
    jitter: Callable[[], float]
    new_id: Callable[[], str]


type GetServices = Callable[[], Awaitable[Services]]
"""For the triggers: the first call builds the services, inside the loop of the process."""
