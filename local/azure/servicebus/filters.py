"""SQL rules of subscriptions: text to a predicate over a message's properties. Knows no message and no queue.

Three-valued logic: a property that is missing, or compared with something of another kind, is UNKNOWN, and only TRUE
matches. Values are case-sensitive, names and keywords are not.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from uuid import UUID

type Properties = Mapping[str, object]
type _Predicate = Callable[[Properties, Properties], bool | None]
type _Value = Callable[[Properties, Properties], object]

_SYSTEM = frozenset(
    ["contenttype", "correlationid", "label", "messageid", "replyto", "replytosessionid", "sessionid", "subject", "to"]
)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*')
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<name>\[[^\]]+\]|"[^"]+"|[A-Za-z_@$][\w@$#-]*)
      | (?P<sign><>|!=|<=|>=|[=<>(),.*/%+-])
    )""",
    re.VERBOSE,
)
_KEYWORDS = frozenset(("and", "or", "not", "in", "like", "escape", "is", "null", "exists", "true", "false"))
_COMPARISONS = ("=", "<>", "!=", "<", ">", "<=", ">=")


class RuleError(ValueError):
    """The rule is not understood: it says where."""


class _Token(NamedTuple):
    kind: str
    text: str


def compile_rule(text: str) -> Callable[[Properties, Properties], bool]:
    """A predicate over (system properties, application properties), names in lower case. Raises RuleError."""
    parser = _Parser(_tokens(text), text)
    predicate = parser.disjunction()
    parser.expect_end()
    return lambda system, application: predicate(system, application) is True


