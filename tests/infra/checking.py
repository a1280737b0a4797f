"""How a check of infra/ is shown to see its fault: the fault is put into a copy, and the same check runs on it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.infra.product import Infra, Product, seeded

type Check = Callable[[Infra, Product], list[str]]


@dataclass(frozen=True)
class Seed:
    """One fault: `old` becomes `new` in `file`, and `check` must then say `says`."""

    check: Check
    file: str
    old: str
    new: str
    says: str

    def faults(self, folder: Path, product: Product) -> list[str]:
        return self.check(seeded(folder, file=self.file, old=self.old, new=self.new), product)

    def __str__(self) -> str:
        return f"{self.check.__name__}: {self.new.strip()[:40] or self.old.strip()[:40]}"
