"""Who is let in, by two OpenAPI documents: the doors that have shut, and those that have opened. Knows no schema.

Whoever came through a door that is shut is broken by it. One that has opened breaks nobody, and is worse where nobody
meant it. So each has its own words.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contracts.within import Said

type Json = dict[str, Any]
type Way = Mapping[str, Sequence[str]]
"""Keys that are asked for together, by their names, each with what it has to hold; none is needed where it is empty."""

ROLE = "x-role"
"""In an operation: the role of its callers, whichever key they have. Absent where it is open to everybody."""

_NO_KEY: Way = {}


def shut(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """Of one operation: who came in and does so no more."""
    for way in unmet(ways(was), ways(now)):
        yield f"{where}: {shown(way)} opens it no more"
    before, after = was.schema.get(ROLE), now.schema.get(ROLE)
    if after and after != before:
        yield f"{where}: needs the role {after} where {f'it was {before}' if before else 'none was needed'}"


def opened(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """Of one operation: who comes in and did not."""
    for way in unmet(ways(now), ways(was)):
        yield f"{where}: open to {shown(way)} where it was shut"
    before, after = was.schema.get(ROLE), now.schema.get(ROLE)
    if before and after != before:
        yield f"{where}: open to {f'the role {after}' if after else 'callers without a role'} where {before} was needed"


def openings(old: Json, new: Json) -> list[str]:
    """Of two documents. An operation is the same where it has the place or the id of what it was."""
    return [
        fault
        for before, was in _placed(old)
        for where, now in _placed(new)
        if where == before or now["operationId"] == was["operationId"]
        for fault in opened(Said(was, old), Said(now, new), where=where)
    ]


def _placed(document: Json) -> Iterator[tuple[str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def ways(said: Said) -> list[Way]:
    """Any one of them is enough. An operation that names none has those of the whole document."""
    return said.schema.get("security", said.root.get("security")) or [_NO_KEY]


def unmet(asked: Sequence[Way], others: Sequence[Way]) -> Iterator[Way]:
    """The ways that meet none of the others: whoever comes by such a one has not what any of those asks for."""
    for way in asked:
        if not any(_meets(way, each) for each in others):
            yield way


def _meets(way: Way, other: Way) -> bool:
    return all(name in way and set(holds) <= set(way[name]) for name, holds in other.items())


def shown(way: Way) -> str:
    return " and ".join(f"{name} ({', '.join(holds)})" if holds else name for name, holds in way.items()) or "no key"


def schemes(old: Json, new: Json) -> Iterator[str]:
    """How a key is shown, and where a token is got."""
    now = new["components"].get("securitySchemes", {})
    for name, scheme in old["components"].get("securitySchemes", {}).items():
        where = f"security scheme {name}"
        if name not in now:
            yield f"{where}: taken away"
        else:
            yield from _changed(_without_prose(scheme), _without_prose(now[name]), where=where)


def _without_prose(scheme: Json) -> Json:
    """A scope is its name; the rest of it are words."""
    return {
        word: dict.fromkeys(said) if word == "scopes" else _without_prose(said) if isinstance(said, dict) else said
        for word, said in scheme.items()
        if word != "description"
    }


def _changed(was: Json, now: Json, *, where: str) -> Iterator[str]:
    for word, said in was.items():
        if word not in now:
            yield f"{where}: no {word} any more"
        elif isinstance(said, dict):
            yield from _changed(said, now[word], where=f"{where} {word}")
        elif now[word] != said:
            yield f"{where}: {word} {now[word]} where it was {said}"
