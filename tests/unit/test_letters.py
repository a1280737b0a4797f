"""How a dead letter stands: it follows from the stream alone, and never goes back."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.letters import (
    Entry,
    LetterRecord,
    LetterStatus,
    Yes,
    earlier_letter_id_of,
    holds_unrecorded,
    is_in_the_box_alone,
    letter_id_of,
    letter_status,
    money_of,
    told_of,
)
from shared.domain.payment import Step, Task
from shared.domain.reasons import Reason
from shared.domain.standing import Stands, standing
from tests.builders import NOON, PAYMENT_ID, TASKS, Story, a_letter, a_payment
from tests.unit.streams import STORIES, prefixes

OPEN, TAKEN_UP, CLOSED = LetterStatus
ORDER = tuple(LetterStatus)
STEPS = st.sampled_from(TASKS)
FAILED = a_payment().created().declined("settle", tells=True)
UNDELIVERED = a_payment().created().settled().completed("undelivered")
ENDED = a_payment().created().settled().parked("notify").resumed("notify", to="end").completed("undelivered")
CLOSING = Entry(at=NOON, action="discarded", by="ann", note="nobody needs it")


def a_letter_of(task: str | Task, version: int, **changes: object) -> LetterRecord:
    """A letter of the task, from a message that stems from the event of this version."""
    cause, name = f"{PAYMENT_ID}:{version}", task if isinstance(task, str) else task.value
    step, _, about = name.partition(":")
    names: dict[str, object] = {"step": step, "refund_id": about or None}
    if about and step == Step.NOTIFY:
        names = {"step": Step.NOTICE.value, "event_id": about}
    return a_letter(**names, cause=cause, message_id=f"{cause}:{step}:5", **changes)


def never_goes_back(statuses: Iterable[LetterStatus]) -> bool:
    places = [ORDER.index(status) for status in statuses]
    return places == sorted(places)


@pytest.mark.parametrize(
    ("story", "letter", "status"),
    [
        # nobody has done anything
        (a_payment(), a_letter_of("create", 1), OPEN),
        (a_payment().parked("create"), a_letter_of("create", 1), OPEN),
        # it was started again, whatever became of that
        (a_payment().parked("create").resumed("create"), a_letter_of("create", 1), TAKEN_UP),
        (a_payment().parked("create").resumed("create").parked("create"), a_letter_of("create", 1), TAKEN_UP),
        (a_payment().parked("create").resumed("create").parked("create"), a_letter_of("create", 3), OPEN),
        (a_payment().resumed("create", by="sweep"), a_letter_of("create", 1), TAKEN_UP),
        # it is done, by whichever message
        (a_payment().parked("create").resumed("create").created(), a_letter_of("create", 1), CLOSED),
        (a_payment().parked("create").created(), a_letter_of("create", 1), CLOSED),
        (a_payment().parked("create").declined(), a_letter_of("create", 1), CLOSED),
        (FAILED.parked("void").resumed("void", to="end").seen_to("void"), a_letter_of("void", 3), CLOSED),
        # of a merchant who may still be told
        (UNDELIVERED, a_letter_of("notify", 3), OPEN),
        (UNDELIVERED.parked("notify"), a_letter_of("notify", 3), OPEN),
        (UNDELIVERED.parked("notify").resumed("notify"), a_letter_of("notify", 3), TAKEN_UP),
        (UNDELIVERED.parked("notify").resumed("notify").completed(), a_letter_of("notify", 3), CLOSED),
        (ENDED, a_letter_of("notify", 3), CLOSED),
        # what is done for one step is nothing to another
        (FAILED.parked("void").voided(), a_letter_of("notify_failure", 3), OPEN),
    ],
)
def test_a_letter_is_open_until_its_step_is_started_again_or_done(
    story: Story, letter: LetterRecord, status: LetterStatus
) -> None:
    assert letter_status(letter, story.stored) is status


def test_a_failure_that_is_announced_again_takes_up_the_letter_of_the_first_and_owes_it_no_longer() -> None:
    letter = a_letter_of("notify_failure", 2)
    again = a_payment().declined(tells=True).parked("notify_failure").created().announced_again()

    assert letter_status(letter, again.stored) is TAKEN_UP
    assert letter_status(letter, again.failure_told().stored) is CLOSED


def test_a_letter_of_a_step_that_was_done_stays_closed_when_the_step_is_owed_once_more() -> None:
    letter = a_letter_of("void", 2)
    late = a_payment().declined(tells=True).created().announced_again()

    assert late.standing("void").stands is Stands.RUNNING
    assert letter_status(letter, late.stored) is CLOSED


# --- in the box alone


@pytest.mark.parametrize(
    ("letter", "story"),
    [
        (a_letter(step="publish", source="events", reason="unmappable"), a_payment()),
        (a_letter(step="unknown", source="payment-lost/b"), a_payment()),
        (a_letter(cause=None, event_id=None, payment_id=None), Story()),
        (a_letter(), Story()),
        (a_letter_of("settle", 1), a_payment().created()),
        (a_letter_of("settle", 2), a_payment()),
    ],
)
def test_a_letter_that_the_stream_knows_nothing_of_is_open_until_a_person_closes_it(
    letter: LetterRecord, story: Story
) -> None:
    assert is_in_the_box_alone(letter, story.stored)
    assert letter_status(letter, story.stored) is OPEN
    assert letter_status(replace(letter, closing=CLOSING), story.stored) is CLOSED


@given(STORIES, STEPS, st.integers(1, 14))
def test_a_letter_is_in_the_box_alone_unless_its_cause_started_its_step(story: Story, step: Task, version: int) -> None:
    letter = a_letter_of(step, version)

    is_alone = is_in_the_box_alone(letter, story.stored)

    assert is_alone == (letter.cause not in story.standing(step.value).causes)


# --- money to give back

CHARGED = a_payment().created("pp_1").charged_twice("create", "pp_2").charged_twice("settle", "cap_2")
MONEY = a_letter(step="publish", source="events", reason=Reason.CHARGED_TWICE.value, cause=f"{PAYMENT_ID}:3")
OF_PP_2 = replace(MONEY, event_id=f"{PAYMENT_ID}:3")
OF_CAP_2 = replace(MONEY, event_id=f"{PAYMENT_ID}:4")
LATE = FAILED.captured_late("cap_9")
OF_CAP_9 = replace(MONEY, event_id=f"{PAYMENT_ID}:4", reason=Reason.CAPTURED_LATE.value)
OF_A_RELEASE_BEFORE = a_letter_of("settle", 2, reason=Reason.CAPTURED_AFTER_FAILURE.value, as_of=None)


@pytest.mark.parametrize(
    ("letter", "story", "reference"),
    [
        (OF_PP_2, CHARGED, "pp_2"),
        (OF_CAP_2, CHARGED, "cap_2"),
        (OF_CAP_9, LATE, "cap_9"),
        (OF_A_RELEASE_BEFORE, LATE, "cap_9"),
        (OF_A_RELEASE_BEFORE, FAILED, None),
        (OF_PP_2, a_payment(), None),
    ],
)
def test_a_letter_of_money_names_the_reference_that_its_event_brought(
    letter: LetterRecord, story: Story, reference: str | None
) -> None:
    assert money_of(letter, story.stored) == reference
    assert is_in_the_box_alone(letter, story.stored) == (reference is None)


@pytest.mark.parametrize(
    ("letter", "story"), [(OF_PP_2, CHARGED), (OF_CAP_2, CHARGED), (OF_CAP_9, LATE), (OF_A_RELEASE_BEFORE, LATE)]
)
def test_only_a_person_who_gave_the_money_back_closes_the_letter_that_tells_of_it(
    letter: LetterRecord, story: Story
) -> None:
    reference = money_of(letter, story.stored)

    for other in (
        story.settled(),
        story.seen_to(reference="another"),
        story.seen_to("settle"),
        story.seen_to("void"),
    ):
        assert letter_status(letter, other.stored) is OPEN
    assert letter_status(letter, story.seen_to(reference=reference).stored) is CLOSED


def test_money_that_was_given_back_closes_one_letter_and_not_the_other() -> None:
    story = CHARGED.seen_to(reference="pp_2")

    assert letter_status(OF_PP_2, story.stored) is CLOSED
    assert letter_status(OF_CAP_2, story.stored) is OPEN


# --- letters of a release that wrote nothing into the stream


@pytest.mark.parametrize("word", LetterStatus)
def test_what_an_earlier_release_did_with_a_letter_still_counts(word: LetterStatus) -> None:
    letter = a_letter_of("create", 1, status=word, as_of=None)

    assert letter_status(letter, a_payment().stored) is word
    assert letter_status(letter, ()) is word
    assert letter_status(letter, a_payment().created().stored) is CLOSED


@pytest.mark.parametrize("word", LetterStatus)
def test_what_a_list_shows_of_a_letter_of_this_release_decides_nothing(word: LetterStatus) -> None:
    letter = a_letter_of("create", 1, status=word, as_of=7)

    assert letter_status(letter, a_payment().stored) is OPEN


# --- whatever happens, and in whatever order


def letters() -> Iterator[st.SearchStrategy[LetterRecord]]:
    yield st.builds(a_letter_of, STEPS, st.integers(1, 14))
    yield st.builds(a_letter_of, STEPS, st.integers(1, 14), status=st.sampled_from(LetterStatus), as_of=st.none())
    yield st.builds(
        lambda version, reason: replace(MONEY, event_id=f"{PAYMENT_ID}:{version}", reason=reason.value),
        st.integers(1, 14),
        st.sampled_from([Reason.CHARGED_TWICE, Reason.CAPTURED_LATE]),
    )
    yield st.just(OF_A_RELEASE_BEFORE)


LETTERS = st.one_of(*letters())


@given(STORIES, LETTERS)
def test_a_letter_never_goes_back_while_the_stream_grows(story: Story, letter: LetterRecord) -> None:
    streams = [(), *prefixes(story)]

    assert never_goes_back(letter_status(letter, stream) for stream in streams)


@given(STORIES, LETTERS)
def test_what_a_list_was_told_in_between_is_what_the_whole_stream_says(story: Story, letter: LetterRecord) -> None:
    """As project and the actions write it: only what is further than what is shown."""
    shown = letter
    for stream in prefixes(story):
        status = letter_status(shown, stream)
        if ORDER.index(status) > ORDER.index(shown.status):
            shown = replace(shown, status=status, as_of=stream[-1].payment.version)

    assert shown.status is letter_status(letter, story.stored)
    assert letter_status(shown, story.stored) is shown.status


@given(STORIES, STEPS)
def test_of_the_letters_of_a_step_only_that_of_the_current_cause_is_open(story: Story, step: Task) -> None:
    now = story.standing(step.value)

    for cause in now.causes:
        letter = a_letter_of(step, int(cause.rpartition(":")[2]))
        is_open = letter_status(letter, story.stored) is OPEN
        assert not is_open or cause == now.cause
    if now.stands is Stands.PARKED:
        parked = a_letter_of(step, int(now.cause.rpartition(":")[2]))
        assert letter_status(parked, story.stored) is OPEN


@given(STORIES, STEPS, st.integers(1, 14))
def test_a_letter_closes_by_itself_only_when_its_step_was_done(story: Story, step: Task, version: int) -> None:
    if letter_status(a_letter_of(step, version), story.stored) is CLOSED:
        assert Stands.DONE in {standing(stream, step).stands for stream in prefixes(story)}


# --- what was done about it


@pytest.mark.parametrize(
    ("step", "story"),
    [
        ("create", a_payment().created("told")),
        ("settle", a_payment().created().settled("told")),
        ("settle", a_payment().created().declined("settle").captured_late("told")),
        ("settle", a_payment().created().settled().charged_twice("settle", "told")),
        ("void", a_payment().created().declined("settle").voided("told")),
    ],
)
def test_a_yes_is_unrecorded_until_an_event_holds_its_reference(step: str, story: Story) -> None:
    letter = a_letter_of(step, 1, yes=Yes("told", NOON))

    assert holds_unrecorded(letter, story.stored[:-1]) is True
    assert holds_unrecorded(letter, story.stored) is False


def test_the_history_of_a_letter_is_told_by_the_stream_and_by_what_earlier_releases_noted() -> None:
    noted = Entry(at=NOON, action="replayed", by="ann", note="as r1")
    letter = a_letter_of("settle", 2, history=(noted,))
    story = (
        FAILED.parked("void")
        .resumed("void", to="end", by="discard", who="bob", why="the card is stolen")
        .seen_to("void")
    )

    assert told_of(letter, story.stored) == (noted,)
    told = told_of(replace(letter, step="void"), story.stored)
    assert [(entry.action, entry.by) for entry in told] == [
        ("replayed", "ann"),
        ("parked", "recorder"),
        ("discard", "bob"),
        ("seen to", "ann"),
    ]
    assert "the card is stolen" in told[2].note
    assert f"{PAYMENT_ID}:5" in told[2].note


def test_the_history_of_money_that_was_given_back_says_by_whom() -> None:
    story = CHARGED.seen_to(reference="cap_2").seen_to(reference="pp_2")

    (entry,) = told_of(OF_PP_2, story.stored)

    assert (entry.action, entry.by, entry.note, entry.at) == (
        "seen to",
        "ann",
        "done by hand",
        story.events[-1].occurred_at,
    )


def test_the_history_ends_with_what_closed_a_letter_that_is_in_the_box_alone() -> None:
    letter = replace(a_letter(step="publish", source="events"), closing=CLOSING)

    assert told_of(letter, a_payment().stored) == (CLOSING,)


# --- ids


def test_a_new_death_is_a_new_letter_and_the_same_death_is_the_same_one() -> None:
    death = {"source": "payment-created/settle", "message_id": "p:2:settle:5", "reason": "our_fault"}

    assert letter_id_of(**death) == letter_id_of(**death)
    for changed in ({"source": "payment-failed/void"}, {"message_id": "p:2:settle:6"}, {"reason": "stands_still"}):
        assert letter_id_of(**{**death, **changed}) != letter_id_of(**death)


def test_the_id_that_an_earlier_release_gave_to_a_death_is_found_again() -> None:
    earlier = earlier_letter_id_of(source="payment-created/settle", message_id=f"{PAYMENT_ID}:2:settle:r1:15")

    assert earlier == "c7be9c04-b865-545d-b866-8744261ce0f2"
