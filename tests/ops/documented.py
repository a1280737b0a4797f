"""The commands that docs/operations.md tells people to type, outside of its walk-through, as they stand there."""

import re
from collections.abc import Iterator

from tests.unit.docs_tables import DOCS, bare, table

PAGE = "operations.md"
PROGRAMS = ("python -m ops", "curl ", "az ", "make ", "export ", "alias ", "eval ", "ACCOUNT=", "SELECT ")
"""How a line begins that somebody types."""
_OF_OPS = ("list", "show", "replay", "discard", "drain", "payments", "payment", "summary", "flow", "erase", "reconcile")
"""In the tables of alerts and reasons these stand for `python -m ops` and the word."""
_COMMENT = re.compile(r"\s{2,}# .*$")


def typed() -> list[str]:
    """Each command once, in the order of the page."""
    return list(dict.fromkeys([*_in_blocks(), *_in_text(), *_in_tables()]))


def grammar() -> dict[str, tuple[str, ...]]:
    """By the row of the table of commands as it stands there: the options that it names, FILTERS included."""
    rows = {bare(row["command"]): row["what it does"] for row in table(PAGE, heading="command")}
    return {row: _named(row, *re.findall("`(--[a-z-]+)`", meaning)) for row, meaning in rows.items()}


def _named(row: str, *others: str) -> tuple[str, ...]:
    named = [*re.findall(r"--[a-z-]+", row), *others]
    if "FILTERS" in row:
        named += [name for name in filters() if name != ("--reason" if "--died-of" in row else "--died-of")]
    return tuple(dict.fromkeys(named))


def filters() -> tuple[str, ...]:
    """The options that the page calls FILTERS."""
    (paragraph,) = re.findall(r"^FILTERS choose.*?\n\n", _page(), flags=re.DOTALL | re.MULTILINE)
    chosen, _, _ = paragraph.partition(". A word")
    return tuple(dict.fromkeys(re.findall(r"--(?!all)[a-z-]+", chosen.replace("with `discard --all` it is", ""))))


def _page() -> str:
    """Without the fenced blocks: the walk-through, and queries of the logs."""
    return re.sub(r"^```.*?^```\n", "", (DOCS / PAGE).read_text(), flags=re.DOTALL | re.MULTILINE)


def _in_blocks() -> Iterator[str]:
    joined = re.sub(r" \\\n {6}", " ", _page())
    for line in joined.splitlines():
        if line.startswith("    "):
            yield _COMMENT.sub("", line.strip())


def _in_text() -> Iterator[str]:
    prose = "\n".join(line for line in _page().splitlines() if not line.startswith("| `"))
    for span in re.findall(r"`([^`]+)`", prose):
        if span.startswith(PROGRAMS) and span not in PROGRAMS:
            yield " ".join(span.split())


def _in_tables() -> Iterator[str]:
    cells = [row["first command"] for row in table(PAGE, heading="alert")]
    cells += [row["first command when it looks wrong"] for row in table(PAGE, heading="signal")]
    cells += [row["what to do"] for row in table(PAGE, heading="reason")]
    for span in re.findall(r"`([^`]+)`", "\n".join(cells)):
        if span.startswith(PROGRAMS):
            yield span
        elif span.split()[0] in _OF_OPS:
            yield f"python -m ops {span}"
