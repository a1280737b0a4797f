"""Who may do what at each route, and that nobody sees, repeats or touches what is another merchant's."""

import hashlib
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from functions.caller import Doors, Role
from shared import flow
from tests.builders import TRACEPARENT
from tests.flow.kit.doors import LOCAL, SIGNED_IN, WITH_KEYS, principal
from tests.flow.kit.edge import Answered, Edge
from tests.flow.kit.world import World, a_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDER: Mapping[str, Any] = {
    "amount_minor": 1250,
    "currency": "EUR",
    "payment_method": "pm_ok",
    "reference": "order-1",
    "description": "Two books",
}
ID = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"

NEEDED: Mapping[str, Role | None] = {
    "accept_payment": Role.CREATE,
    "request_cancel": Role.REFUND,
    "request_refund": Role.REFUND,
    "search_payments": Role.READ,
    "hear_provider": None,
    "get_openapi": None,
    "get_docs": None,
    "get_console": None,
    "get_payment": Role.READ,
    "list_notifications": Role.READ,
    "inspect_notifications": Role.OPERATIONS,
    "resend_notification": Role.CREATE,
    "get_payment_events": Role.READ,
    "health": None,
    "ready": None,
    "list_payments": Role.OPERATIONS,
    "watch_flow": Role.OPERATIONS,
    "show_caller": Role.OPERATIONS,
    "count_dead_letters": Role.OPERATIONS,
    "resend_any_notification": Role.OPERATIONS,
    "inspect_payment": Role.OPERATIONS,
    "inspect_payment_events": Role.OPERATIONS,
    "list_dead_letters": Role.OPERATIONS,
    "get_dead_letter": Role.OPERATIONS,
    "replay_dead_letters": Role.OPERATIONS,
    "drain_dead_letters": Role.OPERATIONS,
    "replay_dead_letter": Role.OPERATIONS,
    "discard_dead_letter": Role.OPERATIONS,
    "erase_payment": Role.OPERATIONS,
}
"""The role that each route asks for; None is open to everybody. A route that is not here is a door that nobody saw."""

CHANGES = (
    "accept_payment",
    "request_cancel",
    "request_refund",
    "resend_notification",
    "resend_any_notification",
    "hear_provider",
    "replay_dead_letters",
    "drain_dead_letters",
    "replay_dead_letter",
    "discard_dead_letter",
    "erase_payment",
)
READS = tuple(name for name, role in NEEDED.items() if role and name not in CHANGES)
BODIES: Mapping[str, object] = {
    "accept_payment": ORDER,
    "request_cancel": b"",
    "request_refund": {},
    "resend_notification": b"",
    "resend_any_notification": b"",
    "hear_provider": {},
    "replay_dead_letters": {},
    "drain_dead_letters": b"",
    "replay_dead_letter": b"",
    "discard_dead_letter": {"reason": "the customer has gone"},
    "erase_payment": {"reason": "the customer wants to be forgotten"},
}

KEYS = {hashlib.sha256(f"key-{number}".encode()).hexdigest(): f"merchant-{number}" for number in (1, 2)}
SHARED = replace(WITH_KEYS, merchants=KEYS)
OURS, THEIRS = {"x-functions-key": "key-1"}, {"x-functions-key": "key-2"}


async def called(edge: Edge, name: str, headers: Mapping[str, str] | None = None) -> Answered:
    """As its callers call it, with a payment and a letter that there are not."""
    sent = {"Idempotency-Key": "k", **(headers or {})}
    return await edge.send(name, BODIES.get(name, b""), headers=sent, payment_id=ID, letter_id=ID, notification_id=ID)


async def stored(world: World) -> int:
    found = world.backends.container(flow.EVENTS).query_items("SELECT c.id FROM c")
    return len([document async for document in found])


