"""accept: turn a merchant's request into PaymentInitiated, once. Knows no HTTP."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from shared import signals
from shared.codec.values import fingerprint
from shared.domain.decisions import Refused
from shared.domain.events import PaymentInitiated
from shared.domain.evolution import evolve
from shared.domain.money import Money
from shared.domain.stream import StoredEvent
from shared.errors import StreamMoved
from shared.services import Services

NAMESPACE = uuid.UUID("5b0e6a0c-3c39-5d0e-8a52-6a4d1f7f0d7e")
"""Namespace of the payment ids. It must never change, or a key would find another id."""

_COUNTED_WHEN_ABSENT = frozenset({"description", "notification_url"})
"""Their absence stands in every fingerprint so far. Never add to it: repeats of older requests would be refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiate:
    """The command: charge this."""

    amount: Money
    payment_method: str
    reference: str
    description: str | None
    metadata: Mapping[str, str]
    notification_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who asks. merchant_id: whose payment it becomes. idempotency_key: None makes a new payment each time.

    traceparent: the W3C trace context of their request; None or empty where nothing is traced.
    """

    merchant_id: str
    idempotency_key: str | None
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """PaymentInitiated as it is stored. is_repeat: an earlier request with the same key has brought it."""

    stored: StoredEvent
    is_repeat: bool


async def accept(command: Initiate, *, by: By, services: Services) -> Accepted | Refused:
    """Store PaymentInitiated and return it as it is stored: for a repeated key the first one, with its times.

    The payment id is derived from merchant and key. So the conditional create of version 1 is itself the check for a
    repeat: nothing is read before, nothing has to expire. Another request under a used key is Refused and stores
    nothing. Without a key every call is a new payment. Raises StoreBusy (nothing was stored) and AppendUnknown (maybe
    it was): send the same key again.
    """
    with services.telemetry.span("accept", traceparent=by.traceparent) as span:
        event = _initiated(command, by=by, services=services)
        span.note(payment_id=event.payment_id)
        try:
            stored = StoredEvent(payment=evolve(None, event), event=event, traceparent=span.traceparent)
            appended = await services.store.append([stored])
        except StreamMoved:
            return Refused("idempotency_key_reused")
        accepted = Accepted(appended.events[0], is_repeat=appended.events[0] != stored)
        if not accepted.is_repeat:  # an append that finds its own lost write is no repeat
            services.telemetry.count(signals.PAYMENTS_ACCEPTED)
            services.telemetry.log(signals.LOG_ACCEPTED, {"payment_id": event.payment_id})
        return accepted


def _fingerprint(command: Initiate) -> str:
    """A field that was added later counts only where it is given: it changes no fingerprint of a request without it."""
    fields = asdict(command)
    return fingerprint(
        {name: fields[name] for name in fields if fields[name] is not None or name in _COUNTED_WHEN_ABSENT}
    )


def _initiated(command: Initiate, *, by: By, services: Services) -> PaymentInitiated:
    now = services.clock.now()
    return PaymentInitiated(
        occurred_at=now,
        payment_id=payment_id_for(by, services=services),
        merchant_id=by.merchant_id,
        amount=command.amount,
        payment_method=command.payment_method,
        reference=command.reference,
        request_fingerprint=_fingerprint(command),
        expires_at=now + services.limits.expires_after,
        description=command.description,
        metadata=command.metadata,
        notification_url=command.notification_url,
        provider_api=services.provider_api,
    )


def payment_id_for(by: By, *, services: Services) -> str:
    """The id that a key stands for, per merchant; a new one without a key."""
    if by.idempotency_key is None:
        return services.new_id()
    return str(uuid.uuid5(NAMESPACE, f"{by.merchant_id}\n{by.idempotency_key}"))
