"""The rules of a request to cancel: what it asks for, what it stops, and who decides."""

import pytest

from shared.domain.decisions import Refused, decide
from shared.domain.events import PaymentCancelRequested, PaymentFailed, PaymentVoided
from shared.domain.evolution import fold
from shared.domain.intentions import Intention, intend
from shared.domain.payment import NoticeTask, Step
from shared.steps.step import request_id
from tests.builders import NOON, PAYMENT_ID, Story, a_payment

CANCELLING = a_payment().created().cancel_requested()


def test_a_settlement_waits_for_nobody_any_more_once_the_payment_is_to_be_cancelled() -> None:
    payment = a_payment().created().parked("settle").cancel_requested().payment

    assert (payment.waiting, payment.owed) == ((), (Step.CANCEL,))
    assert intend(payment, Step.SETTLE, now=NOON) is Intention.NOTHING


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        (CANCELLING.settled(), "already_settled"),
        (CANCELLING.declined("settle"), "payment_ended"),
        (a_payment().declined(), "payment_ended"),
    ],
)
def test_what_has_gone_too_far_is_not_cancelled(story: Story, reason: str) -> None:
    assert decide(story.payment, PaymentCancelRequested(occurred_at=NOON)) == Refused(reason)


@pytest.mark.parametrize("story", [CANCELLING, CANCELLING.voided().cancelled()])
def test_what_is_being_cancelled_or_was_is_not_asked_for_again(story: Story) -> None:
    assert decide(story.payment, PaymentCancelRequested(occurred_at=NOON)) == ()


def test_a_void_ends_a_payment_that_was_to_be_cancelled_and_no_second_void_begins() -> None:
    decision = decide(CANCELLING.payment, PaymentVoided(occurred_at=NOON, void_id="vo_1"))

    assert not isinstance(decision, Refused)
    assert [type(event) for event in decision] == [PaymentVoided, PaymentFailed]
    after = fold([*CANCELLING.events, *decision])
    assert after is not None
    assert after.owed == (Step.NOTIFY_FAILURE, NoticeTask(f"{PAYMENT_ID}:4"))
    assert intend(after, Step.VOID, now=NOON) is Intention.NOTHING


def test_a_void_and_a_cancel_are_one_request_to_the_provider() -> None:
    payment = CANCELLING.payment

    assert request_id(payment, Step.CANCEL) == request_id(payment, Step.VOID) == f"{payment.payment_id}:void"
