"""A mutant in a copy of a toy product: noticed or not, and what the results amount to."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mutants.choosing import Map, measured
from tests.mutants.copies import Copy
from tests.mutants.judging import judged
from tests.mutants.known import Known
from tests.mutants.operators import changes, mutants
from tests.mutants.results import Kept, Listed, Result, listed
from tests.mutants.source import Mutant, Source

TOY = b"def is_late(age: int) -> bool:\n    return age > 5\n"
TEST = "from shared.toy import is_late\n\ndef test_old_is_late():\n    assert is_late(9) and not is_late(1)\n"
SETTINGS = """
[tool.pytest.ini_options]
addopts = "-n 2 --dist loadfile"
[tool.coverage.run]
source = ["shared"]
branch = true
"""
PLUGIN = Path(__file__).parent / "plugin.py"

pytestmark = pytest.mark.long  # each starts pytest once or more; `make mutants` itself runs by hand


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A product of one file with one test, which says nothing of the limit itself."""
    root = tmp_path / "tree"
    for folder in ("shared", "tests/unit", "tests/mutants"):
        (root / folder).mkdir(parents=True)
        (root / folder / "__init__.py").touch()
    (root / "tests" / "__init__.py").touch()
    (root / "shared" / "toy.py").write_bytes(TOY)
    (root / "tests" / "unit" / "test_toy.py").write_text(TEST)
    shutil.copy(PLUGIN, root / "tests" / "mutants" / PLUGIN.name)
    (root / "pyproject.toml").write_text(SETTINGS)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def toy_mutant(now: str) -> Mutant:
    source = Source("shared/toy.py", TOY)
    return next(each for each in mutants(source, changes(source, Known())) if each.now == now)


SEEN, UNSEEN = toy_mutant("return None"), toy_mutant("return age >= 5")


async def test_a_mutant_that_a_test_notices_is_killed_and_another_survives(tree: Path, tmp_path: Path) -> None:
    copy = await asyncio.to_thread(Copy.made, tree, into=tmp_path / "copy")
    tests, failing = await measured([copy], product="1", folder=tmp_path, limit_s=60)

    killed = await copy.tried(SEEN, tests=tests.chosen(SEEN), limit_s=60)
    survived = await copy.tried(UNSEEN, tests=tests.chosen(UNSEEN), limit_s=60)

    assert failing == []
    assert tests.lines["shared/toy.py"][2] == {"tests/unit/test_toy.py::test_old_is_late"}
    assert killed.failed == "tests/unit/test_toy.py::test_old_is_late"
    assert survived.failed is None
    assert [(root / "shared/toy.py").read_bytes() for root in (tree, copy.root)] == [TOY, TOY]


async def test_a_test_that_fails_without_any_mutant_is_told_and_left_out(tree: Path, tmp_path: Path) -> None:
    with (tree / "tests" / "unit" / "test_toy.py").open("a") as file:
        file.write("\ndef test_wrong():\n    assert is_late(1)\n")
    copy = await asyncio.to_thread(Copy.made, tree, into=tmp_path / "copy")

    tests, failing = await measured([copy], product="1", folder=tmp_path, limit_s=60)

    assert failing == ["tests/unit/test_toy.py::test_wrong"]
    assert tests.chosen(SEEN) == [["tests/unit/test_toy.py::test_old_is_late"]]


async def test_a_mutant_that_hangs_is_noticed(tree: Path, tmp_path: Path) -> None:
    copy = await asyncio.to_thread(Copy.made, tree, into=tmp_path / "copy")
    hanging = Mutant("shared/toy.py", 1, "", 0, len(TOY), "while True: pass\n", "", "")

    ran = await copy.tried(hanging, tests=[["tests/unit/test_toy.py::test_old_is_late"]], limit_s=3)

    assert ran.failed == "it hangs"


def test_what_runs_the_line_goes_first_and_all_unit_tests_follow() -> None:
    flow, named, unit, other = (
        "tests/flow/a.py::x",
        "tests/flow/test_toy.py::x",
        "tests/unit/b.py::y",
        "tests/unit/c.py::z",
    )
    of_file = "tests/contract/d.py::v"
    tests = {flow: 1.0, named: 9.0, unit: 2.0, other: 0.1, of_file: 0.0}
    runs = {UNSEEN.path: {UNSEEN.line: {flow, named, unit}, 9: {of_file}}}

    assert Map(tests, runs).chosen(UNSEEN) == [[unit, named], [flow], [other, of_file]]


def test_only_what_was_not_measured_is_measured_again(tmp_path: Path) -> None:
    whole = Map(
        {"tests/a.py::x": 1.0, "tests/b.py::y": 2.0}, {"shared/toy.py": {2: {"tests/a.py::x", "tests/b.py::y"}}}
    )
    again = Map()

    for file in ("tests/a.py", "tests/b.py"):
        whole.of(file).write(tmp_path / "map.json")
        again.take(Map.read(tmp_path / "map.json"))

    assert again == whole


def test_results_are_kept_until_the_product_changes(tree: Path, tmp_path: Path) -> None:
    Kept.of(tree, folder=tmp_path).add(Result("m", killed_by="t", took_s=1.0))
    assert Kept.of(tree, folder=tmp_path).read() == {"m": Result("m", killed_by="t", took_s=1.0)}

    (tree / "shared" / "toy.py").write_text("a = 1\n")

    assert Kept.of(tree, folder=tmp_path).read() == {}


LIST = """# Title

## shared/toy.py:7

    - return age > 5
    + return
      age >= 5

Equivalent: no age
is ever 5.
"""


def test_a_survivor_is_listed_with_its_lines_and_its_reason() -> None:
    (entry,) = listed(LIST)

    assert entry == Listed("shared/toy.py", "return age > 5", "return age >= 5", "Equivalent: no age is ever 5.")
    assert entry.names(UNSEEN)
    assert entry.is_equivalent


def test_an_entry_that_cannot_be_read_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="an entry is"):
        list(listed(LIST.replace("    + ", "    ")))


ENTRY = Listed(UNSEEN.path, UNSEEN.was, UNSEEN.now, "Equivalent: so it is.")
DEAD, ALIVE = Result(SEEN.mutant_id, "t", 1.0), Result(UNSEEN.mutant_id, None, 1.0)


@pytest.mark.parametrize(
    ("results", "entries", "fault"),
    [
        ([DEAD, ALIVE], [], "is not listed"),
        ([DEAD, ALIVE], [Listed(ENTRY.path, ENTRY.was, ENTRY.now, "A test is owed.")], "without being equivalent"),
        ([DEAD, Result(UNSEEN.mutant_id, "t", 1.0)], [ENTRY], "is killed"),
        ([DEAD], [], "were not tried"),
    ],
)
def test_the_command_fails(results: list[Result], entries: list[Listed], fault: str) -> None:
    (found,) = judged([SEEN, UNSEEN], {each.mutant_id: each for each in results}, entries).faults

    assert fault in found


def test_a_survivor_that_is_equivalent_and_listed_is_no_fault() -> None:
    verdict = judged([SEEN, UNSEEN], {each.mutant_id: each for each in (DEAD, ALIVE)}, [ENTRY])

    assert verdict.faults == []
    assert verdict.figures == "2 drawn, 1 killed, 1 survived: 1 equivalent, 0 listed otherwise, 0 not listed"
