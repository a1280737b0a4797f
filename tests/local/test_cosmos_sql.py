"""The query parser on its own: whatever it is given, it answers with a query or a refusal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.azure.cosmos.errors import CosmosError
from local.azure.cosmos.expressions import Expression, needles_of
from local.azure.cosmos.sql import parse
from local.azure.cosmos.values import Document, Json, dumps

SYMBOLS = [
    "(",
    ")",
    ",",
    ".",
    "[",
    "]",
    "*",
    "=",
    "!=",
    "<>",
    "<",
    ">",
    "<=",
    ">=",
    "-",
    "??",
    "||",
    "+",
    "{",
    "}",
    "'",
]
KEYWORDS = [
    "SELECT",
    "TOP",
    "VALUE",
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "NOT",
    "IN",
    "ORDER",
    "BY",
    "DESC",
    "OFFSET",
    "LIMIT",
]
NAMES = ["c", "d", "c.n", 'c["n"]', "AS", "COUNT", "SUM", "JOIN", "GROUP", "BETWEEN", "true", "undefined"]
FUNCTIONS = ["IS_DEFINED", "STARTSWITH", "STARTSWITH(c.id,"]
CONSTANTS = ["@p", "@q", "1", "2.5", "'a'", '"b"', "null"]
words = st.lists(st.sampled_from(SYMBOLS + KEYWORDS + NAMES + FUNCTIONS + CONSTANTS), max_size=12).map(" ".join)
STARTS = ["", "SELECT * FROM c WHERE ", "SELECT c.n FROM c ", "SELECT VALUE "]
DOCUMENT: Document = {"id": "a", "n": 1}


def status_of(text: str) -> int:
    """The status with which the query would be answered for one document."""
    try:
        query = parse(text, {"@p": 1})
    except CosmosError as refused:
        return refused.status
    if query.where is None or query.where(DOCUMENT) is True:
        for column in query.columns:
            column.value(DOCUMENT)
    return 200


@settings(deadline=None)
@given(st.sampled_from(STARTS), words)
def test_any_order_of_words_is_a_query_or_a_refusal(start: str, rest: str) -> None:
    assert status_of(start + rest) in {200, 400}


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_query_or_a_refusal(text: str) -> None:
    assert status_of(text) in {200, 400}


def meets(condition: str, document: Document = DOCUMENT) -> bool:
    where = parse("SELECT * FROM c WHERE " + condition, {}).where  # noqa: S608 - constants of this test
    assert where is not None
    return where(document) is True


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (" OR ".join(["c.n = 2"] * 2000), False),
        (" OR ".join([*["c.n = 2"] * 2000, "c.n = 1"]), True),
        (" AND ".join(["c.n = 1"] * 2000), True),
        (" AND ".join([*["c.n = 1"] * 2000, "c.n = 2"]), False),
        ("NOT " * 2000 + "c.n = 1", True),
        ("NOT " * 2001 + "c.n = 1", False),
        ("(" * 50 + "c.n = 1" + ")" * 50, True),
    ],
)
def test_a_condition_may_be_as_long_as_a_client_makes_it(condition: str, *, expected: bool) -> None:
    assert meets(condition) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("NOT (c.missing AND false)", True),
        ("NOT (false AND c.missing)", True),
        ("NOT (true AND c.missing)", False),
        ("true AND c.missing", False),
        ("c.missing OR true", True),
        ("true OR c.missing", True),
        ("NOT (c.missing OR false)", False),
        ("NOT (false OR c.missing)", False),
        ("c.missing OR false", False),
        ("NOT c.missing", False),
        ("NOT NOT c.missing", False),
        ("NOT (c.n AND true)", False),
    ],
)
def test_false_wins_an_and_true_wins_an_or_and_else_undefined_stays(condition: str, *, expected: bool) -> None:
    assert meets(condition) is expected


@pytest.mark.parametrize(
    ("whole", "start", "expected"),
    [
        ("ΟΔΟΣΑ", "ΟΔΟΣ", True),
        ("İx", "i", False),
        ("İx", "İX", True),
        ("Straße", "STRA", True),
        ("pay", "AY", False),
    ],
)
def test_a_start_in_any_case_is_compared_letter_by_letter(whole: str, start: str, *, expected: bool) -> None:
    assert meets(f"STARTSWITH(c.text, '{start}', true)", {"text": whole}) is expected


@pytest.mark.parametrize(
    ("condition", "needles"),
    [
        ("c.a = 'x'", ['"x"']),
        ("c.a = @text", ['"a \\"word\\" \\u00e4"']),
        ("(c['a'].b = 'x') AND c.n > 1 AND c.b = 'y'", ['"x"', '"y"']),
        ("c.a = @number", []),
        ("c.a = 1", []),
        ("'x' = c.a", []),
        ("c.a != 'x'", []),
        ("c.a > 'x'", []),
        ("c.a = c.b", []),
        ("c.a = 'x' OR c.b = 'y'", []),
        ("NOT c.a = 'x'", []),
        ("c.a IN ('x')", ['"x"']),
        ("c.a IN ('x', 'y')", []),
        ("STARTSWITH(c.a, 'x') = true", []),
        ("(c.a = 'x') = false", []),
        ("IS_DEFINED(c.a) AND (c.a = 'x' OR c.b = 'y')", []),
    ],
)
def test_only_what_every_match_holds_is_sought_before_a_document_is_read(condition: str, needles: list[str]) -> None:
    where = _where(condition, {"@text": 'a "word" \u00e4', "@number": 7})

    assert list(needles_of(where)) == needles


VALUES = st.text() | st.integers() | st.dictionaries(st.just("b"), st.text())


@given(st.dictionaries(st.sampled_from("ab"), VALUES), st.text())
def test_what_is_sought_stands_in_each_document_that_matches(document: Document, text: str) -> None:
    documents: list[Document] = [document, {**document, "a": text}, {"a": {"b": text}, "b": text}]
    for condition in ("c.a = @text", "c.a.b = @text AND c.b = @text", "c.b = @text"):
        where = _where(condition, {"@text": text})
        for made in documents:
            if where(made) is True:
                assert all(needle in dumps(made) for needle in needles_of(where))


def _where(condition: str, parameters: dict[str, Json]) -> Expression:
    where = parse(f"SELECT * FROM c WHERE {condition}", parameters).where  # noqa: S608 - no database reads it
    assert where is not None
    return where
