"""Which tests run which line: measured once, and then asked for each mutant. The cheap ones go first."""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coverage import CoverageData

from tests.mutants.copies import Copy
from tests.mutants.source import Mutant

MEASURED = ("tests/unit", "tests/contract", "tests/flow", "tests/invariants")
LEFT_OUT = ("tests/flow/test_crashes.py", "tests/unit/test_architecture.py", "tests/unit/test_docs_prose.py")
"""Too long for one mutant; and what looks at how the code is written, which is no behaviour."""
IN_INVARIANTS = ("shared/domain/", "shared/codec/", "shared/steps/", "shared/verbs/", "shared/services.py")
"""What the worlds of the invariants are made of."""


@dataclass(slots=True)
class Map:
    """tests: seconds, by id. lines: the tests that run it, by file and line."""

    tests: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, set[str]]] = field(default_factory=dict)

    def chosen(self, mutant: Mutant) -> list[list[str]]:
        """What runs the line: unit tests and its namesakes; invariants and the rest. Then what runs any of the file.

        The last part has all unit tests too: what runs only while it is imported, or once in a fixture that many tests
        share, is in nobody's name. Each part is a process of its own: most mutants die in the first, which is spared to
        import the others' tests.
        """
        lines = self.lines.get(mutant.path, {})
        of_line, of_file = lines.get(mutant.line, set()), {name for names in lines.values() for name in names}
        units = {name for name in self.tests if name.startswith("tests/unit/")}
        invariants = {name for name in self.tests if name.startswith("tests/invariants/")}
        if not mutant.path.startswith(IN_INVARIANTS):
            invariants = set()
        named = {name for name in of_line if Path(mutant.path).stem in _file(name)}
        first = [*self._cheap_first(of_line & units), *self._cheap_first(named - units)]
        second = [*self._cheap_first(invariants), *self._cheap_first(of_line - set(first))]
        third = [*self._cheap_first(units - set(first)), *self._cheap_first(of_file - units - of_line)]
        return [part for part in (first, second, third) if part]

    def _cheap_first(self, names: Iterable[str]) -> list[str]:
        """Files stay together: their fixtures are dear."""
        wanted = set(names)
        kept = [name for name in self.tests if name in wanted]
        files: dict[str, float] = {}
        for name in kept:
            files[_file(name)] = files.get(_file(name), 0.0) + self.tests[name]
        return sorted(kept, key=lambda name: (files[_file(name)], _file(name)))

    def seconds(self, names: Iterable[str]) -> float:
        return sum(self.tests[name] for name in names)

    def of(self, file: str) -> "Map":
        """What it knows of one file of tests."""
        lines = {
            path: {line: mine for line, names in of_path.items() if (mine := {n for n in names if _file(n) == file})}
            for path, of_path in self.lines.items()
        }
        return Map({name: seconds for name, seconds in self.tests.items() if _file(name) == file}, lines)

    def take(self, other: "Map") -> None:
        self.tests.update(other.tests)
        for path, lines in other.lines.items():
            for line, names in lines.items():
                self.lines.setdefault(path, {}).setdefault(line, set()).update(names)

    def write(self, path: Path) -> None:
        numbers = {name: number for number, name in enumerate(self.tests)}
        lines = {
            file: {line: sorted(numbers[name] for name in names) for line, names in of_file.items()}
            for file, of_file in self.lines.items()
        }
        path.write_text(json.dumps({"tests": self.tests, "lines": lines}))

    @classmethod
    def read(cls, path: Path) -> "Map":
        found = json.loads(path.read_text())
        names = list(found["tests"])
        lines = {
            file: {int(line): {names[number] for number in numbers} for line, numbers in of_file.items()}
            for file, of_file in found["lines"].items()
        }
        return cls(found["tests"], lines)


def _file(test: str) -> str:
    return test.partition("::")[0]


def test_files(tree: Path) -> list[str]:
    found = (path.relative_to(tree).as_posix() for folder in MEASURED for path in (tree / folder).glob("test_*.py"))
    return sorted(path for path in found if path not in LEFT_OUT)


async def measured(copies: Sequence[Copy], *, product: str, folder: Path, limit_s: float) -> tuple[Map, list[str]]:
    """What was measured before is kept in the folder, for each file of tests and state of the product.

    Also the tests that fail without any mutant: they show nothing and are left out.
    """
    root = copies[0].root
    kept = {file: folder / f"map-{_digest(root / file, product)}.json" for file in test_files(root)}
    missing = [file for file, path in kept.items() if not path.exists()]
    whole, failing = Map(), list[str]()
    for path in kept.values():
        if path.exists():
            whole.take(Map.read(path))
    if missing:
        print(f"measuring which lines {len(missing)} files of tests run ...", flush=True)
    shares = [(copy, missing[number :: len(copies)]) for number, copy in enumerate(copies)]
    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(_run(copy, share, limit_s=limit_s)) for copy, share in shares if share]
    for found, failed in (run.result() for run in runs):
        failing += failed
        for file in {_file(test) for test in found.tests} - {_file(test) for test in failed}:
            found.of(file).write(kept[file])
        whole.take(found)
    return whole, failing


def _digest(path: Path, product: str) -> str:
    return hashlib.sha256(
        product.encode() + path.as_posix().rpartition("/")[2].encode() + path.read_bytes()
    ).hexdigest()[:16]


async def _run(copy: Copy, files: Sequence[str], *, limit_s: float) -> tuple[Map, list[str]]:
    measuring = ("--cov", "--cov-context=test", "--cov-report=", "--cov-fail-under=0")
    ran = await copy.ran(None, *measuring, *files, limit_s=limit_s)
    if not ran.seconds or ran.hung:
        raise RuntimeError(f"the tests cannot be measured: {ran.failed}\n{ran.output}")
    recorded = CoverageData(basename=str(copy.root / ".coverage"))
    recorded.read()
    sound = {test: seconds for test, seconds in ran.seconds.items() if test not in ran.failures}
    found = Map(sound)
    for path in recorded.measured_files():
        of_path = found.lines.setdefault(Path(path).relative_to(copy.root).as_posix(), {})
        for line, contexts in recorded.contexts_by_lineno(path).items():
            names = {context.rpartition("|")[0] for context in contexts}
            of_path[line] = {name for name in names if name in sound}
    return found, ran.failures
