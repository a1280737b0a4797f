"""Texts that read as a time, as Microsoft's host hands them over. Knows no trigger.

Its library for the change feed (Newtonsoft.Json, with its defaults) takes any text of a document that looks like a time
for one, and writes it anew in its own form: another offset, other digits. Only names of fields stay as they are.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?(?:(Z)|([+-])(\d\d):?(\d\d))?", re.ASCII | re.IGNORECASE
)
_TICKS = re.compile(r"/Date\((-?\d{1,15})([+-]\d{4})?\)/", re.ASCII)
_SHORTEST, _LONGEST = 19, 40
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rewritten(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The value with each such text in the form that Microsoft's host gives it."""
    match value:
        case str():
            return _text(value)
        case list():
            return [rewritten(item) for item in value]
        case dict():
            return {name: rewritten(item) for name, item in value.items()}
        case _:
            return value


def _text(text: str) -> str:
    if _SHORTEST <= len(text) <= _LONGEST and text[10] == "T" and (found := _ISO.fullmatch(text)):
        return _iso(found) or text
    if text.startswith("/Date(") and (found := _TICKS.fullmatch(text)):
        at = _clipped(_EPOCH, timedelta(milliseconds=int(found[1])))
        return _written(at, fraction=f"{at.microsecond:06}", zone="+00:00" if found[2] else "Z")
    return text


def _iso(found: re.Match[str]) -> str | None:
    """None for a time that there is not, such as the 30th of February: it stays a text. 24:00 is the next day."""
    clock, fraction, is_utc, sign, hours, minutes = found.groups()
    is_midnight = clock.endswith("T24:00:00") and not (fraction or "").strip("0")
    try:
        at = datetime.fromisoformat(clock.replace("T24", "T00") if is_midnight else clock).replace(tzinfo=UTC)
    except ValueError:
        return None
    if is_midnight:
        at = _clipped(at, timedelta(days=1))
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        at = _clipped(at, -offset if sign == "+" else offset)
    return _written(at, fraction=fraction or "", zone="Z" if is_utc else "+00:00" if sign else "")


def _clipped(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return _FIRST if by < timedelta() else _LAST


def _written(at: datetime, *, fraction: str, zone: str) -> str:
    digits = "9999999" if at == _LAST else fraction.rstrip("0")
    clock = at.replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{clock}{'.' if digits else ''}{digits}{zone}"
