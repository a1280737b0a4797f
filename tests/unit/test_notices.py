"""Of each final state the merchant is told by itself: what is owed, what stands, and what a message says of it."""

import json
from dataclasses import replace

import pytest

from shared.codec.cloud_events import cloud_event, still_to_tell, to_cloud_event
from shared.codec.documents import from_document, to_document
from shared.codec.messages import resumption
from shared.codec.payments import payment_to_json
from shared.domain.decisions import Refused, decide
from shared.domain.events import (
    Event,
    NoticeEvent,
    PaymentDisputeLost,
    PaymentDisputeOpened,
    PaymentDisputeWon,
    PaymentMerchantTold,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentVoided,
)
from shared.domain.intentions import Intention, intend
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.notifications import NotificationState, notifications_of
from shared.domain.payment import NoticeTask, Step, task_named
from shared.domain.standing import Stands
from shared.domain.waiting import waits
from shared.ports.notifier import Reply
from shared.ports.provider import Call
from shared.steps.notify import Notify
from shared.steps.step import request_id
from shared.steps.telling import Teller
from tests.builders import DISPUTE_ID, NOON, PAYMENT_ID, REFUND_ID, Story, a_payment, initiated
from tests.clock import ManualClock

PAID = a_payment().created().settled().completed()
REFUNDING, DISPUTED = PAID.refund_requested(), PAID.dispute_opened()
VOIDED = a_payment().created().declined("settle").voided()
SIX = NoticeTask(f"{PAYMENT_ID}:6")
TOLD = REFUNDING.refunded().telling()
MAY_BE_DECIDED: tuple[tuple[Story, NoticeEvent], ...] = (
    (a_payment().created().declined("settle"), PaymentVoided(occurred_at=NOON, void_id="vo_1")),
    (a_payment().created().cancel_requested(), PaymentVoided(occurred_at=NOON, void_id="vo_1")),
    (REFUNDING, PaymentRefunded(occurred_at=NOON, refund_id=REFUND_ID, provider_refund_id="re_1")),
    (REFUNDING, PaymentRefundFailed(occurred_at=NOON, refund_id=REFUND_ID, reason="declined", code="no")),
    (
        PAID,
        PaymentDisputeOpened(occurred_at=NOON, dispute_id=DISPUTE_ID, amount_minor=5, code="x", opened_at=NOON),
    ),
    (DISPUTED, PaymentDisputeWon(occurred_at=NOON, dispute_id=DISPUTE_ID, decided_at=DISPUTED.at)),
    (DISPUTED, PaymentDisputeLost(occurred_at=NOON, dispute_id=DISPUTE_ID, decided_at=DISPUTED.at)),
)


def decided(story: Story, fact: Event) -> list[NoticeEvent]:
    decision = decide(story.payment, fact)
    assert not isinstance(decision, Refused)
    return [event for event in decision if isinstance(event, NOTICE_EVENTS)]


@pytest.mark.parametrize(("story", "fact"), MAY_BE_DECIDED)
def test_whether_the_merchant_is_told_is_settled_when_the_event_is_decided(story: Story, fact: NoticeEvent) -> None:
    without_url = Story((initiated(notification_url=None), *story.events[1:]))

    assert decided(story, fact) == [replace(fact, tells=True)]
    assert decided(without_url, replace(fact, tells=True)) == [fact]


def test_every_type_of_event_is_decided_in_these_tests() -> None:
    assert {type(fact) for _, fact in MAY_BE_DECIDED} == {*NOTICE_EVENTS}


def test_what_is_to_be_told_is_owed_until_it_is_told_and_nothing_is_kept_of_it() -> None:
    told = TOLD.merchant_told()

    assert TOLD.payment.owed == (SIX,)
    assert intend(TOLD.payment, SIX, now=NOON) is Intention.CALL
    assert (told.payment.owed, told.payment.untold) == ((), ())
    assert intend(told.payment, SIX, now=NOON) is Intention.NOTHING
    assert "untold" not in payment_to_json(told.payment)
    assert told.payment.status is TOLD.payment.status


def test_a_stream_of_an_earlier_release_owes_nothing() -> None:
    story = REFUNDING.refunded()

    assert story.payment.owed == ()
    assert story.standing(SIX.value).stands is Stands.NONE


def test_refunds_and_steps_come_before_what_is_to_be_told() -> None:
    story = a_payment().created().settled().refund_requested().dispute_opened().telling()

    assert [task.value for task in story.payment.owed] == [f"refund:{REFUND_ID}", "notify", f"notify:{PAYMENT_ID}:5"]


def test_one_that_is_told_leaves_the_others_to_be_told() -> None:
    story = TOLD.dispute_opened().telling().dispute_won().telling().merchant_told(f"{PAYMENT_ID}:7")

    assert [task.value for task in story.payment.owed] == [f"notify:{PAYMENT_ID}:6", f"notify:{PAYMENT_ID}:8"]


def test_the_fact_is_recorded_once_and_only_of_what_is_to_be_told() -> None:
    fact = PaymentMerchantTold(occurred_at=NOON, event_id=SIX.event_id)

    assert decide(TOLD.payment, fact) == (fact,)
    assert decide(TOLD.merchant_told().payment, fact) == ()
    assert decide(TOLD.payment, replace(fact, event_id=f"{PAYMENT_ID}:5")) == ()
    assert decide(REFUNDING.refunded().payment, fact) == ()


