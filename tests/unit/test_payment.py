"""The rules of a payment: what may be recorded, what is owed, what a repeat does."""

from datetime import timedelta
from itertools import pairwise
from typing import assert_never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.decisions import Intention, Refused, decide, intend
from shared.domain.events import (
    Event,
    Notification,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentInitiated,
    PaymentSettled,
    PaymentVoided,
    same_fact,
)
from shared.domain.payment import Payment, Status, Step, evolve, fold
from tests.builders import NOON, Story, a_payment, initiated

TOLD: tuple[Notification, ...] = ("delivered", "undelivered")

DRAWN: tuple[Event, ...] = (
    initiated(),
    *(PaymentCreated(occurred_at=NOON, provider_payment_id=reference) for reference in ("pp_1", "pp_2")),
    *(PaymentSettled(occurred_at=NOON, capture_id=reference) for reference in ("cap_1", "cap_2")),
    *(PaymentCompleted(occurred_at=NOON, notification=told) for told in TOLD),
    *(PaymentFailed(occurred_at=NOON, reason="declined", code="no", failed_step=step) for step in ("create", "settle")),
    PaymentFailed(occurred_at=NOON, reason="expired", code="payment_expired", failed_step="create"),
    PaymentFailed(occurred_at=NOON, reason="discarded", code="by_operator", failed_step="settle"),
    PaymentVoided(occurred_at=NOON, void_id="vo_1"),
)
FACTS: st.SearchStrategy[Event] = st.sampled_from(DRAWN)


def test_every_event_is_among_those_that_are_drawn() -> None:
    assert {type(event) for event in DRAWN} == {*Event.__value__.__args__}


def reached_by(facts: list[Event]) -> tuple[Payment, list[Event]]:
    """The payment and its stream after every fact that was not refused."""
    stream: list[Event] = [initiated()]
    for fact in facts:
        decision = decide(fold(stream), fact)
        stream += () if isinstance(decision, Refused) else decision
    payment = fold(stream)
    assert payment is not None
    return payment, stream


@given(st.lists(FACTS, max_size=8), FACTS)
def test_recording_a_fact_twice_adds_nothing_the_second_time(facts: list[Event], fact: Event) -> None:
    payment, stream = reached_by(facts)

    decision = decide(payment, fact)

    if not isinstance(decision, Refused):
        after = fold([*stream, *decision])
        assert decide(after, fact) == ()


@given(st.lists(FACTS, max_size=10))
def test_whatever_is_recorded_the_stream_stays_legal(facts: list[Event]) -> None:
    payment, stream = reached_by(facts)

    kinds = [type(event) for event in stream]

    assert kinds.count(PaymentInitiated) == 1
    assert kinds.count(PaymentCreated) <= 1
    assert kinds.count(PaymentSettled) <= 1
    told = [event.notification for event in stream if isinstance(event, PaymentCompleted)]
    assert told in ([], ["delivered"], ["undelivered"], ["undelivered", "delivered"])
    assert kinds.count(PaymentVoided) <= 1
    assert payment.version == len(stream)
    assert not payment.settled or payment.created
    assert not payment.completed or payment.settled
    assert not payment.voided or (payment.created and payment.failed)


@given(st.lists(FACTS, max_size=10))
def test_a_failure_is_announced_again_only_behind_a_fact_that_came_late(facts: list[Event]) -> None:
    _, stream = reached_by(facts)

    failures = [pair for pair in pairwise(stream) if isinstance(pair[1], PaymentFailed)]

    for before, _ in failures[1:]:
        assert isinstance(before, PaymentCreated | PaymentSettled)


@given(st.lists(FACTS, max_size=10), st.sampled_from(Step))
def test_a_payment_owes_a_step_only_if_that_step_has_something_to_do(facts: list[Event], step: Step) -> None:
    payment, _ = reached_by(facts)

    intention = intend(payment, step, now=NOON)

    if payment.owes is step:
        assert intention is Intention.CALL


