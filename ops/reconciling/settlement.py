"""The provider's settlement file, read strictly: one line that cannot be understood, and none is believed.

docs/provider.md has the form. Knows no payment.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.client import Fault, Json
from ops.reconciling.movements import Moved
from terminal.money import money

COLUMNS = ("type", "reference", "payment_reference", "amount_minor", "currency", "at")
_SHOWN = 40
_SMALLEST = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One movement of money as the provider lists it. where: file and number of the line, such as `f.csv:7`."""

    moved: Moved
    reference: str
    payment_reference: str
    amount_minor: int
    currency: str
    at: datetime
    where: str

    @property
    def words(self) -> str:
        """For people."""
        return (
            f"{money({'amount_minor': self.amount_minor, 'currency': self.currency})} {self.reference} ({self.where})"
        )

    def as_json(self) -> Json:
        """For programs."""
        return {
            "reference": self.reference,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "line": self.where,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What the files cover: from `since` on, and before `until`."""

    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        return self.side(moment) == 0

    def side(self, moment: datetime) -> int:
        """-1 before it, 0 in it, 1 after it."""
        return int(moment >= self.until) - int(moment < self.since)


class _Malformed(ValueError):
    """What is wrong with one column of a line."""


def read(paths: Sequence[Path]) -> list[Line]:
    """All lines in the order of time, whichever file has them. Raises Fault, which names file, line and column."""
    return sorted((line for path in paths for line in _lines(path)), key=lambda line: line.at)


def period_of(lines: Iterable[Line], *, since: datetime | None, until: datetime | None) -> Period:
    """As it is given; else from the first line to the last. Raises Fault for one that is none."""
    times = [line.at for line in lines]
    if not times and (since is None or until is None):
        raise Fault("the settlement file has no lines: say with --since and --until what it covers")
    period = Period(since=since or min(times), until=until or max(times) + _SMALLEST)
    if period.since >= period.until:
        raise Fault(f"the period ends before it begins: {period.since.isoformat()} to {period.until.isoformat()}")
    return period


def _lines(path: Path) -> Iterator[Line]:
    text = _text(path)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    before, number = datetime.min.replace(tzinfo=UTC), 1
    try:
        if next(rows, None) != [*COLUMNS]:
            raise Fault(f"{path}, line 1: the header must be {','.join(COLUMNS)}")
        number = rows.line_num + 1
        for row in rows:
            line = _line(row, where=f"{path.name}:{number}")
            if line.at < before:
                raise _Malformed("column at: it is earlier than the line before, and lines are sorted")
            before, number = line.at, rows.line_num + 1
            yield line
    except _Malformed as exc:
        raise Fault(f"{path}, line {number}, {exc}") from exc
    except csv.Error as exc:
        raise Fault(f"{path}, line {number}, column {_broken_column(text, number=number)}: {exc}") from exc


def _text(path: Path) -> str:
    """Raises Fault. A byte order mark is not part of it."""
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        ahead = content[: exc.start]
        column = _column(ahead[ahead.rfind(b"\n") + 1 :].count(b","))
        raise Fault(f"{path}, line {ahead.count(b'\n') + 1}, column {column}: this is not UTF-8") from exc
    except OSError as exc:
        raise Fault(f"cannot read {path}: {exc.strerror}") from exc


_WHOLE_CELL = re.compile(r'(?:"(?:[^"]|"")*"|[^",\r\n][^,\r\n]*|),')


def _broken_column(text: str, *, number: int) -> str:
    """Where quotation marks are wrong on a line: csv does not say."""
    line, cells, end = io.StringIO(text, newline="").readlines()[number - 1], 0, 0
    while whole := _WHOLE_CELL.match(line, end):
        cells, end = cells + 1, whole.end()
    return _column(cells)


def _column(number: int) -> str:
    return COLUMNS[min(number, len(COLUMNS) - 1)]


def _line(row: list[str], *, where: str) -> Line:
    if len(row) < len(COLUMNS):
        raise _Malformed(f"column {_column(len(row))}: it is missing")
    if len(row) > len(COLUMNS):
        raise _Malformed(f"column {len(COLUMNS) + 1}: there are more than {len(COLUMNS)}")
    cells = dict(zip(COLUMNS, row, strict=True))
    return Line(
        moved=Moved(_matching(cells, "type")),
        reference=_matching(cells, "reference"),
        payment_reference=_matching(cells, "payment_reference"),
        amount_minor=int(_matching(cells, "amount_minor")),
        currency=_matching(cells, "currency"),
        at=_moment(cells),
        where=where,
    )


_NAME = re.compile(r"(?=.*[0-9A-Za-z])[\x21-\x7e]{1,128}")  # as the app takes it; `..` would name another address
_MUST_NAME = "must be 1 to 128 visible characters of ASCII with a letter or digit"
_FORMS: dict[str, tuple[Callable[[str], object], str]] = {
    "type": (re.compile("|".join(Moved)).fullmatch, f"must be {', '.join(Moved)}"),
    "reference": (_NAME.fullmatch, _MUST_NAME),
    "payment_reference": (_NAME.fullmatch, _MUST_NAME),
    "amount_minor": (re.compile("[1-9][0-9]{0,17}").fullmatch, "must be a whole number, 1 or more"),
    "currency": (re.compile("[A-Z]{3}").fullmatch, "must be a code of ISO 4217"),
    "at": (
        re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)", re.ASCII).fullmatch,
        "must be a time in UTC, such as 2026-01-02T12:00:00Z",
    ),
}


def _matching(cells: dict[str, str], name: str) -> str:
    matches, must = _FORMS[name]
    text = cells[name]
    if not matches(text):
        raise _Malformed(f"column {name}: {text[:_SHOWN]!r} {must}")
    return text


def _moment(cells: dict[str, str]) -> datetime:
    text = _matching(cells, "at")
    try:
        return datetime.fromisoformat(text)
    except ValueError as exc:
        raise _Malformed(f"column at: {text!r} is not in the calendar") from exc
