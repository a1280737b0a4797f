"""The documents as text: no line of prose is too wide, and every decision says what would change our mind."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WIDTH = 120
PARTS = ("Context", "Decision", "Consequences", "What would change our mind")


def pages() -> list[Path]:
    """Every Markdown file that git knows."""
    command = ["git", "ls-files", "-z", "--", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name]


def decisions() -> list[Path]:
    return sorted((ROOT / "docs" / "decisions").glob("*.md"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def too_wide(text: str) -> list[int]:
    """The numbers of the lines that could be shorter: a row of a table could not, nor could one long word by itself."""
    return [
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if len(line) > WIDTH and not line.startswith("|") and len(line.split()) > 1
    ]


def missing_parts(text: str) -> Iterator[str]:
    """The parts that a record lacks; a part is a paragraph that begins with its name, in bold, and says something."""
    for part in PARTS:
        if not re.search(rf"^\*\*{part}\.\*\*\s+(?!\*\*)\S", text, flags=re.MULTILINE):
            yield part


@pytest.mark.parametrize("path", pages(), ids=name_of)
def test_a_line_of_prose_fits_the_width(path: Path) -> None:
    assert too_wide(path.read_text()) == []


@pytest.mark.parametrize("line", ["word " * 25, f"- {'word ' * 25}", f"    make run ARGS='{'--http-port 8000 ' * 7}'"])
def test_a_line_that_is_too_wide_is_found(line: str) -> None:
    assert too_wide(f"# A page\n\n{line}\n") == [3]


@pytest.mark.parametrize("line", ["w" * WIDTH, f"    https://example.org/{'w' * WIDTH}", f"| {'word ' * 25} |"])
def test_a_line_that_fits_or_cannot_be_shorter_is_no_fault(line: str) -> None:
    assert too_wide(f"# A page\n\n{line}\n") == []


def test_there_are_pages_and_decisions_to_look_at() -> None:
    assert ROOT / "README.md" in pages()
    assert set(decisions()) <= set(pages())
    assert len(decisions()) > 15


@pytest.mark.parametrize("path", decisions(), ids=name_of)
def test_a_decision_says_what_it_rests_on_and_what_would_change_our_mind(path: Path) -> None:
    assert list(missing_parts(path.read_text())) == []


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_a_decision_lacks_or_leaves_empty_is_found(part: str) -> None:
    whole = "# 0099 A decision\n\n" + "\n\n".join(f"**{each}.** It is so." for each in PARTS)

    without = whole.replace(f"**{part}.** It is so.", "")
    empty = whole.replace(f"**{part}.** It is so.", f"**{part}.**")

    assert list(missing_parts(whole)) == []
    assert list(missing_parts(without)) == [part]
    assert list(missing_parts(empty + "\n")) == [part]