def done(step: Step) -> Event:
    """The fact that a step records when all goes well."""
    assert step is not Step.NOTIFY_FAILURE, "it records nothing, and no payment owes it"
    match step:
        case Step.CREATE:
            return PaymentCreated(occurred_at=NOON, provider_payment_id="pp_9")
        case Step.SETTLE:
            return PaymentSettled(occurred_at=NOON, capture_id="cap_9")
        case Step.NOTIFY:
            return PaymentCompleted(occurred_at=NOON, notification="delivered")
        case Step.VOID:
            return PaymentVoided(occurred_at=NOON, void_id="vo_9")
        case _:
            assert_never(step)


@given(st.lists(FACTS, max_size=10))
def test_every_step_that_a_payment_owes_leads_to_rest(facts: list[Event]) -> None:
    payment, _ = reached_by(facts)

    for _ in Step:
        if payment.owes:
            decision = decide(payment, done(payment.owes))
            assert not isinstance(decision, Refused)
            for event in decision:
                payment = evolve(payment, event)

    assert payment.owes is None


@pytest.mark.parametrize(
    ("story", "status"),
    [
        (a_payment(), Status.INITIATED),
        (a_payment().created(), Status.CREATED),
        (a_payment().created().settled(), Status.SETTLED),
        (a_payment().created().settled().completed(), Status.COMPLETED),
        (a_payment().declined(), Status.FAILED),
        (a_payment().created().declined("settle").voided(), Status.VOIDED),
    ],
)
def test_the_status_is_derived_from_the_facts(story: Story, status: Status) -> None:
    assert story.payment.status is status


def test_the_token_leaves_the_state_once_the_provider_has_the_payment() -> None:
    assert a_payment().payment.payment_method == "pm_ok"
    assert a_payment().created().payment.payment_method is None


def test_an_expired_payment_is_not_created_any_more() -> None:
    payment = a_payment().payment

    assert intend(payment, Step.CREATE, now=payment.expires_at - timedelta(microseconds=1)) is Intention.CALL
    assert intend(payment, Step.CREATE, now=payment.expires_at) is Intention.EXPIRE


def test_a_yes_that_comes_after_the_failure_is_recorded_and_the_void_is_triggered() -> None:
    payment = a_payment().declined().payment

    decision = decide(payment, PaymentCreated(occurred_at=NOON, provider_payment_id="pp_late"))

    assert not isinstance(decision, Refused)
    assert [type(event) for event in decision] == [PaymentCreated, PaymentFailed]
    after = evolve(evolve(payment, decision[0]), decision[1])
    assert after.owes is Step.VOID


def test_a_second_creation_under_another_id_is_refused() -> None:
    payment = a_payment().created("pp_1").payment

    assert decide(payment, PaymentCreated(occurred_at=NOON, provider_payment_id="pp_2")) == Refused("created_twice")


def test_nothing_fails_once_the_money_is_taken() -> None:
    payment = a_payment().created().settled().payment

    late = PaymentFailed(occurred_at=NOON, reason="declined", code="no", failed_step="settle")

    assert decide(payment, late) == Refused("already_settled")


def test_the_same_fact_at_another_time_is_the_same_fact() -> None:
    one = initiated()
    other = initiated(occurred_at=NOON + timedelta(hours=1), expires_at=NOON + timedelta(hours=25))

    assert same_fact(one, other)
    assert not same_fact(one, initiated(request_fingerprint="0" * 64))
    assert not same_fact(one, PaymentCreated(occurred_at=NOON, provider_payment_id="pp_1"))


def test_a_stream_that_does_not_begin_at_the_beginning_is_an_error() -> None:
    with pytest.raises(ValueError, match="begins with PaymentInitiated"):
        fold([PaymentCreated(occurred_at=NOON, provider_payment_id="pp_1")])


def test_a_payment_that_failed_is_not_announced_as_paid_although_money_was_taken_late() -> None:
    payment = a_payment().created().declined("settle").settled().payment

    assert payment.status is Status.FAILED
    assert payment.owes is Step.VOID
    assert intend(payment, Step.NOTIFY, now=NOON) is Intention.NOTHING
    assert decide(payment, PaymentCompleted(occurred_at=NOON, notification="delivered")) == Refused("payment_failed")
