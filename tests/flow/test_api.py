"""What a merchant's developer is answered: the HTTP functions over the real store."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from functions import health
from shared import flow
from shared.codec.documents import to_document
from shared.domain.events import PaymentInitiated
from shared.errors import AppendUnknown, StoreBusy, StoreThrottles
from shared.services import Services
from shared.verbs import query
from tests.builders import TRACEPARENT, a_payment
from tests.facts import COMPLETED, facts_in
from tests.flow.kit.edge import Answered, Edge
from tests.flow.kit.failing_ports import busy_in_append, raising_in_append
from tests.flow.kit.world import a_world

ORDER = {"amount_minor": 1250, "currency": "EUR", "payment_method": "pm_ok", "reference": "order-1"}
NOBODY = "00000000-0000-4000-8000-000000000000"


async def posted(edge: Edge, body: object = ORDER, *, key: str | None = "order-1", **headers: str) -> Answered:
    return await edge.send(
        "accept_payment", body, headers={**({"Idempotency-Key": key} if key is not None else {}), **headers}
    )


async def test_a_payment_is_accepted_and_found_where_the_answer_says(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)

        accepted = await posted(edge, {**ORDER, "description": "Two books", "metadata": {"cart": "77"}})

        payment_id = accepted.body["payment_id"]
        assert (accepted.status, accepted.body["status"]) == (202, "initiated")
        assert accepted.headers["Location"] == f"/api/payments/{payment_id}"
        assert "description" not in accepted.body
        found = await edge.ask("get_payment", payment_id=payment_id.upper())
        assert (found.status, found.body["payment_id"]) == (200, payment_id)
        assert (found.body["description"], found.body["metadata"]) == ("Two books", {"cart": "77"})


async def test_its_timeline_is_told_event_by_event(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = (await posted(edge)).body["payment_id"]
        await world.run()

        told = await edge.ask("get_payment_events", payment_id=payment_id)

        assert (told.status, told.body["payment_id"]) == (200, payment_id)
        assert facts_in(event["type"] for event in told.body["events"]) == COMPLETED


async def test_a_repeat_of_the_same_key_is_answered_the_same_and_another_request_is_refused(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        first = await posted(edge)
        await world.run()

        again, other = await posted(edge), await posted(edge, {**ORDER, "amount_minor": 1251})

        assert (again.status, again.body) == (202, first.body)
        assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
        assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
        assert await world.charges(first.body["payment_id"]) == 1


@pytest.mark.parametrize("status", [0, 503])
async def test_an_answer_that_the_store_lost_is_no_repeat(tmp_path: Path, status: int) -> None:
    """The SDK sends it once more and finds what it wrote itself."""
    async with a_world(tmp_path) as world:
        await world.backends.break_store(status, operation="create", container="events", count=1, after=True)

        accepted = await posted(Edge(world), key=None)

        assert (accepted.status, "Idempotent-Replayed" in accepted.headers) == (202, False)
        assert world.telemetry.metric("payments.accepted") == 1


async def test_without_a_key_each_post_is_a_payment(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)

        ids = {(await posted(edge, key=None)).body["payment_id"] for _ in range(3)}

        assert len(ids) == 3


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"x" * 65_537, {}, 413, "body_too_large"),
        (ORDER, {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (ORDER, {"Idempotency-Key": "a b"}, 400, "idempotency_key_invalid"),
        (ORDER, {"Idempotency-Key": ""}, 400, "idempotency_key_invalid"),
        (ORDER, {"Idempotency-Key": "k1,k2"}, 400, "idempotency_key_invalid"),
        (ORDER, {"Idempotency-Key": "k" * 256}, 400, "idempotency_key_invalid"),
        (b"{", {}, 400, "body_not_json"),
        (b"[]", {}, 400, "body_not_json"),
        ({**ORDER, "amount_minor": 0}, {}, 422, "request_invalid"),
    ],
)
async def test_a_request_that_is_refused_says_why_and_stores_nothing(
    tmp_path: Path, body: object, headers: Mapping[str, str], status: int, code: str
) -> None:
    async with a_world(tmp_path) as world:
        refused = await posted(Edge(world), body, **headers)

        assert (refused.status, refused.body["code"]) == (status, code)
        assert refused.media_type == "application/problem+json"
        stored = world.backends.container(flow.EVENTS).query_items("SELECT c.id FROM c")
        assert [document async for document in stored] == []


async def test_a_content_type_with_parameters_in_capitals_is_json_too(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        accepted = await posted(Edge(world), **{"Content-Type": "Application/JSON; charset=utf-8"})

        assert accepted.status == 202


async def test_a_field_that_is_wrong_is_named(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        refused = await posted(Edge(world), {**ORDER, "currency": "XXX", "amount_minor": "12"})

        assert {fault["field"] for fault in refused.body["errors"]} == {"currency", "amount_minor"}


async def test_while_the_store_is_busy_the_caller_is_told_to_repeat_with_the_key(tmp_path: Path) -> None:
    async with a_world(tmp_path, alter=busy_in_append(PaymentInitiated, times=1)) as world:
        edge = Edge(world)

        busy, then = await posted(edge), await posted(edge)

        assert (busy.status, busy.body["code"]) == (503, "store_busy")
        assert "Idempotency-Key" in busy.body["title"]
        assert then.status == 202


async def test_a_store_that_throttles_is_told_of_as_such(tmp_path: Path) -> None:
    throttled = raising_in_append(PaymentInitiated, StoreThrottles("slow down", retry_after_s=2.5))
    async with a_world(tmp_path, alter=throttled) as world:
        edge = Edge(world)

        told, then = await posted(edge), await posted(edge)

        assert (told.status, told.body["code"], told.headers["Retry-After"]) == (429, "store_throttles", "3")
        assert "Nothing" not in told.body["title"]
        assert (then.status, "Idempotent-Replayed" in then.headers) == (202, False)


async def test_what_may_have_been_stored_is_not_called_nothing(tmp_path: Path) -> None:
    unknown = raising_in_append(PaymentInitiated, *[AppendUnknown("no answer")] * 9)
    async with a_world(tmp_path, alter=unknown) as world:
        told = await posted(Edge(world))

        assert (told.status, told.body["code"]) == (503, "append_unknown")
        assert told.body["title"].startswith("It is not known")


async def test_every_answer_carries_the_id_under_which_it_is_traced(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        trace_id = TRACEPARENT.split("-")[1]

        accepted = await posted(edge)
        answers = [
            accepted,
            await posted(edge, {}),
            await edge.ask("get_payment", payment_id=accepted.body["payment_id"]),
            await edge.ask("get_payment", payment_id=NOBODY),
            await edge.ask("health"),
            await edge.ask("list_dead_letters"),
        ]

        assert [answer.status for answer in answers] == [202, 422, 200, 404, 200, 200]
        assert {answer.headers["X-Correlation-Id"] for answer in answers} == {trace_id}


async def test_what_nobody_foresaw_is_a_problem_document_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> Services:
        raise ZeroDivisionError("a secret of the stack")

    async with a_world(tmp_path) as world:
        told = await posted(Edge(world, starting=broken))

        assert (told.status, told.body["code"]) == (500, "unforeseen")
        assert told.headers["X-Correlation-Id"]
        assert "secret" not in str(told.body)
        assert [record.function for record in caplog.records if hasattr(record, "function")] == ["accept_payment"]


async def test_who_has_the_same_already_is_told_so_until_the_payment_moves(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = (await posted(edge)).body["payment_id"]

        for function in ("get_payment", "get_payment_events"):
            first = await edge.ask(function, payment_id=payment_id)
            same = await edge.ask(function, headers={"If-None-Match": first.headers["ETag"]}, payment_id=payment_id)
            listed = f'"other", W/{first.headers["ETag"]}'
            among = await edge.ask(function, headers={"If-None-Match": listed}, payment_id=payment_id)
            any_at_all = await edge.ask(function, headers={"If-None-Match": "*"}, payment_id=payment_id)
            assert (same.status, same.body, same.headers["ETag"]) == (304, None, first.headers["ETag"])
            assert {(each.status, each.media_type) for each in (same, among, any_at_all)} == {(304, "application/json")}
            assert {each.headers["Cache-Control"] for each in (first, same)} == {"private, no-cache"}
        known = first.headers["ETag"]
        await world.run()
        moved = await edge.ask("get_payment_events", headers={"If-None-Match": known}, payment_id=payment_id)

        assert moved.status == 200
        assert moved.headers["ETag"] != known


@pytest.mark.parametrize("payment_id", [NOBODY, "no-uuid", ""])
@pytest.mark.parametrize("function", ["get_payment", "get_payment_events"])
async def test_a_payment_that_is_not_there_is_not_found(tmp_path: Path, function: str, payment_id: str) -> None:
    async with a_world(tmp_path) as world:
        missing = await Edge(world).ask(function, payment_id=payment_id)

        assert (missing.status, missing.body["code"]) == (404, "payment_not_found")


async def test_a_stream_that_cannot_be_read_is_a_fault_of_ours(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (stored,) = a_payment().stored
        await world.backends.container(flow.EVENTS).upsert_item({**to_document(stored), "schemaVersion": 99})

        told = await Edge(world).ask("get_payment", payment_id=stored.payment.payment_id)

        assert (told.status, told.body["code"]) == (500, "unreadable")


async def test_it_is_alive_and_says_from_which_build(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        alive = await Edge(world).ask("health")

        assert (alive.status, alive.body) == (200, {"status": "live", "build": "abc123"})
        assert alive.headers["Cache-Control"] == "no-store"


class Ping:
    """A store that is away as long as `is_away` says so, and counts who asks."""

    def __init__(self) -> None:
        self.is_away, self.asked = True, 0

    async def ping(self) -> None:
        self.asked += 1
        if self.is_away:
            raise StoreBusy("away")


async def test_it_is_ready_when_store_and_bus_answer(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        ready = await Edge(world).ask("ready")

        assert (ready.status, ready.body["checks"]) == (200, {"store": "ok", "bus": "ok"})


async def in_vain() -> Services:
    raise StoreBusy("the store cannot be reached")


async def test_a_process_that_cannot_start_says_what_it_waits_for(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        told = await Edge(world, starting=in_vain).ask("ready")

        assert (told.status, told.body["checks"]) == (503, {"store": "StoreBusy"})


async def test_nobody_waits_long_for_a_start_or_a_check_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probes are open to everybody: those that wait would take the place of those who pay."""
    hangs: Any = asyncio.Event().wait
    hanging: Any = SimpleNamespace(ping=hangs)
    monkeypatch.setattr(health, "START_LIMIT_S", 0.05)
    monkeypatch.setattr(query, "CHECK_LIMIT_S", 0.05)
    async with a_world(tmp_path, alter=lambda services: replace(services, store=hanging)) as world, asyncio.timeout(10):
        check, start = await Edge(world).ask("ready"), await Edge(world, starting=hangs).ask("ready")

        assert (check.status, check.body["checks"]) == (503, {"store": "TimeoutError", "bus": "ok"})
        assert (start.status, start.body["checks"]) == (503, {"store": "StoreBusy"})


async def test_it_says_what_keeps_it_from_being_ready_and_asks_no_more_than_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ping: Any = Ping()
    at_s = [100.0]
    monkeypatch.setattr(health, "time", SimpleNamespace(monotonic=lambda: at_s[0]))
    async with a_world(tmp_path, alter=lambda services: replace(services, store=ping)) as world:
        edge = Edge(world)

        first, second = await edge.ask("ready"), await edge.ask("ready")

        assert (first.status, first.body["checks"]) == (503, {"store": "StoreBusy", "bus": "ok"})
        assert second.body == first.body
        assert ping.asked == 1
        for later_s, asked in ((4.9, 1), (5.0, 2)):
            at_s[0] = 100.0 + later_s
            await edge.ask("ready")
            assert ping.asked == asked
