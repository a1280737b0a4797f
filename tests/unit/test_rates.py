"""How often and how long, in slices of ten seconds of the last ten minutes."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.rates import SLICES, WINDOW, Durations, Rate, minute, slice_at

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def s(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_the_last_slice_is_that_of_now() -> None:
    rate = Rate()
    for moment in (s(0), s(9.999), s(10), s(25)):
        rate.add(moment)

    assert rate.curve(s(29))[-4:] == [0, 2, 1, 1]
    assert rate.curve(s(30))[-4:] == [2, 1, 1, 0]
    assert len(rate.curve(s(30))) == SLICES


def test_a_minute_is_six_slices() -> None:
    rate = Rate()
    for moment in (s(0), s(10), s(59)):
        rate.add(moment)

    assert [minute(rate.curve(at)) for at in (s(59), s(60), s(69.9), s(70), s(110))] == [3, 2, 2, 1, 0]


def test_what_is_older_than_ten_minutes_is_forgotten() -> None:
    rate, durations = Rate(), Durations()
    rate.add(s(0))
    durations.add(s(0), seconds=1)
    before = s(0) + WINDOW - timedelta(microseconds=1)

    assert (rate.curve(before)[0], sum(rate.curve(before))) == (1, 1)
    assert durations.all(before) is not None
    after = s(0) + WINDOW
    assert sum(rate.curve(after)) == 0
    assert durations.all(after) is None
    assert durations.curve(after) == [None] * SLICES
    assert not rate._counts
    assert not durations._slices


def test_what_is_ahead_of_the_clock_is_shown_when_its_time_has_come() -> None:
    """Events are stamped by whichever instance wrote them."""
    rate = Rate()
    rate.add(s(15))

    assert sum(rate.curve(s(0))) == 0
    assert rate.curve(s(12))[-1] == 1


@pytest.mark.parametrize("took_s", [0.0015, 0.02, 1.0, 7.3, 61, 86_400])
def test_a_duration_is_at_most_three_percent_off(took_s: float) -> None:
    durations = Durations()
    durations.add(NOON, seconds=took_s)

    found = durations.all(NOON)

    assert found is not None
    assert found.p50 == found.p99 == pytest.approx(took_s, rel=0.03, abs=0.0005)


@pytest.mark.parametrize("took_s", [0.0, -3.0, 0.0001])
def test_what_took_no_time_took_a_millisecond(took_s: float) -> None:
    """Clocks of two instances differ, and no time may be below zero."""
    durations = Durations()
    durations.add(NOON, seconds=took_s)

    found = durations.all(NOON)

    assert found is not None
    assert found.p50 == 0.001


def test_of_a_hundred_the_fiftieth_and_the_ninety_ninth_are_told() -> None:
    durations = Durations()
    for took_s in range(100, 0, -1):
        durations.add(s(0), seconds=took_s)
    durations.add(s(10), seconds=1000)

    (first, second) = durations.curve(s(10))[-2:]

    assert first is not None
    assert second is not None
    assert [first.p50, first.p99] == pytest.approx([50, 99], rel=0.03)
    assert [second.p50, second.p99] == pytest.approx([1000, 1000], rel=0.03)
    whole = durations.all(s(10))
    assert whole is not None
    assert whole.p99 == pytest.approx(100, rel=0.03), "of a hundred and one, one took longer"


def test_slices_begin_at_whole_ten_seconds() -> None:
    assert slice_at(s(0)) + 1 == slice_at(s(10)) == slice_at(s(19.999999))
