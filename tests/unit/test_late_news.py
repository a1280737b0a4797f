"""Decisions about a dispute in any order: the provider's newest one stands, whatever is heard of it and when."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.decisions import Refused, decide
from shared.domain.dispute import Decision
from shared.domain.events import PaymentDisputeLost, PaymentDisputeWon
from shared.domain.evolution import evolve
from shared.domain.payment import Payment
from tests.builders import DISPUTE_ID, NOON, a_payment

DISPUTED = a_payment().created().settled().dispute_opened().payment


def decided(minute: int, *, won: bool) -> Decision:
    kind = PaymentDisputeWon if won else PaymentDisputeLost
    return kind(occurred_at=NOON, dispute_id=DISPUTE_ID, decided_at=NOON + timedelta(minutes=minute))


def recorded(decisions: Sequence[Decision]) -> tuple[Payment, list[Decision]]:
    """The payment after all that was news when it came, and what was."""
    payment, stands = DISPUTED, []
    for decision in decisions:
        facts = decide(payment, decision)
        assert not isinstance(facts, Refused)
        for fact in facts:
            payment = evolve(payment, fact)
            stands.append(decision)
    return payment, stands


@given(st.lists(st.booleans(), min_size=1, max_size=5).flatmap(lambda words: st.permutations([*enumerate(words)])))
def test_whatever_order_decisions_come_in_the_newest_stands(words: list[tuple[int, bool]]) -> None:
    decisions = [decided(minute, won=won) for minute, won in words]

    payment, stands = recorded([*decisions, *decisions])

    assert payment.disputes[0].decided == max(decisions, key=lambda each: each.decided_at)
    assert all(one.decided_at < other.decided_at for one, other in pairwise(stands))


def test_a_decision_that_was_overruled_before_it_was_recorded_does_not_count() -> None:
    won, lost, won_again = decided(1, won=True), decided(2, won=False), decided(3, won=True)

    payment, _ = recorded([won, won_again, lost])

    assert payment.disputes[0].decided == won_again
    assert payment.disputes[0].withdrawn_minor == 0
