"""NCRONTAB schedules, and the timer that fires by them on a clock in the test's hands."""

import asyncio
import datetime as dt
import json

import pytest

from local.azure.host.errors import CannotStart, InvocationFailed
from local.azure.host.ncrontab import parse
from local.azure.host.pacing import Stop
from local.azure.host.retry import RetryPolicy
from local.azure.host.timer import Timer
from local.azure.host.triggers import TimerTrigger
from local.azure.host.worker import Function, Invocation
from tests.clock import ManualClock

FRIDAY = dt.datetime(2030, 3, 1, 12, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("schedule", "following"),
    [
        pytest.param("* * * * * *", ["2030-03-01 12:00:01", "2030-03-01 12:00:02"], id="every second"),
        pytest.param("0 */5 * * * *", ["2030-03-01 12:05:00", "2030-03-01 12:10:00"], id="every five minutes"),
        pytest.param("*/5 * * * *", ["2030-03-01 12:05:00", "2030-03-01 12:10:00"], id="five fields"),
        pytest.param("30 0,15 9-10 * * *", ["2030-03-02 09:00:30", "2030-03-02 09:15:30"], id="lists and ranges"),
        pytest.param("0 30 9 * * mon-fri", ["2030-03-04 09:30:00", "2030-03-05 09:30:00"], id="on weekdays"),
        pytest.param("0 0 0 1 JAN *", ["2031-01-01 00:00:00", "2032-01-01 00:00:00"], id="new year"),
        pytest.param("0 0 0 29 2 *", ["2032-02-29 00:00:00", "2036-02-29 00:00:00"], id="leap days"),
        pytest.param("0 0 0 13 * 5", ["2030-09-13 00:00:00", "2030-12-13 00:00:00"], id="day and day of week"),
        pytest.param("00:00:30", ["2030-03-01 12:00:30", "2030-03-01 12:01:00"], id="a time span"),
        pytest.param("0 50/5 23 * * *", ["2030-03-01 23:50:00", "2030-03-01 23:55:00"], id="a step from a start"),
    ],
)
def test_a_schedule_names_the_next_times(schedule: str, following: list[str]) -> None:
    parsed = parse(schedule, where="f: schedule")

    first = parsed.next_after(FRIDAY)
    assert first is not None
    second = parsed.next_after(first)

    assert [f"{moment:%F %T}" for moment in (first, second) if moment] == following


def test_a_day_that_never_comes_has_no_next_time() -> None:
    assert parse("0 0 0 30 2 *", where="f").next_after(FRIDAY) is None


@pytest.mark.parametrize(
    ("schedule", "named"),
    [
        ("00:05:61", "must have six fields"),
        ("00:00:00", "no time between two calls"),
        ("60 * * * * *", "'60' is not a second from 0 to 59"),
        ("0 0 0 0 * *", "'0' is not a day from 1 to 31"),
        ("0 0 0 * foo *", "'foo' is not a month"),
        ("0 0 9-8 * * *", "'9-8' is not a hour"),
        ("0 */0 * * * *", "'*/0' is not a minute"),
        ("0 ? * * * *", "'?' is not a minute"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused(schedule: str, named: str) -> None:
    with pytest.raises(CannotStart) as refused:
        parse(schedule, where="f: schedule")

    assert named in str(refused.value)


class TimerRun:
    """A timer on a clock of its own. It stops after a number of calls, each of which may take time or fail."""

    def __init__(self, *, calls: int, takes_s: float = 0.0, fails: int = 0) -> None:
        self.clock = ManualClock(FRIDAY)
        self.stop = StopWithoutWaiting(self)
        self.fired: list[str] = []
        self.told: list[tuple[dict[str, str], bool]] = []
        self.retries: list[int] = []
        self._calls = calls
        self._takes_s = takes_s
        self._fails = fails

    async def invoke(self, _function: Function, invocation: Invocation) -> None:
        timer = json.loads(invocation.data.json)
        self.fired.append(f"{self.clock.now():%T}")
        self.told.append((timer["ScheduleStatus"], timer["IsPastDue"]))
        self.retries.append(invocation.retry.retry_count)
        self.clock.advance_s(self._takes_s)
        self._calls -= 1
        if self._calls == 0:
            self.stop.tell()
        if len(self.fired) <= self._fails:
            raise InvocationFailed("f", reason="failed")

    async def run(self, schedule: str, *, at_start: bool = False, retry: RetryPolicy | None = None) -> None:
        function = Function("f", "id", ({"type": "timerTrigger", "name": "t"},), retry)
        parsed = parse(schedule, where="f")
        is_monitored = not parsed.is_within_a_minute
        trigger = TimerTrigger(function, parsed, is_monitored=is_monitored, run_on_startup=at_start, retry=retry)
        async with asyncio.timeout(10):
            await Timer(trigger, invoke=self.invoke, clock=self.clock, stop=self.stop).work()


class StopWithoutWaiting(Stop):
    """Its pauses only move the clock."""

    def __init__(self, timer: TimerRun) -> None:
        super().__init__()
        self._timer = timer

    async def pause(self, seconds: float) -> bool:
        self._timer.clock.advance_s(seconds)
        await asyncio.sleep(0)
        return not self.is_told


async def test_a_timer_fires_at_the_times_of_its_schedule() -> None:
    timer = TimerRun(calls=3)

    await timer.run("*/10 * * * * *")

    assert timer.fired == ["12:00:10", "12:00:20", "12:00:30"]


async def test_a_timer_fires_at_the_start_only_when_it_says_so() -> None:
    timer = TimerRun(calls=2)

    await timer.run("*/10 * * * * *", at_start=True)

    assert timer.fired == ["12:00:00", "12:00:10"]


async def test_times_that_pass_while_the_function_runs_make_one_call_that_is_not_past_due() -> None:
    timer = TimerRun(calls=3, takes_s=25)

    await timer.run("*/10 * * * * *")

    assert timer.fired == ["12:00:10", "12:00:35", "12:01:00"]
    assert timer.told == [({}, False)] * 3


async def test_a_timer_of_minutes_says_when_it_last_ran_and_which_time_has_come() -> None:
    timer = TimerRun(calls=2, takes_s=1)

    await timer.run("0 * * * * *")

    first, second = "2030-03-01T12:01:00+00:00", "2030-03-01T12:02:00+00:00"
    never = "0001-01-01T00:00:00+00:00"
    assert timer.told == [
        ({"Last": never, "LastUpdated": never, "Next": first}, False),
        ({"Last": first, "LastUpdated": first, "Next": second}, False),
    ]


async def test_a_timer_by_a_time_span_fires_that_often() -> None:
    timer = TimerRun(calls=2)

    await timer.run("00:00:30")

    assert timer.fired == ["12:00:30", "12:01:00"]


async def test_a_timer_that_fails_fires_again_at_the_next_time() -> None:
    timer = TimerRun(calls=2, fails=1)

    await timer.run("*/10 * * * * *")

    assert timer.fired == ["12:00:10", "12:00:20"]


async def test_a_timer_with_a_retry_policy_is_tried_again() -> None:
    timer = TimerRun(calls=3, fails=2)

    await timer.run("*/10 * * * * *", retry=RetryPolicy(5, minimum_s=1.0, maximum_s=1.0))

    assert timer.fired == ["12:00:10", "12:00:11", "12:00:12"]
    assert timer.retries == [0, 1, 2]
