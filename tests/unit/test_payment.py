"""The rules of a payment: what may be recorded, what is owed, what a repeat does."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from typing import assert_never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.decisions import Refused, decide
from shared.domain.events import (
    Event,
    PaymentCapturedLate,
    PaymentChargedTwice,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentFailureTold,
    PaymentInitiated,
    PaymentMerchantTold,
    PaymentParked,
    PaymentRefunded,
    PaymentResumed,
    PaymentSeenTo,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.evolution import evolve, fold
from shared.domain.intentions import Intention, intend
from shared.domain.payment import NoticeTask, Payment, RefundTask, Status, Step, Task
from shared.domain.sameness import same_fact
from shared.domain.trouble import SecondYes
from tests.builders import NOON, TASKS, Story, a_payment, initiated
from tests.unit.streams import ANSWERS, DRAWN, STORIES

FACTS: st.SearchStrategy[Event] = st.sampled_from(ANSWERS)


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
    assert told in ([], ["delivered"], ["not_wanted"], ["undelivered"], ["undelivered", "delivered"])
    assert kinds.count(PaymentVoided) <= 1
    assert kinds.count(PaymentCapturedLate) <= 1
    assert kinds.count(PaymentFailureTold) <= 1
    assert payment.version == len(stream)
    assert not payment.settled or payment.created
    assert not payment.completed or payment.settled
    assert not payment.voided or (payment.created and payment.failed)
    assert not payment.captured_late or (payment.failed and not payment.settled)
    assert not payment.failure_told or payment.failed
    assert not (payment.settled and payment.failed)


def references_in(events: Iterable[Event]) -> list[tuple[str, str]]:
    """Each reference that a yes brought, with its step, as often as it stands there."""
    found = []
    for event in events:
        match event:
            case PaymentCreated(provider_payment_id=reference):
                found.append(("create", reference))
            case PaymentSettled(capture_id=reference) | PaymentCapturedLate(capture_id=reference):
                found.append(("settle", reference))
            case PaymentVoided(void_id=reference):
                found.append(("void", reference))
            case PaymentRefunded(refund_id=refund_id, provider_refund_id=reference):
                found.append((f"refund:{refund_id}", reference))
            case PaymentChargedTwice(step=Step.CANCEL, reference=reference):
                found.append(("void", reference))  # the provider knows one kind of void
            case PaymentChargedTwice(step=step, reference=reference):
                found.append((step, reference))
            case _:
                continue
    return found


@given(STORIES)
def test_each_reference_that_a_provider_ever_gave_stands_in_the_stream_once(story: Story) -> None:
    found = references_in(story.events)

    assert len(found) == len({*found})


@given(STORIES, FACTS)
def test_a_yes_is_never_dropped_unless_the_payment_may_not_have_come_there(story: Story, fact: Event) -> None:
    decision = decide(story.payment, fact)

    if not isinstance(decision, Refused):
        after = {*references_in([*story.events, *decision])}
        assert {*references_in([fact])} <= after
    elif isinstance(fact, PaymentCreated):
        pytest.fail(f"a reservation was refused: {decision.reason}")
    elif isinstance(fact, PaymentSettled):
        assert decision == Refused("not_created")


@given(st.lists(FACTS, max_size=10))
def test_a_failure_is_announced_again_only_behind_a_fact_that_came_late(facts: list[Event]) -> None:
    _, stream = reached_by(facts)

    failures = [pair for pair in pairwise(stream) if isinstance(pair[1], PaymentFailed)]

    for before, _ in failures[1:]:
        assert isinstance(before, PaymentCreated)


@given(st.lists(FACTS, max_size=10), st.sampled_from(TASKS))
def test_a_payment_owes_a_step_only_if_that_step_has_something_to_do(facts: list[Event], step: Task) -> None:
    payment, _ = reached_by(facts)

    intention = intend(payment, step, now=NOON)

    if step in payment.owed:
        assert intention in {Intention.CALL, Intention.GIVE_UP}
    assert payment.owes == (payment.owed[0] if payment.owed else None)


def done(task: Task) -> Event:
    """The fact that a task records when all goes well."""
    if isinstance(task, RefundTask):
        return PaymentRefunded(occurred_at=NOON, refund_id=task.refund_id, provider_refund_id="re_9")
    if isinstance(task, NoticeTask):
        return PaymentMerchantTold(occurred_at=NOON, event_id=task.event_id)
    match task:
        case Step.CREATE:
            return PaymentCreated(occurred_at=NOON, provider_payment_id="pp_9")
        case Step.SETTLE:
            return PaymentSettled(occurred_at=NOON, capture_id="cap_9")
        case Step.NOTIFY:
            return PaymentCompleted(occurred_at=NOON, notification="delivered")
        case Step.CANCEL | Step.VOID:
            return PaymentVoided(occurred_at=NOON, void_id="vo_9")
        case Step.NOTIFY_FAILURE:
            return PaymentFailureTold(occurred_at=NOON)
        case Step.REFUND | Step.NOTICE:
            raise AssertionError("a payment owes no refund and no notice without its id")
        case _:
            assert_never(task)


@given(st.lists(FACTS, max_size=10))
def test_every_step_that_a_payment_owes_leads_to_rest(facts: list[Event]) -> None:
    payment, _ = reached_by(facts)

    for _ in TASKS:
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
    assert intend(payment, Step.CREATE, now=payment.expires_at) is Intention.GIVE_UP


def test_a_yes_that_comes_after_the_failure_is_recorded_and_the_void_is_triggered() -> None:
    payment = a_payment().declined().payment

    decision = decide(payment, PaymentCreated(occurred_at=NOON, provider_payment_id="pp_late"))

    assert not isinstance(decision, Refused)
    assert [type(event) for event in decision] == [PaymentCreated, PaymentFailed]
    after = evolve(evolve(payment, decision[0]), decision[1])
    assert after.owes is Step.VOID


@pytest.mark.parametrize(
    ("story", "yes", "step"),
    [
        (a_payment().created("pp_1"), PaymentCreated(occurred_at=NOON, provider_payment_id="new"), "create"),
        (
            a_payment().declined().created("pp_1").announced_again(),
            PaymentCreated(occurred_at=NOON, provider_payment_id="new"),
            "create",
        ),
        (a_payment().created().settled("cap_1"), PaymentSettled(occurred_at=NOON, capture_id="new"), "settle"),
        (
            a_payment().created().declined("settle").captured_late("cap_1"),
            PaymentSettled(occurred_at=NOON, capture_id="new"),
            "settle",
        ),
        (
            a_payment().created().declined("settle").voided("vo_1"),
            PaymentVoided(occurred_at=NOON, void_id="new"),
            "void",
        ),
    ],
)
def test_a_second_yes_under_another_reference_is_recorded_once_and_changes_nothing_else(
    story: Story, yes: Event, step: str
) -> None:
    payment = story.payment

    decision = decide(payment, yes)

    assert decision == (PaymentChargedTwice(occurred_at=NOON, step=step, reference="new"),)
    after = evolve(payment, decision[0])
    assert decide(after, yes) == ()
    assert (after.created, after.settled, after.voided) == (payment.created, payment.settled, payment.voided)
    assert after.second_yeses == (SecondYes(step, "new", is_seen_to=step == "void"),)
    assert after.owed == payment.owed


@pytest.mark.parametrize(
    ("story", "yes"),
    [
        (a_payment().created("pp_1"), PaymentCreated(occurred_at=NOON, provider_payment_id="pp_1")),
        (a_payment().created().settled("cap_1"), PaymentSettled(occurred_at=NOON, capture_id="cap_1")),
        (
            a_payment().created().declined("settle").captured_late("cap_1"),
            PaymentSettled(occurred_at=NOON, capture_id="cap_1"),
        ),
        (a_payment().created().declined("settle").voided("vo_1"), PaymentVoided(occurred_at=NOON, void_id="vo_1")),
    ],
)
def test_a_yes_that_is_known_changes_nothing(story: Story, yes: Event) -> None:
    assert decide(story.payment, yes) == ()


def test_a_second_charge_waits_for_a_person_and_a_second_void_for_nobody() -> None:
    charged = a_payment().created().charged_twice("create", "pp_2")
    voided = a_payment().created().declined("settle").voided().charged_twice("void", "vo_2")

    assert charged.payment.waiting == ("create",)
    assert charged.seen_to(reference="pp_2").payment.waiting == ()
    assert voided.payment.waiting == ()


@pytest.mark.parametrize(
    "story",
    [
        a_payment().created().declined("settle"),
        a_payment().created().declined("settle").voided(),
        a_payment().declined(),
    ],
)
def test_money_that_is_taken_after_the_failure_is_a_fact_of_its_own(story: Story) -> None:
    decision = decide(story.payment, PaymentSettled(occurred_at=NOON, capture_id="cap_9"))

    assert decision == (PaymentCapturedLate(occurred_at=NOON, capture_id="cap_9"),)
    after = evolve(story.payment, decision[0])
    assert (after.status, after.settled, after.money_taken) == (story.payment.status, None, "cap_9")
    assert after.waiting == ("settle",)


def test_a_void_that_waited_for_a_person_does_not_any_more_when_the_money_was_taken() -> None:
    payment = a_payment().created().declined("settle").parked("void").captured_late().payment

    assert payment.waiting == ("settle",)
    assert payment.troubles == ()


def test_captured_money_owes_no_void_and_its_failure_is_still_told() -> None:
    payment = a_payment().created().declined("settle", tells=True).captured_late().payment

    assert payment.owed == (Step.NOTIFY_FAILURE,)
    assert intend(payment, Step.VOID, now=NOON) is Intention.NOTHING


@pytest.mark.parametrize("url", ["https://shop.example/hooks", None])
def test_a_failure_says_whether_it_is_followed_by_the_merchants_being_told(url: str | None) -> None:
    failed = PaymentFailed(occurred_at=NOON, reason="declined", code="no", failed_step="create")

    decision = decide(a_payment(notification_url=url).payment, failed)

    assert not isinstance(decision, Refused)
    assert [event.tells for event in decision if isinstance(event, PaymentFailed)] == [url is not None]


def test_a_merchant_who_wants_to_know_of_the_failure_is_told_once() -> None:
    story = a_payment().declined(tells=True)

    assert story.payment.owed == (Step.NOTIFY_FAILURE,)
    assert decide(story.payment, PaymentFailureTold(occurred_at=NOON)) == (PaymentFailureTold(occurred_at=NOON),)
    assert story.failure_told().payment.owed == ()
    assert decide(story.failure_told().payment, PaymentFailureTold(occurred_at=NOON)) == ()
    assert decide(a_payment().payment, PaymentFailureTold(occurred_at=NOON)) == Refused("not_failed")


def test_a_failure_of_an_earlier_release_owes_no_word_of_its_own_and_may_still_be_told() -> None:
    payment = a_payment().declined(tells=False).payment

    assert payment.owed == ()
    assert intend(payment, Step.NOTIFY_FAILURE, now=NOON) is Intention.CALL


@pytest.mark.parametrize(
    ("story", "step"),
    [
        (a_payment().created().declined("settle", tells=True), Step.VOID),
        (a_payment().created().declined("settle", tells=True), Step.NOTIFY_FAILURE),
        (a_payment().created().settled(), Step.NOTIFY),
        (a_payment().created().settled().completed("undelivered"), Step.NOTIFY),
    ],
)
def test_a_step_that_a_person_has_seen_to_is_owed_no_more_and_not_called(story: Story, step: Step) -> None:
    payment = story.parked(step).seen_to(step).payment

    assert step not in payment.owed
    assert payment.waiting == ()
    assert intend(payment, step, now=NOON) is Intention.NOTHING


@given(STORIES)
def test_what_people_and_timers_want_is_appended_as_it_is(story: Story) -> None:
    for event in DRAWN:
        if isinstance(event, PaymentParked | PaymentResumed | PaymentSeenTo):
            assert decide(story.payment, event) == (event,)


def test_nothing_fails_once_the_money_is_taken() -> None:
    payment = a_payment().created().settled().payment

    late = PaymentFailed(occurred_at=NOON, reason="declined", code="no", failed_step="settle")

    assert decide(payment, late) == Refused("already_settled")


def test_the_same_fact_at_another_time_is_the_same_fact() -> None:
    one = initiated()
    other = initiated(occurred_at=NOON + timedelta(hours=1), expires_at=NOON + timedelta(hours=25))

    assert same_fact(one, other)
    assert not same_fact(one, initiated(request_fingerprint="0" * 64))
    created = PaymentCreated(occurred_at=NOON, provider_payment_id="pp_1")
    assert not same_fact(one, created)
    assert not same_fact(created, one)


def test_a_stream_that_does_not_begin_at_the_beginning_is_an_error() -> None:
    with pytest.raises(ValueError, match="begins with PaymentInitiated"):
        fold([PaymentCreated(occurred_at=NOON, provider_payment_id="pp_1")])


def test_a_payment_that_failed_is_not_announced_as_paid_although_money_was_taken_late() -> None:
    payment = a_payment().created().declined("settle").captured_late().payment

    assert payment.status is Status.FAILED
    assert payment.owes is None
    assert intend(payment, Step.NOTIFY, now=NOON) == Refused("not_settled")
    assert decide(payment, PaymentCompleted(occurred_at=NOON, notification="delivered")) == Refused("payment_failed")
