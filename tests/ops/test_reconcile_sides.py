"""What counts as a difference between the sums of two sides, what is missing where, and how old it is."""

from dataclasses import replace
from datetime import datetime

import pytest

from ops.reconciling.differences import MEANING, Kind, Of, Type
from ops.reconciling.sides import NOTHING, Side, charge_of, differences, row_of, stream_of
from tests.ops.scripted import Json
from tests.ops.told import Told, at, created

TAKEN = Side(1, 1250, "EUR", "captured")
TWO, THREE = (Side(times, 1250, "EUR", "captured") for times in (2, 3))

OPEN = created()
PAID = created().settled()
FAILED = created().failed()
LATE = FAILED.captured_late()
TWICE = PAID.charged_twice("settle", "cap_2")
RESERVED_TWICE = PAID.charged_twice("create", "pp_2")
REFUNDED = PAID.refund_requested().refunded()
REFUNDED_TWICE = REFUNDED.charged_twice("refund:r1", "re_2")


DECIDED = {"payment.dispute_won": "won", "payment.dispute_lost": "lost"}


def disputes(told: Told) -> list[Json]:
    """As the app shows them, of whichever capture."""
    found: dict[str, Json] = {}
    for event in told.events:
        said = event["data"]
        if event["type"] == "payment.dispute_opened":
            found[said["dispute_id"]] = {**said, "status": "open"}
        elif event["type"] in DECIDED:
            found[said["dispute_id"]]["status"] = DECIDED[event["type"]]
    return list(found.values())


def payment(told: Told, *, status: str | None = None) -> Json:
    """The state that the app would derive from these events, as far as is looked at."""
    kinds = [event["type"] for event in told.events]
    amounts = {
        e["data"]["refund_id"]: e["data"]["amount_minor"] for e in told.events if e["type"].endswith("requested")
    }
    refunded = sum(amounts[e["data"]["refund_id"]] for e in told.events if e["type"] == "payment.refunded")
    is_settled = "payment.settled" in kinds
    derived = "failed" if "payment.failed" in kinds else "settled" if is_settled else "created"
    return {
        "amount_minor": 1250,
        "currency": "EUR",
        "status": status or derived,
        "initiated_at": at(0),
        "ledger": {"refunded_minor": refunded},
        **({"settled": {}} if is_settled else {}),
        **({"disputes": disputes(told)} if disputes(told) else {}),
    }


def stream(told: Told, *, status: str | None = None) -> Side:
    return stream_of(payment(told, status=status), told.events)


