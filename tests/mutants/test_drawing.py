"""What may be changed in a file, and what a seed draws."""

from pathlib import Path

import pytest

from tests.mutants.drawing import AT_LEAST, SOME, draw
from tests.mutants.known import Known
from tests.mutants.operators import changes, mutants
from tests.mutants.source import Mutant, Source


def mutants_of(text: str) -> list[Mutant]:
    source = Source("shared/toy.py", text.encode())
    return list(mutants(source, changes(source, Known.of([source]))))


def changed(text: str) -> list[str]:
    return [mutant.applied(text.encode()).decode() for mutant in mutants_of(text)]


@pytest.mark.parametrize(
    ("text", "spoiled"),
    [
        ("a = b >= c", "a = b > c"),
        ("a = b is c", "a = b is not c"),
        ("a = b and c", "a = (b or c)"),
        ("a = b and c", "a = (c)"),
        ("a = not b", "a = (b)"),
        ("a = b + c", "a = (b - c)"),
        ("if a: b()", "if (not a): b()"),
        ("if a: b()", "if False: b()"),
        ("a = [b for b in c if b]", "a = [b for b in c if True]"),
        ("match a:\n    case b(): c", "match a:\n    case b() if False: c"),
        ("a = f(b=True)", "a = f(b=False)"),
        ("a = f(b=c)", "a = f()"),
        ("a = f('b')", "a = f('b~')"),
        ("A = timedelta(hours=1)", "A = timedelta(hours=2)"),
        ("def f(): return a[0]", "def f(): return a[1]"),
        ("def f(): return a", "def f(): return None"),
        ("def f(): return a if b else c", "def f(): return a"),
        ("async def f(): await a()", "async def f(): pass"),
        ("try: a()\nexcept B: c()", "try: a()\nexcept Exception: c()"),
        ("try: a()\nexcept B: c()", "try: a()\nexcept (): c()"),
        ("a = isinstance(b, C | D)", "a = isinstance(b, C)"),
        ("a = {'b': c, **d}", "a = {'b': c}"),
        ("class A(Enum):\n    B = C\n    D = E\nf(A.B)", "class A(Enum):\n    B = C\n    D = E\nf(A.D)"),
        ("a += b", "a -= b"),
        ("a = min(b, c)", "a = max(b, c)"),
    ],
)
def test_a_small_fault_is_put_in(text: str, spoiled: str) -> None:
    assert spoiled in changed(text)


@pytest.mark.parametrize(
    "text",
    [
        '"""What it is for."""',
        "import a.b as c",
        "type A = B | C",
        "def f(a: B | None) -> C | D: ...",
        "a: Literal['b'] = c",
        "class A(Protocol):\n    b: int = 1",
        "@dataclass(frozen=True)\nclass A: ...",
        "a = f'{b}: c'",
        "a = 'one two three four'",
        "match a:\n    case _:\n        assert_never(a)",
    ],
)
def test_words_for_people_and_types_are_left_alone(text: str) -> None:
    assert changed(text) == []


def test_the_text_of_an_error_and_of_a_log_line_are_left_alone() -> None:
    assert changed("raise A('b')") == ["pass"]
    assert changed("a.log('b', c)") == ["pass"]


def test_an_argument_that_cannot_be_left_out_is_kept() -> None:
    text = "def f(*, a, b=None): ...\nx = f(a=c, b=d)"

    assert [each.splitlines()[-1] for each in changed(text)] == ["x = f(a=c)"]


def test_a_mutant_is_told_in_one_line() -> None:
    text = "def f():\n    return (\n        1\n    )\n"

    (mutant,) = [each for each in mutants_of(text) if each.kind == "returned value"]

    assert mutant.diff == "1  ==>  None"
    assert mutant.line == 3


def test_a_seed_draws_the_same_again_and_each_file_gets_its_least(tmp_path: Path) -> None:
    text = "\n".join(f"a{number} = b >= c" for number in range(20))
    for name in ("functions/a.py", "shared/verbs/b.py", "shared/domain/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    first, again, other = (draw(tmp_path, seed=seed, more=2) for seed in (1, 1, 2))

    assert first == again != other
    assert len(first) == AT_LEAST + AT_LEAST + SOME + 2


def test_what_a_file_draws_depends_on_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "a.py").write_text("a = b >= c\nd = e + f\ng = h and i\nj = not k\n")
    alone = draw(tmp_path, seed=1)

    (tmp_path / "shared" / "b.py").write_text("a = b >= c\n")

    assert [each for each in draw(tmp_path, seed=1) if each.path == "shared/a.py"] == alone
