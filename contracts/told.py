"""The two directions of what stands in a contract: what is taken must still be taken, what is told must still be told.

Knows schemas, headers, parameters and media types; neither operations nor webhooks.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.within import Said, outside

type Json = dict[str, Any]


def taken(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """What was sent must still be taken, and must mean the same where it is left out."""
    yield from outside(was, now, where=where)
    yield from _defaults(was, now, where=where)


def _defaults(was: Said, now: Said, *, where: str) -> Iterator[str]:
    one, other = was.resolved, now.resolved
    if one.get("default") != other.get("default"):
        yield f"{where}: default {other.get('default')} where it was {one.get('default')}"
    for name, schema in one.get("properties", {}).items():
        if name in other.get("properties", {}):
            yield from _defaults(was.at(schema), now.at(other["properties"][name]), where=f"{where}.{name}")


def told(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """What is told must be what was expected, and no less."""
    yield from outside(now, was, where=where)
    yield from _missing(was, now, where=where)


def _missing(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """Fields and known values that are gone, and that more of them may come. A document that is open would allow that
    in silence.
    """
    one, other = was.resolved, now.resolved
    if one.get("type") == "object" and _is_closed(other) and not _is_closed(one):
        yield f"{where}: closed where more fields might come"
    for value in one.get("x-extensible-enum", ()):
        if value not in other.get("x-extensible-enum", ()):
            yield f"{where}: the value {value!r} is gone"
    for name, schema in one.get("properties", {}).items():
        if name not in other.get("properties", {}):
            yield f"{where}.{name}: taken away"
        else:
            yield from _missing(was.at(schema), now.at(other["properties"][name]), where=f"{where}.{name}")
    for word, sign in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(one.get(word), dict) and isinstance(other.get(word), dict):
            yield from _missing(was.at(one[word]), now.at(other[word]), where=f"{where}{sign}")
    yield from _missing_options(was, now, where=where)


def _is_closed(schema: Json) -> bool:
    return schema.get("additionalProperties") is False


def _missing_options(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """Each option that is not null, in its order: ours have one."""
    before = [each for each in was.resolved.get("anyOf", ()) if each != {"type": "null"}]
    after = [each for each in now.resolved.get("anyOf", ()) if each != {"type": "null"}]
    for one, other in zip(before, after, strict=False):
        yield from _missing(was.at(one), now.at(other), where=where)


def parameters(said: Said) -> dict[str, Said]:
    """Of an operation, each by its place and name."""
    found = [said.at(said.at(each).resolved) for each in said.schema.get("parameters", ())]
    return {f"{each.schema['in']} {each.schema['name']}": each for each in found}


def headers(said: Said) -> dict[str, Said]:
    """Of a response, named as parameters are."""
    return {f"header {name}": said.at(said.at(each).resolved) for name, each in said.schema.get("headers", {}).items()}


def taken_parts(was: Mapping[str, Said], now: Mapping[str, Said], *, where: str) -> Iterator[str]:
    """Parameters or headers that are sent to us."""
    for name, part in was.items():
        if name not in now:
            yield f"{where} {name}: taken away"
            continue
        if now[name].schema.get("required") and not part.schema.get("required"):
            yield f"{where} {name}: required now"
        yield from taken(_schema(part), _schema(now[name]), where=f"{where} {name}")
    for name, part in now.items():
        if name not in was and part.schema.get("required"):
            yield f"{where} {name}: new, and required"


def told_parts(was: Mapping[str, Said], now: Mapping[str, Said], *, where: str) -> Iterator[str]:
    """Parameters or headers that we send."""
    for name, part in was.items():
        if name not in now:
            yield f"{where} {name}: taken away"
            continue
        if part.schema.get("required") and not now[name].schema.get("required"):
            yield f"{where} {name}: not always there"
        yield from told(_schema(part), _schema(now[name]), where=f"{where} {name}")


def taken_content(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """Bodies that are sent to us, each by its media type."""
    after = now.schema.get("content", {})
    for media_type, content in was.schema.get("content", {}).items():
        if media_type not in after:
            yield f"{where}: {media_type} is not taken any more"
        else:
            yield from taken(_schema(was.at(content)), _schema(now.at(after[media_type])), where=where)


def told_content(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """Bodies that we send, each by its media type."""
    after = now.schema.get("content", {})
    for media_type, content in was.schema.get("content", {}).items():
        if media_type not in after:
            yield f"{where}: no {media_type} any more"
        else:
            yield from told(_schema(was.at(content)), _schema(now.at(after[media_type])), where=where)


def _schema(said: Said) -> Said:
    return said.at(said.schema["schema"])
