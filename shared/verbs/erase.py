"""erase, by an operator: take the words that a merchant wrote for itself out of a payment, the only change of what is
stored.

Nothing else is touched, so the payment goes on as it would have. The feed delivers what was changed once more, and
whoever hears of it finds the work done. Knows no HTTP and no storage.
"""

from collections.abc import Sequence

from shared import signals
from shared.codec.erasure import Words, words_in
from shared.domain.erasure import Erasure
from shared.errors import AppendUnknown, StreamMoved
from shared.services import Services
from shared.steps.recording import RELOADS


async def erase(
    payment_id: str, *, by: str, reason: str, dry_run: bool, services: Services
) -> tuple[Words, ...] | None:
    """Where words stood that are gone now, or with dry_run where they stand; None when there is no such payment.

    It looks again until it finds none, so what it says is gone cannot be read any more. Safe to repeat. Raises
    Unreadable: nothing was changed. StoreBusy, StreamMoved: repeat it, for some may be gone and some not.
    """
    gone: dict[Words, None] = {}
    erasure = Erasure(at=services.clock.now(), by=by, why=reason)
    with services.telemetry.span("erase", payment_id=payment_id):
        unsure: tuple[Words, ...] = ()
        for _ in range(RELOADS):
            stream = await services.store.load(payment_id)
            if not stream:
                return None
            left = words_in(stream)
            if dry_run:
                return left
            gone |= _told(payment_id, [each for each in unsure if each not in left], services=services)
            if not left:
                return tuple(gone)
            try:
                await services.store.erase(payment_id, erasure=erasure)
            except (StreamMoved, AppendUnknown):
                unsure = left
            else:
                unsure = ()
                gone |= _told(payment_id, left, services=services)
    raise StreamMoved(f"payment {payment_id} still has words after {RELOADS} attempts to erase them: repeat it")


def _told(payment_id: str, gone: Sequence[Words], *, services: Services) -> dict[Words, None]:
    """Counted and logged at once: whatever comes after it, this is gone. Of what stood there nothing is told."""
    if gone:
        services.telemetry.count(signals.PAYMENTS_ERASED)
        services.telemetry.log(signals.LOG_ERASED, {"payment_id": payment_id, "events": len(gone)})
    return dict.fromkeys(gone)
