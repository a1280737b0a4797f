"""What of a published contract a newer one breaks. Additions are welcome; docs/contracts/README.md has the rules.

An answer or an event may not tell less, or anything that was not expected. A request may not be refused that was taken.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.within import Said, outside

type Json = dict[str, Any]

_OPEN: list[Json] = [{}]


def api_breaks(old: Json, new: Json) -> list[str]:
    """Of two OpenAPI documents, each break with its place."""
    return [*_problems(old, new), *_operations(old, new), *_webhooks(old, new)]


def event_breaks(old: Json, new: Json) -> list[str]:
    """Of two schemas of one type of event."""
    return list(_told(Said(old, old), Said(new, new), where="event"))


def _problems(old: Json, new: Json) -> Iterator[str]:
    now = new["components"]["examples"]
    for code, example in old["components"]["examples"].items():
        status = example["value"]["status"]
        if code not in now:
            yield f"problem {code}: taken away"
        elif now[code]["value"]["status"] != status:
            yield f"problem {code}: status {now[code]['value']['status']} where there was {status}"


def _operations(old: Json, new: Json) -> Iterator[str]:
    for path, item in old["paths"].items():
        for method, was in item.items():
            where, now = f"{method.upper()} {path}", new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{where}: taken away"
                continue
            if now["operationId"] != was["operationId"]:
                yield f"{where}: called {now['operationId']} where it was {was['operationId']}"
            yield from _security(was, now, where=where)
            yield from _parameters(Said(was, old), Said(now, new), where=where)
            yield from _bodies(Said(was, old), Said(now, new), where=where)
            yield from _responses(Said(was, old), Said(now, new), where=where)


def _webhooks(old: Json, new: Json) -> Iterator[str]:
    """What is sent is told, as an answer is."""
    for name, item in old.get("webhooks", {}).items():
        where, now = f"webhook {name}", new.get("webhooks", {}).get(name)
        if now is None:
            yield f"{where}: taken away"
            continue
        for media_type, content in item["post"]["requestBody"]["content"].items():
            sent = now["post"]["requestBody"]["content"].get(media_type)
            if sent is None:
                yield f"{where}: no {media_type} any more"
            else:
                yield from _told(Said(content["schema"], old), Said(sent["schema"], new), where=where)


def _security(was: Json, now: Json, *, where: str) -> Iterator[str]:
    ways = now.get("security") or _OPEN
    for way in was.get("security") or _OPEN:
        if not any(set(each) <= set(way) for each in ways):
            yield f"{where}: {' and '.join(way) or 'no key'} opens it no more"


def _by_place(said: Said) -> dict[tuple[str, str], Json]:
    found = [said.at(each).resolved for each in said.schema.get("parameters", ())]
    return {(each["in"], each["name"]): each for each in found}


def _parameters(was: Said, now: Said, *, where: str) -> Iterator[str]:
    before, after = _by_place(was), _by_place(now)
    for (place, name), parameter in before.items():
        here = f"{where} {place} {name}"
        if (place, name) not in after:
            yield f"{here}: taken away"
            continue
        if after[place, name].get("required") and not parameter.get("required"):
            yield f"{here}: required now"
        yield from _taken(was.at(parameter["schema"]), now.at(after[place, name]["schema"]), where=here)
    for (place, name), parameter in after.items():
        if (place, name) not in before and parameter.get("required"):
            yield f"{where} {place} {name}: new, and required"


def _bodies(was: Said, now: Said, *, where: str) -> Iterator[str]:
    before, after = was.schema.get("requestBody"), now.schema.get("requestBody")
    if after and after.get("required") and not (before and before.get("required")):
        yield f"{where} body: required now"
    for media_type, content in (before or {"content": {}})["content"].items():
        taken = (after or {"content": {}})["content"].get(media_type)
        if taken is None:
            yield f"{where} body: {media_type} is not taken any more"
        else:
            yield from _taken(was.at(content["schema"]), now.at(taken["schema"]), where=f"{where} body")


def _responses(was: Said, now: Said, *, where: str) -> Iterator[str]:
    for status, response in was.schema["responses"].items():
        here, after = f"{where} {status}", now.schema["responses"].get(status)
        if after is None:
            if status < "400":
                yield f"{here}: taken away"
            continue
        yield from _headers(was.at(response), now.at(after), where=here)
        for media_type, content in response.get("content", {}).items():
            told = after.get("content", {}).get(media_type)
            if told is None:
                yield f"{here}: no {media_type} any more"
            else:
                yield from _told(was.at(content["schema"]), now.at(told["schema"]), where=here)


def _headers(was: Said, now: Said, *, where: str) -> Iterator[str]:
    after: Mapping[str, Json] = now.schema.get("headers", {})
    for name, reference in was.schema.get("headers", {}).items():
        if name not in after:
            yield f"{where} header {name}: taken away"
            continue
        before, header = was.at(reference).resolved, now.at(after[name]).resolved
        if before.get("required") and not header.get("required"):
            yield f"{where} header {name}: not always there"
        yield from _told(was.at(before["schema"]), now.at(header["schema"]), where=f"{where} header {name}")


def _taken(was: Said, now: Said, *, where: str) -> Iterator[str]:
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


def _told(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """What is told must be what was expected, and no less."""
    yield from outside(now, was, where=where)
    yield from _missing(was, now, where=where)


def _missing(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """Fields and known values that are gone. A document that is open would allow that in silence."""
    one, other = was.resolved, now.resolved
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


def _missing_options(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """Each option that is not null, in its order: ours have one."""
    before = [each for each in was.resolved.get("anyOf", ()) if each != {"type": "null"}]
    after = [each for each in now.resolved.get("anyOf", ()) if each != {"type": "null"}]
    for one, other in zip(before, after, strict=False):
        yield from _missing(was.at(one), now.at(other), where=where)