def _tokens(text: str) -> list[_Token]:
    tokens, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise RuleError(f"{text[at:]!r} is not understood")
        kind, value = match.lastgroup, match[match.lastgroup]
        if kind == "name" and value.lower() in _KEYWORDS:
            kind, value = "keyword", value.lower()
        tokens.append(_Token(kind, value))
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent, one method per level of the grammar, each giving a closure."""

    def __init__(self, tokens: list[_Token], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._at = 0

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise RuleError(f"{self._tokens[self._at].text!r} is not expected in {self._text!r}")

    def disjunction(self) -> _Predicate:
        left = self._conjunction()
        while self._take("or"):
            left = _either(left, self._conjunction())
        return left

    def _conjunction(self) -> _Predicate:
        left = self._negation()
        while self._take("and"):
            left = _both(left, self._negation())
        return left

    def _negation(self) -> _Predicate:
        if self._take("not"):
            return _negated(self._negation())
        if self._take("exists"):
            self._need("(")
            value = self._property()
            self._need(")")
            return lambda system, application: value(system, application) is not None
        if self._take("("):
            inner = self.disjunction()
            self._need(")")
            return inner
        return self._comparison()

    def _comparison(self) -> _Predicate:
        left = self._operand()
        if self._take("is"):
            wanted = not self._take("not")
            self._need("null")
            return lambda system, application: (left(system, application) is None) is wanted
        negate = self._take("not")
        if self._take("in"):
            predicate = _is_in(left, self._list())
        elif self._take("like"):
            predicate = _is_like(left, self._operand(), escape=self._operand() if self._take("escape") else None)
        elif negate:
            raise RuleError(f"NOT must be followed by IN or LIKE in {self._text!r}")
        else:
            return _compared(left, sign=self._sign(), right=self._operand())
        return _negated(predicate) if negate else predicate

    def _list(self) -> list[_Value]:
        self._need("(")
        values = [self._operand()]
        while self._take(","):
            values.append(self._operand())
        self._need(")")
        return values

    def _operand(self) -> _Value:
        token = self._peek()
        if token.kind == "name":
            return self._property()
        if self._take("-"):
            return _constant(-_number(self._next("number")))
        if self._take("true"):
            return _constant(value=True)
        if self._take("false"):
            return _constant(value=False)
        if token.kind == "text":
            return _constant(self._next("text")[1:-1].replace("''", "'"))
        if token.kind == "number":
            return _constant(_number(self._next("number")))
        raise RuleError(f"{token.text!r} is not expected in {self._text!r}")

    def _property(self) -> _Value:
        name = _unquoted(self._next("name"))
        scope = "user"
        if self._take("."):
            scope, name = name.lower(), _unquoted(self._next("name"))
        key = name.lower()
        if scope == "sys":
            if key not in _SYSTEM:
                raise RuleError(f"there is no system property {name!r}")
            return lambda system, _application: system.get(key)
        if scope != "user":
            raise RuleError(f"there is no scope {scope!r}: only sys and user")
        return lambda _system, application: application.get(key)

    def _sign(self) -> str:
        token = self._peek()
        if token.text in ("+", "-", "*", "/", "%"):
            raise RuleError(f"arithmetic is not implemented: {self._text!r}")
        if token.kind != "sign" or token.text not in _COMPARISONS:
            raise RuleError(f"a comparison is expected at {token.text!r} in {self._text!r}")
        self._at += 1
        return token.text

    def _peek(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _Token("end", "the end")

    def _take(self, text: str) -> bool:
        token = self._peek()
        found = token.kind in ("keyword", "sign") and token.text == text
        self._at += found
        return found

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise RuleError(f"{text!r} is expected at {self._peek().text!r} in {self._text!r}")

    def _next(self, kind: str) -> str:
        token = self._peek()
        if token.kind != kind:
            raise RuleError(f"a {kind} is expected at {token.text!r} in {self._text!r}")
        self._at += 1
        return token.text


def _unquoted(name: str) -> str:
    return name[1:-1] if name[0] in '["' else name


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() else float(text)


def _constant(value: object) -> _Value:
    return lambda _system, _application: value


def _either(left: _Predicate, right: _Predicate) -> _Predicate:
    def predicate(system: Properties, application: Properties) -> bool | None:
        both = (left(system, application), right(system, application))
        return True if True in both else None if None in both else False

    return predicate


def _both(left: _Predicate, right: _Predicate) -> _Predicate:
    def predicate(system: Properties, application: Properties) -> bool | None:
        both = (left(system, application), right(system, application))
        return False if False in both else None if None in both else True

    return predicate


def _negated(inner: _Predicate) -> _Predicate:
    def predicate(system: Properties, application: Properties) -> bool | None:
        value = inner(system, application)
        return None if value is None else not value

    return predicate


def _is_in(value: _Value, members: list[_Value]) -> _Predicate:
    def predicate(system: Properties, application: Properties) -> bool | None:
        found = value(system, application)
        results = [_compare(found, member(system, application), sign="=") for member in members]
        return True if True in results else None if None in results else False

    return predicate


def _is_like(value: _Value, pattern: _Value, *, escape: _Value | None) -> _Predicate:
    def predicate(system: Properties, application: Properties) -> bool | None:
        found, wanted = value(system, application), pattern(system, application)
        if not (isinstance(found, str) and isinstance(wanted, str)):
            return None
        mark = escape(system, application) if escape else None
        return re.fullmatch(_like(wanted, mark), found, re.DOTALL) is not None

    return predicate


def _like(pattern: str, escape: object) -> str:
    out, literal = [], False
    for character in pattern:
        if not literal and character == escape:
            literal = True
            continue
        wild = None if literal else {"%": ".*", "_": "."}.get(character)
        out.append(wild or re.escape(character))
        literal = False
    return "".join(out)


def _compared(left: _Value, *, sign: str, right: _Value) -> _Predicate:
    return lambda system, application: _compare(left(system, application), right(system, application), sign=sign)


def _kind(value: object) -> type | None:
    """Values of different kinds cannot be compared."""
    match value:
        case bool():
            return bool
        case int() | float():
            return float
        case str() | UUID() | bytes():
            return str if isinstance(value, str) else type(value)
        case _:
            return None


def _compare(left: object, right: object, *, sign: str) -> bool | None:
    kind = _kind(left)
    if kind is None or kind is not _kind(right):
        return None
    match sign:
        case "=":
            return left == right
        case "<>" | "!=":
            return left != right
    if not isinstance(left, int | float | str) or not isinstance(right, int | float | str):
        return None
    below = left < right  # type: ignore[operator] # both are of the same kind, seen above
    match sign:
        case "<":
            return below
        case "<=":
            return below or left == right
        case ">":
            return not below and left != right
        case _:
            return not below
