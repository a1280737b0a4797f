"""What may be told to a function that changes something, above all to one under /api/ops, which nobody can undo: a wish
that is not understood, two in one, a reason that says nothing, a card number. Nothing is done then.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.flow.kit.edge import Answered, Edge
from tests.flow.kit.scenarios import stuck
from tests.flow.kit.world import World, a_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARD = "4111 1111 1111 1111"
KEY = {"Idempotency-Key": "k"}
ORDER = {
    "amount_minor": 1250,
    "currency": "EUR",
    "payment_method": "pm_ok",
    "reference": "order-1",
    "description": "for the shelf",
}
TELLING = {
    "erase_payment": {"reason": "forget me"},
    "replay_dead_letters": {},
    "discard_dead_letter": {"reason": "they have gone"},
}
"""The functions that are told something in a body, and the least that they are told."""
GIVEN_REASON = ["erase_payment", "discard_dead_letter"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A world for all who ask in vain: one payment stands still in it, and nothing becomes of its letter."""
    async with a_world(tmp_path_factory.mktemp("parked")) as world:
        await Edge(world).send("accept_payment", {**ORDER, "payment_method": "pm_settle_down"}, headers=KEY)
        await world.run()
        yield world
        assert (await world.only_letter()).history == ()


@pytest.mark.parametrize(
    ("function", "params", "body", "told"),
    [
        pytest.param("replay_dead_letters", {}, b"", (400, None), id="a filter that did not arrive"),
        pytest.param("replay_dead_letters", {"dry_run": "true"}, {}, (422, "dry_run"), id="a dry run in the query"),
        pytest.param("replay_dead_letter", {"dry": "true"}, b"", (422, "dry"), id="a parameter that there is not"),
        pytest.param("replay_dead_letter", {"dry_run": "perhaps"}, b"", (422, "dry_run"), id="neither true nor false"),
        pytest.param("replay_dead_letter", {"dry_run": ""}, b"", (422, "dry_run"), id="a dry run without a word"),
        pytest.param("replay_dead_letter", {}, {"dry_run": True}, (422, "dry_run"), id="a dry run in the body"),
        pytest.param("replay_dead_letters", {}, {"dry_run": 0}, (422, "dry_run"), id="a number for a switch"),
        pytest.param("replay_dead_letters", {}, {"dry_run": "true"}, (422, "dry_run"), id="a text for a switch"),
        pytest.param("replay_dead_letters", {}, {"limit": "5"}, (422, "limit"), id="a text for a number"),
        pytest.param("replay_dead_letters", {}, {"recorded_before": 0}, (422, "recorded_before"), id="no time"),
        pytest.param("replay_dead_letter", {}, b"{", (400, None), id="a body that is no JSON"),
        pytest.param("discard_dead_letter", {}, b"", (400, None), id="a reason that did not arrive"),
        pytest.param("discard_dead_letter", {"reason": "gone"}, b"", (422, "reason"), id="a reason in the query"),
        pytest.param("drain_dead_letters", {"dry_run": "true"}, b"", (422, "dry_run"), id="a dry run of a drain"),
        pytest.param("drain_dead_letters", {}, {"dry_run": True}, (400, None), id="a body of a drain"),
    ],
)
async def test_a_wish_that_is_not_understood_moves_no_letter(
    parked: World, function: str, params: dict[str, str], body: object, told: tuple[int, str | None]
) -> None:
    letter = await parked.only_letter()

    refused = await Edge(parked).send(function, body, params=params, letter_id=letter.letter_id)

    named = [fault["field"] for fault in refused.body.get("errors", [])]
    assert (refused.status, named) == (told[0], [told[1]] if told[1] else [])
    assert await parked.only_letter() == letter


async def asked_in_vain(parked: World, function: str, body: object) -> Answered:
    """Of the payment that stands still, and of its letter. Nothing becomes of either."""
    edge, letter = Edge(parked), await parked.only_letter()
    payment_id = letter.payment_id or ""

    answered = await edge.send(function, body, payment_id=payment_id, letter_id=letter.letter_id)

    shown = await edge.ask("inspect_payment", payment_id=payment_id)
    assert shown.body["description"] == ORDER["description"]
    assert await parked.only_letter() == letter
    return answered


@pytest.mark.parametrize("function", TELLING)
@pytest.mark.parametrize(
    ("made", "why"),
    [
        pytest.param(lambda told: told[:-1] + b',"dry_run":true,"dry_run":false}', "A field occurs twice.", id="twice"),
        pytest.param(lambda told: told[:-1] + b',"limit":NaN}', "NaN is not JSON.", id="NaN"),
        pytest.param(
            lambda told: told[:-1] + b',"limit":' + b"9" * 5_000 + b"}", "A number has too many digits.", id="digits"
        ),
        pytest.param(lambda told: b"[" + told + b"]", "The body must be a JSON object.", id="a list"),
        pytest.param(lambda told: told[:-1] + b"\xff}", "The body is not UTF-8.", id="no text"),
        pytest.param(
            lambda _: b"",
            "The body is empty. Send it with a Content-Length: a chunked body does not get here.",
            id="none",
        ),
    ],
)
async def test_what_is_no_json_for_merchants_is_none_for_operators(
    parked: World, function: str, made: Any, why: str
) -> None:
    whole = json.dumps(TELLING[function]).encode().replace(b"{}", b'{"step":"settle"}')

    refused = await asked_in_vain(parked, function, made(whole))

    assert (refused.status, refused.body["code"], refused.body["detail"]) == (400, "body_not_json", why)


