"""The grammar of the query subset: text and parameters in, a `Query` out. Knows nothing of storage or paging.

    SELECT [TOP n] * | VALUE x | x [[AS] name], ...   where x is a path, a constant, @parameter,
    FROM alias | FROM name [AS] alias                 or COUNT, SUM, MIN, MAX of one
    [WHERE = != <> < > <= >= IN AND OR NOT IS_DEFINED STARTSWITH CONTAINS ( )]
    [ORDER BY path [ASC | DESC]]  [OFFSET n LIMIT m]

Everything else is refused by name: a query that runs here should run in Azure, not the other way round.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from local.azure.cosmos import expressions as x
from local.azure.cosmos.errors import bad_request, query_not_implemented, syntax_error
from local.azure.cosmos.expressions import Expression
from local.azure.cosmos.tokens import CLAUSES, NOT_COVERED, Token, alias_in, number, string, tokenize
from local.azure.cosmos.values import UNDEFINED, Json, Value

AGGREGATES: Final = ("COUNT", "SUM", "MIN", "MAX")
_OPERATORS_NOT_COVERED: Final = ("??", "?", "||", "+", "-", "*", "/", "%", "{", "[", "|", "&", "^", "~", ":")


@dataclass(frozen=True, slots=True)
class Column:
    """One thing selected: its name in the answer, its value, and the aggregate around it, if any."""

    name: str
    value: Expression
    aggregate: str | None = None


@dataclass(frozen=True, slots=True)
class Ordering:
    path: tuple[str, ...]
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. No columns means `*`; `bare` means SELECT VALUE. sought: the paths of which WHERE speaks."""

    columns: tuple[Column, ...]
    bare: bool
    where: Expression | None
    sought: frozenset[tuple[str, ...]]
    ordering: Ordering | None
    offset: int
    limit: int | None

    @property
    def aggregates(self) -> bool:
        return any(column.aggregate for column in self.columns)


