"""The query parser on its own: whatever it is given, it answers with a query or a refusal."""

from hypothesis import given, settings
from hypothesis import strategies as st

from local.azure.cosmos.errors import CosmosError
from local.azure.cosmos.sql import parse
from local.azure.cosmos.values import Document

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
