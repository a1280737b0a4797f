"""One committed snapshot of infra/snapshots, to be asked: what would be in Azure. Must not judge.

What only Azure knows stands there as a formula. `readable` gives it a short form: <type.property> of what it refers to.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_REFERENCE = re.compile(r"reference\('[^']*/providers/([\w.]+/[\w/]+?)/[^'/]+', '[\d-]+'\)((?:\.\w+)+)")
_FORMAT = re.compile(r"format\('([^']*)', ([^()]*)\)")
_HOLE = re.compile(r"\{(\d)\}")


@dataclass(frozen=True)
class Snapshot:
    """What one parameter file would make."""

    name: str
    resources: list[dict[str, Any]]
    outputs: dict[str, Any]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Every resource of exactly that type."""
        return [resource for resource in self.resources if resource["type"] == kind]

    def only(self, kind: str) -> dict[str, Any]:
        """The one resource of that type."""
        (found,) = self.of(kind)
        return found

    @property
    def settings(self) -> dict[str, Any]:
        """Every app setting with its readable value."""
        given = self.only("Microsoft.Web/sites")["properties"]["siteConfig"]["appSettings"]
        return {setting["name"]: readable(setting["value"]) for setting in given}

    @property
    def queries(self) -> Iterator[tuple[str, str]]:
        """Every query that wakes somebody, and every one of the workbook."""
        for rule in self.of("Microsoft.Insights/scheduledQueryRules"):
            yield from ((rule["name"], criterion["query"]) for criterion in rule["properties"]["criteria"]["allOf"])
        for book in self.of("Microsoft.Insights/workbooks"):
            for item in json.loads(book["properties"]["serializedData"])["items"]:
                if "query" in item["content"]:
                    yield f"workbook: {item['name']}", item["content"]["query"]


def load(path: Path) -> Snapshot:
    held = _held(path.read_text())
    return Snapshot(path.stem, held["predictedResources"], held["outputs"])


@cache
def _held(text: str) -> dict[str, Any]:
    """Once per text: a copy of infra/ with one fault shares the others with the original."""
    return dict(json.loads(text))


def readable(value: Any) -> Any:
    """A formula in its short form; whatever is none as it is."""
    if not isinstance(value, str) or not value.startswith("["):
        return value
    short = _REFERENCE.sub(r"<\1\2>", value[1:-1])
    return _FORMAT.sub(_filled, short)


def _filled(found: re.Match[str]) -> str:
    given = [each.strip("'") for each in found[2].split(", ")]
    return _HOLE.sub(lambda hole: given[int(hole[1])], found[1])


def last(name: str) -> str:
    """The name of a resource inside others."""
    return name.rsplit("/", 1)[-1]