def parse(text: str, parameters: Mapping[str, Json]) -> Query:
    """Read one query; raises the service's 400 on a mistake, or one that names what is not covered."""
    return _Parser(text, parameters).query()


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, text: str, parameters: Mapping[str, Json]) -> None:
        self._tokens = tokenize(text)
        self._place = 0
        self._parameters = parameters
        self._alias = alias_in(self._tokens)
        self._paths: list[tuple[str, ...]] = []

    def query(self) -> Query:
        self._expect("SELECT")
        top = self._count() if self._take("TOP") else None
        bare = self._take("VALUE")
        columns = self._columns(bare=bare)
        self._skip_from()
        self._paths.clear()
        where = self._either() if self._take("WHERE") else None
        sought = frozenset(self._paths)
        ordering = self._ordering() if self._take("ORDER") else None
        offset, limit = self._window(top)
        if self._word():
            raise self._refusal()
        if any(column.aggregate is None for column in columns) and any(column.aggregate for column in columns):
            raise query_not_implemented("aggregates beside other columns")
        return Query(columns, bare, where, sought, ordering=ordering, offset=offset, limit=limit)

    # clauses

    def _columns(self, *, bare: bool) -> tuple[Column, ...]:
        if not bare and self._take("*"):
            return ()
        columns = [self._column(1)]
        while not bare and self._take(","):
            columns.append(self._column(len(columns) + 1))
        return tuple(columns)

    def _column(self, place: int) -> Column:
        aggregate = self._word() if self._word() in AGGREGATES and self._word(1) == "(" else None
        if aggregate:
            self._place += 1
        start = self._place
        value = self._primary()
        name = f"${place}"
        last = self._tokens[self._place - 1]
        if aggregate is None and self._place - start > 1 and last.kind in ("word", "string"):
            name = last.text
        if self._take("AS") or (self._peek().kind == "word" and self._word() not in ("FROM", *NOT_COVERED)):
            name = self._next().text
        return Column(name, value, aggregate)

    def _skip_from(self) -> None:
        """`_alias` has read the clause; here it is only stepped over."""
        self._expect("FROM")
        source = self._next()
        if source.kind != "word":
            raise self._refusal(source)
        if self._word() in (".", "IN", ","):
            raise query_not_implemented("FROM anything but the container")
        if self._take("AS") or (self._peek().kind == "word" and self._word() not in (*CLAUSES, *NOT_COVERED)):
            self._next()

    def _ordering(self) -> Ordering:
        self._expect("BY")
        path = self._path()
        descending = self._take("DESC")
        if not descending:
            self._take("ASC")
        if self._word() == ",":
            # The service wants a composite index for this; the topology declares none.
            raise bad_request(
                "The order by query does not have a corresponding composite index that it can be served from."
            )
        return Ordering(path, descending)

    def _window(self, top: int | None) -> tuple[int, int | None]:
        if not self._take("OFFSET"):
            return 0, top
        if top is not None:
            raise query_not_implemented("TOP beside OFFSET LIMIT")
        offset = self._count()
        self._expect("LIMIT")
        return offset, self._count()

    def _count(self) -> int:
        token = self._next()
        value = self._parameter(token) if token.kind == "parameter" else number(token)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise syntax_error(token.text)
        return value

    # expressions, from the loosest to the tightest

    def _either(self) -> Expression:
        conditions = [self._both()]
        while self._take("OR"):
            conditions.append(self._both())
        return x.any_of(conditions)

    def _both(self) -> Expression:
        conditions = [self._negation()]
        while self._take("AND"):
            conditions.append(self._negation())
        return x.all_of(conditions)

    def _negation(self) -> Expression:
        if not self._take("NOT"):
            return self._comparison()
        is_odd = True
        while self._take("NOT"):
            is_odd = not is_odd
        once = x.negation(self._comparison())
        return once if is_odd else x.negation(once)

    def _comparison(self) -> Expression:
        left = self._primary()
        negated = self._word() == "NOT" and self._word(1) == "IN" and self._take("NOT")
        if self._take("IN"):
            start = self._place
            found = x.among(left, self._listed())
            texts = [self._text(token) for token in self._tokens[start + 1 : self._place - 1] if token.text != ","]
            return x.negation(found) if negated else x.finding(found, left, texts=texts)
        if self._word() in x.COMPARISONS:
            operator, second = self._next().text, self._peek()
            compared = x.comparison(left, self._primary(), operator=operator)
            return x.finding(compared, left, texts=[self._text(second)]) if operator == "=" else compared
        return left

    def _text(self, token: Token) -> str | None:
        """The string that it is or stands for."""
        value = string(token) if token.kind == "string" else self._parameters.get(token.text)
        return value if isinstance(value, str) else None

    def _listed(self) -> list[Expression]:
        self._expect("(")
        listed = [self._primary()]
        while self._take(","):
            listed.append(self._primary())
        self._expect(")")
        return listed

    def _primary(self) -> Expression:
        token = self._peek()
        if self._take("("):
            inner = self._either()
            self._expect(")")
            return inner
        if token.kind in ("number", "string", "parameter") or token.text == "-":
            return self._constant()
        if token.kind == "word" and self._word(1) == "(":
            return self._function()
        if token.kind == "word" and token.text != self._alias and token.text.lower() in _WORDS:
            self._next()
            return x.constant(_WORDS[token.text.lower()])
        return x.Property(self._path())

    def _constant(self) -> Expression:
        token = self._next()
        if token.text == "-":
            return x.constant(-number(self._next()))
        if token.kind == "parameter":
            return x.constant(self._parameter(token))
        return x.constant(number(token) if token.kind == "number" else string(token))

    def _function(self) -> Expression:
        name = self._next().word
        if name not in x.FUNCTIONS:
            raise query_not_implemented(f"the function {name}")
        arguments = self._listed()
        least, most, make = x.FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise bad_request(f"The {name} function requires {least} to {most} arguments.")
        return make(*arguments)

    def _path(self) -> tuple[str, ...]:
        """`c.a["b"]` as ("a", "b"). The alias alone is the whole document."""
        token = self._next()
        if token.kind != "word" or token.text != self._alias:
            raise self._refusal(token)
        names: list[str] = []
        while self._word() in (".", "["):
            bracket = self._next().text == "["
            part = self._next()
            if part.kind != ("string" if bracket else "word"):
                raise query_not_implemented("array elements") if part.kind == "number" else syntax_error(part.text)
            names.append(string(part) if bracket else part.text)
            if bracket:
                self._expect("]")
        self._paths.append(tuple(names))
        return tuple(names)

    def _parameter(self, token: Token) -> Json:
        if token.text not in self._parameters:
            raise bad_request(f"The query uses the parameter {token.text} but no value was given for it.")
        return self._parameters[token.text]

    # tokens

    def _peek(self, ahead: int = 0) -> Token:
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else Token("end", "")

    def _word(self, ahead: int = 0) -> str:
        return self._peek(ahead).word

    def _next(self) -> Token:
        token = self._peek()
        self._place += 1
        return token

    def _take(self, word: str) -> bool:
        if self._word() != word:
            return False
        self._place += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._refusal()

    def _refusal(self, token: Token | None = None) -> Exception:
        """The reason why this token cannot stand here: not covered, or wrong."""
        found = token or self._peek()
        if found.word in NOT_COVERED or found.text in _OPERATORS_NOT_COVERED:
            return query_not_implemented(found.word)
        return syntax_error(found.text)


_WORDS: Final[dict[str, Value]] = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}
