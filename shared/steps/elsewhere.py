"""What began at another provider than the one that is asked now. Knows no provider.

This one has never seen it. To believe that would charge a customer twice, or write off money that was moved.
"""

from collections.abc import Sequence

from shared.domain.events import PaymentCreated, PaymentInitiated
from shared.domain.reasons import Reason
from shared.domain.standing import Standing
from shared.domain.stream import StoredEvent
from shared.steps.ending import given_up_unproven
from shared.steps.outcome import Parked
from shared.steps.turn import Turn
from shared.steps.writes import Wanted


def began_elsewhere(turn: Turn, now: Standing, *, stream: Sequence[StoredEvent]) -> Parked | Wanted | None:
    """What becomes of the step. A person is called; who has been, and gives it up, ends it unasked. None: it is here.

    Who has authorised a payment has it. Before that it is where it was to be authorised.
    """
    here, there = turn.services.provider_api, _where(stream)
    if there == here or not turn.step.step.moves_money:
        return None
    has_looked = now.looked_at is not None and now.looked_at.reason == Reason.PROVIDER_CHANGED
    if now.resumed and now.is_to_end and has_looked:
        return given_up_unproven(turn, now, wish=now.resumed)
    return Parked(
        Reason.PROVIDER_CHANGED, f"it began with PROVIDER_API={there}, which may have moved money; {here} was not asked"
    )


def _where(stream: Sequence[StoredEvent]) -> str:
    return [each.event for each in stream if isinstance(each.event, PaymentInitiated | PaymentCreated)][-1].provider_api
