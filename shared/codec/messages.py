"""What is written on a message: its id, its application properties, its address. Only this module makes them.

The topics accept and drop a repeated id inside their duplicate-detection window. An id that repeats by accident is a
lost payment; one that differs by accident is a second charge. So every id is made here:

    {event id}                                 what the feed publishes, and a publish letter that is replayed
    {event id}:{subscription}:{run}:{attempt}  copies for one subscription: retries, replays, sweeps
    the id of what died                        dead letters; their topic drops no repeats

Knows no broker.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from shared.codec.cloud_events import to_cloud_event
from shared.codec.facts import type_name
from shared.domain.letters import DeadLetter
from shared.domain.reasons import Reason
from shared.domain.stream import StoredEvent
from shared.errors import Unreadable
from shared.flow import DEAD_LETTER_TOPIC, TOPIC_OF, Place

ATTEMPT: Final = "attempt"
RUN: Final = "run"
ANSWERED: Final = "answered"
"""On copies for one subscription, and on dead letters."""

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
        RUN,
        ANSWERED,
        SOURCE,
        REASON,
        DESCRIPTION,
        DELIVERIES,
        RECORD_ATTEMPT,
        BROKERS_REASON,
        BROKERS_DESCRIPTION,
    }
)

FEED_RUN: Final = "0"
"""The run of what the feed publishes; replays are r1, r2 ..., sweeps s1, s2 ..."""

MAX_DESCRIPTION: Final = 1000
"""Characters. Application properties count towards the 256 KB of a message."""

_RUN = re.compile(r"0|[rs][1-9][0-9]{0,8}")


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


def announcement(stored: StoredEvent) -> Message:
    """The integration event of a stored one, for all subscriptions. It has the event's id: the topic drops a repeat."""
    return Message(
        topic=TOPIC_OF[type(stored.event)],
        message_id=stored.event_id,
        body=to_cloud_event(stored),
        subject=type_name(stored.event),
    )


def announced_again(stored: StoredEvent, *, run: str) -> Message:
    """The same announcement by an operator, under the same id. Its run says that a step must ask the provider first."""
    return replace(announcement(stored), properties=_turn(0, run, answered=False))


def started_again(
    stored: StoredEvent, *, place: Place, run: str, body: str | None = None, answered: bool = False
) -> Message:
    """The event that starts a step, for that step alone, as the first attempt of a run. body: of an earlier message."""
    return _addressed(
        place,
        event_id=stored.event_id,
        body=body or to_cloud_event(stored),
        subject=type_name(stored.event),
        turn=_turn(0, run, answered=answered),
    )


def tried_again(delivery: Delivery, *, place: Place, event_id: str, run: str, attempt: int, answered: bool) -> Message:
    """The delivered message once more, for the same subscription, as a later attempt."""
    turn = _turn(attempt, run, answered=answered)
    return _addressed(place, event_id=event_id, body=delivery.body, subject=delivery.subject, turn=turn)


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


def addressed_id(event_id: str, place: Place, *, run: str, attempt: int) -> str:
    """The id of a copy for one subscription."""
    return f"{event_id}:{place.subscription}:{run}:{attempt}"


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
            **_turn(letter.attempt, letter.run, answered=letter.answered),
        },
    )


def _addressed(place: Place, *, event_id: str, body: str, subject: str, turn: Mapping[str, str | int]) -> Message:
    return Message(
        topic=place.topic,
        message_id=addressed_id(event_id, place, run=str(turn[RUN]), attempt=int(turn[ATTEMPT])),
        body=body,
        subject=subject,
        to=place.subscription,
        properties=turn,
    )


def _turn(attempt: int, run: str, *, answered: bool) -> dict[str, str | int]:
    return {ATTEMPT: attempt, RUN: run, **({ANSWERED: 1} if answered else {})}


# --- reading ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What the properties say of the turn. answered: an earlier attempt got the provider's yes, not yet recorded."""

    attempt: int
    run: str
    answered: bool


def tried(delivery: Delivery) -> Tried:
    """Raises Unreadable when attempt or run is not what we write."""
    attempt, run = delivery.properties.get(ATTEMPT, 0), delivery.properties.get(RUN, FEED_RUN)
    if type(attempt) is not int or attempt < 0:
        raise Unreadable(f"message {delivery.message_id} has the attempt {attempt!r}")
    if not isinstance(run, str) or not _RUN.fullmatch(run):
        raise Unreadable(f"message {delivery.message_id} has the run {run!r}")
    return Tried(attempt=attempt, run=run, answered=ANSWERED in delivery.properties)


def as_dead_letter(delivery: Delivery) -> DeadLetter:
    """What a delivered dead letter says of its death; what it does not say is left empty rather than guessed."""
    said = _trusted(delivery)
    reason = str(said.get(REASON) or said.get(BROKERS_REASON) or Reason.UNKNOWN)
    return DeadLetter(
        message_id=delivery.message_id,
        body=delivery.body,
        subject=delivery.subject,
        reason=reason,
        description=str(said.get(DESCRIPTION) or said.get(BROKERS_DESCRIPTION) or ""),
        source=str(said.get(SOURCE) or _place_of_death(delivery)),
        attempt=_whole(said, ATTEMPT, default=0),
        run=str(said.get(RUN) or FEED_RUN),
        delivery_count=_whole(said, DELIVERIES, default=delivery.delivery_count),
        answered=ANSWERED in said or reason == Reason.CHARGED_NOT_RECORDED,
    )


def _trusted(delivery: Delivery) -> Mapping[str, object]:
    """The properties. What only a letter of ours says is left out where the broker forwarded: a sender wrote it."""
    if delivery.dead_letter_source is None or _place_of_death(delivery).startswith(f"{DEAD_LETTER_TOPIC}/"):
        return delivery.properties
    ours = {SOURCE, REASON, DESCRIPTION, DELIVERIES, RECORD_ATTEMPT}
    return {name: value for name, value in delivery.properties.items() if name not in ours}


def _place_of_death(delivery: Delivery) -> str:
    """`topic/subscription` of the broker's `topic/Subscriptions/subscription`."""
    parts = (delivery.dead_letter_source or "unknown").split("/")
    return "/".join(part for part in parts if part.lower() != "subscriptions")


def record_attempts(delivery: Delivery) -> int:
    """How often the store could not take this dead letter so far."""
    return _whole(_trusted(delivery), RECORD_ATTEMPT, default=0)


def named_in(message_id: str) -> tuple[str, str] | None:
    """The payment and the event that an id of ours begins with."""
    parts = message_id.split(":")
    if len(parts) < 2 or not parts[1].isdecimal():
        return None
    return parts[0], f"{parts[0]}:{parts[1]}"


def _whole(properties: Mapping[str, object], name: str, *, default: int) -> int:
    value = properties.get(name, default)
    return value if type(value) is int else default
