"""The operators' page is served to everybody, as it is committed, and nothing else is: it holds nothing."""

import gzip
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Never

import pytest

from functions.console import FOLDER, MEDIA_TYPES, files
from local.provider.tokens import TOKENS
from shared.errors import StoreBusy
from tests.flow.kit.edge import Answered, Edge
from tests.flow.kit.world import a_world

MOST_BYTES = 60_000
"""Of the whole page, as it is sent."""

VENDORED = {
    "vendor/directive-helpers.js": "f7fb1154b8f72ed2cc08b05eaeed71c99270e9ad2d48620ed24688a1af4c2b62",
    "vendor/directive.js": "3344c4f41c69cd0701d3937e8f9ef90bd845614bf6456d0b8314b7c51d415b9d",
    "vendor/directives/repeat.js": "083140026ecd8665fedd15b17769f9d516252a9f1502f1e91e6967686ee82626",
    "vendor/lit-html.js": "b878e7f95dec8a9b6e9b217faca6b6a11bad82ebc44c0caa77419ed83edd81f2",
}
"""As lit-html 3.3.3 was published."""

OURS = sorted(name for name in files() if not name.startswith("vendor/"))
SCRIPTS = [name for name in OURS if name.endswith(".js")]


async def no_services() -> Never:
    raise StoreBusy("the store does not answer")


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    """Of an app that cannot reach its store: then the page is needed most."""
    async with a_world(tmp_path) as world:
        yield Edge(world, starting=no_services)


async def asked(edge: Edge, path: str, **headers: str) -> Answered:
    return await edge.ask(
        "get_console", headers={name.replace("_", "-"): each for name, each in headers.items()}, path=path
    )


@pytest.mark.parametrize("name", sorted(files()))
async def test_each_file_is_served_as_it_is_committed(edge: Edge, name: str) -> None:
    answered = await asked(edge, name)

    assert (answered.status, answered.media_type) == (200, MEDIA_TYPES[Path(name).suffix])
    assert answered.body == (FOLDER / name).read_bytes()
    assert "Content-Encoding" not in answered.headers


async def test_the_address_of_the_page_is_that_of_its_folder(edge: Edge) -> None:
    assert (await asked(edge, "")).body == (FOLDER / "index.html").read_bytes()


@pytest.mark.parametrize("encodings", ["gzip", "br, gzip;q=0.8", "GZIP"])
async def test_who_takes_less_is_sent_less(edge: Edge, encodings: str) -> None:
    plain, small = await asked(edge, "app.js"), await asked(edge, "app.js", Accept_Encoding=encodings)

    assert gzip.decompress(small.body) == plain.body
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["ETag"] != plain.headers["ETag"]
    assert small.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("encodings", ["", "br", "gzip;q=0", "gzip; q=0.0", "xgzip"])
async def test_who_does_not_take_it_is_not_sent_it(edge: Edge, encodings: str) -> None:
    answered = await asked(edge, "app.js", Accept_Encoding=encodings)

    assert answered.body == (FOLDER / "app.js").read_bytes()


@pytest.mark.parametrize("encodings", ["gzip", ""])
async def test_whoever_has_it_gets_no_body(edge: Edge, encodings: str) -> None:
    first = await asked(edge, "app.js", Accept_Encoding=encodings)

    again = await asked(edge, "app.js", Accept_Encoding=encodings, If_None_Match=first.headers["ETag"])

    assert (again.status, again.body) == (304, None)
    assert first.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "../contract.py",
        "../openapi.json",
        "vendor/../../docs.html",
        "vendor/README.md",
        "/etc/passwd",
        "app.js/",
        "APP.JS",
        "vendor",
        "app.js%00.css",
        "..\\contract.py",
    ],
)
async def test_what_is_not_of_the_page_is_not_there(edge: Edge, path: str) -> None:
    answered = await asked(edge, path)

    assert (answered.status, answered.body) == (404, None)


async def test_the_page_may_run_its_own_scripts_and_ask_its_own_origin_and_nothing_else(edge: Edge) -> None:
    answered = await asked(edge, "")

    policy = dict(part.strip().split(" ", 1) for part in answered.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "lit-html",
    }
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert answered.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_has_no_script_and_no_style_of_its_own() -> None:
    page = (FOLDER / "index.html").read_text()

    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
    assert "<style" not in page
    assert re.findall(r"\son\w+=|\sstyle=", page) == []


def test_the_whole_page_is_small(record_property: Callable[[str, object], None]) -> None:
    size = sum(len(gzip.compress(path.read_bytes(), mtime=0)) for path in files().values())

    record_property("size of the console", f"{size:,} of {MOST_BYTES:,} bytes, gzipped, in {len(files())} files")
    assert size <= MOST_BYTES


def test_what_others_have_written_is_as_they_published_it() -> None:
    scripts = [name for name in files() if name.startswith("vendor/") and name.endswith(".js")]

    assert {name: hashlib.sha256(files()[name].read_bytes()).hexdigest() for name in scripts} == VENDORED
    assert "BSD 3-Clause License" in files()["vendor/LICENSES.txt"].read_text()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_asks_for_files_that_are_served_and_uses_what_it_asks_for(name: str) -> None:
    text = files()[name].read_text()

    for names, source in re.findall(r"import \{([^}]+)\} from '([^']+)'", text):
        target = (files()[name].parent / source).resolve()
        assert target in {path.resolve() for path in files().values()}
        rest = text.replace(f"{{{names}}}", "")
        assert [each for each in names.split(", ") if not re.search(rf"\b{re.escape(each)}\b", rest)] == []


@pytest.mark.parametrize("name", OURS)
def test_nothing_of_the_page_names_another_origin_or_makes_markup_of_text(name: str) -> None:
    text = files()[name].read_text()

    assert re.findall(r"https?://[\w.]+", text.replace("http://www.w3.org/2000/svg", "")) == []
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|unsafeHTML|document\.write|eval\(|new Function", text) == []
    )


@pytest.mark.parametrize("name", OURS)
def test_no_file_outgrows_the_house(name: str) -> None:
    lines = files()[name].read_text().splitlines()

    assert len(lines) <= 250
    assert max(map(len, lines)) <= 120


def test_the_payment_methods_that_can_be_tried_are_the_local_providers() -> None:
    offered = set(re.findall(r"\b(pm_\w+):", (FOLDER / "tryit.js").read_text()))

    assert offered <= set(TOKENS)
    assert {"pm_ok", "pm_declined", "pm_down"} <= offered
