"""What the operators of the query language mean: comparison, three-valued logic, the order of values.

An expression is a function of one document. A comparison of different types is undefined, not false, as documented for
the service; only what is true passes a WHERE. Knows nothing of the grammar or of storage.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt

from local.azure.cosmos.values import UNDEFINED, Document, Value, at_path, dumps

type Expression = Callable[[Document], Value]
type SortKey = tuple[int, float | str]


@dataclass(frozen=True, slots=True)
class Property:
    """The value under a path of a document."""

    path: tuple[str, ...]

    def __call__(self, document: Document) -> Value:
        return at_path(document, self.path)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A property that is one of these texts. Path and texts are plain: they look the same however JSON is written."""

    path: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selective:
    """An expression that is true of no document whose JSON lacks one of the needles, or that a lookup does not find.

    So a query need not read each document to find the few that it is about, as the service does by its index.
    """

    evaluate: Expression
    needles: tuple[str, ...]
    lookups: tuple[Lookup, ...]

    def __call__(self, document: Document) -> Value:
        return self.evaluate(document)


_ORDERINGS: dict[str, Callable[[float | str, float | str], bool]] = {"<": lt, ">": gt, "<=": le, ">=": ge}
COMPARISONS = ("=", "!=", "<>", *_ORDERINGS)


def constant(value: Value) -> Expression:
    return lambda _document: value


def is_defined(inner: Expression) -> Expression:
    return lambda document: inner(document) is not UNDEFINED


def starts_with(text: Expression, prefix: Expression, *ignoring_case: Expression) -> Expression:
    """STARTSWITH: undefined unless both are strings and the third, where it is given, is a boolean."""
    return _of_texts(str.startswith, text, prefix, *ignoring_case)


def contains(text: Expression, part: Expression, *ignoring_case: Expression) -> Expression:
    """CONTAINS: as above. An empty part stands in every text."""
    return _of_texts(str.__contains__, text, part, *ignoring_case)


def _of_texts(holds: Callable[[str, str], bool], *arguments: Expression) -> Expression:
    text, part, *ignoring_case = arguments

    def evaluate(document: Document) -> Value:
        whole, sought = text(document), part(document)
        ignoring = ignoring_case[0](document) if ignoring_case else False
        if not isinstance(whole, str) or not isinstance(sought, str) or not isinstance(ignoring, bool):
            return UNDEFINED
        return holds(_folded(whole), _folded(sought)) if ignoring else holds(whole, sought)

    return evaluate


def _folded(text: str) -> str:
    """Each character by itself: in lower case a sigma would depend on its place, and a dotted I would become two."""
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


def comparison(left: Expression, right: Expression, *, operator: str) -> Expression:
    return lambda document: _compare(left(document), right(document), operator=operator)


def finding(condition: Expression, place: Expression, *, texts: Sequence[str | None]) -> Expression:
    """That a property is one of these; None stands for what is no text.

    One text alone stands in the JSON of each document for which the condition is true.
    """
    known = tuple(text for text in texts if text is not None)
    if not isinstance(place, Property) or len(known) < len(texts):
        return condition
    needles = (dumps(known[0]),) if len(known) == 1 else ()
    is_plain = place.path and all(name.isascii() and name.isidentifier() for name in place.path)
    is_plain = is_plain and all(text.isascii() and text.isprintable() for text in known)
    return Selective(condition, needles, (Lookup(place.path, known),) if is_plain else ())


def lookups_of(expression: Expression | None) -> tuple[Lookup, ...]:
    """What is so of every document for which it is true, as far as that is known."""
    return expression.lookups if isinstance(expression, Selective) else ()


def needles_of(expression: Expression | None) -> tuple[str, ...]:
    """What stands in the JSON of every document for which it is true, as far as that is known."""
    return expression.needles if isinstance(expression, Selective) else ()


def among(needle: Expression, candidates: Sequence[Expression]) -> Expression:
    """`x IN (a, b)`: true when one is equal, undefined when x is."""

    def evaluate(document: Document) -> Value:
        value = needle(document)
        if value is UNDEFINED:
            return UNDEFINED
        return any(_compare(value, candidate(document), operator="=") is True for candidate in candidates)

    return evaluate


def all_of(conditions: Sequence[Expression]) -> Expression:
    """AND: false wins over undefined. One condition alone is its own value, of whatever type."""
    needles = tuple(needle for condition in conditions for needle in needles_of(condition))
    lookups = tuple(lookup for condition in conditions for lookup in lookups_of(condition))
    joined = _joined(conditions, winner=False)
    return Selective(joined, needles, lookups) if needles or lookups else joined


def any_of(conditions: Sequence[Expression]) -> Expression:
    """OR: true wins over undefined. One condition alone is its own value, of whatever type."""
    return _joined(conditions, winner=True)


def _joined(conditions: Sequence[Expression], *, winner: bool) -> Expression:
    """A loop, since clients join hundreds: one call inside another for each would go too deep."""

    def evaluate(document: Document) -> Value:
        verdict: Value = not winner
        for condition in conditions:
            value = condition(document)
            if value is winner:
                return winner
            if not isinstance(value, bool):
                verdict = UNDEFINED
        return verdict

    return conditions[0] if len(conditions) == 1 else evaluate


def negation(inner: Expression) -> Expression:
    def evaluate(document: Document) -> Value:
        value = inner(document)
        return not value if isinstance(value, bool) else UNDEFINED

    return evaluate


def sort_key(value: Value) -> SortKey:
    """The order of scalars across types: undefined, null, false, true, numbers, strings; the rest last."""
    if value is UNDEFINED or value is None:
        return (0 if value is UNDEFINED else 1, 0)
    if isinstance(value, bool):
        return (2, int(value))
    if isinstance(value, int | float):
        return (3, value)
    return (4, value) if isinstance(value, str) else (5, 0)


def _compare(left: Value, right: Value, *, operator: str) -> Value:
    kind = _kind(left)
    if left is UNDEFINED or right is UNDEFINED or kind != _kind(right):
        return UNDEFINED
    if operator in ("=", "!=", "<>"):
        return (left == right) is (operator == "=")
    if isinstance(left, str) and isinstance(right, str):
        return _ORDERINGS[operator](left, right)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _ORDERINGS[operator](left, right)
    return UNDEFINED


def _kind(value: Value) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


FUNCTIONS: dict[str, tuple[int, int, Callable[..., Expression]]] = {
    "IS_DEFINED": (1, 1, is_defined),
    "STARTSWITH": (2, 3, starts_with),
    "CONTAINS": (2, 3, contains),
}
"""The least and the greatest number of arguments, and what is made of them."""
