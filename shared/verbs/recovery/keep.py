"""recover: keep what cannot go on as a record that alerts, and never lose it. Knows nothing of replay and discard.

Two roads lead here. What we parked ourselves has its source in a property. What died in the broker was forwarded, and
has its source in the broker's own annotation.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from shared import flow, signals
from shared.codec.cloud_events import from_cloud_event
from shared.codec.deliveries import Delivery, as_dead_letter, cause_of, named_in, record_attempts
from shared.codec.messages import parked_again
from shared.domain.events import Event, PaymentParked, PaymentRefundRequested, PaymentResumed
from shared.domain.letters import DeadLetter, LetterRecord, LetterStatus, Owner, earlier_letter_id_of, letter_id_of
from shared.domain.payment import NoticeTask, RefundTask, Step, Task, task_named
from shared.domain.reasons import Severity, severity_of
from shared.domain.retry import RetryPolicy
from shared.domain.standing import Standing, standing
from shared.domain.stream import StoredEvent
from shared.errors import PaymentsError, StreamMoved, Unreadable
from shared.ports.telemetry import Level
from shared.services import Services
from shared.steps.letters import answer_recorded, shown_as
from shared.steps.recording import RELOADS, append_here

RECORD_POLICY = RetryPolicy(attempts=1, base_s=1, cap_s=300)
"""Only its waits count: recording is tried for ever."""

_LOUD = {Severity.LOW: Level.WARNING, Severity.NORMAL: Level.ERROR, Severity.HIGH: Level.CRITICAL}


async def keep(delivery: Delivery, *, services: Services) -> None:
    """Record a dead letter; returning completes the message.

    First the yes that it may hold, then the letter, each even if the other cannot be stored; then in the stream that
    the step is parked; at last log and count. Each is safe to repeat, and is told again when it is. While the store
    cannot take one, a copy with the same id is scheduled, without limit: the topic drops no repeats. The record id
    comes from source, message id and reason, so one death stays one record. Raises BusUnavailable when the broker does
    not take the copy: the delivery is then abandoned.
    """
    letter, attempt = as_dead_letter(delivery), record_attempts(delivery)
    record: LetterRecord | None = None
    try:
        try:
            await _answer(await _named(_record_of(letter, services=services), services=services), services=services)
        finally:
            record = await _in_the_box(letter, services=services)
        record = await _parked(record, services=services)
    except Exception as fault:  # noqa: BLE001 - the recorder's edge: no fault may lose the letter
        if record and attempt == 0:
            _tell(record, services)
        await _keep_later(letter, attempt=attempt + 1, why=type(fault).__name__, services=services)
        return
    if record.status is not LetterStatus.CLOSED:
        _tell(record, services)


async def _in_the_box(letter: DeadLetter, *, services: Services) -> LetterRecord:
    """The record as it is stored, now or before, be it by an earlier release under another id."""
    record = await _named(_record_of(letter, services=services), services=services)
    earlier = await services.letters.get(earlier_letter_id_of(source=record.source, message_id=record.message_id))
    if earlier is not None and earlier.reason == record.reason and earlier.status is LetterStatus.OPEN:
        return earlier
    await services.letters.add(await _as_the_stream_tells(record, letter, services=services))
    return await services.letters.get(record.letter_id) or record


async def _named(record: LetterRecord, *, services: Services) -> LetterRecord:
    """Of which refund or event it tells: where the body does not say, the event does that the message stems from."""
    is_told = record.step != Step.NOTICE or record.event_id != record.cause
    if is_told and (record.step != Step.REFUND or record.refund_id is not None):
        return record
    with suppress(Unreadable):
        for stored in await _stream_of(record, services=services):
            if stored.event_id == record.cause:
                return _about(record, _task_of(stored.event))
    return record


def _task_of(event: Event) -> Task | None:
    if isinstance(event, PaymentRefundRequested):
        return RefundTask(event.refund_id)
    return task_named(event.step) if isinstance(event, PaymentResumed) else None


def _about(record: LetterRecord, task: Task | None) -> LetterRecord:
    match task:
        case RefundTask(refund_id) if record.step == Step.REFUND:
            return replace(record, refund_id=refund_id)
        case NoticeTask(event_id) if record.step == Step.NOTICE:
            return replace(record, event_id=event_id)
        case _:
            return record


async def _as_the_stream_tells(record: LetterRecord, letter: DeadLetter, *, services: Services) -> LetterRecord:
    """Whose payment it is, by the stream, since anybody may have written the message. Where nobody can read what was
    done, that is worse. A store that is only busy says nothing of either.
    """
    try:
        stream = await _stream_of(record, services=services)
    except Unreadable:
        return _unreadable(record, letter)
    except PaymentsError:
        return record
    except Exception:  # noqa: BLE001 - the letter matters more than what is known of its payment
        return _unreadable(record, letter)
    if not stream:
        return record
    payment = stream[-1].payment
    refund = payment.refund(record.refund_id) if record.refund_id else None
    owner = Owner(
        merchant_id=payment.merchant_id,
        reference=payment.reference,
        amount=payment.amount,
        refund_minor=refund.amount_minor if refund else None,
    )
    return replace(record, owner=owner)


def _unreadable(record: LetterRecord, letter: DeadLetter) -> LetterRecord:
    severity = severity_of(letter.reason, step=record.step, answered=letter.yes is not None, is_readable=False)
    return replace(record, severity=severity.value)


async def _answer(record: LetterRecord, *, services: Services) -> None:
    """Record the yes that the letter holds."""
    if record.yes is None or record.source == flow.EVENTS:
        return
    with suppress(Unreadable):  # the letter keeps it
        await answer_recorded(record, await _stream_of(record, services=services), services=services)


async def _parked(record: LetterRecord, *, services: Services) -> LetterRecord:
    """Note in the stream that the step waits for a person, unless it was started again since.

    Of a letter of the feed nothing is noted. The stream is read after the letter was stored: whoever writes there later
    finds the letter.
    """
    for _ in range(RELOADS):
        try:
            stream = await _stream_of(record, services=services)
        except Unreadable:
            return record
        if not stream:
            return record
        record = await shown_as(record, stream, services=services)
        if record.source == flow.EVENTS or record.task is None:
            return record
        now = standing(stream, record.task)
        if not now.may_be_parked or now.cause != record.cause:
            return record
        with suppress(StreamMoved):
            await _park(record, now, traceparent=stream[-1].traceparent, services=services)
            return record
    raise StreamMoved(f"payment {record.payment_id} was written to by others {RELOADS} times in a row")


async def _park(record: LetterRecord, now: Standing, *, traceparent: str | None, services: Services) -> None:
    parked = PaymentParked(
        occurred_at=services.clock.now(),
        step=record.task.value if record.task else record.step,
        cause=now.cause,
        reason=record.reason,
        severity=record.severity,
        letter_id=record.letter_id,
    )
    by = f"letter:{record.letter_id}"
    await append_here(now.payment, parked, caused_by=by, traceparent=traceparent, services=services)


async def _stream_of(record: LetterRecord, *, services: Services) -> Sequence[StoredEvent]:
    """The payment's events; () when the letter names no payment that we know. Raises Unreadable, StoreBusy."""
    return await services.store.load(record.payment_id) if record.payment_id else ()


