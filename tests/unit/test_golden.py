"""What was ever written is read on: messages in flight, dead letters and rows. The files never change."""

import json
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.codec.cloud_events import from_cloud_event
from shared.codec.deliveries import Delivery, Tried, as_dead_letter, record_attempts, tried
from shared.codec.letters import letter_from_json, letter_to_json, words_of
from shared.codec.messages import Message, parked, parked_again, resumption, tried_again
from shared.codec.rows import row_from_json, row_to_json
from shared.domain.letters import (
    DeadLetter,
    Entry,
    LetterRecord,
    LetterStatus,
    Yes,
    earlier_letter_id_of,
    is_in_the_box_alone,
    letter_status,
)
from shared.domain.rows import newer, row_of
from tests import places
from tests.builders import NOON, PAYMENT_ID, a_letter, a_payment
from tests.unit.test_codec import GOLDEN

EARLIER = GOLDEN / "earlier"
PRESENT = GOLDEN / "present"
SETTLE_ATTEMPT_15 = f"{PAYMENT_ID}:2:settle:0:15"
CAUSE = f"{PAYMENT_ID}:2"
OPEN, TAKEN_UP, CLOSED = LetterStatus
CREATED = a_payment().created()


def written(name: str, *, of: Path = EARLIER) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads((of / f"{name}.json").read_text())
    return fields


def letter(name: str) -> LetterRecord:
    return letter_from_json(written(f"letter.{name}"))


def as_sent(message: Message) -> dict[str, Any]:
    return {**asdict(message), "properties": dict(message.properties)}


def copy(*, attempt: int, is_quiet: bool, yes: Yes | None) -> Message:
    delivery = Delivery(message_id=CAUSE, body="{}", subject="payment.created", delivery_count=1, properties={})
    return tried_again(delivery, place=places.SETTLE, cause=CAUSE, attempt=attempt, is_quiet=is_quiet, yes=yes)


def in_flight(name: str, *, of: Path = EARLIER) -> Delivery:
    """The message as it is delivered to this release."""
    message = written(name, of=of)
    return Delivery(
        message_id=message["message_id"],
        body=message["body"],
        subject=message["subject"],
        delivery_count=1,
        properties=message["properties"],
    )


# --- messages


@pytest.mark.parametrize(
    ("name", "attempt", "yes"),
    [
        ("published", 0, None),
        ("published_again", 0, None),
        ("retried", 3, None),
        ("retried_after_a_yes", 4, Yes()),
        ("replayed", 0, Yes()),
        ("swept", 0, None),
    ],
)
def test_a_message_in_flight_stems_from_its_event_and_is_not_quiet(name: str, attempt: int, yes: Yes | None) -> None:
    delivery = in_flight(f"message.{name}")

    assert tried(delivery) == Tried(cause=CAUSE, attempt=attempt, is_quiet=False, yes=yes)
    assert from_cloud_event(delivery.body).payment == CREATED.payment


def test_a_dead_letter_in_flight_keeps_its_yes_although_no_reference_was_kept() -> None:
    dead = as_dead_letter(in_flight("dead_letter.parked"))

    assert dead.message_id == f"{PAYMENT_ID}:2:settle:r1:15"
    assert (dead.reason, dead.source) == ("charged_not_recorded", "payment-created/settle")
    assert (dead.attempt, dead.delivery_count, dead.yes) == (15, 1, Yes())


def test_a_dead_letter_that_the_store_could_not_take_is_counted_on() -> None:
    delivery = in_flight("dead_letter.parked_again")

    assert record_attempts(delivery) == 3
    assert as_dead_letter(delivery).yes is None


# --- dead letters


