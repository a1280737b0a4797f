"""recover: keep what cannot go on as a record that alerts, and never lose it. Replay and discard are beside it.

Two roads lead here: what we parked ourselves, with its source in a property, and what died in the broker and was
forwarded, with its source in the broker's own annotation.
"""

from collections.abc import Mapping
from datetime import timedelta

from shared import flow, signals
from shared.codec.cloud_events import from_cloud_event
from shared.codec.messages import ANSWERED, ATTEMPT, RUN, Delivery, Message
from shared.domain.letters import LetterRecord, LetterStatus, letter_id_of
from shared.domain.retry import RetryPolicy
from shared.errors import Unreadable
from shared.ports.telemetry import Severity
from shared.services import Services

RECORD_POLICY = RetryPolicy(attempts=1, base_s=1, cap_s=300)
"""Only its waits count: recording is tried for ever."""

RECORD_ATTEMPT, SOURCE, REASON, DESCRIPTION, DELIVERIES = (
    "record_attempt",
    "source",
    "reason",
    "description",
    "delivery_count",
)
"""Application properties of a dead letter of our own."""

BROKERS_REASON, BROKERS_DESCRIPTION = "DeadLetterReason", "DeadLetterErrorDescription"
"""The broker's own, which it overwrites when the letter dies once more on its way to being recorded."""

_SEVERITY = {
    "charged_not_recorded": signals.SEVERITY_HIGH,
    "outcome_unprovable": signals.SEVERITY_HIGH,
    "captured_after_failure": signals.SEVERITY_HIGH,
    "notification_undelivered": signals.SEVERITY_LOW,
}


async def keep(delivery: Delivery, *, dead_letter_source: str | None, services: Services) -> None:
    """Record a dead letter; returning completes the message.

    While the store cannot take it, a copy with the same id is scheduled, without limit: the topic drops no repeats, and
    the record's id comes from source and message id, so that one death stays one record. Raises BusUnavailable when
    the broker takes no copy either: the delivery is then abandoned.
    """
    record = _record_of(delivery, dead_letter_source=dead_letter_source, services=services)
    try:
        added = await services.letters.add(record)
    except Exception as fault:  # noqa: BLE001 - whatever keeps the store from taking it, the letter must not be lost
        await _keep_later(delivery, record=record, why=type(fault).__name__, services=services)
        return
    if added:
        _tell(record, services)


def _tell(record: LetterRecord, services: Services) -> None:
    loud = Severity.CRITICAL if record.severity == signals.SEVERITY_HIGH else Severity.ERROR
    services.telemetry.log(
        signals.LOG_DEAD_LETTER_RECORDED,
        {
            "letter_id": record.letter_id,
            "payment_id": record.payment_id or "",
            "step": record.step,
            "reason": record.reason,
            "severity": record.severity,
            "description": record.description,
        },
        severity=Severity.WARNING if record.severity == signals.SEVERITY_LOW else loud,
    )
    services.telemetry.count(
        signals.DEAD_LETTERS_RECORDED, step=record.step, reason=record.reason, severity=record.severity
    )


async def _keep_later(delivery: Delivery, *, record: LetterRecord, why: str, services: Services) -> None:
    attempt = _whole(delivery.properties, RECORD_ATTEMPT, default=0) + 1
    copy = Message(
        topic=flow.DEAD_LETTER_TOPIC,
        message_id=delivery.message_id,
        body=delivery.body,
        subject=delivery.subject,
        properties={
            RECORD_ATTEMPT: attempt,
            SOURCE: record.source,
            REASON: record.reason,
            DESCRIPTION: record.description,
            ATTEMPT: record.attempt,
            RUN: record.run,
            DELIVERIES: record.delivery_count,
            **({ANSWERED: 1} if record.answered else {}),
        },
    )
    wait = timedelta(seconds=RECORD_POLICY.delay_s(attempt, jitter=services.jitter()))
    await services.scheduler.schedule(copy, due_at=services.clock.now() + wait)
    services.telemetry.count(signals.STEP_RETRIES, step=flow.RECORD_SUBSCRIPTION, reason=why)


def _record_of(delivery: Delivery, *, dead_letter_source: str | None, services: Services) -> LetterRecord:
    """What the message tells; what it does not tell is left empty rather than guessed."""
    properties = delivery.properties
    source = str(properties.get(SOURCE) or _place_named(dead_letter_source))
    reason = str(properties.get(REASON) or properties.get(BROKERS_REASON) or "unknown")
    payment_id, event_id = _whose(delivery)
    return LetterRecord(
        letter_id=letter_id_of(source=source, message_id=delivery.message_id),
        status=LetterStatus.OPEN,
        step=step_named(source),
        source=source,
        reason=reason,
        description=str(properties.get(DESCRIPTION) or properties.get(BROKERS_DESCRIPTION) or ""),
        severity=_SEVERITY.get(reason, signals.SEVERITY_NORMAL),
        payment_id=payment_id,
        event_id=event_id,
        message_id=delivery.message_id,
        subject=delivery.subject,
        body=delivery.body,
        attempt=_whole(properties, ATTEMPT, default=0),
        run=str(properties.get(RUN) or "0"),
        delivery_count=_whole(properties, DELIVERIES, default=delivery.delivery_count),
        answered=ANSWERED in properties or reason == "charged_not_recorded",
        recorded_at=services.clock.now(),
    )


def _whose(delivery: Delivery) -> tuple[str | None, str | None]:
    """Payment and event, from the body, or from the message id, which begins with the event id."""
    try:
        notice = from_cloud_event(delivery.body)
    except Unreadable:
        parts = delivery.message_id.split(":")
        if len(parts) < 2 or not parts[1].isdecimal():
            return None, None
        return parts[0], f"{parts[0]}:{parts[1]}"
    return notice.payment.payment_id, notice.event_id


def _place_named(dead_letter_source: str | None) -> str:
    """`topic/subscription` of the broker's `topic/Subscriptions/subscription`."""
    parts = (dead_letter_source or "unknown").split("/")
    return "/".join(part for part in parts if part.lower() != "subscriptions")


def step_named(source: str) -> str:
    """The step whose subscription this is; `publish` for the feed."""
    if source == flow.EVENTS:
        return "publish"
    steps = [step.value for step, place in flow.PLACE_OF.items() if str(place).lower() == source.lower()]
    return steps[0] if steps else "unknown"


def _whole(properties: Mapping[str, object], name: str, *, default: int) -> int:
    value = properties.get(name, default)
    return value if type(value) is int else default