def test_a_yes_after_a_person_has_seen_to_it_is_recorded_once_and_nothing_is_owed() -> None:
    fact = PaymentMerchantTold(occurred_at=NOON, event_id=SIX.event_id)
    ended = TOLD.parked(SIX.value).resumed(SIX.value, to="end").seen_to(SIX.value)
    told = ended.then(fact)

    assert decide(ended.payment, fact) == (fact,)
    assert decide(told.payment, fact) == ()
    assert decide(ended.payment, replace(fact, event_id=f"{PAYMENT_ID}:5")) == ()
    assert (told.payment.owed, told.payment.untold, told.payment.waiting) == ((), (), ())
    assert told.payment.seen_to_steps == ()
    assert told.standing(SIX.value).stands is Stands.DONE
    assert notifications_of(ended.stored)[-1].state is NotificationState.UNDELIVERED
    assert notifications_of(told.stored)[-1].state is NotificationState.DELIVERED


def test_what_a_person_has_seen_to_beside_it_stays_seen_to() -> None:
    other = f"notify:{PAYMENT_ID}:7"
    both = TOLD.dispute_opened().telling().seen_to(SIX.value).seen_to(other)

    assert both.merchant_told(SIX.event_id).payment.seen_to_steps == (other,)


def test_a_notice_is_parked_resumed_and_ended_as_a_refund_is() -> None:
    parked = TOLD.parked(SIX.value)
    resumed = parked.resumed(SIX.value)
    ended = parked.resumed(SIX.value, to="end").seen_to(SIX.value)

    assert (parked.standing(SIX.value).stands, parked.payment.waiting) == (Stands.PARKED, (SIX.value,))
    assert (resumed.standing(SIX.value).stands, resumed.standing(SIX.value).causes) == (
        Stands.RUNNING,
        (f"{PAYMENT_ID}:6", f"{PAYMENT_ID}:8"),
    )
    assert resumed.standing(SIX.value).starter == f"{PAYMENT_ID}:6"
    assert (ended.payment.owed, ended.payment.untold, ended.payment.waiting) == ((), (), ())
    assert ended.standing(SIX.value).stands is Stands.DONE
    assert resumed.merchant_told().payment.waiting == ()


def test_a_merchant_of_a_completed_payment_that_waits_for_a_person_is_shown_as_waiting() -> None:
    story = TOLD.parked(SIX.value, reason="notification_undelivered")

    (wait,) = waits(story.stored, now=story.at, patience=story.at - NOON)

    assert (wait.step, wait.state, wait.reason) == (SIX, "parked", "notification_undelivered")


def test_the_name_of_a_notice_leads_back_to_it_and_the_step_alone_is_no_task() -> None:
    assert task_named(SIX.value) == SIX
    assert task_named("notify") is Step.NOTIFY
    assert task_named("notice") is None
    assert request_id(TOLD.payment, SIX) == SIX.event_id


@pytest.mark.parametrize("story", [TOLD, DISPUTED.telling(), DISPUTED.dispute_lost().telling()])
def test_what_the_merchant_is_sent_is_what_stands_on_the_topic_of_the_event(story: Story) -> None:
    stored = story.stored[-1]
    told = still_to_tell(stored.payment, NoticeTask(stored.event_id))
    assert told is not None

    assert cloud_event(told, stored.payment, traceparent=stored.traceparent) == to_cloud_event(stored)


class Deaf:
    """A merchant whom nobody reaches."""

    async def notify(self, url: str, body: str, *, merchant_id: str, call: Call) -> Reply:
        raise AssertionError(f"{merchant_id} was called at {url} with {body} as {call.request_id}")


def test_a_notice_that_is_given_up_ends_nothing_of_its_payment() -> None:
    teller = Teller(notifier=Deaf(), clock=ManualClock(NOON), new_id=lambda: "1")

    assert Notify(teller, SIX).given_up(at=NOON) is None
    assert Notify(teller, Step.NOTIFY_FAILURE).given_up(at=NOON) is None
    assert Notify(teller, Step.NOTIFY).given_up(at=NOON) is not None


def test_a_resumption_says_of_which_dispute_it_is() -> None:
    story = DISPUTED.telling()
    resumed = story.parked(f"notify:{story.last_id}").resumed(f"notify:{story.last_id}")

    message = resumption(resumed.stored[-1])

    assert (message.topic, message.to, message.message_id) == ("payment-notices", "notify", resumed.last_id)
    assert json.loads(message.body)["disputeid"] == DISPUTE_ID
    assert json.loads(message.body)["id"] == story.last_id


@pytest.mark.parametrize("story", [TOLD, DISPUTED.telling(), VOIDED.telling()])
def test_a_fact_is_shown_in_the_payment_as_before_and_what_is_to_be_told_stands_apart(story: Story) -> None:
    shown = payment_to_json(story.payment)
    (untold,) = shown.pop("untold")

    assert "tells" not in json.dumps({name: shown[name] for name in shown if name != "failed"})
    assert (untold["event_id"], untold["at"]) == (story.last_id, to_document(story.stored[-1])["occurredAt"])
    assert from_document(to_document(story.stored[-1])) == story.stored[-1]
