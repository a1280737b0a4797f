"""Which payments `listen` asks about, how often, and that each attempt is shown once."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from local.attempts import AT_ONCE, LATEST_S, MOST_OLDER, SOONEST_S, WAITING_S, Lost, Watch

BEGAN = datetime(2026, 1, 2, 12, tzinfo=UTC)
BEFORE, AFTER, LATER = "2026-01-02T11:59:59.999Z", "2026-01-02T12:00:00Z", "2026-01-02T12:00:05Z"


def row(payment_id: str = "p1", *, version: int = 3) -> dict[str, Any]:
    return {"payment_id": payment_id, "version": version, "amount_minor": 1250, "currency": "EUR", "reference": "o"}


def told(at: str = AFTER, *, attempt: int = 1, by: str = "step", **more: Any) -> dict[str, Any]:
    return {"at": at, "attempt": attempt, "by": by, "url": "https://shop.example", "duration_ms": 5, **more}


def answer(*attempts: dict[str, Any], state: str = "delivered", notification_id: str = "n1") -> dict[str, Any]:
    notification = {"notification_id": notification_id, "type": "regispay.payment.settled.v1", "state": state}
    return {"payment_id": "p1", "notifications": [{**notification, "attempts": list(attempts)}]}


def watching(*rows: dict[str, Any]) -> Watch:
    watch = Watch(BEGAN)
    watch.listed(rows or [row()], now_s=0)
    return watch


def test_each_attempt_is_shown_once_however_often_it_is_listed() -> None:
    watch = watching()
    first, second = told(), told(LATER, attempt=2)

    assert [each.told for each in watch.answered("p1", answer(first), now_s=0)] == [first]
    assert [each.told for each in watch.answered("p1", answer(second, first), now_s=1)] == [second]
    assert watch.answered("p1", answer(first, second), now_s=2) == []


def test_attempts_that_differ_in_anything_are_others() -> None:
    watch = watching()
    alike = [told(), told(by="resend"), told(attempt=2), told(LATER)]

    shown = watch.answered("p1", answer(*alike), now_s=0)

    assert len(shown) == 4
    assert len(watch.answered("p1", answer(*alike, notification_id="n2"), now_s=0)) == 4


def test_what_was_tried_before_it_began_is_passed_over() -> None:
    shown = watching().answered("p1", answer(told(BEFORE), told(AFTER, attempt=2)), now_s=0)

    assert [each.told["attempt"] for each in shown] == [2]


def test_attempts_are_shown_in_the_order_of_their_times() -> None:
    shown = watching().answered("p1", answer(told(LATER, attempt=2), told(AFTER)), now_s=0)

    assert [each.told["attempt"] for each in shown] == [1, 2]


def test_a_payment_that_has_moved_is_asked_about_at_once() -> None:
    watch = watching()
    watch.answered("p1", answer(), now_s=0)
    assert watch.due(now_s=0.1) == []

    watch.listed([row(version=4)], now_s=0.1)

    assert watch.due(now_s=0.1) == ["p1"]


def test_where_nothing_is_new_the_pauses_grow_up_to_the_latest() -> None:
    watch, now_s, asked = watching(), 0.0, []
    for _ in range(10):
        watch.answered("p1", answer(), now_s=now_s)
        while not watch.due(now_s=now_s):
            now_s += 0.5
        asked.append(now_s)

    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert (asked[0], pauses[-1]) == (2 * SOONEST_S, LATEST_S)


def test_while_one_is_still_to_be_delivered_it_is_asked_about_every_second() -> None:
    watch = watching()
    for _ in range(10):
        watch.answered("p1", answer(state="waiting"), now_s=0)

    assert watch.due(now_s=WAITING_S) == ["p1"]


def test_something_new_makes_it_ask_again_soon() -> None:
    watch = watching()
    for _ in range(10):
        watch.answered("p1", answer(), now_s=0)

    watch.answered("p1", answer(told(by="resend")), now_s=0)

    assert watch.due(now_s=SOONEST_S) == ["p1"]


def test_those_that_wait_the_longest_come_first_and_all_have_their_turn() -> None:
    rows = [row(f"p{number}") for number in range(2 * AT_ONCE)]
    watch = watching(*rows)

    first = watch.due(now_s=0)
    for payment_id in first:
        watch.answered(payment_id, answer(), now_s=0)
    second = watch.due(now_s=60)[:AT_ONCE]

    assert len(first) == len(second) == AT_ONCE
    assert {*first, *second} == {each["payment_id"] for each in rows}


def test_one_whose_merchant_is_told_is_forgotten_when_it_is_not_among_the_newest_any_more() -> None:
    watch = watching()
    watch.answered("p1", answer(told()), now_s=0)

    assert watch.listed([row("p2")], now_s=0) == {Lost.OLDER, Lost.UNLISTED}

    assert watch.due(now_s=60) == ["p2"]
    assert watch.answered("p1", answer(told(LATER)), now_s=60) == []


@pytest.mark.parametrize(
    "said", [None, answer(told(), state="waiting"), {"payment_id": "p1", "notifications": []}], ids=str
)
def test_one_whose_merchant_is_to_be_told_is_followed_though_it_is_old_until_it_is(said: dict[str, Any] | None) -> None:
    watch = watching()
    if said is not None:
        watch.answered("p1", said, now_s=0)
    watch.listed([row("p3"), row("p2")], now_s=0)
    watch.listed([row("p4"), row("p3")], now_s=0)

    assert set(watch.due(now_s=1)) == {"p4", "p3", "p2", "p1"}
    assert [each.told for each in watch.answered("p1", answer(told(LATER)), now_s=1)] == [told(LATER)]
    watch.listed([row("p4"), row("p3")], now_s=1)
    assert "p1" not in watch.due(now_s=60)


@pytest.mark.parametrize("status", ["completed", "failed", "voided"])
def test_one_that_has_ended_and_has_nothing_to_tell_is_forgotten(status: str) -> None:
    watch = watching(row() | {"status": status})
    watch.answered("p1", {"payment_id": "p1", "notifications": []}, now_s=0)

    watch.listed([row("p2")], now_s=0)

    assert watch.due(now_s=60) == ["p2"]


def test_one_of_which_the_app_says_nothing_is_forgotten_too() -> None:
    watch = watching()
    watch.refused("p1", now_s=0)
    assert watch.due(now_s=0) == []

    watch.listed([row("p2")], now_s=0)

    assert watch.due(now_s=60) == ["p2"]


def test_old_ones_are_asked_about_ever_less_often_and_newer_ones_are_not() -> None:
    watch = watching(row("p2"), row("p1"))
    watch.answered("p2", answer(state="waiting"), now_s=0)
    watch.listed([row("p2")], now_s=0)
    for payment_id in ["p1", "p2"] * 10:
        watch.answered(payment_id, answer(state="waiting"), now_s=0)

    assert watch.due(now_s=WAITING_S) == ["p2"]
    assert watch.due(now_s=LATEST_S) == ["p2", "p1"]


def test_more_old_ones_than_may_be_lose_the_oldest_and_that_is_said() -> None:
    rows = [row(f"p{number}") for number in range(MOST_OLDER + 2)]
    watch = watching(*rows)

    assert watch.listed(rows[:2], now_s=0) == {Lost.OLDER}
    assert watch.listed([row("newer"), rows[0]], now_s=0) == {Lost.OLDER, Lost.UNTOLD}

    asked = set()
    while due := watch.due(now_s=0):
        asked |= set(due)
        for payment_id in due:
            watch.answered(payment_id, answer(state="waiting"), now_s=0)
    assert asked == {"newer", *(each["payment_id"] for each in rows[:-1])}


def test_where_the_list_shows_all_there_are_no_older_ones() -> None:
    watch = watching()

    assert watch.listed([row("p2")], now_s=0, is_all=True) == set()

    assert watch.due(now_s=60) == ["p2"]


def test_that_some_may_not_have_been_listed_is_said_when_none_is_known_and_there_are_more() -> None:
    watch = Watch(BEGAN)

    assert watch.listed([], now_s=0, is_all=True) == set()
    assert watch.listed([row("p3"), row("p2")], now_s=0) == {Lost.OLDER, Lost.UNLISTED}
    assert watch.listed([row("p4"), row("p3")], now_s=0) == {Lost.OLDER}
    assert Watch(BEGAN).listed([row()], now_s=0) == {Lost.OLDER}


def test_a_payment_that_could_not_be_asked_about_takes_its_turn_again() -> None:
    watch = watching()

    watch.postponed("p1", now_s=0)

    assert watch.due(now_s=0.5) == []
    assert watch.due(now_s=WAITING_S) == ["p1"]


@pytest.mark.parametrize("missing", [{"body": "x"}, {"headers": {"webhook-signature": "v1,x"}}, {}])
def test_what_has_no_body_or_no_signature_was_never_sent(missing: dict[str, Any]) -> None:
    (attempt,) = watching().answered("p1", answer(told(**missing)), now_s=0)

    assert not attempt.was_signed
