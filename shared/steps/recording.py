"""Loads a payment, and records facts in its stream even while others write to it. Knows no step."""

from collections.abc import Sequence

from shared.domain.decisions import Refused, decide
from shared.domain.events import Event
from shared.domain.payment import Payment, evolve, fold
from shared.domain.stream import StoredEvent
from shared.errors import AppendUnknown, StreamMissing, StreamMoved
from shared.services import Services

RELOADS = 5
"""How often a lost race is decided again at once. Each loss means that another event is there; a payment has few."""


async def load(payment_id: str, *, services: Services) -> Payment:
    """The payment as it now is. Raises StreamMissing when there is none (yet), StoreBusy."""
    payment = fold(stored.event for stored in await services.store.load(payment_id))
    if payment is None:
        raise StreamMissing(f"no events of payment {payment_id} are stored")
    return payment


async def record(
    payment: Payment, *facts: Event, caused_by: str, traceparent: str | None, services: Services
) -> Payment | Refused:
    """Append the facts at the next versions, all or none. After a lost race: load, decide again, append there.

    Returns the payment with the facts in it. Raises StoreBusy or StreamMoved when they could not be stored.
    """
    for _ in range(RELOADS):
        decided = _decided(payment, facts, caused_by=caused_by, traceparent=traceparent)
        if isinstance(decided, Refused):
            return decided
        if not decided:
            return payment
        try:
            return (await services.store.append(decided)).events[-1].payment
        except (StreamMoved, AppendUnknown):
            payment = await load(payment.payment_id, services=services)
    raise StreamMoved(f"payment {payment.payment_id} was written to by others {RELOADS} times in a row")


def _decided(
    payment: Payment, facts: Sequence[Event], *, caused_by: str, traceparent: str | None
) -> tuple[StoredEvent, ...] | Refused:
    """What several facts, one after another, amount to."""
    stored: list[StoredEvent] = []
    for fact in facts:
        decision = decide(payment, fact)
        if isinstance(decision, Refused):
            return decision
        for event in decision:
            payment = evolve(payment, event)
            stored.append(StoredEvent(payment=payment, event=event, traceparent=traceparent, caused_by=caused_by))
    return tuple(stored)
