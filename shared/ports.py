"""What the verbs and steps need from outside, as Protocols, and the records that pass through. Knows no SDK."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from shared.domain.events import Event
from shared.domain.payment import Payment, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event of a stream with the payment as it stands after it; its version is `payment.version`.

    traceparent: the W3C trace context it was written under. caused_by: the id of what led to it.
    """

    payment: Payment
    event: Event
    traceparent: str | None = None
    caused_by: str | None = None

    @property
    def event_id(self) -> str:
        """Unique for ever; also the id of its document and of its message."""
        return f"{self.payment.payment_id}:{self.payment.version}"


class EventStore(Protocol):
    """The streams of events, one per payment. Never updates, never deletes."""

    async def append(self, events: Sequence[StoredEvent]) -> tuple[StoredEvent, ...]:
        """Add consecutive events of one payment, all or none, in one conditional write.

        Returns what stands in their place: them, or the same facts written earlier by a lost call of ours.
        Raises StreamMoved (others stand there) and AppendUnknown: load and decide again; StoreBusy: nothing written.
        """

    async def load(self, payment_id: str) -> tuple[StoredEvent, ...]:
        """All events in order of version; () for a payment that is not there. Raises StoreBusy."""

    async def load_document(self, event_id: str) -> Mapping[str, Any] | None:
        """One event as it is stored, readable or not: for what the publisher could not map. Raises StoreBusy."""

    async def ping(self) -> None:
        """Raises what keeps the store from answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An integration event on its way to a topic. `to` addresses one subscription; None reaches all."""

    topic: str
    message_id: str
    body: str
    subject: str
    to: str | None = None
    properties: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that the broker will never take, and why."""

    message: Message
    reason: str


class Publisher(Protocol):
    """The topics."""

    async def publish(self, messages: Sequence[Message]) -> tuple[Rejected, ...]:
        """Send to every topic concerned, one call per topic and 256 KB. Returns what is refused for good.

        Every topic is tried before BusUnavailable is raised for those that failed; sending all again is safe.
        """

    async def ping(self) -> None:
        """Raises what keeps the broker from answering."""


class Scheduler(Protocol):
    """Messages for later."""

    async def schedule(self, message: Message, *, due_at: datetime) -> None:
        """Hand the message to the broker, to be delivered from due_at on. Raises BusUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What a person must look at: the message as it was, why it ended here and where.

    reason: a stable snake_case word. description: for people. source: `topic/subscription`, or `events` for the feed.
    """

    message_id: str
    body: str
    subject: str
    reason: str
    description: str
    source: str
    attempt: int = 0
    run: str = "0"
    delivery_count: int = 1
    answered: bool = False


class DeadLetters(Protocol):
    """The topic where everything that cannot go on is kept."""

    async def park(self, letter: DeadLetter) -> None:
        """Raises BusUnavailable; then nothing may be completed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadMessage:
    """A message in a dead-letter queue; source: the broker's name of where it died first."""

    message_id: str
    body: str
    subject: str
    delivery_count: int
    properties: Mapping[str, object]
    source: str | None


class RecorderQueue(Protocol):
    """The dead-letter queue of the subscription that records dead letters."""

    async def drain(self, record: Callable[[DeadMessage], Awaitable[None]], *, limit: int) -> int:
        """Hand over at most `limit` messages, completing each when `record` has returned; how many there were.

        Raises BusUnavailable, and what `record` raises: what was not completed comes again.
        """


@dataclass(frozen=True, slots=True)
class Done:
    """It is done, now or by an earlier call of ours. `reference` is the other side's id of what was done."""

    reference: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite business no, with the provider's code."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, and no answer came: money may have moved."""

    why: str


@dataclass(frozen=True, slots=True)
class Busy:
    """Nothing was done; try later, not before `retry_after_s` seconds."""

    why: str
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OurFault:
    """The other side refuses the call as wrong; no repeat will change that."""

    code: str


@dataclass(frozen=True, slots=True)
class NeverSeen:
    """Asked: the other side knows nothing of it."""


type Answer = Done | Declined | Unknown | Busy | OurFault
type AskAnswer = Answer | NeverSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What goes with every call: the id that makes a repeat harmless, and our trace."""

    request_id: str
    traceparent: str | None


class Provider(Protocol):
    """The payment provider. Answers are values; nothing is raised for what the provider or the network does."""

    async def create(self, payment: Payment, call: Call) -> Answer:
        """Authorise. Done.reference is the provider's payment id."""

    async def settle(self, payment: Payment, call: Call) -> Answer:
        """Capture what was authorised. Done.reference is the capture id."""

    async def void(self, payment: Payment, call: Call) -> Answer:
        """Release what was authorised. Done.reference is the void id."""

    async def ask(self, step: Step, call: Call) -> AskAnswer:
        """What became of a request, by its request id. Changes nothing."""

    async def find(self, payment: Payment, step: Step, call: Call) -> AskAnswer:
        """What became of a step, by our payment id: for requests older than the provider remembers ids."""


class Notifier(Protocol):
    """The merchant's web server."""

    async def notify(self, url: str, body: str, call: Call) -> Answer:
        """Tell the merchant; the body is a CloudEvent. Done.reference is empty."""


class Span(Protocol):
    """A piece of work under a trace."""

    @property
    def traceparent(self) -> str | None:
        """W3C trace context to hand on."""

    def note(self, **attributes: str | int | float) -> None:
        """Add attributes to the span."""


class Severity(StrEnum):
    """How loud a line is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Telemetry(Protocol):
    """Spans and figures. Never raises."""

    def span(
        self, name: str, *, traceparent: str | None = None, linked: bool = False, **attributes: str | int
    ) -> AbstractContextManager[Span]:
        """A span under traceparent. linked: also a link to it, for work that resumes an old trace."""

    def log(self, name: str, fields: Mapping[str, str | int | float], *, severity: Severity = Severity.INFO) -> None:
        """One line: an event name such as `advance.recorded`, and fields."""

    def count(self, name: str, value: int = 1, **attributes: str | int) -> None:
        """Add to a counter."""

    def gauge(self, name: str, value: float, **attributes: str | int) -> None:
        """Set a gauge."""

    def observe(self, name: str, value: float, **attributes: str | int) -> None:
        """Record a value of a histogram."""


@dataclass(frozen=True, slots=True)
class Unpublished:
    """What the publisher has still to read of one part of the feed. position: how far it has come; opaque."""

    part: str
    position: str
    changes: int


class Outbox(Protocol):
    """The publisher's progress through the change feed, seen from outside: it need not be alive for that."""

    async def unpublished(self) -> Sequence[Unpublished]:
        """One for each part of the feed that has a lease. Raises StoreBusy."""

    async def remembered(self) -> dict[str, Any]:
        """What was last handed to remember; {} the first time. Raises StoreBusy."""

    async def remember(self, seen: Mapping[str, Any]) -> None:
        """Keep plain JSON for the next measurement, which may be made by another process."""


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Aware, UTC."""
