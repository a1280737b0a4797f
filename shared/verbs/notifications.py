"""notifications: what a merchant is told of a payment and how that went; and one more try, when the merchant wants it.

A resend is safe beside the step that tries too: the merchant knows repeats by their id, and what it answers is a fact,
whoever asked. Knows no HTTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.codec.cloud_events import to_cloud_event
from shared.domain.decisions import Refused
from shared.domain.notifications import (
    RESENT_AT_MOST,
    RESENT_WITHIN,
    Attempt,
    By,
    Notification,
    NotificationState,
    notifications_of,
    resend_waits_s,
)
from shared.domain.stream import StoredEvent
from shared.ports.provider import Call, Done
from shared.services import Services
from shared.steps.catalogue import payment_step
from shared.steps.recording import load_stream, record
from shared.steps.telling import keep, teller, told

_RESENDERS: Final[dict[By, str]] = {"resend": "merchant", "operator": "operator"}
"""Who wants it resent, as it stands in the stream."""


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


@dataclass(frozen=True, slots=True)
class TooOften:
    """Nothing was sent. retry_after_s: when it may be."""

    retry_after_s: float


async def listed(payment_id: str, *, merchant_id: str | None, services: Services) -> tuple[Listed, ...] | None:
    """In the order of the events. None when there is no such payment of the merchant; no merchant: of any. Raises
    StoreBusy, StoreRefuses, Unreadable.
    """
    with services.telemetry.span("notifications", payment_id=payment_id):
        stream = await _stream(payment_id, merchant_id=merchant_id, services=services)
        if not stream:
            return None
        notifications = notifications_of(stream)
        attempts = await services.attempts.of(payment_id, [each.notification_id for each in notifications])
    return tuple(Listed(each, attempts[each.notification_id]) for each in notifications)


async def resend(
    payment_id: str,
    notification_id: str,
    *,
    merchant_id: str | None,
    by: By = "resend",
    traceparent: str | None,
    services: Services,
) -> Resent | TooOften | Refused | None:
    """One try, now. None when the merchant has no such payment; no merchant: when nobody has. Refused for what is no
    notification of it, or what nobody wants. TooOften goes by the notes of earlier tries: what is under way, or could
    not be noted, is not counted.

    Raises what recording raises: the merchant was told then, and may be told again. Raises StoreBusy, StoreRefuses,
    Unreadable before that.
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
        wait_s = await _wait_s(found, services=services)
        if wait_s:
            return TooOften(wait_s)
        return await _resent(found, stream, by=by, traceparent=span.traceparent, services=services)


async def _wait_s(found: Notification, *, services: Services) -> float:
    now, payment_id = services.clock.now(), found.event.payment.payment_id
    resent = await services.attempts.resent(
        payment_id, found.notification_id, since=now - RESENT_WITHIN, limit=RESENT_AT_MOST
    )
    return resend_waits_s(resent, now=now)


async def _resent(
    found: Notification, stream: Sequence[StoredEvent], *, by: By, traceparent: str | None, services: Services
) -> Resent:
    payment = stream[-1].payment
    event = StoredEvent(payment=payment, event=found.event.event, traceparent=traceparent)
    body = to_cloud_event(event, event_id=found.notification_id)
    call = Call(request_id=found.notification_id, traceparent=traceparent)
    reply, attempt = await told(payment, body, call=call, by=by, teller=teller(services))
    await keep([attempt], services=services)
    if not isinstance(reply.answer, Done):
        return Resent(notification=found, attempt=attempt, state=found.state)
    fact = payment_step(found.task, services).fact(Done("delivered"), at=services.clock.now())
    await record(payment, fact, caused_by=_RESENDERS[by], traceparent=traceparent, services=services)
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
