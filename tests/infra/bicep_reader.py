"""Reads Bicep files and lists what they would deploy. A stand-in for the compiler: loops are unrolled.

Must not know what the files are for.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from pycep import BicepParser

from tests.infra.bicep_values import LITERAL, Literal, Names, Node, Unknown, evaluate, walk

_STRING = re.compile(r"//[^\n]*|'''.*?'''|'(?:\\.|\$\{[^}]*\}|[^'\\])*'(:?)", re.DOTALL)
_OBJECT_TYPE = re.compile(r"(?m)^(param \w+) \{[^{}]*\}")
_BARE = re.compile(r"(^|\n)(resource|module)\s+\w+\s+$|(^|\n)targetScope\s*=\s*$")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as it would be deployed; a loop gives one per turn. condition: a value, or Unknown."""

    symbol: str
    type: str
    body: dict[str, Any]
    condition: Any = True
    depends_on: frozenset[str] = frozenset()


@dataclass(frozen=True)
class File:
    """One Bicep file: its text, its tree, and its names with their values."""

    path: Path
    text: str
    tree: dict[str, Any]
    names: dict[str, Callable[[], Any]] = field(default_factory=dict)

    @property
    def resources(self) -> list[Resource]:
        declared = self.tree.get("resources", {}).items()
        return [
            made for symbol, node in declared if not node["existing"] for made in _resources(symbol, node, file=self)
        ]

    @property
    def outputs(self) -> dict[str, Any]:
        return {name: evaluate(node["value"], self.names) for name, node in self.tree.get("outputs", {}).items()}

    def waits_for(self) -> dict[str, frozenset[str]]:
        """What each resource and module waits for: what it names, and what its dependsOn names."""
        nodes = {**self.tree.get("resources", {}), **self.tree.get("modules", {})}
        return {symbol: _mentioned(node["config"], self) - {symbol} for symbol, node in nodes.items()}

    def before(self, symbol: str) -> set[str]:
        """Everything that is there before it, however it is deployed: what may be left out passes no waiting on."""
        waits, optional, seen, ahead = self.waits_for(), self._optional(), set[str](), {symbol}
        while ahead:
            ahead = {earlier for one in ahead for earlier in waits.get(one, ())} - seen
            seen |= ahead
            ahead -= optional
        return seen

    def _optional(self) -> set[str]:
        nodes = {**self.tree.get("resources", {}), **self.tree.get("modules", {})}
        return {symbol for symbol, node in nodes.items() if _condition(node["config"]) is not None}

    def modules(self) -> dict[str, dict[str, Any]]:
        """The body of every module call, by symbol, with the file that it names under `path`."""
        called = self.tree.get("modules", {}).items()
        return {
            symbol: {**_plain(node["config"], self.names)[0], "path": node["detail"]["path"]} for symbol, node in called
        }


def read(path: Path, **parameters: Any) -> File:
    """Raises what pycep raises when the text is not in its subset of Bicep."""
    text = path.read_text()
    file = File(path, text, _tree(text))
    for name, node in file.tree.get("parameters", {}).items():
        default = partial(evaluate, node["default"], file.names) if node["default"] is not None else None
        given = partial(parameters.get, name)
        file.names[name] = given if name in parameters else default or partial(Unknown, name)
    for name, node in file.tree.get("variables", {}).items():
        file.names[name] = partial(evaluate, _loaded(node["value"], path.parent), file.names)
    for name in [*file.tree.get("resources", {}), *file.tree.get("modules", {})]:
        file.names.setdefault(name, partial(Unknown, name))
    return file


@cache
def _tree(text: str) -> dict[str, Any]:
    """Once per text: a copy with one fault shares all its other files with the original."""
    return dict(_parser().parse(text=_marked(text)))


@cache
def _parser() -> BicepParser:
    return BicepParser()


def _marked(text: str) -> str:
    """Types, paths of modules and keys stay as they are: pycep knows these by their place.

    But for types that say what an object holds, which pycep cannot read and a value does not depend on.
    """
    text = _OBJECT_TYPE.sub(r"\1 object", text)

    def mark(found: re.Match[str]) -> str:
        whole = found[0]
        if whole.startswith("//") or found[1] or _BARE.search(text, 0, found.start()):
            return whole
        quote = "'''" if whole.startswith("'''") else "'"
        return quote + LITERAL + whole[len(quote) :]

    return _STRING.sub(mark, text)


def _condition(config: Node) -> Node:
    """None: it is always there. A loop says of each turn what others say of the whole."""
    return config["condition"] if "condition" in config and "config" in config else None


def _plain(config: Node, names: Names) -> tuple[dict[str, Any], Any]:
    """The body inside a condition, and the condition."""
    if "condition" in config and "config" in config:
        condition = True if config["condition"] is None else evaluate(config["condition"], names)
        return evaluate(config["config"], names), condition
    return evaluate(config, names), True


def _resources(symbol: str, node: Node, *, file: File) -> Iterator[Resource]:
    config = node["config"]
    inner = config["config"] if "loop_type" in config or "condition" in config else config
    depends_on = frozenset(inner.get("dependsOn", inner.get("depends_on", [])))
    # Its own name is out of scope inside a resource, and dependsOn holds symbols, not values.
    if "loop_type" in config:
        bodies, condition = evaluate(config, file.names), True
    else:
        body, condition = _plain(config, file.names)
        bodies = [body]
    for body in bodies if isinstance(bodies, list) else [{"unknown": bodies}]:
        yield Resource(symbol, node["type"], body, condition, depends_on | _mentioned(inner, file))


def _mentioned(node: Node, file: File) -> frozenset[str]:
    """The resources and modules whose values stand in it: Bicep waits for these without being told."""
    symbols = {*file.tree.get("resources", {}), *file.tree.get("modules", {})}
    heads = {head for _, leaf in walk(node) if isinstance(leaf, str) for head in _heads(leaf)}
    return frozenset(heads & symbols)


def _heads(leaf: str) -> set[str]:
    if not leaf.startswith(LITERAL):
        return {leaf}
    return {*(found.split(".")[0] for found in re.findall(r"\$\{([^}]*)\}", leaf))}


def _loaded(node: Node, folder: Path) -> Node:
    """loadJsonContent and loadTextContent in it, replaced by what they load."""
    if not isinstance(node, dict):
        return node
    if "function" in node and node["function"]["type"] == "load_json_content":
        content = json.loads((folder / node["function"]["parameters"]["file_path"].removeprefix(LITERAL)).read_text())
        return {"function": {"type": "loaded", "parameters": {"content": Literal(content)}}}
    return {key: _loaded(value, folder) for key, value in node.items()}
