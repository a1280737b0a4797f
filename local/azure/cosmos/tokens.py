"""The words of a query: text in, tokens out, and the values of numbers and strings among them.

Knows no grammar but how FROM names a document.
"""

import json
import re
from dataclasses import dataclass
from typing import Final

from local.azure.cosmos import values
from local.azure.cosmos.errors import query_not_implemented, syntax_error

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<parameter>@\w+)|(?P<word>[A-Za-z_]\w*)|(?P<symbol><>|!=|<=|>=|\?\?|\|\||.))""",
    re.VERBOSE | re.DOTALL,
)

CLAUSES: Final = ("WHERE", "ORDER", "OFFSET", "LIMIT")
NOT_COVERED: Final = ("JOIN", "GROUP", "DISTINCT", "BETWEEN", "LIKE", "EXISTS", "ARRAY", "UDF", "RANK", "ESCAPE")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else self.text


def tokenize(text: str) -> list[Token]:
    """Every character ends up in a token: one that starts nothing known is a symbol."""
    return [Token(str(found.lastgroup), found[found.lastgroup or 0]) for found in _TOKEN.finditer(text.strip())]


def number(token: Token) -> int | float:
    if token.kind != "number":
        raise syntax_error(token.text)
    try:
        return values.number(token.text)
    except ValueError as exc:
        raise syntax_error(f"{token.text:.20}") from exc


def string(token: Token) -> str:
    inner = token.text[1:-1]
    if token.text[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError as exc:
        raise syntax_error(token.text) from exc


def alias_in(tokens: list[Token]) -> str:
    """The name under which the query speaks of a document: the last word of the FROM clause."""
    words = [token.word for token in tokens]
    if "FROM" not in words:
        raise query_not_implemented("SELECT without FROM")
    names = tokens[words.index("FROM") + 1 :][:3]
    if len(names) > 2 and names[1].word == "AS":
        return names[2].text
    if len(names) > 1 and names[1].kind == "word" and names[1].word not in (*CLAUSES, *NOT_COVERED, "IN"):
        return names[1].text
    return names[0].text if names else ""
