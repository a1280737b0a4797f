"""What is written on a message: its id, its application properties, its address. Only this module makes them.

The topics accept and drop a repeated id inside their duplicate-detection window. An id that repeats by accident is a
lost payment; one that differs by accident is a second charge. So every id is made here:

    {event id}                           what the feed publishes, resumptions too; a publish letter that is sent again
    {cause}:{subscription}:{attempt}     retries: copies for one subscription
    the id of what died                  dead letters; their topic drops no repeats

The cause is the event that a message stems from: the id begins with it. Earlier releases wrote
`{event id}:{subscription}:{run}:{attempt}`, with the run as a property too. Knows no broker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, assert_never

from shared.codec.cloud_events import repeated_cloud_event, to_cloud_event
from shared.codec.facts import FORMS, type_name
from shared.codec.values import NOT_OURS, time_from_json, time_to_json
from shared.domain.events import PaymentCapturedLate, PaymentChargedTwice, PaymentResumed
from shared.domain.letters import DeadLetter, Yes
from shared.domain.payment import Payment, Step
from shared.domain.reasons import Reason
from shared.domain.standing import STARTER_OF
from shared.domain.stream import StoredEvent
from shared.errors import Unreadable
from shared.flow import DEAD_LETTER_TOPIC, EVENTS, PLACE_OF, SENT, TOPIC_OF, Place, Sent

ATTEMPT: Final = "attempt"
QUIET: Final = "quiet"
"""On copies for one subscription. QUIET: nobody else can be sending for the same cause when this one is delivered."""

ANSWERED: Final = "answered"
REFERENCE: Final = "answered_reference"
HEARD_AT: Final = "answered_at"
"""On copies and on dead letters, after a yes that is not recorded. Earlier releases wrote ANSWERED alone."""

SOURCE: Final = "source"
REASON: Final = "reason"
DESCRIPTION: Final = "description"
DELIVERIES: Final = "delivery_count"
RECORD_ATTEMPT: Final = "record_attempt"
"""On dead letters of our own. RECORD_ATTEMPT only while the store cannot take the record."""

BROKERS_REASON: Final = "DeadLetterReason"
BROKERS_DESCRIPTION: Final = "DeadLetterErrorDescription"
"""The broker's own. It overwrites them when the letter dies again on its way to being recorded."""

PROPERTIES: Final = frozenset(
    {
        ATTEMPT,
        QUIET,
        ANSWERED,
        REFERENCE,
        HEARD_AT,
        SOURCE,
        REASON,
        DESCRIPTION,
        DELIVERIES,
        RECORD_ATTEMPT,
        BROKERS_REASON,
        BROKERS_DESCRIPTION,
    }
)

MAX_DESCRIPTION: Final = 1000
"""Characters. Application properties count towards the 256 KB of a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An integration event on its way to a topic. `to` addresses one subscription; None reaches all."""

    topic: str
    message_id: str
    body: str
    subject: str
    to: str | None = None
    properties: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message as the broker delivers it; delivery_count is 1 the first time."""

    message_id: str
    body: str
    subject: str
    delivery_count: int
    properties: Mapping[str, object]
    dead_letter_source: str | None = None
    """Where a forwarded message died, as the broker names it."""


# --- making ---


def outgoing(stored: StoredEvent) -> Message | DeadLetter | None:
    """What the feed makes of a stored event; None for what is of no concern to anybody else. Raises Unreadable."""
    match SENT[type(stored.event)]:
        case Sent.TO_ALL:
            return announcement(stored)
        case Sent.TO_STEP:
            return resumption(stored)
        case Sent.AS_LETTER:
            return _money_to_give_back(stored)
        case Sent.NOT:
            return None


def _money_to_give_back(stored: StoredEvent) -> DeadLetter | None:
    """None for a second void: it harms nobody."""
    match stored.event:
        case PaymentCapturedLate(capture_id=reference):
            reason, description = Reason.CAPTURED_LATE, f"the payment had failed before {reference} was captured"
        case PaymentChargedTwice(step=step, reference=reference) if step != Step.VOID:
            reason, description = Reason.CHARGED_TWICE, f"the provider said yes to {step} once more: {reference}"
        case _:
            return None
    return DeadLetter(
        message_id=stored.event_id,
        body=to_cloud_event(stored),
        subject=type_name(stored.event),
        reason=reason,
        description=description,
        source=EVENTS,
    )


def announcement(stored: StoredEvent) -> Message:
    """The integration event of a stored one, for all subscriptions. It has the event's id: the topic drops a repeat."""
    return Message(
        topic=TOPIC_OF[type(stored.event)],
        message_id=stored.event_id,
        body=to_cloud_event(stored),
        subject=type_name(stored.event),
    )


def resumption(stored: StoredEvent) -> Message:
    """What starts a step again: the business event that it began with, for its subscription alone.

    Its body has that event's id, so whoever does not look at the address sees a repeat. Its own id is the resumption's.
    Raises Unreadable when the step or its event is not one that we know.
    """
    event = stored.event
    if not isinstance(event, PaymentResumed) or event.step not in set(Step):
        raise Unreadable(f"{stored.event_id} resumes no step that is known here")
    step = Step(event.step)
    time = _began_at(stored.payment, step)
    if time is None:
        raise Unreadable(f"{stored.event_id} resumes {step.value}, which has not begun")
    kind = FORMS[STARTER_OF[step]].name
    return Message(
        topic=PLACE_OF[step].topic,
        message_id=stored.event_id,
        body=repeated_cloud_event(stored, event_id=event.starter, kind=kind, time=time),
        subject=kind,
        to=PLACE_OF[step].subscription,
    )


