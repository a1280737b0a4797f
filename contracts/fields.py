"""The fields of an OpenAPI document that are compared or mean nothing to the gate. Any other would pass in silence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contracts.doors import ROLE

type Json = dict[str, Any]

_WHOLE = ""
"""Compared as a whole, or prose: nothing in it is looked at here."""
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def _all(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, _WHOLE)


_FIELDS: Mapping[str, Mapping[str, str]] = {
    "document": {
        **_all("openapi", "info", "tags", "security"),
        "servers": "server",
        "paths": "path*",
        "webhooks": "path*",
        "components": "components",
    },
    "server": _all("url", "description"),
    "components": {**_all("schemas", "examples", "securitySchemes"), "headers": "header*"},
    "path": dict.fromkeys(_METHODS, "operation"),
    "operation": {
        **_all("operationId", "tags", "summary", "description", "deprecated", "security", ROLE),
        "parameters": "parameter",
        "requestBody": "body",
        "responses": "response*",
    },
    "parameter": _all("name", "in", "required", "description", "deprecated", "schema"),
    "body": {**_all("required", "description"), "content": "media type*"},
    "response": {**_all("description", "links"), "headers": "header*", "content": "media type*"},
    "header": _all("required", "description", "deprecated", "schema", "$ref"),
    "media type": _all("schema", "example", "examples"),
}
"""By the kind of object that has them, each with the kind of what it holds; with a star it holds those by name."""


def unknown_fields(said: Json, *, kind: str = "document") -> Iterator[str]:
    """Each with the kind of object that has it."""
    for name, value in said.items():
        inner = _FIELDS[kind].get(name)
        if inner is None:
            yield f"{kind}: {name}"
        elif inner:
            for each in _held(value, by_name=inner.endswith("*")):
                yield from unknown_fields(each, kind=inner.removesuffix("*"))


def _held(value: Any, *, by_name: bool) -> Sequence[Json]:  # noqa: ANN401 - any JSON
    if by_name:
        return list(value.values())
    return value if isinstance(value, list) else [value]