def _tell(record: LetterRecord, services: Services) -> None:
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
        level=_LOUD[Severity(record.severity)],
    )
    services.telemetry.count(
        signals.DEAD_LETTERS_RECORDED, step=record.step, reason=record.reason, severity=record.severity
    )
    if Severity(record.severity) is Severity.HIGH:
        services.telemetry.flush()


async def _keep_later(letter: DeadLetter, *, attempt: int, why: str, services: Services) -> None:
    copy = parked_again(letter, record_attempt=attempt)
    wait = timedelta(seconds=RECORD_POLICY.delay_s(attempt, jitter=services.jitter()))
    await services.scheduler.schedule(copy, due_at=services.clock.now() + wait)
    services.telemetry.count(signals.STEP_RETRIES, step=flow.RECORD_SUBSCRIPTION, reason=why)


def _record_of(letter: DeadLetter, *, services: Services) -> LetterRecord:
    step = flow.step_at(letter.source)
    payment_id, event_id, refund_id = _whose(letter)
    cause = cause_of(letter.message_id, place=letter.source)
    is_ours = cause is not None and cause.startswith(f"{payment_id}:")
    return LetterRecord(
        letter_id=letter_id_of(
            source=letter.source,
            message_id=letter.message_id if is_ours else f"{letter.message_id}\n{letter.body}",
            reason=letter.reason,
        ),
        step=step,
        source=letter.source,
        reason=letter.reason,
        description=letter.description,
        severity=severity_of(letter.reason, step=step, answered=letter.yes is not None).value,
        payment_id=payment_id,
        event_id=event_id,
        cause=cause if is_ours else None,
        message_id=letter.message_id,
        subject=letter.subject,
        body=letter.body,
        attempt=letter.attempt,
        delivery_count=letter.delivery_count,
        yes=letter.yes,
        recorded_at=services.clock.now(),
        tries=letter.tries,
        refund_id=refund_id if step == Step.REFUND else None,
    )


def _whose(letter: DeadLetter) -> tuple[str | None, str | None, str | None]:
    """Payment, event and refund, from the body; or the first two from the id, which begins with the event's."""
    try:
        notice = from_cloud_event(letter.body)
    except Unreadable:
        return *(named_in(letter.message_id) or (None, None)), None
    return notice.payment.payment_id, notice.event_id, notice.refund_id
