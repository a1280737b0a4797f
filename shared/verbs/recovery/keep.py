"""recover: keep what cannot go on as a record that alerts, and never lose it. Knows nothing of replay and discard.

Two roads lead here. What we parked ourselves has its source in a property. What died in the broker was forwarded, and
has its source in the broker's own annotation.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from shared import flow, signals
from shared.codec.cloud_events import from_cloud_event
from shared.codec.messages import Delivery, as_dead_letter, named_in, parked_again, record_attempts
from shared.domain.events import PaymentParked
from shared.domain.letters import DeadLetter, LetterRecord, earlier_letter_id_of, letter_id_of
from shared.domain.payment import Step
from shared.domain.reasons import Severity, severity_of
from shared.domain.retry import RetryPolicy
from shared.domain.standing import standing
from shared.domain.stream import StoredEvent
from shared.errors import StreamMoved, Unreadable
from shared.ports.telemetry import Level
from shared.services import Services
from shared.steps.letters import answer_recorded, shown_as
from shared.steps.recording import RELOADS, append_here

RECORD_POLICY = RetryPolicy(attempts=1, base_s=1, cap_s=300)
"""Only its waits count: recording is tried for ever."""


async def keep(delivery: Delivery, *, services: Services) -> None:
    """Record a dead letter; returning completes the message.

    First the yes that it may hold, then the letter, then in the stream that the step is parked, at last log and count.
    Each is safe to repeat. While the store cannot take one, a copy with the same id is scheduled, without limit: the
    topic drops no repeats. The record id comes from source, message id and reason, so one death stays one record.
    Raises BusUnavailable when the broker does not take the copy: the delivery is then abandoned.
    """
    letter = as_dead_letter(delivery)
    try:
        record = await _kept(letter, services=services)
    except Exception as fault:  # noqa: BLE001 - the recorder's edge: no fault may lose the letter
        await _keep_later(letter, attempt=record_attempts(delivery) + 1, why=type(fault).__name__, services=services)
        return
    _tell(record, services)


async def _kept(letter: DeadLetter, *, services: Services) -> LetterRecord:
    record = _record_of(letter, services=services)
    stream = await _stream_of(record, services=services)
    if stream is None:
        severity = severity_of(letter.reason, step=record.step, answered=letter.yes is not None, is_readable=False)
        return await _in_the_box(replace(record, severity=severity.value), services=services)
    if record.source != flow.EVENTS:
        await answer_recorded(record, stream, services=services)
    record = await _in_the_box(record, services=services)
    if record.source != flow.EVENTS:
        await _park(record, services=services)
    return record


async def _stream_of(record: LetterRecord, *, services: Services) -> Sequence[StoredEvent] | None:
    """The payment's events; () when the letter names no payment that we know. None: they cannot be read."""
    try:
        return await services.store.load(record.payment_id) if record.payment_id else ()
    except Unreadable:
        return None


async def _in_the_box(record: LetterRecord, *, services: Services) -> LetterRecord:
    """The record as it is stored, now or before, be it by an earlier release under another id."""
    earlier = await services.letters.get(earlier_letter_id_of(source=record.source, message_id=record.message_id))
    if earlier is not None and earlier.reason == record.reason:
        return earlier
    await services.letters.add(record)
    return await services.letters.get(record.letter_id) or record


async def _park(record: LetterRecord, *, services: Services) -> None:
    """Note in the stream that the step waits for a person, if nobody has started it again since the message was sent.

    The stream is read after the letter was stored: whoever writes there later finds the letter.
    """
    for _ in range(RELOADS):
        stream = await _stream_of(record, services=services)
        if not stream:
            return
        await shown_as(record, stream, services=services)
        now = standing(stream, Step(record.step)) if record.step in set(Step) else None
        if now is None or not now.may_be_parked or now.cause != record.cause:
            return
        parked = PaymentParked(
            occurred_at=services.clock.now(),
            step=record.step,
            cause=now.cause,
            reason=record.reason,
            severity=record.severity,
            letter_id=record.letter_id,
        )
        try:
            await append_here(
                now.payment,
                parked,
                caused_by=f"letter:{record.letter_id}",
                traceparent=stream[-1].traceparent,
                services=services,
            )
        except StreamMoved:
            continue
        return
    raise StreamMoved(f"payment {record.payment_id} was written to by others {RELOADS} times in a row")


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
    named = named_in(letter.message_id)
    return LetterRecord(
        letter_id=letter_id_of(source=letter.source, message_id=letter.message_id, reason=letter.reason),
        step=step,
        source=letter.source,
        reason=letter.reason,
        description=letter.description,
        severity=severity_of(letter.reason, step=step, answered=letter.yes is not None).value,
        payment_id=payment_id,
        event_id=event_id,
        cause=named[1] if named and named[0] == payment_id else None,
        message_id=letter.message_id,
        subject=letter.subject,
        body=letter.body,
        attempt=letter.attempt,
        delivery_count=letter.delivery_count,
        yes=letter.yes,
        recorded_at=services.clock.now(),
    )


def _whose(letter: DeadLetter) -> tuple[str | None, str | None]:
    """Payment and event, from the body, or from the message id, which begins with the event id."""
    try:
        notice = from_cloud_event(letter.body)
    except Unreadable:
        return named_in(letter.message_id) or (None, None)
    return notice.payment.payment_id, notice.event_id
