"""A message as the broker delivers it, and what its id and its properties say: read here, written in messages.py.

Knows no broker.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.codec.properties import (
    ANSWERED,
    ANSWERED_OF,
    ATTEMPT,
    BROKERS_DESCRIPTION,
    BROKERS_REASON,
    DELIVERIES,
    DESCRIPTION,
    HEARD_AT,
    QUIET,
    REASON,
    RECORD_ATTEMPT,
    REFERENCE,
    SOURCE,
)
from shared.codec.tries import tries_in
from shared.codec.values import NOT_OURS, time_from_json
from shared.domain.letters import DeadLetter, Yes
from shared.domain.reasons import Reason
from shared.errors import Unreadable
from shared.flow import DEAD_LETTER_TOPIC


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
    return Tried(cause=named[1], attempt=attempt, is_quiet=QUIET in delivery.properties, yes=heard(delivery.properties))


def heard(properties: Mapping[str, object]) -> Yes | None:
    """The yes that a message carries."""
    if ANSWERED not in properties:
        return None
    reference, heard_at = properties.get(REFERENCE), properties.get(HEARD_AT)
    of = str(properties[ANSWERED_OF]) if ANSWERED_OF in properties else None
    try:
        return Yes(str(reference) if reference else None, time_from_json(str(heard_at)) if heard_at else None, of)
    except NOT_OURS:
        return Yes(str(reference) if reference else None)


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
        delivery_count=_whole(said, DELIVERIES, default=delivery.delivery_count),
        yes=heard(said) or (Yes() if reason == Reason.CHARGED_NOT_RECORDED else None),
        tries=tries_in(said),
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
    """The payment and the event that an id of ours begins with; that event is the message's cause."""
    parts = message_id.split(":")
    if len(parts) < 2 or not parts[1].isdecimal():
        return None
    return parts[0], f"{parts[0]}:{parts[1]}"


def cause_of(message_id: str, *, place: str) -> str | None:
    """The event that a message at this place stems from, if its id is one that we make for it: else anybody's."""
    named, subscription = named_in(message_id), place.rpartition("/")[2]
    if named is None:
        return None
    rest = message_id.removeprefix(named[1])
    is_ours = rest == "" or re.fullmatch(rf":{re.escape(subscription)}:[0-9a-z:]+", rest)
    return named[1] if is_ours else None


_COPY = re.compile(r"[^:]+:\d+:[a-z_]+(?::\d{1,7})??:(\d{1,7})(?::[0-9a-f]{8})?")
"""Of messages.py: what earlier releases wrote counted runs before the attempt."""


def attempt_in(caused_by: str) -> int | None:
    """Which attempt of its step, from 1, the message was that led to an event; None where it was no message."""
    named = named_in(caused_by)
    if named is None:
        return None
    copy = _COPY.fullmatch(caused_by)
    if copy is not None:
        return int(copy[1]) + 1
    return 1 if caused_by == named[1] else None


def _whole(properties: Mapping[str, object], name: str, *, default: int) -> int:
    value = properties.get(name, default)
    return value if type(value) is int else default
