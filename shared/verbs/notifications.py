"""notifications: what a merchant is told of a payment and how that went; and one more try, when the merchant wants it.

A resend is safe beside the step that tries too: the merchant knows repeats by their id, and what it answers is a fact,
whoever asked. Knows no HTTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.codec.cloud_events import to_cloud_event
from shared.domain.decisions import Refused
from shared.domain.notifications import Attempt, Notification, NotificationState, notifications_of
from shared.domain.stream import StoredEvent
from shared.ports.provider import Call, Done
from shared.services import Services
from shared.steps.catalogue import payment_step
from shared.steps.recording import load_stream, record
from shared.steps.telling import keep, teller, told

CAUSED_BY = "merchant"


@dataclass(frozen=True, slots=True)
class Listed:
    """attempts: as far as they are still kept, oldest first."""

    notification: Notification
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resent:
    """state: of the notification after the attempt."""

    notification: Notification
    attempt: Attempt
    state: NotificationState


async def listed(payment_id: str, *, merchant_id: str | None, services: Services) -> tuple[Listed, ...] | None:
    """In the order of the events. None when there is no such payment of the merchant; no merchant: of any. Raises
    StoreBusy, StoreRefuses, Unreadable.
    """
    with services.telemetry.span("notifications", payment_id=payment_id):
        stream = await _stream(payment_id, merchant_id=merchant_id, services=services)
        if not stream:
            return None
        attempts = await services.attempts.of(payment_id)
    return tuple(
        Listed(each, tuple(one for one in attempts if one.notification_id == each.notification_id))
        for each in notifications_of(stream)
    )


async def resend(
    payment_id: str, notification_id: str, *, merchant_id: str, traceparent: str | None, services: Services
) -> Resent | Refused | None:
    """One try, now. None when the merchant has no such payment; Refused for a notification that is not there or that
    nobody wants.

    Raises what recording raises: the merchant was told then, and may be told again.
    """
    with services.telemetry.span("resend", traceparent=traceparent, payment_id=payment_id) as span:
        stream = await _stream(payment_id, merchant_id=merchant_id, services=services)
        if not stream:
            return None
        found = next((each for each in notifications_of(stream) if each.notification_id == notification_id), None)
        if found is None:
            return Refused("notification_not_found")
        if found.state is NotificationState.NOT_WANTED:
            return Refused("notification_not_wanted")
        return await _resent(found, stream, traceparent=span.traceparent, services=services)


async def _resent(
    found: Notification, stream: Sequence[StoredEvent], *, traceparent: str | None, services: Services
) -> Resent:
    payment = stream[-1].payment
    event = StoredEvent(payment=payment, event=found.event.event, traceparent=traceparent)
    body = to_cloud_event(event, event_id=found.notification_id)
    call = Call(request_id=found.notification_id, traceparent=traceparent)
    reply, attempt = await told(payment, body, call=call, by="resend", teller=teller(services))
    await keep([attempt], services=services)
    if not isinstance(reply.answer, Done):
        return Resent(notification=found, attempt=attempt, state=found.state)
    fact = payment_step(found.task, services).fact(Done("delivered"), at=services.clock.now())
    await record(payment, fact, caused_by=CAUSED_BY, traceparent=traceparent, services=services)
    state = await _state_now(found, services=services)
    return Resent(notification=found, attempt=attempt, state=state)


async def _state_now(found: Notification, *, services: Services) -> NotificationState:
    """By what stands in the stream, whatever the merchant said: a listing answers the same."""
    stream = await load_stream(found.event.payment.payment_id, services=services)
    ids = {each.notification_id: each.state for each in notifications_of(stream)}
    return ids[found.notification_id]


async def _stream(payment_id: str, *, merchant_id: str | None, services: Services) -> tuple[StoredEvent, ...]:
    stream = await services.store.load(payment_id)
    return stream if stream and merchant_id in (None, stream[0].payment.merchant_id) else ()
