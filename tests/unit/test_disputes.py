"""Disputes: each is told once, of two decisions the later one counts, and money that a bank has is not given back."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from shared.domain.decisions import Refused, decide
from shared.domain.events import (
    DisputeEvent,
    PaymentDisputeLost,
    PaymentDisputeOpened,
    PaymentDisputeWon,
    PaymentRefundRequested,
)
from shared.domain.evolution import evolve, fold
from shared.domain.ledger import ledger_of
from shared.domain.payment import NoticeTask, Payment
from shared.domain.rows import row_of
from shared.domain.stream import StoredEvent
from tests.builders import PAYMENT_ID, Story, a_payment

PAID = a_payment().created().settled()
AT = PAID.at
LATER, LATEST = AT + timedelta(days=7), AT + timedelta(days=9)


def opened(dispute_id: str = "dp_1", amount_minor: int = 500) -> PaymentDisputeOpened:
    return PaymentDisputeOpened(
        occurred_at=AT, dispute_id=dispute_id, amount_minor=amount_minor, code="fraudulent", opened_at=AT
    )


WON = PaymentDisputeWon(occurred_at=LATER, dispute_id="dp_1", decided_at=LATER)
LOST = PaymentDisputeLost(occurred_at=LATEST, dispute_id="dp_1", decided_at=LATEST)


def after(payment: Payment, *facts: DisputeEvent) -> Payment:
    for fact in facts:
        decided = decide(payment, fact)
        assert not isinstance(decided, Refused)
        for event in decided:
            payment = evolve(payment, event)
    return payment


def refund(amount_minor: int) -> PaymentRefundRequested:
    return PaymentRefundRequested(
        occurred_at=AT, refund_id="r-1", amount_minor=amount_minor, request_fingerprint="f", reason_given=None
    )


@pytest.mark.parametrize(
    "story",
    [
        a_payment(),
        a_payment().created(),
        PAID,
        PAID.completed(),
        a_payment().created().declined("settle"),
        a_payment().created().declined("settle").voided(),
        PAID.completed().refund_requested().refunded(),
    ],
)
def test_the_provider_says_it_whatever_the_payment_has_become(story: Story) -> None:
    payment = after(story.payment, opened())

    assert [(each.dispute_id, each.status) for each in payment.disputes] == [("dp_1", "open")]
    assert payment.status == story.payment.status
    assert payment.owed == (*story.payment.owed, NoticeTask(f"{PAYMENT_ID}:{payment.version}"))


def test_a_dispute_is_told_once() -> None:
    payment = after(PAID.payment, opened())

    assert decide(payment, opened()) == ()
    assert decide(payment, opened(amount_minor=700)) == ()
    assert after(payment, opened("dp_2")).version == payment.version + 1


def test_a_decision_needs_its_dispute() -> None:
    assert decide(PAID.payment, WON) == Refused("dispute_not_opened")


@pytest.mark.parametrize("decisions", list(permutations([WON, LOST, WON])))
def test_of_two_decisions_the_later_one_counts_in_whatever_order_they_come(
    decisions: tuple[DisputeEvent, ...],
) -> None:
    payment = after(PAID.payment, opened(), *decisions)

    assert [(each.status, each.decided) for each in payment.disputes] == [("lost", LOST)]


def test_a_decision_is_about_its_own_dispute() -> None:
    payment = after(PAID.payment, opened(), opened("dp_2", 300), WON)

    assert [(each.dispute_id, each.status) for each in payment.disputes] == [("dp_1", "won"), ("dp_2", "open")]


def test_the_ledger_has_what_banks_have() -> None:
    disputed = after(PAID.payment, opened(), opened("dp_2", 300))
    won, lost = after(disputed, WON), after(disputed, LOST)

    assert [ledger_of(each).disputed_minor for each in (PAID.payment, disputed, won, lost)] == [0, 800, 300, 800]
    assert [ledger_of(each).net_minor for each in (PAID.payment, disputed, won, lost)] == [1250, 450, 950, 450]


@pytest.mark.parametrize(("capture_id", "disputed"), [(None, 500), ("cap_1", 500), ("cap_2", 0)])
def test_a_dispute_about_a_charge_that_was_made_twice_is_not_about_this_money(
    capture_id: str | None, disputed: int
) -> None:
    payment = after(PAID.payment, replace(opened(), capture_id=capture_id))

    assert ledger_of(payment).disputed_minor == disputed
    assert payment.refundable_minor == 1250 - disputed
    assert row_of(StoredEvent(event=opened(), payment=payment)).disputed_minor == 500


def test_before_the_capture_is_known_every_dispute_is_about_it() -> None:
    payment = after(a_payment().created().payment, replace(opened(), capture_id="cap_9"))

    assert ledger_of(payment).disputed_minor == 500


def test_a_dispute_that_a_state_had_forgotten_is_there_once() -> None:
    payment = fold([*PAID.events, opened(), opened(), WON])

    assert payment is not None
    assert [(each.dispute_id, each.status) for each in payment.disputes] == [("dp_1", "won")]


def test_a_bank_may_take_what_was_given_back_before() -> None:
    refunded = PAID.completed().refund_requested(amount_minor=1250).refunded()

    payment = after(refunded.payment, opened(amount_minor=1250))

    assert (ledger_of(payment).net_minor, payment.refundable_minor) == (-1250, 0)


def test_what_a_bank_has_is_not_left_for_a_refund() -> None:
    disputed = after(PAID.payment, opened(amount_minor=1000))

    assert decide(disputed, refund(251)) == Refused("refund_exceeds_payment")
    assert decide(disputed, refund(250)) == (refund(250),)
    assert decide(after(disputed, WON), refund(1250)) == (refund(1250),)
    assert decide(after(disputed, LOST), refund(251)) == Refused("refund_exceeds_payment")


def test_what_never_happened_is_not_folded() -> None:
    with pytest.raises(ValueError, match="dp_1 was never opened"):
        fold([*PAID.events, WON])
