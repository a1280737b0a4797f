"""The files that are committed, by their path: the contracts, and what the app serves of them."""

import json
import tomllib
from collections.abc import Sequence
from typing import Any

from contracts import api, asyncapi, events
from contracts.endpoints import ROOT, Endpoint
from contracts.page import page

FOLDER = "docs/contracts"
SERVED, PAGE = "functions/openapi.json", "functions/docs.html"


def version() -> str:
    """Of the project, and so of its contracts."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def written(endpoints: Sequence[Endpoint]) -> dict[str, str]:
    """The text of each file. What is served is the same document, without the spaces."""
    document = api.document(endpoints, version=version())
    schemas = {f"{FOLDER}/events/{name}.schema.json": _pretty(schema) for name, schema in events.schemas().items()}
    samples = {f"{FOLDER}/events/{name}.sample.json": _pretty(each) for name, each in events.samples_by_type().items()}
    return {
        f"{FOLDER}/openapi.json": _pretty(document),
        f"{FOLDER}/asyncapi.json": _pretty(asyncapi.document(version=version())),
        SERVED: json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n",
        PAGE: page(document),
        **schemas,
        **samples,
    }


def _pretty(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
