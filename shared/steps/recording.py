"""Loads a payment, and writes what is to stand in its stream even while others write to it. Knows no step.

Two kinds are written. A fact is an answer from outside: it is recorded, whatever the payment has become meanwhile. What
somebody wants, a person or a timer, is noted where it was decided or not at all.
"""

from collections.abc import Sequence

from shared.domain.decisions import Refused, decide
from shared.domain.events import Event
from shared.domain.evolution import evolve, fold
from shared.domain.payment import Payment
from shared.domain.stream import StoredEvent
from shared.errors import AppendUnknown, StreamMissing, StreamMoved
from shared.services import Services

RELOADS = 5
"""How often a lost race is decided again at once. Each loss means that another event is there; a payment has few."""


async def load_stream(payment_id: str, *, services: Services) -> tuple[StoredEvent, ...]:
    """The events so far. Raises StreamMissing when there are none (yet), StoreBusy, Unreadable."""
    stream = await services.store.load(payment_id)
    if not stream:
        raise StreamMissing(f"no events of payment {payment_id} are stored")
    return stream


async def load(payment_id: str, *, services: Services) -> Payment:
    """The payment as it now is. Raises what load_stream raises."""
    payment = fold(stored.event for stored in await load_stream(payment_id, services=services))
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


async def note(
    payment: Payment, *events: Event, caused_by: str, traceparent: str | None, services: Services
) -> Refused | None:
    """Write down what is wanted, as far as the rules let it, right after this version of the payment or not at all.

    Raises StreamMoved when another event stands there: look again. Raises AppendUnknown when the store never says.
    """
    decided = _decided(payment, events, caused_by=caused_by, traceparent=traceparent)
    if isinstance(decided, Refused):
        return decided
    if decided:
        await _append_here(decided, services=services)
    return None


async def append_here(
    payment: Payment, event: Event, *, caused_by: str, traceparent: str | None, services: Services
) -> StoredEvent:
    """Append what no rule has a say in right after this version of the payment, or not at all. Raises as `note`."""
    after = evolve(payment, event)
    stored = StoredEvent(payment=after, event=event, traceparent=traceparent, caused_by=caused_by)
    return (await _append_here((stored,), services=services))[-1]


async def _append_here(events: Sequence[StoredEvent], *, services: Services) -> tuple[StoredEvent, ...]:
    """While the store does not say whether it wrote, the same is tried again: it knows its own."""
    for _ in range(RELOADS - 1):
        try:
            return (await services.store.append(events)).events
        except AppendUnknown:
            continue
    return (await services.store.append(events)).events


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
