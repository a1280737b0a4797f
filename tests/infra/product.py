"""What the product says of itself, and what infra/ says of it: the two sides that the checks of infra/ compare.

Must not judge: the checks do.
"""

import ast
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.snapshots import PARAMETERS
from shared import flow, signals
from shared.settings import Settings
from tests.conftest import Declared
from tests.infra.bicep_reader import File, Resource, read
from tests.infra.snapshot import Snapshot, load

ROOT = Path(__file__).parent.parent.parent
INFRA = ROOT / "infra"


@dataclass(frozen=True)
class Infra:
    """A folder like infra/: the real one, or a copy with a fault."""

    folder: Path

    def file(self, name: str, **parameters: Any) -> File:
        return read(self.folder / name, **parameters)

    @cached_property
    def files(self) -> dict[str, File]:
        found = [self.folder / "main.bicep", *sorted(self.folder.glob("modules/*.bicep"))]
        return {str(path.relative_to(self.folder)): read(path) for path in found}

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """dev, prod, and those that nobody deploys: dev with switches turned."""
        return [load(self.folder / "snapshots" / f"{name}.json") for name in PARAMETERS]

    def snapshot(self, name: str) -> Snapshot:
        (found,) = [each for each in self.snapshots if each.name == name]
        return found

    @cached_property
    def topology(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "topology.json").read_text()))

    @property
    def resources(self) -> Iterator[tuple[str, Resource]]:
        for name, file in self.files.items():
            yield from ((name, resource) for resource in file.resources)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()


@dataclass(frozen=True)
class Product:
    """The names that code uses. emitted: each metric and log event that is really sent, with its attributes."""

    functions: dict[str, Declared]
    emitted: dict[str, frozenset[str]]

    @property
    def subscriptions(self) -> set[tuple[str, str]]:
        return {
            (f.trigger["topicName"], f.trigger["subscriptionName"])
            for f in self.functions.values()
            if f.trigger["type"] == "serviceBusTrigger"
        }

    @property
    def topics(self) -> set[str]:
        return {*flow.TOPIC_OF.values(), flow.NOTICES, flow.DEAD_LETTER_TOPIC}

    @property
    def containers(self) -> set[str]:
        return {flow.EVENTS, flow.LEASES, flow.DEAD_LETTERS, flow.PAYMENTS, flow.NOTIFICATIONS}

    @property
    def routes(self) -> dict[str, str]:
        """The path of every HTTP function."""
        http = {name: f.trigger for name, f in self.functions.items() if f.trigger["type"] == "httpTrigger"}
        return {name: f"/api/{trigger['route']}" for name, trigger in http.items()}

    @property
    def settings(self) -> set[str]:
        return {field.alias or name.upper() for name, field in Settings.model_fields.items()}

    @property
    def needed_settings(self) -> set[str]:
        """What the app does not start without, what its triggers name, and its two connections by identity."""
        connections = {f.trigger["connection"] for f in self.functions.values() if "connection" in f.trigger}
        plain = {field.alias or name.upper() for name, field in Settings.model_fields.items() if field.is_required()}
        aliases = {alias for alias in self.settings if alias.split("__")[0] in connections and "__" in alias}
        named = {name for f in self.functions.values() for name in re.findall("%([^%]+)%", str(f.trigger))}
        return plain | aliases | named | {f"{connection}__credential" for connection in connections}

    @property
    def secret_settings(self) -> set[str]:
        """By their types, of which some have a name of their own."""
        types = {
            field.alias or name.upper(): getattr(field.annotation, "__value__", field.annotation)
            for name, field in Settings.model_fields.items()
        }
        return {name for name, kind in types.items() if "SecretStr" in str(kind)}


def seeded(folder: Path, *, file: str, old: str, new: str) -> Infra:
    """A copy of infra/ without its scripts, with one fault. The text to replace must be there, or it proves nothing."""
    copy = folder / "infra"
    shutil.copytree(INFRA, copy, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    text = (copy / file).read_text()
    assert old in text, f"{file} has no {old!r}"
    (copy / file).write_text(text.replace(old, new, 1))
    return Infra(copy)


def emitted_signals() -> dict[str, frozenset[str]]:
    """Every metric and log event that shipped code sends, with the names of the attributes it sends along."""
    found: dict[str, frozenset[str]] = {}
    for path in [*ROOT.glob("shared/**/*.py"), *ROOT.glob("functions/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                name = _signal(node.args[0]) if node.func.attr in ("count", "gauge", "observe", "log") else None
                if name:
                    sent = frozenset(keyword.arg or "*" for keyword in node.keywords)
                    found[name] = found.get(name, frozenset()) | sent
    return found


def _signal(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return getattr(signals, name, None)
