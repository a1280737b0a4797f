"""Whether all that one JSON Schema allows is allowed by another. Knows the keywords that our contracts use, and no API.

What it cannot compare it takes for a break: another pattern, another format.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

type Json = dict[str, Any]

_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_SAME = ("pattern", "format", "propertyNames", "patternProperties", "uniqueItems", "multipleOf")
_ANNOTATIONS = {"description", "title", "example", "examples", "deprecated", "$schema", "$id", "$defs", "default"}
_COMPARED = {
    *_AT_MOST,
    *_AT_LEAST,
    *_SAME,
    *("type", "anyOf", "enum", "const", "properties", "required", "additionalProperties", "items"),
    "x-extensible-enum",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A schema in the document that its references point into."""

    schema: Any
    root: Json

    ANY: ClassVar[Json] = {}

    def at(self, schema: Any) -> "Said":  # noqa: ANN401 - any JSON
        return Said(schema, self.root)

    @property
    def resolved(self) -> Json:
        """Without a reference; true is anything. Raises KeyError for a reference that leads nowhere."""
        found: Json = Said.ANY if self.schema is True else self.schema
        while "$ref" in found:
            rest = {name: value for name, value in found.items() if name != "$ref"}
            found = {**_pointed(self.root, found["$ref"]), **rest}
        return found


def _pointed(root: Json, reference: str) -> Json:
    found: Any = root
    for part in _parts(reference):
        found = found[part]
    return dict(found)


@cache
def _parts(reference: str) -> tuple[str, ...]:
    """A document has few references, and they are followed very often."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in reference.removeprefix("#/").split("/"))


def unknown_keywords(schema: Json) -> set[str]:
    """Of one level: what this module would pass over in silence."""
    return set(schema) - _COMPARED - _ANNOTATIONS - {"$ref"}


def outside(inner: Said, outer: Said, *, where: str = "") -> Iterator[str]:
    """What `inner` allows and `outer` does not, each with its place."""
    one, other = inner.resolved, outer.resolved
    if "anyOf" in one or "anyOf" in other:
        yield from _outside_options(inner, outer, where=where)
        return
    yield from _outside_type(one, other, where=where)
    yield from _outside_limits(one, other, where=where)
    yield from _outside_values(one, other, where=where)
    yield from _outside_object(inner, outer, where=where)
    if "items" in other:
        yield from outside(inner.at(one.get("items", True)), outer.at(other["items"]), where=f"{where}[]")


def _outside_options(inner: Said, outer: Said, *, where: str) -> Iterator[str]:
    options = outer.resolved.get("anyOf", [outer.resolved])
    for option in inner.resolved.get("anyOf", [inner.resolved]):
        faults = [list(outside(inner.at(option), outer.at(each), where=where)) for each in options]
        if not any(not each for each in faults):
            yield from min(faults, key=len)


def _types(schema: Json) -> set[str] | None:
    """None for any. A value that is fixed has its type."""
    said = schema.get("type")
    if said is None:
        return None
    return {said} if isinstance(said, str) else set(said)


def _outside_type(one: Json, other: Json, *, where: str) -> Iterator[str]:
    inner, outer = _types(one), _types(other)
    if outer is None:
        return
    wide = outer | ({"integer"} if "number" in outer else set())
    if inner is None or not inner <= wide:
        yield f"{where}: {_shown(inner)} where there was {_shown(outer)}"


def _shown(types: set[str] | None) -> str:
    return "anything" if types is None else " or ".join(sorted(types))


def _outside_limits(one: Json, other: Json, *, where: str) -> Iterator[str]:
    for word in _AT_MOST:
        if word in other and one.get(word, float("inf")) > other[word]:
            yield f"{where}: {word} {one.get(word, 'none')} beyond {other[word]}"
    for word in _AT_LEAST:
        if word in other and one.get(word, float("-inf")) < other[word]:
            yield f"{where}: {word} {one.get(word, 'none')} below {other[word]}"
    for word in _SAME:
        if word in other and one.get(word) != other[word]:
            yield f"{where}: {word} {one.get(word, 'none')} is not {other[word]}"


def _fixed(schema: Json) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _outside_values(one: Json, other: Json, *, where: str) -> Iterator[str]:
    outer, inner = _fixed(other), _fixed(one)
    if outer is None:
        return
    if inner is None:
        yield f"{where}: any value where there were {len(outer)}"
        return
    for value in (each for each in inner if each not in outer):
        yield f"{where}: the value {value!r}"


def _outside_object(inner: Said, outer: Said, *, where: str) -> Iterator[str]:
    one, other = inner.resolved, outer.resolved
    for name in sorted(set(other.get("required", ())) - set(one.get("required", ()))):
        yield f"{where}.{name}: not always there"
    mine: Mapping[str, Any] = one.get("properties", {})
    rest = other.get("additionalProperties", True)
    for name, schema in mine.items():
        known = other.get("properties", {}).get(name, rest)
        if known is False:
            yield f"{where}.{name}: not known"
        else:
            yield from outside(inner.at(schema), outer.at(known), where=f"{where}.{name}")
    if rest is False and one.get("type") == "object" and one.get("additionalProperties", True) is not False:
        yield f"{where}: any field where only some are known"
    elif isinstance(rest, dict) and one.get("additionalProperties") is not False:
        yield from outside(inner.at(one.get("additionalProperties", True)), outer.at(rest), where=f"{where}.*")