@pytest.mark.parametrize(
    ("provider", "recorded", "kinds"),
    [
        (TAKEN, stream(PAID), []),
        (NOTHING, stream(OPEN), []),
        (Side(0, 1250, "EUR", "authorised"), stream(OPEN), []),
        (Side(0, 99, "USD", "authorised"), stream(OPEN), []),
        (TAKEN, stream(OPEN), [Kind.NOT_RECORDED]),
        (TAKEN, NOTHING, [Kind.NOT_RECORDED]),
        (NOTHING, stream(PAID), [Kind.NOT_CHARGED]),
        (Side(1, 1251, "EUR", "captured"), stream(PAID), [Kind.AMOUNT]),
        (Side(1, 1250, "USD", "captured"), stream(PAID), [Kind.AMOUNT]),
        (TWO, stream(PAID), [Kind.CHARGED_TWICE]),
        (TWO, stream(OPEN), [Kind.CHARGED_TWICE, Kind.NOT_RECORDED]),
        (TAKEN, stream(FAILED), [Kind.CHARGED_BUT_FAILED]),
        (TAKEN, stream(FAILED, status="voided"), [Kind.CHARGED_BUT_FAILED]),
        (TAKEN, stream(PAID.failed()), [Kind.CHARGED_BUT_FAILED]),
        (TAKEN, stream(PAID.failed().seen_to("cap_1")), []),
        (replace(TAKEN, amount_minor=1), stream(LATE.seen_to("cap_1")), [Kind.AMOUNT]),
        (NOTHING, stream(FAILED), []),
        # taken after the failure, and the stream says so
        (TAKEN, stream(LATE), [Kind.CAPTURED_LATE]),
        (TAKEN, stream(LATE.seen_to("cap_1")), []),
        (TAKEN, stream(LATE.seen_to("another")), [Kind.CAPTURED_LATE]),
        (TAKEN, stream(LATE.seen_to(step="notify_failure")), [Kind.CAPTURED_LATE]),
        (TWO, stream(LATE.seen_to("cap_1")), [Kind.CHARGED_TWICE, Kind.CHARGED_BUT_FAILED]),
        (TWO, stream(LATE.charged_twice("settle", "cap_2").seen_to("cap_1").seen_to("cap_2")), []),
        (TWO, stream(LATE.charged_twice("settle", "cap_2").seen_to("cap_1")), [Kind.CHARGED_TWICE]),
        (TWO, stream(LATE.charged_twice("settle", "cap_2").seen_to("cap_2")), [Kind.CAPTURED_LATE]),
        # taken or reserved twice, and the stream says so
        (TWO, stream(TWICE), [Kind.CHARGED_TWICE]),
        (TWO, stream(TWICE.seen_to("cap_2")), []),
        (TAKEN, stream(RESERVED_TWICE), [Kind.CHARGED_TWICE]),
        (TAKEN, stream(RESERVED_TWICE.seen_to("pp_2")), []),
        (TAKEN, stream(PAID.charged_twice("void", "vo_2")), []),
        (THREE, stream(TWICE.seen_to("cap_2")), [Kind.CHARGED_TWICE]),
        # given back
        (replace(TAKEN, refunded_minor=500), stream(REFUNDED), []),
        (replace(TAKEN, refunded_minor=500), stream(PAID), [Kind.REFUNDED_NOT_RECORDED]),
        (replace(TAKEN, refunded_minor=1000), stream(REFUNDED), [Kind.REFUNDED_NOT_RECORDED]),
        (TAKEN, stream(REFUNDED), [Kind.NOT_REFUNDED]),
        # given back twice, and the stream says so
        (replace(TAKEN, refunded_minor=1000), stream(REFUNDED_TWICE), [Kind.REFUNDED_TWICE]),
        (replace(TAKEN, refunded_minor=1000), stream(REFUNDED_TWICE.seen_to("re_2")), []),
        (replace(TAKEN, refunded_minor=500), stream(REFUNDED_TWICE.seen_to("re_2")), [Kind.NOT_REFUNDED]),
        # given back at the provider by a person, who then said so
        (replace(TWO, refunded_minor=1250), stream(TWICE), [Kind.CHARGED_TWICE, Kind.REFUNDED_NOT_RECORDED]),
        (replace(TWO, refunded_minor=1250), stream(TWICE.seen_to("cap_2")), []),
        (replace(TWO, refunded_minor=1251), stream(TWICE.seen_to("cap_2")), [Kind.REFUNDED_NOT_RECORDED]),
        (replace(TWO, refunded_minor=500), stream(TWICE.seen_to("cap_2")), []),
        (replace(TAKEN, refunded_minor=1250), stream(LATE.seen_to("cap_1")), []),
        (replace(TAKEN, refunded_minor=1251), stream(LATE.seen_to("cap_1")), [Kind.REFUNDED_NOT_RECORDED]),
        (replace(TAKEN, refunded_minor=1250), stream(PAID.failed().seen_to("cap_1")), []),
        (replace(TWO, refunded_minor=1750), stream(REFUNDED.charged_twice("settle", "cap_2").seen_to("cap_2")), []),
        (TWO, stream(REFUNDED.charged_twice("settle", "cap_2").seen_to("cap_2")), [Kind.NOT_REFUNDED]),
        (
            replace(TAKEN, refunded_minor=1250),
            stream(RESERVED_TWICE.seen_to("pp_2")),
            [Kind.REFUNDED_NOT_RECORDED],
        ),
        (replace(TAKEN, refunded_minor=1500), stream(REFUNDED_TWICE.seen_to("re_2")), [Kind.REFUNDED_NOT_RECORDED]),
        # taken back by a bank
        (replace(TAKEN, disputed_minor=1250), stream(PAID.disputed()), []),
        (replace(TAKEN, disputed_minor=1250), stream(PAID.disputed().lost()), []),
        (replace(TAKEN, disputed_minor=1250), stream(PAID), [Kind.DISPUTED_NOT_RECORDED]),
        (replace(TAKEN, disputed_minor=1250), stream(PAID.disputed().won()), [Kind.DISPUTED_NOT_RECORDED]),
        (TAKEN, stream(PAID.disputed().won()), []),
        (TAKEN, stream(PAID.disputed(amount_minor=400)), [Kind.NOT_DISPUTED]),
        # of the second capture as well as of the first
        (replace(TAKEN, disputed_minor=2500), stream(PAID.disputed().disputed("dp_2")), []),
        (replace(TAKEN, disputed_minor=1250), stream(PAID.disputed().won().disputed("dp_2")), []),
    ],
)
def test_what_counts_as_a_difference(provider: Side, recorded: Side, kinds: list[Kind]) -> None:
    assert [found.kind for found in differences("p", provider=provider, stream=recorded)] == kinds


def test_a_person_who_saw_to_a_second_refund_has_not_given_a_late_capture_back() -> None:
    told = LATE.refund_requested().refunded().charged_twice("refund:r1", "re_2").seen_to("re_2")

    found = differences("p", provider=replace(TAKEN, refunded_minor=1000), stream=stream(told))

    assert [each.kind for each in found] == [Kind.CAPTURED_LATE]


