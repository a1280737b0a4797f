"""JSON Schema as pydantic writes it, made fit to be read by others. Knows no operation."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

type Json = dict[str, Any]

_MAPS = ("properties", "patternProperties", "$defs", "schemas")
"""Keys of a schema whose values are schemas by names that anybody may choose."""


def mapped(schema: Any, change: Callable[[Json], Json]) -> Any:  # noqa: ANN401 - any JSON
    """The same with every object changed that is no map of names; the innermost first."""
    if isinstance(schema, list):
        return [mapped(each, change) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {
        name: {key: mapped(each, change) for key, each in value.items()}
        if name in _MAPS and isinstance(value, dict)
        else value
        if name in ("example", "value")
        else mapped(value, change)
        for name, value in schema.items()
    }
    return change(inner)


def tidy(document: Json) -> Json:
    """Without titles that only repeat a name, and without defaults that say no more than that a field may be absent."""
    tidied: Json = mapped(document, _without_noise)
    return tidied


def _without_noise(schema: Json) -> Json:
    is_schema = {"type", "$ref", "anyOf", "allOf", "properties"} & set(schema) and "version" not in schema
    noise = {"title"} if is_schema and isinstance(schema.get("title"), str) else set()
    if schema.get("default", ...) is None:
        noise |= {"default"}
    return {name: _whole(value) for name, value in schema.items() if name not in noise}


def _whole(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A limit as it was written: the models of OpenAPI hold all limits as floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def of_query(model: type[BaseModel]) -> Iterator[tuple[str, Json, bool]]:
    """Each parameter with its schema, and whether it is required. Null cannot be sent in a query."""
    whole = model.model_json_schema()
    for name, field in whole["properties"].items():
        schema = _inlined(field, whole.get("$defs", {}))
        options = [each for each in schema.pop("anyOf", []) if each.get("type") != "null"]
        merged = {**(options[0] if len(options) == 1 else {"anyOf": options} if options else {}), **schema}
        yield name, _without_noise(merged), name in whole.get("required", [])


def _inlined(schema: Json, definitions: Json) -> Json:
    def change(each: Json) -> Json:
        if "$ref" not in each:
            return each
        found = definitions[each["$ref"].rsplit("/", 1)[-1]]
        return {**{name: value for name, value in found.items() if name not in ("title", "description")}, **_rest(each)}

    inlined: Json = mapped(schema, change)
    return inlined


def _rest(each: Json) -> Json:
    return {name: value for name, value in each.items() if name != "$ref"}
