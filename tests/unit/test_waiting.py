"""What is said of a payment that does not go on: the step, since when, and whether a person is needed."""

from datetime import timedelta

import pytest

from shared.domain.payment import Step, Task
from shared.domain.waiting import Wait, waits
from tests.builders import NOON, Story, a_payment

PATIENCE = timedelta(seconds=30)


def seen(story: Story, *, after_s: float = 31) -> list[Wait]:
    """As somebody sees it who looks so long after the newest event."""
    newest = story.stored[-1].event.occurred_at
    return list(waits(story.stored, now=newest + timedelta(seconds=after_s), patience=PATIENCE))


@pytest.mark.parametrize(
    "story",
    [
        a_payment().created().settled().completed(),
        a_payment().created().settled().parked("notify").completed("undelivered"),
        a_payment(notification_url=None).declined(),
        a_payment().created().declined("settle", tells=True).voided().failure_told(),
        a_payment().created().parked("settle").seen_to("settle"),
        a_payment().created().declined("settle").voided().charged_twice("void", "vo_2"),
    ],
)
def test_a_payment_at_rest_waits_for_nothing(story: Story) -> None:
    assert seen(story, after_s=86_400) == []


def test_a_running_step_is_given_its_time_once() -> None:
    story = a_payment().created()
    resumed = story.parked("settle").resumed("settle")

    began = NOON + timedelta(seconds=1)
    assert seen(story, after_s=30) == []
    assert seen(story) == [Wait(step=Step.SETTLE, since=began, state="retrying", reason=None)]
    assert seen(resumed, after_s=0) == seen(story)


def test_what_a_person_has_given_up_is_ending_until_it_has_ended() -> None:
    story = a_payment().created().parked("settle").resumed("settle", to="end", by="discard")

    assert [(wait.step, wait.state, wait.reason) for wait in seen(story, after_s=0)] == [(Step.SETTLE, "ending", None)]


def test_a_parked_step_waits_at_once_and_says_why() -> None:
    story = a_payment().created().parked("settle", reason="our_fault")

    assert seen(story, after_s=0) == [
        Wait(step=Step.SETTLE, since=NOON + timedelta(seconds=2), state="parked", reason="our_fault")
    ]


def test_two_steps_may_wait_at_once() -> None:
    story = a_payment().created().declined("settle", tells=True).parked("void").parked("notify_failure", reason="x y")

    assert [(wait.step, wait.state, wait.reason) for wait in seen(story)] == [
        (Step.VOID, "parked", "retries_exhausted"),
        (Step.NOTIFY_FAILURE, "parked", "unknown"),
    ]


def test_each_step_is_told_of_its_own_money() -> None:
    paid = a_payment().created().charged_twice("create", "pp_2").settled().charged_twice("settle", "cap_2").completed()
    late = a_payment().created().declined("settle").captured_late("cap_9").charged_twice("create", "pp_2")

    def told(story: Story) -> list[tuple[Task, str | None]]:
        return [(wait.step, wait.reason) for wait in seen(story)]

    assert told(paid) == [(Step.CREATE, "charged_twice"), (Step.SETTLE, "charged_twice")]
    assert [wait.since for wait in seen(paid)] == [NOON + timedelta(seconds=2), NOON + timedelta(seconds=4)]
    assert told(late) == [(Step.CREATE, "charged_twice"), (Step.SETTLE, "captured_late")]


def test_money_that_a_person_must_give_back_waits_until_all_of_it_is() -> None:
    twice = a_payment().created().charged_twice("create", "pp_2").charged_twice("create", "pp_3")
    paid = twice.settled().completed()

    def since(story: Story) -> list[tuple[str, float]]:
        return [(str(wait.reason), (wait.since - NOON).total_seconds()) for wait in seen(story)]

    assert since(paid) == [("charged_twice", 2)]
    assert since(paid.seen_to(reference="pp_2")) == [("charged_twice", 3)]
    assert since(paid.seen_to(reference="pp_2").seen_to(reference="pp_3")) == []
    late = a_payment(notification_url=None).created().declined("settle").captured_late("cap_9")
    assert since(late) == [("captured_late", 3)]
    assert since(late.seen_to(reference="cap_9")) == []
