"""refund: note that a merchant gives money back, once for each key. Knows no HTTP and no provider.

The note reserves the amount. It stands right after the version that was looked at, so of two at once the second sees
what the first has left.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from shared import signals
from shared.codec.values import fingerprint
from shared.domain.decisions import Refused, decide
from shared.domain.events import PaymentRefundRequested
from shared.domain.payment import Payment
from shared.domain.stream import StoredEvent
from shared.errors import StreamMoved
from shared.services import Services
from shared.steps.recording import RELOADS, append_here

NAMESPACE = uuid.UUID("c2d1e9f4-6b0a-5f43-9d27-8e5a1b7c3f60")
"""Namespace of the refund ids. It must never change, or a key would find another refund."""

CAUSED_BY = "merchant"


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBack:
    """The command. amount_minor: None for all that is left. reason_given: the merchant's own word, for itself alone."""

    amount_minor: int | None
    reason_given: str | None


@dataclass(frozen=True, slots=True)
class RefundAccepted:
    """The request as it is stored. is_repeat: an earlier one with the same key has brought it."""

    requested: PaymentRefundRequested
    payment: Payment
    is_repeat: bool


async def refund(
    command: GiveBack,
    *,
    payment_id: str,
    merchant_id: str,
    idempotency_key: str,
    traceparent: str | None,
    services: Services,
) -> RefundAccepted | Refused | None:
    """Store PaymentRefundRequested; None when the merchant has no such payment.

    The same key and command find what was stored before, whatever has become of it. Another command under the key is
    Refused, and so is what the payment has no money for. Raises StreamMoved, StoreBusy, AppendUnknown: send the same
    key again.
    """
    refund_id = refund_id_for(payment_id, idempotency_key)
    with services.telemetry.span("refund", traceparent=traceparent, payment_id=payment_id, refund_id=refund_id) as span:
        for _ in range(RELOADS):
            stream = await services.store.load(payment_id)
            if not stream or stream[-1].payment.merchant_id != merchant_id:
                return None
            payment, before = stream[-1].payment, _requested(stream, refund_id)
            if before is not None:
                is_same = before.request_fingerprint == _fingerprint(command)
                return RefundAccepted(before, payment, is_repeat=True) if is_same else Refused("idempotency_key_reused")
            wish = _wish(command, refund_id=refund_id, payment=payment, services=services)
            decided = decide(payment, wish)
            if isinstance(decided, Refused):
                return decided
            try:
                stored = await append_here(
                    payment, wish, caused_by=CAUSED_BY, traceparent=span.traceparent, services=services
                )
            except StreamMoved:
                continue
            return _accepted(stored, wish, services=services)
        raise StreamMoved(f"payment {payment_id} was written to by others {RELOADS} times in a row")


def _accepted(stored: StoredEvent, wish: PaymentRefundRequested, *, services: Services) -> RefundAccepted:
    """To the store another request of the same moment is the same fact: what stands there is then that one's."""
    if not isinstance(stored.event, PaymentRefundRequested):
        raise TypeError(f"{stored.event_id} is no request to refund")
    is_repeat = stored.event != wish
    if not is_repeat:
        services.telemetry.count(signals.REFUNDS_REQUESTED)
    return RefundAccepted(stored.event, stored.payment, is_repeat=is_repeat)


def refund_id_for(payment_id: str, idempotency_key: str) -> str:
    """The id that a key stands for, per payment."""
    return str(uuid.uuid5(NAMESPACE, f"{payment_id}\n{idempotency_key}"))


def _requested(stream: Iterable[StoredEvent], refund_id: str) -> PaymentRefundRequested | None:
    for stored in stream:
        if isinstance(stored.event, PaymentRefundRequested) and stored.event.refund_id == refund_id:
            return stored.event
    return None


def _wish(command: GiveBack, *, refund_id: str, payment: Payment, services: Services) -> PaymentRefundRequested:
    return PaymentRefundRequested(
        occurred_at=services.clock.now(),
        refund_id=refund_id,
        amount_minor=payment.refundable_minor if command.amount_minor is None else command.amount_minor,
        request_fingerprint=_fingerprint(command),
        reason_given=command.reason_given,
    )


def _fingerprint(command: GiveBack) -> str:
    fields = {"amount_minor": command.amount_minor, "reason_given": command.reason_given}
    return fingerprint({name: value for name, value in fields.items() if value is not None})
