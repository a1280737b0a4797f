"""How a step stands: the table of what may be done for it and by whom, and what no order of events may break."""

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.decisions import Refused, decide
from shared.domain.events import Event, PaymentCreated, PaymentFailed, PaymentParked, PaymentResumed
from shared.domain.evolution import fold
from shared.domain.intentions import Intention, intend
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.payment import Payment, Step, Task
from shared.domain.standing import STARTERS_OF, Standing, Stands, standing
from shared.domain.stream import StoredEvent
from shared.flow import MAP, NOTICE
from tests.builders import NOON, PAYMENT_ID, TASKS, Story, a_payment
from tests.unit.streams import OF_RECOVERY, STORIES, prefixes

STEPS = st.sampled_from(TASKS)
CREATED = a_payment().created()
FAILED = a_payment().created().declined("settle", tells=True)
UNDELIVERED = a_payment().created().settled().completed("undelivered")
ENDING = a_payment().resumed("create", to="end")
LATE = a_payment().declined(tells=True).created().announced_again()


@pytest.mark.parametrize(
    ("story", "step", "refused"),
    [
        (a_payment(), "settle", "not_created"),
        (a_payment().declined(), "settle", "not_created"),
        (CREATED, "notify", "not_settled"),
        (CREATED, "void", "not_failed"),
        (CREATED, "notify_failure", "not_failed"),
    ],
)
def test_a_step_that_nothing_started_is_none_and_says_why(story: Story, step: str, refused: str) -> None:
    now = story.standing(step)

    assert (now.stands, now.refused, now.cause, now.causes) == (Stands.NONE, refused, "", ())
    assert not now.may_be_parked


@pytest.mark.parametrize(
    ("story", "step", "cause"),
    [
        (a_payment(), "create", 1),
        (CREATED, "settle", 2),
        (CREATED.settled(), "notify", 3),
        (FAILED, "void", 3),
        (FAILED, "notify_failure", 3),
        (CREATED.parked("settle").resumed("settle"), "settle", 4),
        (CREATED.resumed("settle", by="sweep"), "settle", 3),
        (FAILED.parked("notify_failure"), "void", 3),
        (UNDELIVERED.resumed("notify"), "notify", 5),
    ],
)
def test_a_step_is_running_while_something_is_left_to_do_and_nobody_gave_up(
    story: Story, step: str, cause: int
) -> None:
    now = story.standing(step)

    assert (now.stands, now.cause) == (Stands.RUNNING, f"{PAYMENT_ID}:{cause}")
    assert now.may_be_parked


@pytest.mark.parametrize(
    ("story", "step"),
    [
        (a_payment().parked("create"), "create"),
        (CREATED.resumed("settle").parked("settle"), "settle"),
        (FAILED.parked("void"), "void"),
        (FAILED.parked("notify_failure"), "notify_failure"),
        (UNDELIVERED.parked("notify"), "notify"),
        (UNDELIVERED.parked("notify").resumed("notify").parked("notify"), "notify"),
    ],
)
def test_a_step_whose_current_cause_was_parked_waits_for_a_person(story: Story, step: str) -> None:
    now = story.standing(step)

    assert now.stands is Stands.PARKED
    assert now.parked == story.events[-1]
    assert not now.may_be_parked


@pytest.mark.parametrize(
    ("story", "step"),
    [
        (CREATED, "create"),
        (a_payment().parked("create").declined(), "create"),
        (CREATED.settled(), "settle"),
        (FAILED, "settle"),
        (CREATED.settled().completed(), "notify"),
        (CREATED.settled().completed("not_wanted"), "notify"),
        (FAILED.voided(), "void"),
        (FAILED.captured_late(), "void"),
        (a_payment().declined(), "void"),
        (FAILED.failure_told(), "notify_failure"),
        (a_payment(notification_url=None).declined(), "notify_failure"),
        (UNDELIVERED.resumed("notify").completed(), "notify"),
    ],
)
def test_a_step_is_done_when_its_fact_stands_or_nothing_is_left_for_it(story: Story, step: str) -> None:
    now = story.standing(step)

    assert now.stands is Stands.DONE
    assert (now.rests, now.may_be_parked) == (False, False)


@pytest.mark.parametrize(
    ("story", "step"),
    [
        (FAILED, "void"),
        (FAILED, "notify_failure"),
        (UNDELIVERED, "notify"),
        (CREATED.settled(), "notify"),
    ],
)
def test_a_step_that_a_person_has_ended_is_done_parked_or_not(story: Story, step: str) -> None:
    for told in (story, story.parked(step)):
        now = told.resumed(step, to="end", by="discard").seen_to(step).standing(step)

        assert now.stands is Stands.DONE
        assert not now.may_be_parked


def test_an_undelivered_notification_rests_and_may_still_be_parked() -> None:
    now = UNDELIVERED.standing("notify")

    assert (now.stands, now.rests, now.may_be_parked) == (Stands.DONE, True, True)
    assert UNDELIVERED.payment.owed == ()


