"""cancel: note that a merchant wants a payment to end before its money is taken. Knows no HTTP and no provider.

The note is what the merchant can be sure of. Whether the money was taken before is then the provider's to say.
"""

from shared import signals
from shared.domain.decisions import Refused, decide
from shared.domain.events import PaymentCancelRequested
from shared.domain.payment import Payment
from shared.errors import StreamMoved
from shared.services import Services
from shared.steps.recording import RELOADS, append_here

CAUSED_BY = "merchant"


async def cancel(
    payment_id: str, *, merchant_id: str, traceparent: str | None, services: Services
) -> Payment | Refused | None:
    """The payment with the request in it; None when the merchant has no such payment. Safe to repeat.

    Refused once the money is known to be taken, or when the payment has ended otherwise. Raises StreamMoved, StoreBusy,
    AppendUnknown: repeat it.
    """
    with services.telemetry.span("cancel", traceparent=traceparent, payment_id=payment_id) as span:
        for _ in range(RELOADS):
            stream = await services.store.load(payment_id)
            if not stream or stream[-1].payment.merchant_id != merchant_id:
                return None
            payment, wish = stream[-1].payment, PaymentCancelRequested(occurred_at=services.clock.now())
            decided = decide(payment, wish)
            if isinstance(decided, Refused):
                return decided
            if not decided:
                return payment
            try:
                stored = await append_here(
                    payment, wish, caused_by=CAUSED_BY, traceparent=span.traceparent, services=services
                )
            except StreamMoved:
                continue
            if stored.event == wish:  # else another request of the same moment brought it
                services.telemetry.count(signals.CANCELS_REQUESTED)
            return stored.payment
        raise StreamMoved(f"payment {payment_id} was written to by others {RELOADS} times in a row")
