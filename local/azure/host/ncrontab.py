"""Timer schedules: NCRONTAB (second, minute, hour, day, month, day of week) or a time span. Must not know who waits.

Written here because cron packages disagree with NCRONTAB about the seconds' place and about days. Here a time must fit
the day *and* the day of week; cron takes either. Times are UTC, as in Azure on Linux.
"""

import datetime as dt
import re
from dataclasses import dataclass

from local.azure.host.errors import WITHOUT_IT, CannotStart

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"^(?:(?P<all>\*)|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?$")
_SPAN = re.compile(r"(?:(\d+)\.)?([01]?\d|2[0-3]):([0-5]?\d):([0-5]?\d)")
_YEARS_AHEAD = 9  # 29 February on a given day of week can be that far away, and more across 2100


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Crontab:
    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @property
    def is_within_a_minute(self) -> bool:
        return len(self.seconds) > 1

    def next_after(self, moment: dt.datetime) -> dt.datetime | None:
        """The first time of the schedule that is later than `moment`; None when there is none for years."""
        start = moment.replace(microsecond=0) + dt.timedelta(seconds=1)
        for offset in range(_YEARS_AHEAD * 366):
            day = start.date() + dt.timedelta(days=offset)
            if not self._runs_on(day):
                continue
            earliest = start.time() if offset == 0 else dt.time.min
            if (time := self._first_at_or_after(earliest)) is not None:
                return dt.datetime.combine(day, time, tzinfo=moment.tzinfo)
        return None

    def _runs_on(self, day: dt.date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _first_at_or_after(self, earliest: dt.time) -> dt.time | None:
        times = (dt.time(h, m, s) for h in self.hours if h >= earliest.hour for m in self.minutes for s in self.seconds)
        return next((time for time in times if time >= earliest.replace(tzinfo=None)), None)


@dataclass(frozen=True, slots=True)
class Interval:
    """A time span between one call and the next."""

    length: dt.timedelta

    @property
    def is_within_a_minute(self) -> bool:
        return self.length < dt.timedelta(minutes=1)

    def next_after(self, moment: dt.datetime) -> dt.datetime | None:
        return moment + self.length


type Schedule = Crontab | Interval


def parse(text: str, *, where: str) -> Schedule:
    """Read a time span such as `00:00:30`, or the six fields, or five without the seconds.

    `where` names the function and attribute.
    """
    if span := _SPAN.fullmatch(text.strip()):
        return _interval(span, where=f"{where} is '{text}'")
    parts = text.split()
    if len(parts) == len(_FIELDS) - 1:
        parts.insert(0, "0")
    if len(parts) != len(_FIELDS):
        fields = "six fields (second minute hour day month day-of-week)"
        raise CannotStart(f"{where} is '{text}': it must have {fields}", there=WITHOUT_IT)
    values = [_values(part, field, where=f"{where} is '{text}'") for part, field in zip(parts, _FIELDS, strict=True)]
    seconds, minutes, hours, days, months, weekdays = values
    return Crontab(
        text,
        seconds=tuple(sorted(seconds)),
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(weekdays),
    )


def _interval(span: re.Match[str], *, where: str) -> Interval:
    days, hours, minutes, seconds = (int(part or 0) for part in span.groups())
    length = dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not length:
        raise CannotStart(f"{where}: that is no time between two calls", there=WITHOUT_IT)
    return Interval(length)


def _values(part: str, field: _Field, *, where: str) -> set[int]:
    found: set[int] = set()
    for piece in part.split(","):
        match = _PART.match(piece)
        if match is None:
            raise CannotStart(f"{where}: '{piece}' is not a {field.name}", there=WITHOUT_IT)
        found.update(_piece(match, field, where=where))
    return found


def _piece(match: re.Match[str], field: _Field, *, where: str) -> range:
    if match["all"]:
        low, high = field.low, field.high
    else:
        low = _number(match["low"], field, where=where)
        high = _number(match["high"], field, where=where) if match["high"] else low
        if match["step"] and not match["high"]:
            high = field.high
    step = int(match["step"] or 1)
    if step == 0 or low > high:
        raise CannotStart(f"{where}: '{match[0]}' is not a {field.name}", there=WITHOUT_IT)
    return range(low, high + 1, step)


def _number(text: str, field: _Field, *, where: str) -> int:
    short = text[:3].casefold()
    if short in field.names:
        return field.names.index(short) + field.low
    if not text.isdecimal() or not field.low <= int(text) <= field.high:
        raise CannotStart(f"{where}: '{text}' is not a {field.name} from {field.low} to {field.high}", there=WITHOUT_IT)
    return int(text)
