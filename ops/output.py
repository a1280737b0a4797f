"""What an operator sees: tables that fit the terminal, progress, ages. Knows no command and no HTTP."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TextIO

_BAR = 24
_NARROWEST = 12
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def show_json(document: object) -> None:
    """For programs; the field names are those of the HTTP answers."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def show_table(rows: Sequence[Mapping[str, str]], *, out: TextIO | None = None) -> None:
    """Aligned columns; the keys of the first row are the headings.

    In a terminal the last column is shortened to fit, or left out when it would be too narrow. Elsewhere nothing is
    cut, because there the output is searched.
    """
    if not rows:
        return
    out = out or sys.stdout
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    if out.isatty():
        _fit(widths, shutil.get_terminal_size().columns)
    for row in ({name: name for name in widths}, *rows):
        cells = [_cut(row[name], width).ljust(width) for name, width in widths.items()]
        print("  ".join(cells).rstrip(), file=out)


def show_fields(fields: Mapping[str, object]) -> None:
    """One line per field; an empty one is left out."""
    shown = {name: str(value) for name, value in fields.items() if value not in (None, "", [])}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        print(f"{name.ljust(width)}  {value}")


def show_times(title: str, lines: Sequence[tuple[str, str]]) -> None:
    """What happened when, under a title; nothing when there is nothing."""
    if lines:
        print(f"\n{title}")
    for at, words in lines:
        print(f"  {at[:19]}Z  {words}")


def _fit(widths: dict[str, int], room: int) -> None:
    while sum(widths.values()) + 2 * (len(widths) - 1) > room:
        last = list(widths)[-1]
        left = room - sum(width + 2 for name, width in widths.items() if name != last)
        if left >= _NARROWEST or len(widths) == 1:
            widths[last] = max(left, 1)
            return
        del widths[last]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def age(moment: str, *, now: datetime | None = None) -> str:
    """How long ago a time of the API was, in its largest unit."""
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds()
    for unit, size in reversed(_UNITS.items()):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "0s"


def duration(text: str) -> timedelta:
    """`90s`, `10m`, `2h`, `3d`. Raises ValueError."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal():
        raise ValueError(f"{text} is not a duration: write 90s, 10m, 2h or 3d")
    return timedelta(seconds=int(number) * _UNITS[unit])


def units(span: timedelta) -> str:
    """A duration as it was written, in the largest unit that leaves no rest."""
    seconds = int(span.total_seconds())
    unit, size = next(each for each in reversed(_UNITS.items()) if seconds % each[1] == 0)
    return f"{seconds // size}{unit}"


_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Decimal digits of ISO 4217's minor units where they are not two. pycountry has the codes and not these."""


def money(row: Mapping[str, Any]) -> str:
    """In the units that people write, `12.50 EUR`; empty where no amount is known."""
    if row.get("amount_minor") is None or not row.get("currency"):
        return ""
    digits, amount = _DIGITS.get(row["currency"], 2), int(row["amount_minor"])
    whole, rest = divmod(abs(amount), 10**digits)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{rest:0{digits}} {row['currency']}" if digits else f"{sign}{whole} {row['currency']}"


class Progress:
    """How far long work is, on stderr: a bar that is drawn over in a terminal, a line per step elsewhere."""

    def __init__(self, doing: str, *, total: int | None = None, out: TextIO | None = None) -> None:
        self._doing, self._total = doing, total
        self._out = out or sys.stderr
        self._is_drawn = False
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_drawn:
            print(file=self._out)

    def forward(self, number: int) -> None:
        """`number` more are done."""
        self._done += number
        if self._out.isatty():
            print(f"\r{self._line()}", end="", file=self._out, flush=True)
            self._is_drawn = True
        elif number:
            print(f"{self._doing}: {self._count()}", file=self._out, flush=True)

    def _count(self) -> str:
        return str(self._done) if self._total is None else f"{self._done} of {self._total}"

    def _line(self) -> str:
        if not self._total:
            return f"{self._doing}: {self._count()}"
        filled = min(_BAR, _BAR * self._done // self._total)
        return f"{self._doing} [{'#' * filled}{'.' * (_BAR - filled)}] {self._count()}"
