"""What of the webhooks a newer contract breaks. What is sent is told, as an answer is; what comes back is taken."""

from collections.abc import Iterator, Set
from typing import Any

from contracts.called import renamed
from contracts.doors import shown, unmet, ways
from contracts.told import headers, parameters, taken_content, taken_parts, told_content, told_parts
from contracts.within import Said

type Json = dict[str, Any]


def webhook_breaks(old: Json, new: Json) -> Iterator[str]:
    for name, item in old.get("webhooks", {}).items():
        for method, said in item.items():
            where, then = f"webhook {name}", new.get("webhooks", {}).get(name, {}).get(method)
            if then is None:
                yield f"{where}: taken away"
                continue
            was, now = Said(said, old), Said(then, new)
            yield from _sent(was, now, where=where)
            yield from _answers(was, now, where=where)


def _sent(was: Said, now: Said, *, where: str) -> Iterator[str]:
    yield from renamed(was, now, where=where)
    for way in unmet(ways(now), ways(was)):
        yield f"{where}: sent with {shown(way)} where it was {' or '.join(map(shown, ways(was)))}"
    yield from told_parts(parameters(was), parameters(now), where=where)
    before, after = was.at(was.schema.get("requestBody", {})), now.at(now.schema.get("requestBody", {}))
    if before.schema.get("required") and not after.schema.get("required"):
        yield f"{where} body: not always there"
    yield from told_content(before, after, where=where)


def _answers(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """A status that gets a meaning of its own cannot be compared with what it meant among others: it is a break."""
    before, after = was.schema["responses"], now.schema["responses"]
    for status, answer in before.items():
        here = f"{where} answer {status}"
        if status in after:
            yield from _answer(was.at(answer), now.at(after[status]), where=here)
        elif _range(status) not in after:
            yield f"{here}: not taken any more"
    for status in after:
        if status not in before and _had_a_meaning(before.keys() & after.keys(), status):
            yield f"{where} answer {status}: has a meaning of its own now"


def _range(status: str) -> str:
    return f"{status[0]}XX"


def _had_a_meaning(rules: Set[str], status: str) -> bool:
    """rules: that were there and are. A success that is new was a failure: that is welcome."""
    return _range(status) in rules or ("default" in rules and _range(status) != "2XX")


def _answer(was: Said, now: Said, *, where: str) -> Iterator[str]:
    yield from taken_parts(headers(was), headers(now), where=where)
    if now.schema.get("content") and not was.schema.get("content"):
        yield f"{where} body: new"
    yield from taken_content(was, now, where=f"{where} body")
