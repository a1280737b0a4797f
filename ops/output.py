"""What an operator sees: lines, tables that fit the terminal, progress, ages. Knows no command and no HTTP.

Merchants, providers and brokers have written much of it. So nothing else in `ops` prints, and what is printed here can
neither steer the terminal nor look like a line of its own.
"""

import asyncio
import json
import shutil
import signal
import sys
import textwrap
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Self, TextIO

from terminal.text import printable

_BAR = 24
_NARROWEST = 24
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def show_json(document: object) -> None:
    """For programs; the field names are those of the HTTP answers."""
    print(json_text(document))


def json_text(document: object) -> str:
    """JSON laid out. A character that is none to look at is escaped as JSON does it, so a program reads the same."""
    laid_out = json.dumps(document, indent=2, ensure_ascii=False)
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in laid_out)


def say(line: object, *, out: TextIO | None = None) -> None:
    """One line, whatever it holds."""
    print(printable(str(line)), file=out or sys.stdout)


def ask(question: str) -> str:
    """The line that somebody types. The question is on stderr: stdout is for what the command finds.

    Ctrl-C ends it at once. A running loop would only make a note of it, and wait for the line all the same.
    """
    before = signal.getsignal(signal.SIGINT)
    can_be_stopped = before is not signal.SIG_IGN and threading.current_thread() is threading.main_thread()
    if can_be_stopped:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if _is_stopped():
            raise KeyboardInterrupt
        print(printable(question), end=" ", file=sys.stderr, flush=True)
        return sys.stdin.readline()
    finally:
        if can_be_stopped:
            signal.signal(signal.SIGINT, before)


def _is_stopped() -> bool:
    """Whether a running loop has made a note of Ctrl-C."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs
        return False
    return task is not None and task.cancelling() > 0


def show_table(rows: Sequence[Mapping[str, str]], *, out: TextIO | None = None) -> None:
    """Aligned columns; the keys of the first row are the headings.

    In a terminal that is too narrow the last column goes over several lines, and where that would be too narrow each
    row is shown as lines of its own. Nothing is left out.
    """
    if not rows:
        return
    out = out or sys.stdout
    shown = [{name: printable(row[name]) for name in rows[0]} for row in rows]
    widths = {name: max(len(name), *(len(row[name]) for row in shown)) for name in rows[0]}
    room = shutil.get_terminal_size().columns if out.isatty() else sys.maxsize
    *others, last = widths
    left = room - sum(widths[name] + 2 for name in others)
    if left < min(widths[last], _NARROWEST):
        _show_records(shown, room=room, out=out)
        return
    widths[last] = min(widths[last], left)
    for row in ({name: name for name in widths}, *shown):
        _show_row(row, widths, out=out)


def _show_row(row: Mapping[str, str], widths: Mapping[str, int], *, out: TextIO) -> None:
    *others, last = widths
    first, *rest = _lines(row[last], widths[last])
    before = "".join(row[name].ljust(widths[name]) + "  " for name in others)
    print(f"{before}{first}".rstrip(), file=out)
    for line in rest:
        print(f"{' ' * len(before)}{line}".rstrip(), file=out)


def _show_records(rows: Sequence[Mapping[str, str]], *, room: int, out: TextIO) -> None:
    """Each row as one line for each column, with a blank line between."""
    label = max(map(len, rows[0]))
    for number, row in enumerate(rows):
        if number:
            print(file=out)
        for name, value in row.items():
            for nth, line in enumerate(_lines(value, max(room - label - 2, 1))):
                print(f"{(name if nth == 0 else '').ljust(label)}  {line}".rstrip(), file=out)


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, drop_whitespace=True) or [""]


def show_fields(fields: Mapping[str, object]) -> None:
    """One line per field; an empty one is left out."""
    shown = {name: printable(str(value)) for name, value in fields.items() if value not in (None, "", [])}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        print(f"{name.ljust(width)}  {value}")


def show_times(title: str, lines: Sequence[tuple[str, str]]) -> None:
    """What happened when, under a title; nothing when there is nothing."""
    if lines:
        print(f"\n{title}")
    for at, words in lines:
        print(printable(f"  {at[:19]}Z  {words}"))


def show_body(body: str) -> None:
    """What a message holds, under a title: JSON laid out, anything else in the lines that it has, each set in."""
    try:
        text = json_text(json.loads(body))
    except (ValueError, RecursionError):
        text = body
    print("\nbody")
    for line in text.split("\n"):
        print(f"  {printable(line)}")


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