def test_a_notification_that_was_started_again_does_not_rest_until_it_is_done() -> None:
    again = UNDELIVERED.parked("notify").resumed("notify")

    assert again.standing("notify").stands is Stands.RUNNING
    assert not again.standing("notify").rests


def test_a_notification_that_ran_out_after_it_was_started_again_rests_as_it_did_before() -> None:
    now = CREATED.settled().resumed("notify", by="sweep").completed("undelivered").standing("notify")

    assert (now.stands, now.rests, now.may_be_parked) == (Stands.DONE, True, True)


def test_a_notification_that_a_person_ended_is_done_and_does_not_rest() -> None:
    parked = CREATED.settled().parked("notify")

    now = parked.resumed("notify", to="end", by="discard").completed("undelivered").standing("notify")

    assert (now.stands, now.rests, now.may_be_parked) == (Stands.DONE, False, False)


def test_a_letter_of_an_older_cause_counts_for_nothing() -> None:
    again = CREATED.parked("settle").resumed("settle")

    late = again.parked("settle", cause=f"{PAYMENT_ID}:2")

    assert late.standing("settle").stands is Stands.RUNNING
    assert late.standing("settle").parked is None


def test_a_step_that_was_parked_is_no_word_about_another() -> None:
    told = FAILED.parked("notify_failure")

    assert told.standing("notify_failure").stands is Stands.PARKED
    assert told.standing("void").parked is None


@pytest.mark.parametrize("step", ["void", "notify_failure"])
def test_a_failure_that_is_announced_again_starts_its_steps_anew(step: str) -> None:
    parked = a_payment().declined(tells=True).parked("notify_failure").created().announced_again()

    now = parked.standing(step)

    assert (now.stands, now.cause, now.starter) == (Stands.RUNNING, f"{PAYMENT_ID}:5", f"{PAYMENT_ID}:5")
    assert now.causes == (f"{PAYMENT_ID}:2", f"{PAYMENT_ID}:5")
    assert now.resumed is None


@pytest.mark.parametrize(
    ("story", "step"),
    [
        (FAILED.failure_told(), "notify_failure"),
        (FAILED.parked("void").resumed("void", to="end").seen_to("void"), "void"),
        (LATE.voided(), "void"),
    ],
)
def test_a_failure_that_is_announced_again_does_not_start_what_is_done(story: Story, step: str) -> None:
    assert story.announced_again().standing(step).stands is Stands.DONE


def test_age_counts_from_the_first_starter_and_patience_from_the_current_cause() -> None:
    story = CREATED.parked("settle").resumed("settle")

    now = story.standing("settle")

    assert (now.started_at, now.since) == (story.events[1].occurred_at, story.events[3].occurred_at)
    assert (now.starter, now.cause) == (f"{PAYMENT_ID}:2", f"{PAYMENT_ID}:4")


def test_what_was_resumed_says_how_it_is_to_go_on() -> None:
    now = CREATED.parked("settle").resumed("settle", to="end", by="discard", heard=True).standing("settle")

    assert (now.is_to_end, now.was_heard) == (True, True)
    assert not CREATED.standing("settle").is_to_end
    assert not CREATED.resumed("settle").standing("settle").was_heard


@pytest.mark.parametrize(
    ("by", "sweeps"),
    [
        ([], 0),
        (["sweep"], 1),
        (["sweep", "sweep"], 2),
        (["sweep", "replay"], 0),
        (["sweep", "replay", "sweep", "sweep"], 2),
        (["discard", "sweep"], 1),
    ],
)
def test_only_the_sweeps_in_a_row_up_to_now_are_counted(by: list[str], sweeps: int) -> None:
    story = CREATED
    for who in by:
        story = story.resumed("settle", by=who).charged_twice("create", f"pp_{len(story.events)}")

    assert story.standing("settle").sweeps == sweeps


def test_a_stream_without_its_beginning_has_no_standing() -> None:
    with pytest.raises(ValueError, match="without events"):
        standing((), Step.CREATE)


def test_each_step_is_started_by_the_event_that_the_map_says() -> None:
    mapped = {reaction.step: (route.event,) for route in MAP for reaction in route.reactions}

    assert {**mapped, NOTICE.step: NOTICE_EVENTS} == STARTERS_OF


# --- whatever happens, and in whatever order


def starts(stream: Sequence[StoredEvent], step: Task) -> list[str]:
    """The ids of the events that start the step."""

    def is_one(stored: StoredEvent) -> bool:
        event, about = stored.event, step.value.partition(":")[2]
        if isinstance(event, PaymentResumed):
            return event.step == step.value
        if isinstance(event, NOTICE_EVENTS):
            return event.tells and step.value == f"notify:{stored.event_id}"
        return type(event) in STARTERS_OF[step.step] and about in ("", getattr(event, "refund_id", ""))

    return [stored.event_id for stored in stream if is_one(stored)]


@given(STORIES, STEPS)
def test_the_cause_is_the_newest_event_that_starts_the_step(story: Story, step: Task) -> None:
    now, causes = story.standing(step.value), starts(story.stored, step)

    assert list(now.causes) == causes
    assert now.cause == (causes[-1] if causes else "")
    assert (now.stands is Stands.NONE) == (not causes)


