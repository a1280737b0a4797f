"""What an expression of Bicep is worth, over the tree of pycep-parser, as far as that is known before a deployment.

What only Azure knows stays an Unknown. Must not know what the files are for.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LITERAL = "\u00a7"
"""Stands in front of every string before pycep reads a file: in its tree 'location' and location look the same."""

type Node = Any
type Names = Mapping[str, Callable[[], Any]]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only a deployment gives: an id, an endpoint, a parameter without a default."""

    text: str

    def __str__(self) -> str:
        return f"<{self.text}>"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is no node: its strings are never names."""

    value: Any


def evaluate(node: Node, names: Names) -> Any:
    """The value of an expression; a name that nobody declared gives an Unknown that says so."""
    match node:
        case str():
            return _text(node, names)
        case list():
            return [evaluate(item, names) for item in node]
        case {"operator": {"type": _, "operands": _} as operator}:
            return _operator(regrouped(operator), names)
        case {"function": {"type": _} as function}:
            return _function(function, names)
        case {"loop_type": _}:
            return _loop(node, names)
        case dict():
            return {_filled(key.strip("'"), names): evaluate(value, names) for key, value in node.items()}
        case Literal():
            return node.value
    return node


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of an evaluated value, with the dotted path to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, f"{path}[]")
    else:
        yield path, value


def _text(text: str, names: Names) -> Any:
    if text.startswith(LITERAL):
        return _filled(text, names)
    return names[text]() if text in names else Unknown(f"undeclared {text}")


def _filled(text: str, names: Names) -> str:
    return re.sub(r"\$\{([^}]*)\}", lambda found: str(_dotted(found[1], names)), text.removeprefix(LITERAL))


def _dotted(path: str, names: Names) -> Any:
    head, *rest = path.split(".")
    if head not in names or not all(part.isidentifier() for part in rest):
        return Unknown(path)
    value = names[head]()
    for part in rest:
        value = _member(value, part)
    return value


def _member(value: Any, name: Any) -> Any:
    if isinstance(value, Unknown):
        return Unknown(f"{value.text}.{name}")
    try:
        return value[name]
    except (KeyError, IndexError, TypeError):
        return Unknown(f"no {name} in {value!r}")


def regrouped(operator: dict[str, Any]) -> dict[str, Any]:
    """pycep binds every operator to the right: a.b == c ? x : y comes as a.(b == (c ? x : y)). Put it right."""
    kind, operands = operator["type"], operator["operands"]
    if kind == "conditional":
        return operator
    last = "bool_value" if kind == "not" else "operand_2"
    inner = operands[last].get("operator") if isinstance(operands.get(last), dict) else None
    if inner is None or (kind != "property_accessor" and inner["type"] != "conditional"):
        return operator
    inner = regrouped(inner)
    first = "condition" if inner["type"] == "conditional" else "bool_value" if inner["type"] == "not" else "operand_1"
    moved = {"operator": regrouped({"type": kind, "operands": {**operands, last: inner["operands"][first]}})}
    return {"type": inner["type"], "operands": {**inner["operands"], first: moved}}


def _operator(operator: dict[str, Any], names: Names) -> Any:
    operands = operator["operands"]
    if operator["type"] == "property_accessor":
        name = operands["operand_2"]
        return _member(evaluate(operands["operand_1"], names), name if isinstance(name, str) else "?")
    if operator["type"] == "conditional":
        condition = evaluate(operands["condition"], names)
        if isinstance(condition, Unknown):
            return Unknown(f"depends on {condition.text}")
        return evaluate(operands["true_value" if condition else "false_value"], names)
    values = [evaluate(operand, names) for operand in operands.values()]
    unknown = next((value for value in values if isinstance(value, Unknown)), None)
    if unknown is not None or operator["type"] not in _OPERATORS:
        return Unknown(f"{operator['type']} of {', '.join(map(str, values))}")
    return _OPERATORS[operator["type"]](*values)


_OPERATORS: dict[str, Callable[..., Any]] = {
    "equals": lambda a, b: a == b,
    "not_equals": lambda a, b: a != b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "not": lambda a: not a,
    "greater_than": lambda a, b: a > b,
    "index_accessor": lambda a, b: a[b],
}


def _function(function: dict[str, Any], names: Names) -> Any:
    kind, given = function["type"], list(function.get("parameters", {}).values())
    if kind in ("map", "filter") and given:
        return _over(kind, evaluate(given[0], names), detail=given[1]["detail"], names=names)
    values = [evaluate(value, names) for value in given if value is not None]
    if kind not in _FUNCTIONS or any(isinstance(value, Unknown) for value in values):
        return Unknown(f"{kind}({', '.join(map(str, values))})")
    return _FUNCTIONS[kind](*values)


def _union(*values: Any) -> Any:
    if isinstance(values[0], list):
        return [item for value in values for item in value]
    return {key: item for value in values for key, item in value.items()}


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "any": lambda value: value,
    "loaded": lambda value: value,
    "flatten": lambda lists: [item for inner in lists for item in inner],
    "union": _union,
    "concat": _union,
    "contains": lambda all_, one: one in all_,
    "empty": lambda value: not value,
    "trim": lambda text: text.strip(),
    "items": lambda value: [{"key": key, "value": item} for key, item in sorted(value.items())],
    "subscription_resource_id": lambda *parts: "/".join(parts),
}


def _over(kind: str, items: Any, *, detail: dict[str, Any], names: Names) -> Any:
    if isinstance(items, Unknown):
        return Unknown(f"{kind} of {items.text}")
    results = [(item, evaluate(detail["expression"], _with(names, detail["var_1"], value=item))) for item in items]
    return [result for _, result in results] if kind == "map" else [item for item, kept in results if kept is True]


def _with(names: Names, name: str, *, value: Any) -> Names:
    return {**names, name: lambda: value}


def _loop(node: Node, names: Names) -> Any:
    """One value per turn of [for ... in ...: ...]; Unknown when only a deployment knows how many."""
    detail = node["loop_type"]["detail"]
    items = evaluate(detail["array_name"], names)
    if isinstance(items, Unknown):
        return items
    turns = []
    for index, item in enumerate(items):
        local = _with(names, detail["item_name"], value=item)
        if "index_name" in detail:
            local = _with(local, detail["index_name"], value=index)
        turns.append(evaluate(node["config"], local))
    return turns
