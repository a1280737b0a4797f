"""The contract as a page for people: whole, safe, and with everything on it."""

import json
from html.parser import HTMLParser
from typing import Any

from contracts.endpoints import ROOT
from contracts.files import PAGE, SERVED
from contracts.operations import OPERATIONS
from contracts.page import page
from functions.problems import STATUS_OF

DOCUMENT: dict[str, Any] = json.loads((ROOT / SERVED).read_text())
HTML = (ROOT / PAGE).read_text()


class Read(HTMLParser):
    """What is on the page: open elements, names, and where it leads or loads from."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)
        for name, value in attrs:
            self.ids += [value or ""] if name == "id" else []
            self.leads += [value or ""] if name == "href" else []
            self.loads += [value or ""] if name in ("src", "srcset", "style", "onclick", "onload") else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(html: str) -> Read:
    found = Read()
    found.feed(html)
    found.close()
    return found


def test_the_page_is_whole_and_leads_to_nothing_but_itself_and_the_document() -> None:
    found = read(HTML)

    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert {to for to in found.leads if not to.startswith("#")} == {"openapi.json"}
    assert {to.removeprefix("#") for to in found.leads if to.startswith("#")} <= set(found.ids)


def test_the_page_runs_and_loads_nothing() -> None:
    found = read(HTML)

    assert found.tags & {"script", "link", "img", "iframe", "form", "object"} == set()
    assert found.loads == []


def test_the_page_shows_every_operation_every_model_and_every_code() -> None:
    found = read(HTML)

    assert set(OPERATIONS) <= set(found.ids)
    assert {f"model-{name}" for name in DOCUMENT["components"]["schemas"]} <= set(found.ids)
    assert [code for code in STATUS_OF if f"<code>{code}</code>" not in HTML] == []


def test_nothing_of_the_document_becomes_markup() -> None:
    lying = json.loads(json.dumps(DOCUMENT))
    lying["info"]["title"] = lying["tags"][0]["description"] = "<script>alert(1)</script>"
    lying["components"]["schemas"]["Payment"]["properties"]["<b>"] = {"type": "string", "pattern": "<i>"}

    assert read(page(lying)).tags == read(HTML).tags
