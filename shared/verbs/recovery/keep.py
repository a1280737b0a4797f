"""recover: keep what cannot go on as a record that alerts, and never lose it. Knows nothing of replay and discard.

Two roads lead here. What we parked ourselves has its source in a property. What died in the broker was forwarded, and
has its source in the broker's own annotation.
"""

from datetime import timedelta

from shared import flow, signals
from shared.codec.cloud_events import from_cloud_event
from shared.codec.messages import Delivery, as_dead_letter, named_in, parked_again, record_attempts
from shared.domain.letters import DeadLetter, LetterRecord, LetterStatus, letter_id_of
from shared.domain.reasons import Severity, severity_of
from shared.domain.retry import RetryPolicy
from shared.errors import Unreadable
from shared.ports.telemetry import Level
from shared.services import Services

RECORD_POLICY = RetryPolicy(attempts=1, base_s=1, cap_s=300)
"""Only its waits count: recording is tried for ever."""


async def keep(delivery: Delivery, *, services: Services) -> None:
    """Record a dead letter; returning completes the message.

    While the store cannot take it, a copy with the same id is scheduled, without limit: the topic drops no repeats. The
    record id comes from source and message id, so one death stays one record. Raises BusUnavailable when the broker
    does not take the copy: the delivery is then abandoned.
    """
    letter = as_dead_letter(delivery)
    record = _record_of(letter, services=services)
    try:
        added = await services.letters.add(record)
    except Exception as fault:  # noqa: BLE001 - the recorder's edge: no fault may lose the letter
        await _keep_later(letter, attempt=record_attempts(delivery) + 1, why=type(fault).__name__, services=services)
        return
    if added:
        _tell(record, services)


def _tell(record: LetterRecord, services: Services) -> None:
    loud = Level.CRITICAL if record.severity == Severity.HIGH else Level.ERROR
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
        level=Level.WARNING if record.severity == Severity.LOW else loud,
    )
    services.telemetry.count(
        signals.DEAD_LETTERS_RECORDED, step=record.step, reason=record.reason, severity=record.severity
    )


async def _keep_later(letter: DeadLetter, *, attempt: int, why: str, services: Services) -> None:
    copy = parked_again(letter, record_attempt=attempt)
    wait = timedelta(seconds=RECORD_POLICY.delay_s(attempt, jitter=services.jitter()))
    await services.scheduler.schedule(copy, due_at=services.clock.now() + wait)
    services.telemetry.count(signals.STEP_RETRIES, step=flow.RECORD_SUBSCRIPTION, reason=why)


def _record_of(letter: DeadLetter, *, services: Services) -> LetterRecord:
    step = flow.step_at(letter.source)
    payment_id, event_id = _whose(letter)
    return LetterRecord(
        letter_id=letter_id_of(source=letter.source, message_id=letter.message_id),
        status=LetterStatus.OPEN,
        step=step,
        source=letter.source,
        reason=letter.reason,
        description=letter.description,
        severity=severity_of(letter.reason, step=step, answered=letter.answered).value,
        payment_id=payment_id,
        event_id=event_id,
        message_id=letter.message_id,
        subject=letter.subject,
        body=letter.body,
        attempt=letter.attempt,
        run=letter.run,
        delivery_count=letter.delivery_count,
        answered=letter.answered,
        recorded_at=services.clock.now(),
    )


def _whose(letter: DeadLetter) -> tuple[str | None, str | None]:
    """Payment and event, from the body, or from the message id, which begins with the event id."""
    try:
        notice = from_cloud_event(letter.body)
    except Unreadable:
        return named_in(letter.message_id) or (None, None)
    return notice.payment.payment_id, notice.event_id