@pytest.mark.parametrize(
    ("name", "status"), [("open", OPEN), ("replayed", TAKEN_UP), ("discarded", CLOSED), ("resolved", CLOSED)]
)
def test_a_letter_is_read_as_it_was_recorded(name: str, status: LetterStatus) -> None:
    read = letter(name)

    assert (read.status, read.as_of, read.closing) == (status, None, None)
    assert (read.payment_id, read.event_id, read.cause) == (PAYMENT_ID, CAUSE, CAUSE)
    assert (read.message_id, read.attempt, read.delivery_count) == (SETTLE_ATTEMPT_15, 15, 1)
    assert (read.step, read.source, read.reason) == ("settle", "payment-created/settle", "retries_exhausted")
    assert (read.yes, read.severity, read.recorded_at) == (None, "normal", NOON + timedelta(hours=1))
    assert read.letter_id == earlier_letter_id_of(source=read.source, message_id=read.message_id)


def test_a_letter_keeps_what_was_done_about_it() -> None:
    at = NOON + timedelta(hours=2)

    assert letter("replayed").history == (
        Entry(at=at, action="replaying", by="ann", note="as r1"),
        Entry(at=at + timedelta(seconds=1), action="replayed", by="ann", note="sent to payment-created/settle as r1"),
    )
    assert letter("discarded").history == (Entry(at=at, action="discarded", by="ann", note="card stolen"),)


def test_a_letter_that_holds_a_yes_still_holds_it() -> None:
    assert letter("answered").yes == Yes()
    assert letter("answered").severity == "high"


@pytest.mark.parametrize(
    ("name", "status"), [("open", OPEN), ("replayed", TAKEN_UP), ("discarded", CLOSED), ("resolved", CLOSED)]
)
def test_how_a_letter_stands_goes_on_from_where_it_was(name: str, status: LetterStatus) -> None:
    read = letter(name)

    assert not is_in_the_box_alone(read, CREATED.stored)
    assert letter_status(read, CREATED.stored) is status
    assert letter_status(read, CREATED.resumed("settle").stored) is max(status, TAKEN_UP, key=[*LetterStatus].index)
    assert letter_status(read, CREATED.settled().stored) is CLOSED


@pytest.mark.parametrize("name", ["open", "replayed", "discarded", "resolved", "answered"])
def test_a_letter_that_is_written_again_says_the_same(name: str) -> None:
    read = letter(name)

    assert letter_from_json(letter_to_json(read)) == read
    assert letter_from_json(json.loads(json.dumps(letter_to_json(replace(read, as_of=3))))) == replace(read, as_of=3)


def test_a_filter_finds_letters_under_every_word_of_theirs() -> None:
    words = {status: {*words_of(status)} for status in LetterStatus}

    for name in ("open", "replayed", "discarded", "resolved"):
        assert written(f"letter.{name}")["status"] in words[letter(name).status]
    assert sum(map(len, words.values())) == len(set().union(*words.values()))


def test_a_status_that_a_later_release_may_bring_counts_as_open() -> None:
    assert letter_from_json({**written("letter.open"), "status": "handed_over"}).status is OPEN


# --- rows


def test_a_row_is_read_as_of_a_payment_in_which_nothing_broke() -> None:
    row = row_from_json(written("row"))

    assert row == replace(row_of(CREATED.stored[-1]), merchant_id=None), "rows did not say whose they are"


def test_a_row_of_before_lists_is_read_as_one_of_nobody() -> None:
    row = row_from_json(written("row.broken", of=PRESENT))

    assert (row.payment_id, row.merchant_id, row.broken) == (PAYMENT_ID, None, ("settle",))


def test_a_row_that_was_swept_is_not_looked_at_again_too_soon() -> None:
    row = row_from_json(written("row.swept"))

    assert row.swept_at == NOON + timedelta(hours=6)
    assert row_to_json(row)["active_at"] == written("row.swept")["active_at"]


def test_the_next_event_brings_a_row_up_to_date() -> None:
    row = row_from_json({**written("row.swept"), "_etag": "e1"})

    after = newer(row_of(CREATED.parked("settle").stored[-1]), row)

    assert after is not None
    assert (after.version, after.broken, after.swept_at, after.etag) == (3, ("settle",), row.swept_at, "e1")


