"""The API tells how it is called, to machines and to people, also when nothing else of it works."""

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Never

import pytest

from shared.errors import StoreBusy
from tests.flow.kit.edge import Edge
from tests.flow.kit.world import a_world

FUNCTIONS = Path(__file__).parents[2] / "functions"
FILES = {"get_openapi": "openapi.json", "get_docs": "docs.html"}


async def no_services() -> Never:
    raise StoreBusy("the store does not answer")


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    """Of an app that cannot reach its store."""
    async with a_world(tmp_path) as world:
        yield Edge(world, starting=no_services)


async def test_the_document_is_served_as_it_is_committed(edge: Edge) -> None:
    answered = await edge.ask("get_openapi")

    assert (answered.status, answered.media_type) == (200, "application/json")
    assert answered.body == json.loads((FUNCTIONS / "openapi.json").read_text())


async def test_the_page_is_served_as_it_is_committed(edge: Edge) -> None:
    answered = await edge.ask("get_docs")

    assert (answered.status, answered.media_type) == (200, "text/html")
    assert answered.body == (FUNCTIONS / "docs.html").read_bytes()


@pytest.mark.parametrize("name", FILES)
async def test_a_cache_may_keep_it_and_whoever_has_it_gets_no_body(edge: Edge, name: str) -> None:
    first = await edge.ask(name)
    again = await edge.ask(name, headers={"If-None-Match": first.headers["ETag"]})
    other = await edge.ask(name, headers={"If-None-Match": '"another"'})

    assert "public" in first.headers["Cache-Control"]
    assert (again.status, again.body, again.headers["ETag"]) == (304, None, first.headers["ETag"])
    assert (other.status, other.body) == (200, first.body)


async def test_the_page_may_use_its_own_style_and_nothing_else(edge: Edge) -> None:
    answered = await edge.ask("get_docs")

    policy = dict(part.strip().split(" ", 1) for part in answered.headers["Content-Security-Policy"].split(";"))
    (style,) = re.findall(rb"<style>(.*?)</style>", answered.body, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == f"'sha256-{digest}'"
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
