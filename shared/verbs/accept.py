"""accept: turn a merchant's request into PaymentInitiated, once. Knows no HTTP."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from shared import signals
from shared.codec.values import fingerprint
from shared.domain.decisions import Refused
from shared.domain.events import PaymentInitiated
from shared.domain.money import Money
from shared.domain.payment import evolve
from shared.domain.stream import StoredEvent
from shared.errors import StreamMoved
from shared.ports.event_store import Appended
from shared.services import Services

NAMESPACE = uuid.UUID("5b0e6a0c-3c39-5d0e-8a52-6a4d1f7f0d7e")
"""Namespace of the payment ids. It must never change, or a key would find another id."""

_FIRST_FIELDS = ("amount", "payment_method", "reference", "description", "metadata", "notification_url")
"""What a request had when absent fields counted in its fingerprint. Never add to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiate:
    """The command: charge this."""

    amount: Money
    payment_method: str
    reference: str
    description: str | None
    metadata: Mapping[str, str]
    notification_url: str | None


async def accept(
    command: Initiate, *, idempotency_key: str | None, traceparent: str | None, services: Services
) -> StoredEvent | Refused:
    """Store PaymentInitiated and return it as it is stored: for a repeated key the first one, with its times.

    The payment id is derived from merchant and key. So the conditional create of version 1 is itself the check for a
    repeat: nothing is read before, nothing has to expire. Another request under a used key is Refused and stores
    nothing. Without a key every call is a new payment. Raises StoreBusy (nothing was stored) and AppendUnknown (maybe
    it was): send the same key again.
    """
    with services.telemetry.span("accept", traceparent=traceparent) as span:
        event = _initiated(command, idempotency_key=idempotency_key, services=services)
        span.note(payment_id=event.payment_id)
        try:
            appended = await _stored(event, command=command, traceparent=span.traceparent, services=services)
        except StreamMoved:
            return Refused("idempotency_key_reused")
        if appended.is_new:  # and not a repeat of the key
            services.telemetry.count(signals.PAYMENTS_ACCEPTED)
            services.telemetry.log(signals.LOG_ACCEPTED, {"payment_id": event.payment_id})
        return appended.events[0]


async def _stored(
    event: PaymentInitiated, *, command: Initiate, traceparent: str | None, services: Services
) -> Appended:
    """Raises StreamMoved when another request stands there, whichever form of fingerprint it was stored with."""
    ours = StoredEvent(payment=evolve(None, event), event=event, traceparent=traceparent)
    try:
        return await services.store.append([ours])
    except StreamMoved:
        first_form = _first_fingerprint(command)
        if first_form is None or first_form == event.request_fingerprint:
            raise
        return await services.store.append([replace(ours, event=replace(event, request_fingerprint=first_form))])


def _fingerprint(command: Initiate) -> str:
    """Without absent fields, so that a new optional one changes no fingerprint of the requests without it."""
    return fingerprint({name: value for name, value in asdict(command).items() if value is not None})


def _first_fingerprint(command: Initiate) -> str | None:
    """As the first release stored it, with null for an absent field; None when that release cannot have had it."""
    fields = asdict(command)
    has_newer = any(value is not None for name, value in fields.items() if name not in _FIRST_FIELDS)
    return None if has_newer else fingerprint({name: fields[name] for name in _FIRST_FIELDS})


def _initiated(command: Initiate, *, idempotency_key: str | None, services: Services) -> PaymentInitiated:
    now = services.clock.now()
    return PaymentInitiated(
        occurred_at=now,
        payment_id=payment_id_for(idempotency_key, services=services),
        merchant_id=services.merchant_id,
        amount=command.amount,
        payment_method=command.payment_method,
        reference=command.reference,
        request_fingerprint=_fingerprint(command),
        expires_at=now + services.limits.expires_after,
        description=command.description,
        metadata=command.metadata,
        notification_url=command.notification_url,
    )


def payment_id_for(idempotency_key: str | None, *, services: Services) -> str:
    """The id that a key stands for, per merchant; a new one without a key."""
    if idempotency_key is None:
        return services.new_id()
    return str(uuid.uuid5(NAMESPACE, f"{services.merchant_id}\n{idempotency_key}"))
