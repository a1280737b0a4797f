"""The pictures of the docs: each shows what the page shows, belongs to its text, and stands where it is told of."""

import difflib
import re
import subprocess
import zlib
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser import png as files
from tests.browser.pictures import COMMAND, FOLDER, PICTURES, Picture, digest, taken
from tests.browser.png import BYTES_PER_PIXEL, chunks, noted, pixels, size, with_note

ROOT = FOLDER.parents[1]
LEAST_BYTES, MOST_BYTES = 20_000, 120_000
HEIGHTS = range(200, 1400)
"""In pixels: what is lower shows nothing, and what is higher is not looked at whole."""
USED = re.compile(
    r"!\[(?P<words>[^\]]*)\]\((?P<path>[^)\s]+\.png)\)|<(?:img|source)\s[^>]*?(?:src|srcset)=\"(?P<file>[^\"]+\.png)\"[^>]*>"
)


def used() -> dict[Path, list[str]]:
    """The pictures that documents show, with what each says of it in words; one for the dark has none of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", "*.md"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    found: dict[Path, list[str]] = {}
    for document in (ROOT / name for name in listed.stdout.split("\0") if name):
        for each in USED.finditer(document.read_text()):
            path = (document.parent / (each["path"] or each["file"])).resolve()
            words = each["words"] or (re.search(r"alt=\"([^\"]*)\"", each[0]) or [each[0], ""])[1]
            found.setdefault(path, []).extend([words] if not each[0].startswith("<source") else [])
    return found


def read(name: str) -> tuple[bytes, str]:
    return (FOLDER / f"{name}.png").read_bytes(), (FOLDER / f"{name}.txt").read_text()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("picture", PICTURES.values(), ids=list(PICTURES))
async def test_the_text_beside_a_picture_is_what_the_page_shows(picture: Picture, browser: Browser) -> None:
    kept = read(picture.name)[1]

    shown = (await taken(browser, picture, with_png=False)).text

    lines = difflib.unified_diff(kept.splitlines(), shown.splitlines(), "kept", "shown", lineterm="", n=1)
    assert kept == shown, "\n".join(["docs/pictures is out of date: `make pictures`, and look at it.", *lines])


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_was_made_with_its_text_and_is_small(name: str) -> None:
    png, text = read(name)
    width, height = size(png)

    assert noted(png) == digest(text), f"the picture is older than its text, or the other way round: `{COMMAND}`"
    assert LEAST_BYTES <= len(png) <= MOST_BYTES
    assert len(pixels(png)) == height * (1 + width * BYTES_PER_PIXEL)
    assert width == PICTURES[name].shot_width
    assert height in HEIGHTS
    assert len(text.split()) > 20


def test_each_picture_has_its_text_and_there_is_nothing_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        f"{name}.{kind}" for name in PICTURES for kind in ("png", "txt")
    }


def test_each_picture_is_shown_by_a_document_and_each_that_is_shown_is_there() -> None:
    assert set(used()) == {FOLDER / f"{name}.png" for name in PICTURES}


def test_whoever_cannot_see_a_picture_is_told_what_it_shows() -> None:
    assert {path.name: words for path, told in used().items() for words in told if len(words.split()) < 8} == {}


def test_the_first_screen_of_the_readme_shows_one_in_both_themes() -> None:
    above = (ROOT / "README.md").read_text().partition("## ")[0]

    assert '<source media="(prefers-color-scheme: dark)" srcset="docs/pictures/flow-dark.png">' in above
    assert 'src="docs/pictures/flow.png"' in above
    assert "make run " in above
    assert "make test " in above


# --- what the checks rest on


def png_of(filtered: bytes, *, width: int, height: int) -> bytes:
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")]
    return files.SIGNATURE + b"".join(files.chunk(kind, body) for kind, body in parts)


@pytest.mark.parametrize(
    ("above", "filtered", "plain"),
    [
        ("0a141e 28323c", "00 010203 040506", "010203 040506"),
        ("0a141e 28323c", "01 010203 030303", "010203 040506"),
        ("0a141e 28323c", "01 ffffff 020202", "ffffff 010101"),
        ("0a141e 28323c", "02 010203 040506", "0b1621 2c3742"),
        ("0a141e 28323c", "03 010203 040506", "060c12 1b242d"),
        ("0a141e 28323c", "04 010203 040506", "0b1621 2c3742"),  # nearest is what stands above it
        ("0a0a0a 0a0a0a", "04 0a0a0a 010101", "141414 151515"),  # to its left
        ("0a0a0a 000000", "04 0a0a0a 010101", "141414 0b0b0b"),  # above that
    ],
)
def test_a_picture_that_is_made_smaller_is_the_same(above: str, filtered: str, plain: str) -> None:
    png = png_of(bytes.fromhex("00" + above + filtered), width=2, height=2)

    smaller = with_note(png, digest("its text"))

    assert pixels(smaller) == bytes.fromhex("00" + above + "00" + plain)
    assert size(smaller) == (2, 2)
    assert noted(smaller) == digest("its text")
    assert noted(png) is None


@pytest.mark.parametrize(
    "spoil", [lambda png: png[:-5], lambda png: b"GIF" + png, lambda png: png.replace(b"IEND", b"IENE")]
)
def test_what_is_no_picture_or_was_cut_is_refused(spoil: object) -> None:
    png = with_note(png_of(bytes([0, 1, 2, 3]), width=1, height=1), "of its text")

    with pytest.raises(ValueError, match=r"no PNG|is broken"):
        chunks(spoil(png))  # type: ignore[operator]
