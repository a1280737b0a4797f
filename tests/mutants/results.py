"""What became of the mutants, kept so that a run can go on later; and the list of those that may survive."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutants.drawing import product
from tests.mutants.source import Mutant

SURVIVORS = Path("tests/mutants/survivors.md")
EQUIVALENT = "Equivalent: "
OTHERS_AT_MOST = 0.05
"""Of all that were drawn: survivors that are listed for another reason than that no test can tell."""


@dataclass(frozen=True, slots=True)
class Result:
    """killed_by: the first test that failed; None for a survivor."""

    mutant_id: str
    killed_by: str | None
    took_s: float


@dataclass(slots=True)
class Kept:
    """A file of results for one state of the product."""

    path: Path

    @classmethod
    def of(cls, tree: Path, *, folder: Path) -> "Kept":
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder / f"results-{digest(tree, product(tree))}.jsonl")

    def read(self) -> dict[str, Result]:
        """The last word on each mutant."""
        if not self.path.exists():
            return {}
        found = (Result(**json.loads(line)) for line in self.path.read_text().splitlines())
        return {each.mutant_id: each for each in found}

    def add(self, result: Result) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")


def digest(tree: Path, paths: list[str]) -> str:
    return hashlib.sha256(b"\0".join((tree / path).read_bytes() for path in paths)).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Listed:
    """A survivor that is known, and why no test notices it."""

    path: str
    was: str
    now: str
    why: str

    @property
    def is_equivalent(self) -> bool:
        return self.why.startswith(EQUIVALENT)

    def names(self, mutant: Mutant) -> bool:
        return (self.path, self.was, self.now) == (mutant.path, _on_one_line(mutant.was), _on_one_line(mutant.now))


_ENTRY = re.compile(
    r"^## (?P<path>\S+):\d+\n\n    - (?P<was>.+\n(?: {6}.+\n)*)    \+ (?P<now>.+\n(?: {6}.+\n)*)\n(?P<why>(?:.+\n)+)",
    re.MULTILINE,
)


def listed(text: str) -> Iterator[Listed]:
    """Raises ValueError for an entry that cannot be read."""
    entries = list(_ENTRY.finditer(text))
    if len(entries) != text.count("\n## "):
        raise ValueError("an entry is a heading `## path:line`, two indented lines `- was` and `+ now`, and the reason")
    for entry in entries:
        yield Listed(entry["path"], *(_on_one_line(entry[part]) for part in ("was", "now", "why")))


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