async def paid(edge: Edge, headers: Mapping[str, str], *, key: str = "k") -> str:
    accepted = await edge.send("accept_payment", ORDER, headers={**headers, "Idempotency-Key": key})
    assert accepted.status == 202, accepted
    return str(accepted.body["payment_id"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def untouched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A world for all who are refused: nothing is ever stored in it."""
    async with a_world(tmp_path_factory.mktemp("untouched")) as world:
        yield world
        assert await stored(world) == 0


@pytest.mark.parametrize("name", [name for name, role in NEEDED.items() if role])
async def test_a_route_opens_to_its_role_and_to_no_other(tmp_path: Path, name: str) -> None:
    needed = NEEDED[name]
    others = [role for role in Role if role is not needed]
    async with a_world(tmp_path) as world:
        edge = Edge(world, doors=SIGNED_IN)

        missing = await called(edge, name, principal(*others))
        before = await stored(world)
        having = await called(edge, name, principal(str(needed)))

        assert (missing.status, missing.body["code"]) == (403, "role_missing")
        assert missing.body["detail"] == f"This needs the role {needed}."
        assert before == 0
        assert having.status in (200, 202, 404, 503), "503: the list is not filled yet"


@pytest.mark.parametrize("name", [name for name, role in NEEDED.items() if role is None and name not in CHANGES])
@pytest.mark.parametrize("doors", [LOCAL, WITH_KEYS, SIGNED_IN])
async def test_an_open_route_asks_for_nobody(untouched: World, name: str, doors: Doors) -> None:
    answered = await called(Edge(untouched, doors=doors), name, {"Host": "a-probe:80", **principal()})

    assert answered.status == 200


@pytest.mark.parametrize("doors", [LOCAL, WITH_KEYS, SIGNED_IN])
async def test_the_provider_needs_a_signature_and_nothing_else(untouched: World, doors: Doors) -> None:
    answered = await called(Edge(untouched, doors=doors), "hear_provider", principal())

    assert (answered.status, answered.body["code"]) == (503, "provider_not_known"), "no secret is set"


@pytest.mark.parametrize("name", [name for name, role in NEEDED.items() if role])
@pytest.mark.parametrize("doors", [WITH_KEYS, SIGNED_IN, replace(LOCAL, development=None)])
async def test_a_stranger_is_refused_everywhere_else(untouched: World, name: str, doors: Doors) -> None:
    refused = await called(Edge(untouched, doors=doors), name)

    assert (refused.status, refused.body["code"]) == (403, "caller_unknown")
    assert await stored(untouched) == 0


@pytest.mark.parametrize("name", [name for name, role in NEEDED.items() if role is Role.OPERATIONS])
async def test_a_merchants_key_opens_no_operation(untouched: World, name: str) -> None:
    refused = await called(Edge(untouched, doors=SHARED), name, OURS)

    assert (refused.status, refused.body["code"]) == (403, "caller_unknown")


# -- another merchant's


@pytest.mark.parametrize("view", ["get_payment", "get_payment_events"])
async def test_of_anothers_payment_is_said_what_is_said_of_none(tmp_path: Path, view: str) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world, doors=SHARED)
        payment_id = await paid(edge, THEIRS)

        theirs = await edge.ask(view, headers=THEIRS, payment_id=payment_id)
        ours = await edge.ask(view, headers=OURS, payment_id=payment_id)
        none = await edge.ask(view, headers=OURS, payment_id=ID)
        again = await edge.ask(view, headers={**OURS, "If-None-Match": "*"}, payment_id=payment_id)

        assert theirs.status == 200
        assert ours == none == again
        assert (none.status, none.body["code"]) == (404, "payment_not_found")


async def test_one_key_of_two_merchants_is_two_payments(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world, doors=SHARED)

        ours, theirs = await paid(edge, OURS), await paid(edge, THEIRS)
        again = await paid(edge, OURS)

        assert again == ours != theirs
        merchants = [(await world.stream(each))[0].payment.merchant_id for each in (ours, theirs)]
        assert merchants == ["merchant-1", "merchant-2"]


async def test_anothers_key_says_nothing_of_their_request(tmp_path: Path) -> None:
    """Else `used for another request` would tell that the other merchant has used it."""
    async with a_world(tmp_path) as world:
        edge = Edge(world, doors=SHARED)
        await paid(edge, THEIRS)

        other = await edge.send(
            "accept_payment", {**ORDER, "amount_minor": 1}, headers={**OURS, "Idempotency-Key": "k"}
        )

        assert other.status == 202
        assert "Idempotent-Replayed" not in other.headers


async def test_the_id_of_a_key_in_use_is_the_same_with_a_table_and_without(tmp_path: Path) -> None:
    """So that a merchant who gets company finds their payments, and repeats them."""
    async with a_world(tmp_path) as world:
        alone = await paid(Edge(world, doors=WITH_KEYS), {"x-functions-key": "whichever"})

        assert await paid(Edge(world, doors=SHARED), OURS) == alone


async def test_behind_entra_the_merchant_is_the_application(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world, doors=SIGNED_IN)
        shop = principal(Role.CREATE, Role.READ, application="shop-1")
        payment_id = await paid(edge, shop)

        own = await edge.ask("get_payment", headers=shop, payment_id=payment_id)
        other = await edge.ask("get_payment", headers=principal(Role.READ, application="shop-2"), payment_id=payment_id)

        assert own.status == 200
        assert (await world.stream(payment_id))[0].payment.merchant_id == "shop-1"
        assert other.status == 404


@pytest.mark.parametrize("view", ["inspect_payment", "inspect_payment_events"])
async def test_an_operator_looks_at_every_merchants_payment(tmp_path: Path, view: str) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world, doors=SHARED)
        payments = [await paid(edge, OURS), await paid(edge, THEIRS)]

        seen = [await edge.ask(view, headers=principal(Role.OPERATIONS), payment_id=each) for each in payments]
        none = await edge.ask(view, headers=principal(Role.OPERATIONS), payment_id=ID)

        assert [each.body["payment_id"] for each in seen] == payments
        assert (none.status, none.body["code"]) == (404, "payment_not_found")


async def test_anothers_payment_is_not_cancelled(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world, doors=SHARED)
        payment_id = await paid(edge, THEIRS)

        ours = await edge.ask("request_cancel", headers=OURS, payment_id=payment_id)
        none = await edge.ask("request_cancel", headers=OURS, payment_id=ID)

        assert ours == none
        assert (none.status, none.body["code"]) == (404, "payment_not_found")
        assert await stored(world) == 1


# -- what a browser can be made to send


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize(
    "sent", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}], ids=str
)
@pytest.mark.parametrize(("doors", "signed"), [(LOCAL, {}), (SIGNED_IN, principal(*Role))], ids=["local", "entra"])
async def test_a_page_of_another_site_changes_nothing(
    untouched: World, name: str, sent: dict[str, str], doors: Doors, signed: dict[str, str]
) -> None:
    refused = await called(Edge(untouched, doors=doors), name, {**sent, **signed})

    assert (refused.status, refused.body["code"]) == (403, "origin_refused")
    assert await stored(untouched) == 0


@pytest.mark.parametrize("name", CHANGES)
async def test_a_page_of_the_app_itself_may_change_things(tmp_path: Path, name: str) -> None:
    own = {"Origin": "http://127.0.0.1:7071", "Sec-Fetch-Site": "same-origin"}
    async with a_world(tmp_path) as world:
        answered = await called(Edge(world), name, own)

        assert answered.status in (200, 202, 404, 503), "503: the list is not filled yet"


@pytest.mark.parametrize("name", [*CHANGES, *READS])
async def test_a_laptop_is_not_asked_by_a_foreign_name(tmp_path: Path, name: str) -> None:
    async with a_world(tmp_path) as world:
        refused = await called(Edge(world), name, {"Host": "evil.example:7071"})
        named = await called(Edge(world, doors=replace(LOCAL, hosts=frozenset({"app"}))), name, {"Host": "app:80"})

        assert (refused.status, refused.body["code"]) == (403, "host_refused")
        assert named.status in (200, 202, 404, 503), "503: the list is not filled yet"


async def test_in_azure_the_front_door_knows_the_names(untouched: World) -> None:
    edge = Edge(untouched, doors=WITH_KEYS)

    answered = await called(edge, "get_payment", {"Host": "pay.example", "x-functions-key": "k"})

    assert answered.status == 404, "there is none, and the name is no matter"


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_what_a_form_can_send_is_refused(untouched: World, name: str, media_type: str) -> None:
    refused = await Edge(untouched).send(name, b"{}", headers={"Content-Type": media_type}, letter_id=ID)

    assert (refused.status, refused.body["code"]) == (415, "unsupported_media_type")
    assert await stored(untouched) == 0


@pytest.mark.parametrize("name", CHANGES)
async def test_a_body_beyond_all_measure_is_refused(untouched: World, name: str) -> None:
    refused = await Edge(untouched).send(name, b'{"reason": "' + b"x" * 70_000 + b'"}', letter_id=ID)

    assert (refused.status, refused.body["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("depth", [50, 5_000, 60_000])
@pytest.mark.parametrize("name", CHANGES)
async def test_a_body_that_is_nested_too_deeply_is_refused(untouched: World, name: str, depth: int) -> None:
    refused = await Edge(untouched).send(name, b'{"reason": ' + b"[" * depth, letter_id=ID)

    assert (refused.status, refused.body["code"]) == (400, "body_too_deep")
    assert await stored(untouched) == 0


# -- what is told of it


async def test_who_calls_is_asked_before_what_they_sent(untouched: World) -> None:
    refused = await Edge(untouched, doors=SHARED).send(
        "accept_payment", b"x" * 70_000, headers={"x-functions-key": "?"}
    )

    assert refused.body["code"] == "caller_unknown"


async def test_a_forged_principal_is_told_without_what_it_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    forged = {**principal(*Role, application="s3cret-app", name="s3cret-name"), "x-functions-key": "s3cret-key"}
    async with a_world(tmp_path) as world:
        refused = await called(Edge(world), "get_payment", forged)

    assert (refused.status, refused.body["code"]) == (403, "principal_forged")
    (line,) = [record for record in caplog.records if record.name == "functions.route"]
    assert (line.levelno, line.getMessage()) == (
        logging.WARNING,
        "caller.refused function=get_payment code=principal_forged",
    )
    assert "s3cret" not in f"{vars(line)}{refused}"
    assert forged["x-ms-client-principal"] not in f"{vars(line)}{refused}"


async def test_a_mistake_in_a_body_is_no_refused_caller(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with a_world(tmp_path) as world:
        await Edge(world).send("accept_payment", b"{}", headers={"Content-Type": "text/plain"})

    assert [record for record in caplog.records if record.name == "functions.route"] == []


async def test_a_refusal_too_carries_the_id_of_its_trace(untouched: World) -> None:
    refused = await called(Edge(untouched, doors=WITH_KEYS), "get_payment")

    assert refused.headers["X-Correlation-Id"] == TRACEPARENT.split("-")[1]