def test_more_given_back_than_was_taken_is_its_own_kind_once_a_late_yes_has_come() -> None:
    held = PAID.refund_requested("r1", amount_minor=1000).refund_failed("r1")
    again = held.refund_requested("r2", amount_minor=1000).refunded("re_2", refund_id="r2")
    late = again.refunded("re_1", refund_id="r1")

    before = list(differences("p", provider=replace(TAKEN, refunded_minor=1000), stream=stream(again)))
    after = list(differences("p", provider=replace(TAKEN, refunded_minor=2000), stream=stream(late)))

    assert before == []
    assert [(each.kind, each.type, each.about) for each in after] == [(Kind.REFUNDED_TOO_MUCH, Type.AMOUNT, Of.REFUND)]


def row(**changes: object) -> Json:
    settled = {"settled": True, "status": "completed", "amount_minor": 1250, "currency": "EUR"}
    return {**settled, "refunded_minor": 0, "charged_twice": False, "captured_late": False, **changes}


@pytest.mark.parametrize(
    "changes",
    [{"charged_twice": True}, {"captured_late": True}, {"status": "failed"}, {"refunded_minor": 1300}],
    ids=str,
)
def test_a_row_that_tells_of_something_to_put_right_is_reason_to_look(changes: Json) -> None:
    agreeing = replace(TAKEN, refunded_minor=changes.get("refunded_minor", 0))

    assert list(differences("p", provider=TAKEN, stream=row_of(row()))) == []
    assert list(differences("p", provider=agreeing, stream=row_of(row(**changes))))


def test_a_row_knows_what_was_disputed() -> None:
    assert row_of(row(disputed_minor=400)).disputed_minor == 400
    assert row_of(row()).disputed_minor == 0


def charge(**told: object) -> Side:
    return charge_of({"times_charged": 1, "amount_minor": 1250, "currency": "EUR", "status": "captured", **told})


TOLD = {"captured_at": at(30), "refunded_at": at(40), "disputed_at": at(50)}


@pytest.mark.parametrize(
    ("provider", "recorded", "kind", "since"),
    [
        (charge(**TOLD), stream(OPEN), Kind.NOT_RECORDED, at(30)),
        (charge(), stream(OPEN), Kind.NOT_RECORDED, at(0)),
        (charge(), NOTHING, Kind.NOT_RECORDED, None),
        (NOTHING, stream(PAID), Kind.NOT_CHARGED, at(2)),
        (charge(times_charged=0, **TOLD), stream(PAID), Kind.NOT_CHARGED, at(2)),
        (charge(), stream(LATE), Kind.CAPTURED_LATE, at(3)),
        (charge(**TOLD), stream(LATE), Kind.CAPTURED_LATE, at(30)),
        (charge(amount_minor=1), stream(PAID), Kind.AMOUNT, at(2)),
        (charge(refunded_minor=500, **TOLD), stream(PAID), Kind.REFUNDED_NOT_RECORDED, at(40)),
        (charge(refunded_minor=600), stream(REFUNDED), Kind.REFUNDED_NOT_RECORDED, None),
        (charge(**TOLD), stream(REFUNDED), Kind.NOT_REFUNDED, at(4)),
        (charge(refunded_minor=1000), stream(REFUNDED_TWICE), Kind.REFUNDED_TWICE, at(5)),
        (charge(disputed_minor=1, **TOLD), stream(PAID), Kind.DISPUTED_NOT_RECORDED, at(50)),
        (charge(), stream(PAID.disputed(opened=2.5)), Kind.NOT_DISPUTED, at(2.5)),
    ],
)
def test_a_difference_is_as_old_as_the_side_says_that_has_it(
    provider: Side, recorded: Side, kind: Kind, since: str | None
) -> None:
    (found,) = differences("p", provider=provider, stream=recorded)

    assert (found.kind, found.since) == (kind, datetime.fromisoformat(since) if since else None)


def test_every_kind_says_of_which_type_it_is_and_of_which_money() -> None:
    assert set(MEANING) == set(Kind)
    assert {sort for sort, _ in MEANING.values()} == set(Type)
    assert {of for _, of in MEANING.values()} == set(Of)


def test_both_sides_are_said_in_words() -> None:
    told = stream(REFUNDED.disputed(amount_minor=100))
    seen_to = stream(TWICE.seen_to("cap_2"))

    assert told.words == "12.50 EUR taken (settled) 5.00 EUR given back 1.00 EUR disputed"
    assert (seen_to.words, seen_to.as_json()["seen_to_minor"]) == (
        "12.50 EUR taken 2 times (settled) 12.50 EUR seen to",
        1250,
    )
    assert NOTHING.words == "not taken (unknown)"