# --- what this release writes, for the next one

YES = Yes("cap_1", NOON + timedelta(minutes=1))
CLOSING = Entry(at=NOON + timedelta(hours=2), action="discarded", by="ann", note="nobody needs it")
OF_SETTLE = a_letter(step="settle", source="payment-created/settle", cause=CAUSE, event_id=CAUSE)
PARKED = DeadLetter(
    message_id=f"{CAUSE}:settle:15",
    body="{}",
    subject="payment.created",
    reason="charged_not_recorded",
    description="store_busy after 16 attempts",
    source="payment-created/settle",
    attempt=15,
    yes=YES,
)
WRITES: dict[str, dict[str, Any]] = {
    "letter.open": letter_to_json(OF_SETTLE),
    "letter.taken_up": letter_to_json(replace(OF_SETTLE, status=TAKEN_UP, as_of=4)),
    "letter.closed": letter_to_json(replace(OF_SETTLE, status=CLOSED, closing=CLOSING)),
    "letter.answered": letter_to_json(replace(OF_SETTLE, reason="charged_not_recorded", severity="high", yes=YES)),
    "row": row_to_json(row_of(CREATED.stored[-1])),
    "row.of_a_merchant": row_to_json(row_of(CREATED.settled().stored[-1])),
    "row.broken": row_to_json(
        replace(row_of(CREATED.parked("settle").stored[-1]), swept_at=NOON + timedelta(hours=6), charged_twice=True)
    ),
    "message.resumed": as_sent(resumption(CREATED.parked("settle").resumed("settle").stored[-1])),
    "message.retried": as_sent(copy(attempt=3, is_quiet=False, yes=None)),
    "message.retried_quietly": as_sent(copy(attempt=4, is_quiet=True, yes=None)),
    "message.retried_after_a_yes": as_sent(copy(attempt=5, is_quiet=False, yes=YES)),
    "dead_letter.parked": as_sent(parked(PARKED)),
    "dead_letter.parked_again": as_sent(parked_again(PARKED, record_attempt=3)),
}


@pytest.mark.parametrize("name", WRITES)
def test_every_field_that_is_written_stays_what_it_is(name: str) -> None:
    golden = written(name, of=PRESENT)

    assert {field: WRITES[name].get(field) for field in golden} == golden


def test_what_this_release_writes_of_letters_and_rows_is_read_back() -> None:
    for name, fields in WRITES.items():
        if name.startswith("letter."):
            assert letter_to_json(letter_from_json(fields)) == fields
        if name.startswith("row"):
            assert row_to_json(row_from_json(fields)) == fields


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resumed", Tried(cause=f"{PAYMENT_ID}:4", attempt=0, is_quiet=False, yes=None)),
        ("retried", Tried(cause=CAUSE, attempt=3, is_quiet=False, yes=None)),
        ("retried_quietly", Tried(cause=CAUSE, attempt=4, is_quiet=True, yes=None)),
        ("retried_after_a_yes", Tried(cause=CAUSE, attempt=5, is_quiet=False, yes=YES)),
    ],
)
def test_what_this_release_sends_is_read_back(name: str, expected: Tried) -> None:
    assert tried(in_flight(f"message.{name}", of=PRESENT)) == expected


def test_what_this_release_parks_is_read_back() -> None:
    assert as_dead_letter(in_flight("dead_letter.parked", of=PRESENT)) == PARKED
    assert as_dead_letter(in_flight("dead_letter.parked_again", of=PRESENT)) == PARKED


# --- the files themselves


def test_every_file_is_read_by_a_test() -> None:
    source = Path(__file__).read_text()

    for path in EARLIER.glob("*.json"):
        kind, _, name = path.stem.partition(".")
        assert f'"{name or kind}"' in source or f'"{path.stem}"' in source, path.name
    assert {path.stem for path in PRESENT.glob("*.json")} == {*WRITES}
