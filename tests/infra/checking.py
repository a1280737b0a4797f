"""How a check of infra/ is shown to see its fault: the fault is put into a copy, and the same check runs on it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.infra.product import Infra, Product, seeded

type Check = Callable[[Infra, Product], list[str]]


@dataclass(frozen=True)
class Seed[C: Callable[..., list[str]]]:
    """One fault: `old` becomes `new` in `file`, and `check` must then say `says`."""

    check: C
    file: str
    old: str
    new: str
    says: str

    def planted(self, folder: Path) -> Infra:
        """A copy of infra/ with the fault."""
        return seeded(folder, file=self.file, old=self.old, new=self.new)

    def __str__(self) -> str:
        return f"{self.check.__name__}: {self.new.strip()[:40] or self.old.strip()[:40]}"
