"""What is written on a message: its id, its application properties, its address. Only this module makes them.

The topics accept and drop a repeated id inside their duplicate-detection window. An id that repeats by accident is a
lost payment; one that differs by accident is a second charge. So every id is made here:

    {event id}                           what the feed publishes, resumptions too; a publish letter that is sent again;
                                         on the topic of its event and, if it is told, on that of the notices
    {cause}:{subscription}:{attempt}     retries: copies for one subscription; with a hash of the yes that they carry
    the id of what died                  dead letters; their topic drops no repeats

The cause is the event that a message stems from: the id begins with it. Told releases wrote
`{event id}:{subscription}:{run}:{attempt}`, with the run as a property too. Knows no broker.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from shared.codec.cloud_events import Told, cloud_event, still_to_tell, to_cloud_event
from shared.codec.deliveries import Delivery
from shared.codec.facts import FORMS, type_name
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
from shared.codec.tries import property_of
from shared.codec.values import shown, time_to_json
from shared.domain.events import PaymentCapturedLate, PaymentChargedTwice, PaymentResumed
from shared.domain.letters import DeadLetter, Try, Yes
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.payment import NoticeTask, Payment, RefundTask, Step, Task, task_named
from shared.domain.reasons import Reason
from shared.domain.standing import STARTERS_OF, began_at
from shared.domain.stream import StoredEvent
from shared.errors import Unreadable
from shared.flow import DEAD_LETTER_TOPIC, EVENTS, NOTICES, PLACE_OF, SENT, TOPIC_OF, Place, Sent

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


def outgoing(stored: StoredEvent) -> tuple[Message | DeadLetter, ...]:
    """What the feed makes of a stored event; () for what is of no concern to anybody else. Raises Unreadable."""
    match SENT[type(stored.event)]:
        case Sent.TO_ALL:
            return (announcement(stored), *_notice(stored))
        case Sent.TO_STEP:
            return (resumption(stored),)
        case Sent.AS_LETTER:
            return _money_to_give_back(stored)
        case Sent.NOT:
            return ()


def _notice(stored: StoredEvent) -> tuple[Message, ...]:
    """Of what the merchant is to be told by itself: the same once more, for the step that tells it."""
    is_told = isinstance(stored.event, NOTICE_EVENTS) and stored.event.tells
    return (replace(announcement(stored), topic=NOTICES),) if is_told else ()


def _money_to_give_back(stored: StoredEvent) -> tuple[DeadLetter, ...]:
    """() for a second void: it harms nobody."""
    match stored.event:
        case PaymentCapturedLate(capture_id=reference):
            reason, description = Reason.CAPTURED_LATE, f"the payment had failed before {reference} was captured"
        case PaymentChargedTwice(step=step, reference=reference) if step != Step.VOID:
            reason, description = Reason.CHARGED_TWICE, f"the provider said yes to {step} once more: {reference}"
        case _:
            return ()
    letter = DeadLetter(
        message_id=stored.event_id,
        body=json.dumps({"payment_id": stored.payment.payment_id, "event_id": stored.event_id}),
        subject=type_name(stored.event),
        reason=reason,
        description=description,
        source=EVENTS,
    )
    return (letter,)


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
    task = task_named(event.step) if isinstance(event, PaymentResumed) else None
    if not isinstance(event, PaymentResumed) or task is None:
        raise Unreadable(f"{stored.event_id} resumes no step that is known here")
    earlier = _began_with(stored.payment, task, event_id=event.starter)
    if earlier is None:
        raise Unreadable(f"{stored.event_id} resumes {task.value}, which has not begun")
    place = PLACE_OF[task.step]
    return Message(
        topic=place.topic,
        message_id=stored.event_id,
        body=cloud_event(earlier, stored.payment, traceparent=stored.traceparent),
        subject=earlier.kind,
        to=place.subscription,
    )


def _began_with(payment: Payment, task: Task, *, event_id: str) -> Told | None:
    """None for what has not begun, and for a notice that is not owed any more."""
    if isinstance(task, NoticeTask):
        return still_to_tell(payment, task)
    time = began_at(payment, task)
    if time is None:
        return None
    (kind,) = STARTERS_OF[task.step]
    refund_id = task.refund_id if isinstance(task, RefundTask) else None
    return Told(event_id=event_id, kind=FORMS[kind].name, time=time, refund_id=refund_id)


def tried_again(
    delivery: Delivery,
    *,
    place: Place,
    cause: str,
    attempt: int,
    is_quiet: bool,
    yes: Yes | None,
    tries: Sequence[Try] = (),
) -> Message:
    """The delivered message once more, for the same subscription, as a later attempt. tries: those before it."""
    return Message(
        topic=place.topic,
        message_id=f"{cause}:{place.subscription}:{attempt}{_of_a_yes(yes)}",
        body=delivery.body,
        subject=delivery.subject,
        to=place.subscription,
        properties={ATTEMPT: attempt, **({QUIET: 1} if is_quiet else {}), **_answer(yes), **property_of(tries)},
    )


def _of_a_yes(yes: Yes | None) -> str:
    """A copy that carries a yes is no repeat of one that does not, and must not be dropped as one."""
    if yes is None:
        return ""
    return f":{hashlib.sha256((yes.reference or '').encode()).hexdigest()[:8]}"


def parked(letter: DeadLetter) -> Message:
    """A dead letter on its way to being recorded.

    Reason and description are written twice: under the broker's names for tools, and under ours. The broker overwrites
    its own when the letter dies again.
    """
    clipped = replace(letter, description=shown(letter.description, at_most=MAX_DESCRIPTION))
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
            **property_of(letter.tries),
        },
    )


def _answer(yes: Yes | None) -> dict[str, str | int]:
    if yes is None:
        return {}
    reference = {REFERENCE: yes.reference} if yes.reference else {}
    heard_at = {HEARD_AT: time_to_json(yes.heard_at)} if yes.heard_at else {}
    return {ANSWERED: 1, **reference, **heard_at, **({ANSWERED_OF: str(yes.of)} if yes.of else {})}
