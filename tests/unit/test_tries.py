"""The attempts that a message tells of: written, read again, and never more than fit, whoever wrote them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.codec.properties import TRIES
from shared.codec.tries import (
    FIRST,
    LAST,
    MOST_CHARACTERS,
    property_of,
    tries_from_json,
    tries_in,
    tries_to_json,
    with_try,
)
from shared.domain.letters import Try
from tests.builders import NOON


def a_try(number: int, answer: str = "answered 503") -> Try:
    return Try(NOON + timedelta(seconds=number), "busy", answer)


def test_what_was_written_is_read_again() -> None:
    tries = (a_try(1), a_try(2, "é ü 日本"))

    assert tries_in(property_of(tries)) == tries
    assert tries_from_json(tries_to_json(tries)) == tries


def test_nothing_is_written_where_there_is_nothing_to_tell() -> None:
    assert property_of(()) == {}
    assert tries_in({}) == ()


def test_of_a_long_series_the_first_and_the_last_are_kept() -> None:
    said: dict[str, Any] = {}
    for number in range(100):
        said = property_of(with_try(said, a_try(number)))

    kept = [int((each.at - NOON).total_seconds()) for each in tries_in(said)]
    assert kept == [*range(FIRST), *range(100 - LAST, 100)]


def test_however_long_the_answers_are_they_fit() -> None:
    said = property_of([a_try(number, "\x00日" * 500) for number in range(100)])

    assert len(said[TRIES]) <= MOST_CHARACTERS
    assert len(tries_in(said)) == FIRST + LAST


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "no JSON",
        "{}",
        "7",
        "null",
        "[[]]",
        "[[1, 2, 3]]",
        '[["2026-01-02", "a", "b", "c"]]',
        '[["never", "a", "b"]]',
        "[" * 10_000,
        7,
        None,
        True,
    ],
)
def test_what_makes_no_sense_is_left_out(odd: Any) -> None:
    assert tries_in({TRIES: odd}) == ()


def test_what_anybody_may_write_is_clipped_where_it_is_kept() -> None:
    foreign = {TRIES: json.dumps([["2026-01-02T12:00:00Z", "c" * 900, "a" * 900]])}

    (kept,) = tries_to_json(tries_in(foreign))

    assert len(kept["code"]) <= 40
    assert len(kept["answer"]) <= 120