def _began_at(payment: Payment, step: Step) -> datetime | None:
    """When the event was that the step begins with."""
    match step:
        case Step.CREATE:
            return payment.initiated_at
        case Step.SETTLE:
            return payment.created.occurred_at if payment.created else None
        case Step.NOTIFY:
            return payment.settled.occurred_at if payment.settled else None
        case Step.VOID | Step.NOTIFY_FAILURE:
            return payment.failed.occurred_at if payment.failed else None
        case _:
            assert_never(step)


def tried_again(
    delivery: Delivery, *, place: Place, cause: str, attempt: int, is_quiet: bool, yes: Yes | None
) -> Message:
    """The delivered message once more, for the same subscription, as a later attempt."""
    return Message(
        topic=place.topic,
        message_id=f"{cause}:{place.subscription}:{attempt}",
        body=delivery.body,
        subject=delivery.subject,
        to=place.subscription,
        properties={ATTEMPT: attempt, **({QUIET: 1} if is_quiet else {}), **_answer(yes)},
    )


def parked(letter: DeadLetter) -> Message:
    """A dead letter on its way to being recorded.

    Reason and description are written twice: under the broker's names for tools, and under ours. The broker overwrites
    its own when the letter dies again.
    """
    clipped = replace(letter, description=letter.description[:MAX_DESCRIPTION])
    brokers: dict[str, str | int] = {BROKERS_REASON: clipped.reason, BROKERS_DESCRIPTION: clipped.description}
    return _letter(clipped, properties=brokers)


def parked_again(letter: DeadLetter, *, record_attempt: int) -> Message:
    """A dead letter that the store could not take, to be recorded later, with all that is known of it."""
    return _letter(letter, properties={RECORD_ATTEMPT: record_attempt})


def _letter(letter: DeadLetter, *, properties: Mapping[str, str | int]) -> Message:
    return Message(
        topic=DEAD_LETTER_TOPIC,
        message_id=letter.message_id,
        body=letter.body,
        subject=letter.subject,
        properties={
            **properties,
            REASON: letter.reason,
            DESCRIPTION: letter.description,
            SOURCE: letter.source,
            DELIVERIES: letter.delivery_count,
            ATTEMPT: letter.attempt,
            **_answer(letter.yes),
        },
    )


def _answer(yes: Yes | None) -> dict[str, str | int]:
    if yes is None:
        return {}
    reference = {REFERENCE: yes.reference} if yes.reference else {}
    heard_at = {HEARD_AT: time_to_json(yes.heard_at)} if yes.heard_at else {}
    return {ANSWERED: 1, **reference, **heard_at}


# --- reading ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a message says of its turn. cause: the event that it stems from; yes: what the other side had said."""

    cause: str
    attempt: int
    is_quiet: bool
    yes: Yes | None


def tried(delivery: Delivery) -> Tried:
    """Raises Unreadable when id or attempt is not what we write."""
    attempt, named = delivery.properties.get(ATTEMPT, 0), named_in(delivery.message_id)
    if type(attempt) is not int or attempt < 0:
        raise Unreadable(f"message {delivery.message_id} has the attempt {attempt!r}")
    if named is None:
        raise Unreadable(f"message {delivery.message_id!r} names no event that it stems from")
    return Tried(
        cause=named[1], attempt=attempt, is_quiet=QUIET in delivery.properties, yes=_heard(delivery.properties)
    )


def _heard(properties: Mapping[str, object]) -> Yes | None:
    if ANSWERED not in properties:
        return None
    reference, heard_at = properties.get(REFERENCE), properties.get(HEARD_AT)
    try:
        return Yes(str(reference) if reference else None, time_from_json(str(heard_at)) if heard_at else None)
    except NOT_OURS:
        return Yes(str(reference) if reference else None)


def as_dead_letter(delivery: Delivery) -> DeadLetter:
    """What a delivered dead letter says of its death; what it does not say is left empty rather than guessed."""
    said = delivery.properties
    reason = str(said.get(REASON) or said.get(BROKERS_REASON) or Reason.UNKNOWN)
    return DeadLetter(
        message_id=delivery.message_id,
        body=delivery.body,
        subject=delivery.subject,
        reason=reason,
        description=str(said.get(DESCRIPTION) or said.get(BROKERS_DESCRIPTION) or ""),
        source=str(said.get(SOURCE) or _place_of_death(delivery)),
        attempt=_whole(said, ATTEMPT, default=0),
        delivery_count=_whole(said, DELIVERIES, default=delivery.delivery_count),
        yes=_heard(said) or (Yes() if reason == Reason.CHARGED_NOT_RECORDED else None),
    )


def _place_of_death(delivery: Delivery) -> str:
    """`topic/subscription` of the broker's `topic/Subscriptions/subscription`."""
    parts = (delivery.dead_letter_source or "unknown").split("/")
    return "/".join(part for part in parts if part.lower() != "subscriptions")


def record_attempts(delivery: Delivery) -> int:
    """How often the store could not take this dead letter so far."""
    return _whole(delivery.properties, RECORD_ATTEMPT, default=0)


def named_in(message_id: str) -> tuple[str, str] | None:
    """The payment and the event that an id of ours begins with; that event is the message's cause."""
    parts = message_id.split(":")
    if len(parts) < 2 or not parts[1].isdecimal():
        return None
    return parts[0], f"{parts[0]}:{parts[1]}"


def _whole(properties: Mapping[str, object], name: str, *, default: int) -> int:
    value = properties.get(name, default)
    return value if type(value) is int else default
