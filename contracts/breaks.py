"""What of a published contract a newer one breaks. Additions are welcome; docs/contracts/README.md has the rules.

An answer or an event may not tell less, or anything that was not expected. A request may not be refused that was taken.
"""

from collections.abc import Iterator
from typing import Any

from contracts.called import renamed
from contracts.doors import schemes, shut
from contracts.sent import webhook_breaks
from contracts.told import headers, parameters, taken_content, taken_parts, told, told_content, told_parts
from contracts.within import Said, outside

type Json = dict[str, Any]

_WHERE_IT_WAS_READ: list[Json] = [{"url": "/"}]


def api_breaks(old: Json, new: Json) -> list[str]:
    """Of two OpenAPI documents, each break with its place."""
    parts = (_problems, _servers, schemes, _operations, webhook_breaks)
    return [fault for part in parts for fault in part(old, new)]


def event_breaks(old: Json, new: Json) -> list[str]:
    """Of two schemas of one type of event. What was sent before may still lie in a subscription, and is read by the
    newer schema too: so that may want nothing that the older one did not promise.
    """
    was, now = Said(old, old), Said(new, new)
    named = [] if old.get("$id") == new.get("$id") else [f"event: $id {new.get('$id')} is not {old.get('$id')}"]
    return [*named, *told(was, now, where="event"), *outside(was, now, where="event sent before")]


def topic_breaks(old: Json, new: Json) -> Iterator[str]:
    """Of two AsyncAPI documents: where events are found. What they hold, event_breaks compares."""
    for part in ("servers", "channels", "operations"):
        for name, was in old[part].items():
            now = new[part].get(name)
            if now is None:
                yield f"{part} {name}: taken away"
                continue
            yield from _changed(was, now, where=f"{part} {name}")
            for message, leads in _messages(was).items():
                if _messages(now).get(message) != leads:
                    yield f"{part} {name}: {message} does not come there any more"
    for name, was in old["components"]["messages"].items():
        now = new["components"]["messages"].get(name, {})
        yield from _changed(was, now, where=f"message {name}")
    if old["defaultContentType"] != new["defaultContentType"]:
        yield f"defaultContentType {new['defaultContentType']} is not {old['defaultContentType']}"


_FOR_PEOPLE = {"title", "summary", "description", "examples", "tags", "externalDocs", "messages"}


def _changed(was: Json, now: Json, *, where: str) -> Iterator[str]:
    """Whatever is not for people has to stay: how something is reached leaves no room for guesses."""
    for field in sorted((was.keys() | now.keys()) - _FOR_PEOPLE):
        if _bare(was.get(field)) != _bare(now.get(field)):
            yield f"{where}: {field} {now.get(field)} is not {was.get(field)}"


def _bare(said: Any) -> Any:  # noqa: ANN401 - any JSON
    """Without what is for people."""
    if isinstance(said, dict):
        return {name: _bare(each) for name, each in said.items() if name not in _FOR_PEOPLE}
    return said


def _messages(said: Json) -> dict[str, str]:
    """Where each leads: a channel has a map of them, an operation a list."""
    messages = said.get("messages", {})
    if isinstance(messages, list):
        return {each["$ref"]: each["$ref"] for each in messages}
    return {name: each["$ref"] for name, each in messages.items()}


def _problems(old: Json, new: Json) -> Iterator[str]:
    now = new["components"]["examples"]
    for code, example in old["components"]["examples"].items():
        status = example["value"]["status"]
        if code not in now:
            yield f"problem {code}: taken away"
        elif now[code]["value"]["status"] != status:
            yield f"problem {code}: status {now[code]['value']['status']} where there was {status}"


def _servers(old: Json, new: Json) -> Iterator[str]:
    now = [server["url"] for server in new.get("servers") or _WHERE_IT_WAS_READ]
    for server in old.get("servers") or _WHERE_IT_WAS_READ:
        if server["url"] not in now:
            yield f"server {server['url']}: taken away"


def _operations(old: Json, new: Json) -> Iterator[str]:
    for path, item in old["paths"].items():
        for method, said in item.items():
            where, then = f"{method.upper()} {path}", new["paths"].get(path, {}).get(method)
            if then is None:
                yield f"{where}: taken away"
                continue
            was, now = Said(said, old), Said(then, new)
            yield from renamed(was, now, where=where)
            yield from shut(was, now, where=where)
            yield from taken_parts(parameters(was), parameters(now), where=where)
            yield from _bodies(was, now, where=f"{where} body")
            yield from _responses(was, now, where=where)


def _bodies(was: Said, now: Said, *, where: str) -> Iterator[str]:
    before, after = was.at(was.schema.get("requestBody", {})), now.at(now.schema.get("requestBody", {}))
    if after.schema.get("required") and not before.schema.get("required"):
        yield f"{where}: required now"
    yield from taken_content(before, after, where=where)


def _responses(was: Said, now: Said, *, where: str) -> Iterator[str]:
    for status, response in was.schema["responses"].items():
        here, after = f"{where} {status}", now.schema["responses"].get(status)
        if after is None:
            if status < "400":
                yield f"{here}: taken away"
            continue
        yield from told_parts(headers(was.at(response)), headers(now.at(after)), where=here)
        yield from told_content(was.at(response), now.at(after), where=here)
