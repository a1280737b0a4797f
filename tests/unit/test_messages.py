"""Ids, application properties and addressed copies are what they always were, and are read as they were written."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import flow
from shared.codec.cloud_events import from_cloud_event, to_cloud_event
from shared.codec.deliveries import Delivery, Tried, as_dead_letter, named_in, record_attempts, tried
from shared.codec.messages import Message, announcement, outgoing, parked, parked_again, resumption, tried_again
from shared.codec.properties import PROPERTIES
from shared.codec.values import shown
from shared.domain.events import PaymentChargedTwice, PaymentResumed
from shared.domain.letters import DeadLetter, Yes
from shared.domain.payment import Step, task_named
from shared.domain.reasons import Reason
from shared.domain.standing import STARTERS_OF
from shared.errors import Unreadable
from shared.flow import PLACE_OF, SENT, Sent
from tests import places
from tests.builders import NOON, PAYMENT_ID, Story, a_payment
from tests.unit import streams
from tests.unit.test_codec import NOTICES_TOLD, TOLD_IN_FULL


def test_the_names_of_the_properties_are_what_is_in_flight_when_a_new_version_starts() -> None:
    assert {
        "attempt",
        "quiet",
        "answered",
        "answered_of",
        "answered_reference",
        "answered_at",
        "source",
        "reason",
        "description",
        "delivery_count",
        "record_attempt",
        "tries",
        "DeadLetterReason",
        "DeadLetterErrorDescription",
    } == PROPERTIES


STORED = a_payment().created().stored[-1]


def test_what_the_feed_publishes_has_the_events_own_id_and_goes_to_all() -> None:
    message = announcement(STORED)

    assert (message.topic, message.message_id, message.to) == ("payment-created", f"{PAYMENT_ID}:2", None)
    assert (message.subject, dict(message.properties)) == ("payment.created", {})


def a_delivery(message_id: str = "p:1", **changes: Any) -> Delivery:
    return replace(
        Delivery(message_id=message_id, body="{}", subject="payment.created", delivery_count=1, properties={}),
        **changes,
    )


def delivered(message: Message) -> Delivery:
    """The message as it arrives."""
    return Delivery(
        message_id=message.message_id,
        body=message.body,
        subject=message.subject,
        delivery_count=1,
        properties=message.properties,
    )


# --- what the feed makes of an event


@pytest.mark.parametrize("name", TOLD_IN_FULL)
def test_every_event_is_sent_as_the_map_says(name: str) -> None:
    stored = TOLD_IN_FULL[name].stored[-1]

    sent = outgoing(stored)

    match SENT[type(stored.event)]:
        case Sent.TO_ALL:
            (message,) = sent
            assert isinstance(message, Message)
            assert (message.topic, message.to) == (flow.TOPIC_OF[type(stored.event)], None)
        case Sent.TO_STEP:
            (message,) = sent
            assert isinstance(message, Message)
            assert message.to is not None
        case Sent.AS_LETTER:
            (letter,) = sent
            assert isinstance(letter, DeadLetter)
        case Sent.NOT:
            assert sent == ()


@pytest.mark.parametrize("name", NOTICES_TOLD)
def test_what_the_merchant_is_told_by_itself_goes_to_the_step_that_tells_it_too(name: str) -> None:
    stored = NOTICES_TOLD[name].stored[-1]

    to_all, to_step = outgoing(stored)

    assert isinstance(to_all, Message)
    assert isinstance(to_step, Message)
    assert (to_all.topic, to_step.topic) == (flow.TOPIC_OF[type(stored.event)], flow.NOTICES)
    assert replace(to_all, topic=flow.NOTICES) == to_step
    assert to_step.message_id == stored.event_id


@given(streams.STORIES)
def test_whatever_is_sent_has_the_events_own_id_and_no_properties(story: Story) -> None:
    for stored in story.stored:
        for sent in outgoing(stored):
            assert sent.message_id == stored.event_id
            assert not isinstance(sent, Message) or dict(sent.properties) == {}


@given(streams.STORIES)
def test_a_resumption_is_the_event_that_the_step_began_with_as_the_payment_now_is(story: Story) -> None:
    first_told = {stored.event_id: to_cloud_event(stored) for stored in story.stored}
    for stored in story.stored:
        if not isinstance(stored.event, PaymentResumed):
            continue
        task = task_named(stored.event.step)
        assert task is not None
        step = task.step

        message = resumption(stored)

        assert (message.topic, message.to) == (PLACE_OF[step].topic, PLACE_OF[step].subscription)
        again, before = json.loads(message.body), json.loads(first_told[stored.event.starter])
        for attribute in ("id", "type", "time", "source", "subject", "refundid", "disputeid"):
            assert again.get(attribute) == before.get(attribute), attribute
        assert again["data"]["version"] == stored.payment.version
        assert again["type"] == f"regispay.{message.subject}.v1"


def test_a_resumption_stems_from_itself_and_tells_of_its_starter() -> None:
    message = resumption(a_payment().created().parked("settle").resumed("settle").stored[-1])

    assert (message.topic, message.message_id, message.to) == ("payment-created", f"{PAYMENT_ID}:4", "settle")
    assert message.subject == "payment.created"
    assert from_cloud_event(message.body).event_id == f"{PAYMENT_ID}:2"
    assert tried(delivered(message)) == Tried(cause=f"{PAYMENT_ID}:4", attempt=0, is_quiet=False, yes=None)


RESUMED = a_payment().resumed("create").events[-1]
assert isinstance(RESUMED, PaymentResumed)


@pytest.mark.parametrize(
    "resumed",
    [
        a_payment().then(replace(RESUMED, step="refund:r1")),
        a_payment().then(replace(RESUMED, step="settle")),
        a_payment().then(replace(RESUMED, step="notify")),
        a_payment().then(replace(RESUMED, step="void")),
        a_payment().then(replace(RESUMED, step="notice")),
        a_payment().then(replace(RESUMED, step=f"notify:{PAYMENT_ID}:1")),
    ],
)
def test_a_resumption_of_a_step_that_is_not_known_or_has_not_begun_is_unreadable(resumed: Story) -> None:
    with pytest.raises(Unreadable, match=f"{PAYMENT_ID}:2"):
        outgoing(resumed.stored[-1])


@pytest.mark.parametrize(
    ("story", "reason", "says"),
    [
        (
            a_payment().created().declined("settle").captured_late("cap_9"),
            Reason.CAPTURED_LATE,
            "before cap_9 was captured",
        ),
        (a_payment().created().charged_twice("create", "pp_9"), Reason.CHARGED_TWICE, "yes to create once more: pp_9"),
        (a_payment().created().charged_twice("settle", "cap_9"), Reason.CHARGED_TWICE, "to settle once more: cap_9"),
    ],
)
def test_money_that_has_to_be_given_back_becomes_a_letter_and_reaches_no_topic(
    story: Story, reason: Reason, says: str
) -> None:
    stored = story.stored[-1]

    (letter,) = outgoing(stored)

    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.source, letter.yes) == (reason, "events", None)
    assert says in letter.description
    assert json.loads(letter.body) == {"payment_id": PAYMENT_ID, "event_id": letter.message_id}
    assert letter.message_id == stored.event_id


def test_a_second_void_is_noted_and_told_to_nobody() -> None:
    stored = a_payment().created().declined("settle").voided().charged_twice("void", "vo_2").stored[-1]

    assert isinstance(stored.event, PaymentChargedTwice)
    assert outgoing(stored) == ()


# --- attempts


def test_a_retry_is_the_delivered_message_as_a_later_attempt() -> None:
    message = tried_again(
        a_delivery("x"), place=places.SETTLE, cause=f"{PAYMENT_ID}:4", attempt=4, is_quiet=False, yes=None
    )

    assert message.message_id == f"{PAYMENT_ID}:4:settle:4"
    assert (message.topic, message.body, message.subject) == ("payment-created", "{}", "payment.created")
    assert message.to == "settle"
    assert dict(message.properties) == {"attempt": 4}


def test_a_copy_says_that_it_is_quiet_and_what_was_heard() -> None:
    yes = Yes("cap_1", NOON)

    message = tried_again(
        a_delivery("x"), place=places.SETTLE, cause=f"{PAYMENT_ID}:2", attempt=1, is_quiet=True, yes=yes
    )

    assert dict(message.properties) == {
        "attempt": 1,
        "quiet": 1,
        "answered": 1,
        "answered_reference": "cap_1",
        "answered_at": "2026-01-02T12:00:00.123456Z",
    }


CAUSES = st.builds(lambda version: f"{PAYMENT_ID}:{version}", st.integers(1, 99))
YESES = st.none() | st.builds(
    Yes,
    st.none() | st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40),
    st.none() | st.integers(0, 10**9).map(lambda seconds: NOON + timedelta(seconds=seconds)),
)


@given(CAUSES, st.integers(1, 99), st.booleans(), YESES, st.sampled_from(Step))
def test_what_a_copy_says_is_read_as_it_was_written(
    cause: str,
    attempt: int,
    is_quiet: bool,  # noqa: FBT001 - drawn
    yes: Yes | None,
    step: Step,
) -> None:
    message = tried_again(a_delivery(), place=PLACE_OF[step], cause=cause, attempt=attempt, is_quiet=is_quiet, yes=yes)

    assert tried(delivered(message)) == Tried(cause=cause, attempt=attempt, is_quiet=is_quiet, yes=yes)


@given(CAUSES, CAUSES, st.integers(1, 99), st.integers(1, 99))
def test_two_attempts_have_one_id_only_if_they_are_the_same_attempt_of_the_same_cause(
    one: str, other: str, first: int, second: int
) -> None:
    ids = {
        tried_again(
            a_delivery(), place=places.SETTLE, cause=cause, attempt=attempt, is_quiet=False, yes=None
        ).message_id
        for cause, attempt in ((one, first), (other, second))
    }

    assert (len(ids) == 1) == ((one, first) == (other, second))
    assert not ids & {one, other}
    assert not set("/\\#?") & set("".join(ids))


@pytest.mark.parametrize("message_id", ["", "x", "x:", ":", "x:y:1", f"{PAYMENT_ID}", f"{PAYMENT_ID}:settle:1", "p: 1"])
def test_a_message_whose_id_names_no_event_is_unreadable(message_id: str) -> None:
    with pytest.raises(Unreadable, match="names no event"):
        tried(a_delivery(message_id))


@pytest.mark.parametrize("attempt", [-1, "1", 1.0, True, None])
def test_a_message_whose_attempt_is_no_number_is_unreadable(attempt: object) -> None:
    with pytest.raises(Unreadable, match="has the attempt"):
        tried(a_delivery(properties={"attempt": attempt}))


@pytest.mark.parametrize("heard_at", ["soon", "2026-01-02T12:00:00", "0001-01-01T00:00:00+14:00", 5])
def test_a_yes_whose_time_cannot_be_read_is_still_a_yes(heard_at: object) -> None:
    said = {"answered": 1, "answered_reference": "cap_1", "answered_at": heard_at}

    assert tried(a_delivery(properties=said)).yes == Yes("cap_1")
    assert as_dead_letter(a_delivery(properties=said)).yes == Yes("cap_1")


@given(st.text())
def test_an_id_is_ours_or_it_is_not_and_nothing_is_raised(message_id: str) -> None:
    named = named_in(message_id)

    assert named is None or (message_id.startswith(named[1]) and named[1].startswith(f"{named[0]}:"))


def test_what_starts_a_step_is_what_a_resumption_repeats() -> None:
    for step, kinds in STARTERS_OF.items():
        topics = {flow.NOTICES} if step is Step.NOTICE else {flow.TOPIC_OF[kind] for kind in kinds}
        assert {PLACE_OF[step].topic} == topics


# --- dead letters


def test_a_dead_letter_says_its_death_under_our_names_and_under_the_brokers() -> None:
    letter = DeadLetter(
        message_id="m",
        body="b",
        subject="s",
        reason="our_fault",
        description="d" * 2000,
        source="payment-created/settle",
        attempt=2,
        delivery_count=3,
        yes=Yes("cap_1", NOON),
    )

    message = parked(letter)

    assert (message.topic, message.message_id, message.to) == ("payment-dead-letters", "m", None)
    assert dict(message.properties) == {
        "DeadLetterReason": "our_fault",
        "DeadLetterErrorDescription": "d" * 1000,
        "reason": "our_fault",
        "description": "d" * 1000,
        "source": "payment-created/settle",
        "attempt": 2,
        "delivery_count": 3,
        "answered": 1,
        "answered_reference": "cap_1",
        "answered_at": "2026-01-02T12:00:00.123456Z",
    }


LETTERS = st.builds(
    DeadLetter,
    message_id=st.just("m"),
    body=st.text(max_size=20),
    subject=st.text(max_size=20),
    reason=st.sampled_from([reason.value for reason in Reason if reason is not Reason.CHARGED_NOT_RECORDED]),
    description=st.text(min_size=1, max_size=1000),
    source=st.sampled_from(["events", "payment-created/settle"]),
    attempt=st.integers(0, 99),
    delivery_count=st.integers(1, 10),
    yes=YESES,
)


@given(LETTERS, st.integers(1, 99))
def test_a_dead_letter_arrives_as_it_was_parked_also_when_the_store_could_not_take_it(
    letter: DeadLetter, record_attempt: int
) -> None:
    first, again = delivered(parked(letter)), delivered(parked_again(letter, record_attempt=record_attempt))

    cleaned = replace(letter, description=shown(letter.description, at_most=1000))
    assert as_dead_letter(first) == cleaned
    assert as_dead_letter(again) == letter
    assert (record_attempts(first), record_attempts(again)) == (0, record_attempt)


def test_a_letter_that_says_charged_and_not_what_holds_a_yes_without_a_reference() -> None:
    said = {"reason": "charged_not_recorded", "source": "payment-created/settle"}

    assert as_dead_letter(a_delivery(properties=said)).yes == Yes()
