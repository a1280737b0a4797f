"""The rules of the sample subscriber: once each, in any order, whatever dies in between."""

import itertools
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from examples.subscriber.totals import NoEvent, Total, Totals
from shared.codec.cloud_events import to_cloud_event
from tests.builders import a_payment

STORY = a_payment().created().settled().completed().refund_requested(amount_minor=500).refunded()
EVENTS: list[dict[str, Any]] = [json.loads(to_cloud_event(stored)) for stored in STORY.stored]
SETTLED, REFUNDED = (
    next(e for e in EVENTS if e["type"] == f"regispay.payment.{name}.v1") for name in ("settled", "refunded")
)
DAY = SETTLED["time"][:10]
RIGHT = [Total(DAY, "EUR", 1, 1250, 500)]


@pytest.fixture
def totals(tmp_path: Path) -> Totals:
    return Totals(tmp_path / "totals.sqlite")


@pytest.mark.parametrize("order", itertools.permutations([SETTLED, REFUNDED, SETTLED]))
def test_in_any_order_and_twice_it_is_the_same(order: tuple[dict[str, Any], ...], totals: Totals) -> None:
    for event in order:
        totals.count(event)

    assert totals.all() == RIGHT


def test_a_repeat_tells_nothing_new(totals: Totals) -> None:
    assert [totals.count(SETTLED), totals.count(SETTLED)] == [True, False]


def test_an_older_version_changes_nothing(totals: Totals) -> None:
    totals.count(REFUNDED)

    assert not totals.count(SETTLED)
    assert totals.all() == RIGHT


def test_what_was_not_settled_is_not_counted(totals: Totals) -> None:
    totals.count(EVENTS[0])

    assert totals.all() == []


def test_days_are_those_of_utc(totals: Totals) -> None:
    late = json.loads(json.dumps(SETTLED))
    late["data"]["settled"]["at"] = "2026-01-02T23:59:59.999999-02:00"

    totals.count(late)

    assert [each.day for each in totals.all()] == ["2026-01-03"]


@pytest.mark.parametrize(
    "odd", [{}, [], {"id": "a:1", "data": {}}, {**SETTLED, "data": {**SETTLED["data"], "version": "x"}}]
)
def test_what_is_no_event_is_refused_and_counts_nothing(odd: Any, totals: Totals) -> None:
    with pytest.raises(NoEvent):
        totals.count(odd)

    assert totals.all() == []


def changed(**fields: Any) -> dict[str, Any]:
    return {**SETTLED, "data": {**SETTLED["data"], **fields}}


@pytest.mark.parametrize(
    "odd",
    [
        {**SETTLED, "id": None},
        {**SETTLED, "id": {}},
        changed(payment_id=None),
        changed(version=2**70),
        changed(currency={"not": "a text"}),
        changed(settled={"at": "2026-01-02T23:59:59"}),
    ],
)
def test_what_no_payment_can_be_is_refused_and_counts_nothing(odd: dict[str, Any], totals: Totals) -> None:
    with pytest.raises(NoEvent):
        totals.count(odd)

    assert totals.all() == []
    assert totals.count(SETTLED), "its id was not remembered"


def test_one_that_dies_before_the_end_has_counted_nothing(totals: Totals, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying(sqlite3.Connection):
        def executemany(self, *_: Any) -> Any:
            raise sqlite3.OperationalError("the disk is full")

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *said, **more: connect(*said, factory=Dying, **more))
    with pytest.raises(sqlite3.OperationalError):
        totals.count(SETTLED)
    monkeypatch.undo()

    assert totals.count(SETTLED), "its id was not remembered"
    assert totals.all() == [Total(DAY, "EUR", 1, 1250, 0)]