@pytest.mark.parametrize("function", GIVEN_REASON)
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (f"they paid with {CARD} 12/29", "card_number"),
        ("gone\x00", "control_character"),
        ("\x1b[2Jgone", "control_character"),
        ("\x9b2Jgone", "control_character"),
        ("gone\nby ada: replayed", "control_character"),
        ("gone\rby ada", "control_character"),
        ("gone\u2028by ada", "control_character"),
        ("gone\ud800", "control_character"),
        ("     ", "too_short"),
        (" go ", "too_short"),
        ("\u3000\u3000\u3000", "too_short"),
        ("go", "too_short"),
        ("x" * 501, "too_long"),
        (123, "wrong_type"),
    ],
)
async def test_a_reason_that_is_kept_for_good_is_one_line_that_says_something(
    parked: World, function: str, reason: object, code: str
) -> None:
    refused = await asked_in_vain(parked, function, {"reason": reason})

    told = [(fault["field"], fault["code"]) for fault in refused.body["errors"]]
    assert (refused.status, refused.body["code"], told) == (422, "request_invalid", [("reason", code)])
    assert CARD not in json.dumps(refused.body)


@pytest.mark.parametrize("reason", ["abc", " asked for by Zoë \U0001f469\u200d\U0001f4bb, ticket 17 ", "x" * 500])
async def test_a_reason_is_kept_as_it_was_written(tmp_path: Path, reason: str) -> None:
    async with a_world(tmp_path) as world:
        await stuck(world)
        letter, edge = await world.only_letter(), Edge(world)

        done = await edge.send("discard_dead_letter", {"reason": reason}, letter_id=letter.letter_id)

        shown = await edge.ask("get_dead_letter", letter_id=letter.letter_id)
        assert (done.status, shown.body["history"][-1]["note"].endswith(reason)) == (200, True)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"status": "lost"}, "unknown_value"),
        ({"status": 0}, "unknown_value"),
        ({"status": True}, "unknown_value"),
        ({"recorded_before": "1700000000"}, "malformed"),
        ({"recorded_before": 1700000000.5}, "malformed"),
        ({"recorded_before": "2026-01-31T12:00:00"}, "malformed"),
        ({"older_than_s": "60"}, "wrong_type"),
        ({"older_than_s": True}, "wrong_type"),
        ({"older_than_s": 1e999}, "out_of_range"),
        ({"limit": 5.0}, "wrong_type"),
        ({"limit": True}, "wrong_type"),
        ({"step": 7}, "wrong_type"),
        ({"dry_run": None}, "wrong_type"),
        ({"page": CARD}, "card_number"),
    ],
)
async def test_json_tells_a_number_from_a_text_and_a_text_from_a_time(
    parked: World, wanted: dict[str, Any], code: str
) -> None:
    body = json.dumps(wanted).replace("Infinity", "1e999").encode()

    refused = await asked_in_vain(parked, "replay_dead_letters", body)

    assert [(each["field"], each["code"]) for each in refused.body["errors"]] == [(*wanted, code)]


async def test_everything_that_a_replay_by_filter_may_be_told_is_understood(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (payment_id,) = await stuck(world)
        world.clock.advance_s(61)
        wanted = {
            "status": "open",
            "step": "settle",
            "reason": "retries_exhausted",
            "payment_id": payment_id,
            "older_than_s": 60,
            "recorded_before": "2999-01-31T12:00:00+01:00",
            "limit": 1,
            "page": None,
            "dry_run": True,
        }

        found = await Edge(world).send("replay_dead_letters", wanted)
        closed = await Edge(world).send("replay_dead_letters", {**wanted, "status": "closed"})

        assert [result["verdict"] for result in found.body["results"]] == ["replayed"]
        assert closed.body["results"] == []


CHANGES = [
    ("accept_payment", ORDER),
    ("request_cancel", b""),
    ("request_refund", {}),
    ("resend_notification", b""),
    ("resend_any_notification", b""),
    *TELLING.items(),
    ("replay_dead_letter", b""),
    ("drain_dead_letters", b""),
]


@pytest.mark.parametrize(("function", "body"), CHANGES)
async def test_a_change_is_refused_where_its_address_says_what_nobody_reads(
    parked: World, function: str, body: object
) -> None:
    edge, letter = Edge(parked), await parked.only_letter()
    payment_id = letter.payment_id or ""
    before = await parked.stream(payment_id)

    refused = await edge.send(
        function,
        body,
        params={"dry": "true", "dry_run_": ""},
        headers=KEY,
        payment_id=payment_id,
        letter_id=letter.letter_id,
        notification_id=f"{payment_id}:notify",
    )

    told = {fault["field"]: fault["code"] for fault in refused.body["errors"]}
    assert (refused.status, told) == (422, {"dry": "unknown_field", "dry_run_": "unknown_field"})
    assert await parked.stream(payment_id) == before
    assert len((await edge.ask("list_payments")).body["payments"]) == 1


@pytest.mark.parametrize(("function", "body"), CHANGES)
async def test_a_key_in_the_address_of_a_change_is_none_of_its_words(
    tmp_path: Path, function: str, body: object
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        letter = await world.only_letter()

        taken = await Edge(world).send(
            function,
            body,
            params={"Code": "a-key"},
            headers=KEY,
            payment_id=payment_id,
            letter_id=letter.letter_id,
            notification_id=f"{payment_id}:notify",
        )

        assert taken.body.get("code") in (None, "not_settled", "notification_not_found"), taken.body
