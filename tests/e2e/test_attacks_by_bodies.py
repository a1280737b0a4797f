"""Attacks by what a body is, on the running platform: too large, too deep, no JSON, with a card number. Each is refused
with its code, whatever the route would do with the body, and nothing is stored or changed by it.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.attacking import CHANGES, ORDER, PAY, TOLD, Call, Target, refused, target

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

CARD = "4242 4242 4242 4242"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def laptop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """Where everybody is let in, so that the body alone is looked at."""
    async with target(data=tmp_path_factory.mktemp("laptop"), environment=TOLD, operator={}, merchant={}) as running:
        yield running


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("call", CHANGES, ids=str)
async def test_what_a_form_can_send_is_refused_also_when_it_hides_its_origin(
    laptop: Target, call: Call, media_type: str
) -> None:
    body = json.dumps(call.body or {}).encode()

    assert await refused(laptop, call, {"Content-Type": media_type}, body=body) == (415, "unsupported_media_type")


@pytest.mark.parametrize("call", CHANGES, ids=str)
async def test_a_body_beyond_all_measure_is_refused(laptop: Target, call: Call) -> None:
    body = json.dumps({**(call.body or {}), "reason": "x" * 70_000}).encode()

    assert await refused(laptop, call, body=body) == (413, "body_too_large")


def _nested(field: str, opening: str, closing: str, *, depth: int) -> bytes:
    """In the place of a field, or of one in the metadata, of a request that is right otherwise."""
    whole = json.dumps({**ORDER, "metadata": {"note": 0}} if field == "note" else {**ORDER, field: 0})
    return whole.replace(f'"{field}": 0', f'"{field}": {opening * depth}{closing * depth}').encode()


@pytest.mark.parametrize(
    ("opening", "closing", "depth"),
    [
        ("[", "]", 50),
        ('{"a":', "}", 50),
        ('[{"a":', "}]", 50),
        ("[", "]", 5_000),
        ('{"a":', "}", 5_000),
        ('[{"a":', "}]", 5_000),
        ("[", "", 60_000),
        ("{", "", 60_000),
        ("[{", "", 30_000),
    ],
)
@pytest.mark.parametrize("field", ["reason", "metadata", "note"])
@pytest.mark.parametrize("call", CHANGES, ids=str)
async def test_a_body_that_is_nested_too_deeply_is_refused(
    laptop: Target, call: Call, field: str, opening: str, closing: str, depth: int
) -> None:
    body = _nested(field, opening, closing, depth=depth)

    assert await refused(laptop, call, body=body) == (400, "body_too_deep")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (call, {"metadata": {"note": f"{CARD} 12/29"}} if call is PAY else {"reason": f"paid with {CARD} 737"})
        for call in CHANGES
        if call.body is not None
    ],
    ids=str,
)
async def test_a_card_number_is_refused_and_in_no_log(laptop: Target, call: Call, words: dict[str, Any]) -> None:
    body = json.dumps({**(call.body or {}), **words}).encode()

    assert await refused(laptop, call, body=body) == (422, "request_invalid")

    assert CARD not in laptop.log()
    assert CARD.replace(" ", "") not in laptop.log()


@pytest.mark.parametrize("call", [call for call in CHANGES if call.body is not None], ids=str)
async def test_a_body_that_says_one_thing_twice_is_refused(laptop: Target, call: Call) -> None:
    body = json.dumps({**(call.body or {}), "dry_run": True})[:-1].encode() + b',"dry_run":false}'

    assert await refused(laptop, call, body=body) == (400, "body_not_json")