@given(STORIES, STEPS)
def test_while_its_cause_is_the_same_what_is_done_stays_done(story: Story, step: Task) -> None:
    before: Standing | None = None
    for stream in prefixes(story):
        now = standing(stream, step)
        if before and before.stands is Stands.DONE and before.cause == now.cause:
            rested = before.rests and now.stands is Stands.PARKED
            assert now.stands is Stands.DONE or rested, f"{step} was done and is {now.stands}"
        before = now


@given(STORIES, st.sampled_from([Step.CREATE, Step.SETTLE]))
def test_the_money_steps_of_a_payment_are_done_once_and_for_all(story: Story, step: Task) -> None:
    stands = [standing(stream, step).stands for stream in prefixes(story)]

    if Stands.DONE in stands:
        assert set(stands[stands.index(Stands.DONE) :]) == {Stands.DONE}


@given(STORIES)
def test_without_what_recovery_noted_the_stream_tells_of_the_same_facts(story: Story) -> None:
    bare = fold(event for event in story.events if not isinstance(event, OF_RECOVERY))

    assert bare is not None
    assert facts_of(bare) == facts_of(story.payment)


OF_THE_FACTS = (
    "created",
    "settled",
    "completed",
    "cancel_requested",
    "failed",
    "voided",
    "failure_told",
    "captured_late",
    "refunds",
    "disputes",
)


def facts_of(payment: Payment) -> dict[str, object]:
    facts = {name: getattr(payment, name) for name in OF_THE_FACTS}
    return {
        **facts,
        "status": payment.status,
        "money": payment.money_taken,
        "second yeses": [(each.step, each.reference) for each in payment.second_yeses],
    }


def test_the_facts_and_what_is_left_of_what_broke_are_all_that_changes_in_a_payment() -> None:
    changing = {field.name for field in dataclasses.fields(Payment) if field.default is not dataclasses.MISSING}

    of_what_broke = {"troubles", "second_yeses", "seen_to_steps", "seen_to_references"}
    assert changing - {*OF_THE_FACTS} == {"untold"} | of_what_broke


@given(STORIES, STEPS)
def test_the_state_names_each_step_that_broke_with_its_current_cause(story: Story, step: Task) -> None:
    now = story.standing(step.value)
    is_broken = now.stands in (Stands.RUNNING, Stands.PARKED) and (now.resumed or now.parked)

    troubles = [each for each in story.payment.troubles if each.step == step.value]

    if not is_broken:
        assert troubles == []
    else:
        (trouble,) = troubles
        assert (trouble.cause, trouble.is_parked, trouble.is_to_end) == (now.cause, bool(now.parked), now.is_to_end)
        why = now.parked.reason if now.parked else now.resumed.by if now.resumed else None
        assert trouble.reason == why


@given(STORIES, STEPS)
def test_what_a_payment_owes_is_running_or_parked_and_a_money_step_that_is_neither_is_not_owed(
    story: Story, step: Task
) -> None:
    is_open = story.standing(step.value).stands in (Stands.RUNNING, Stands.PARKED)

    if step in story.payment.owed:
        assert is_open
    if step.step.moves_money or step.step in (Step.NOTIFY_FAILURE, Step.NOTICE):
        assert is_open == (step in story.payment.owed)


@given(STORIES)
def test_a_step_that_is_owed_and_broke_waits_for_all_to_see(story: Story) -> None:
    troubled = {each.step for each in story.payment.troubles}

    broken = {step.value for step in story.payment.owed if step.value in troubled}

    assert broken <= {*story.payment.waiting}


@given(STORIES, STEPS)
def test_a_step_is_parked_once_for_each_cause(story: Story, step: Task) -> None:
    causes = [event.cause for event in story.events if isinstance(event, PaymentParked) and event.step == step.value]

    assert len(causes) == len({*causes})


@given(STORIES, STEPS)
def test_what_stands_still_to_be_done_is_what_the_rules_intend(story: Story, step: Task) -> None:
    intention = intend(story.payment, step, now=NOON)

    if story.standing(step.value).stands in (Stands.RUNNING, Stands.PARKED):
        assert intention in {Intention.CALL, Intention.GIVE_UP}


@pytest.mark.parametrize(
    ("story", "becomes"),
    [
        (ENDING, [PaymentFailed, PaymentCreated, PaymentFailed]),
        (ENDING.parked("create"), [PaymentFailed, PaymentCreated, PaymentFailed]),
        (ENDING.parked("create").resumed("create"), [PaymentCreated]),
        (a_payment().parked("create"), [PaymentCreated]),
    ],
)
def test_a_yes_ends_a_payment_that_a_person_gave_up_until_a_person_takes_that_back(
    story: Story, becomes: list[type[Event]]
) -> None:
    decision = decide(story.payment, PaymentCreated(occurred_at=NOON, provider_payment_id="pp_late"))

    assert not isinstance(decision, Refused)
    assert [type(event) for event in decision] == becomes
