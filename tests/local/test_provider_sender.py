"""The local provider tells a merchant's server of its events: signed, until it is heard, whoever dies meanwhile."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.provider import start
from local.provider.sender import Sender
from local.provider.server import utc_now
from local.provider.state import Provider
from local.provider.store import Store
from local.provider.webhook import Receiver
from tests.local import process_support
from tests.local.listener import PATH, Listener, Odd, listening_merchant
from tests.local.provider_support import OTHER_KEY, Client, captured, fresh, running
from tests.waiting import until


@pytest_asyncio.fixture(name="merchant")
async def a_listening_merchant() -> AsyncIterator[Listener]:
    async with listening_merchant() as listener:
        yield listener


@pytest_asyncio.fixture(name="provider")
async def a_provider_that_tells_the_merchant(tmp_path: Path, merchant: Listener) -> AsyncIterator[Client]:
    """By the machine's clock: the official library believes no other."""
    async with running(tmp_path, utc_now, receiver=merchant.receiver) as client:
        yield client


async def until_delivered(provider: Client, *, attempts: int) -> list[Any]:
    """Waits until every event was heard, after that many attempts each."""

    async def are_delivered() -> bool:
        return all(not each["is_owed"] and each["attempts"] >= attempts for each in await provider.events())

    await until(are_delivered)
    return await provider.events()


# --- what is told


async def test_each_change_of_a_dispute_is_told_and_signed(provider: Client, merchant: Listener) -> None:
    await provider.paid()
    _, opened = await provider.dispute()
    await merchant.hears(1)
    _, won = await provider.decide(opened, "win")
    await merchant.hears(2)
    _, lost = await provider.decide(opened, "lose")

    told = await merchant.hears(3)

    about = {"dispute_id": opened["dispute_id"], "payment_reference": "p1"}
    verified = [each.verified() for each in told]
    assert [each["type"] for each in verified] == ["dispute.opened", "dispute.won", "dispute.lost"]
    assert [each["data"] for each in verified] == [about] * 3
    assert [each["timestamp"] for each in verified] == [opened["opened_at"], won["decided_at"], lost["decided_at"]]
    assert len({each.event_id for each in told}) == 3
    assert {(each.path, each.headers["content-type"]) for each in told} == {(PATH, "application/json")}


async def test_what_was_heard_can_be_looked_at(provider: Client, merchant: Listener) -> None:
    await provider.paid()
    _, opened = await provider.dispute()
    (told,) = await merchant.hears(1)

    (event,) = await until_delivered(provider, attempts=1)

    assert event["delivered_at"] >= opened["opened_at"]
    assert event == {
        "event_id": told.event_id,
        "type": "dispute.opened",
        "timestamp": opened["opened_at"],
        "dispute_id": opened["dispute_id"],
        "payment_reference": "p1",
        "attempts": 1,
        "last_status": 204,
        "last_fault": None,
        "delivered_at": event["delivered_at"],
        "is_owed": False,
    }


async def test_whoever_is_told_can_ask_how_it_stands(provider: Client, merchant: Listener) -> None:
    await provider.paid("pm_dispute_lost")

    told = await merchant.hears(2)

    dispute_id = told[-1].verified()["data"]["dispute_id"]
    assert [each.verified()["type"] for each in told] == ["dispute.opened", "dispute.lost"]
    assert (await provider.send("GET", f"/v1/disputes/{dispute_id}"))[1]["status"] == "lost"


# --- until it is heard


@pytest.mark.parametrize("answer", [500, 404, 429, Odd.CUTS, Odd.REDIRECTS])
async def test_what_is_not_answered_well_is_told_again_under_the_same_id(
    provider: Client, merchant: Listener, answer: int | Odd
) -> None:
    merchant.answers(answer, answer, 200)
    await provider.paid()
    await provider.dispute()

    told = await merchant.hears(3)
    (event,) = await until_delivered(provider, attempts=3)

    assert {each.path for each in told} == {PATH}
    assert {each.event_id for each in told} == {event["event_id"]}
    assert len({each.body for each in told}) == 1
    assert [each.verified()["type"] for each in told] == ["dispute.opened"] * 3
    assert (event["attempts"], event["last_status"]) == (3, 200)


async def test_an_attempt_that_hangs_is_given_up_and_made_again(tmp_path: Path, merchant: Listener) -> None:
    impatient = Receiver(merchant.receiver.url, limit_s=0.1)
    merchant.answers(Odd.HANGS)

    async with running(tmp_path, utc_now, receiver=impatient) as provider:
        await provider.paid()
        await provider.dispute()
        await merchant.hears(1)
        (while_it_hangs,) = await provider.events()
        (event,) = await until_delivered(provider, attempts=2)

    assert while_it_hangs["attempts"] <= 1
    assert (event["attempts"], event["last_status"]) == (2, 204)


async def test_a_merchant_that_is_not_there_is_told_when_it_comes(tmp_path: Path) -> None:
    async with listening_merchant() as gone:
        receiver = gone.receiver

    async with running(tmp_path, utc_now, receiver=receiver) as provider:
        await provider.paid()
        await provider.dispute()
        await until(lambda: has_tried(provider))
        async with listening_merchant(gone.port) as back:
            (told,) = await back.hears(1)
            (event,) = await until_delivered(provider, attempts=2)

    assert (told.event_id, event["last_fault"]) == (event["event_id"], None)


async def has_tried(provider: Client) -> bool:
    (event,) = await provider.events()
    return bool(event["attempts"] and event["last_fault"] == "ClientConnectorError")


async def test_events_that_hang_hold_up_neither_other_events_nor_callers(provider: Client, merchant: Listener) -> None:
    merchant.answers(*[Odd.HANGS] * 15)
    await provider.paid()
    for _ in range(15):
        await provider.dispute(amount_minor=1)
    await until(lambda: merchant.under_way == 15)

    await provider.dispute(amount_minor=2)
    told = await merchant.hears(16)

    assert merchant.under_way == 15
    assert len({each.event_id for each in told}) == 16
    merchant.let_go()
    await until_delivered(provider, attempts=1)


async def test_more_events_than_can_be_under_way_are_told_as_places_get_free(
    provider: Client, merchant: Listener
) -> None:
    merchant.answers(*[Odd.HANGS] * 16)
    await provider.paid()
    for _ in range(40):
        await provider.dispute(amount_minor=1)
    await until(lambda: merchant.under_way == 16)
    while_full = len(merchant.told)

    merchant.let_go()
    told = await merchant.hears(40)

    assert while_full == 16
    assert len({each.event_id for each in told}) == 40


async def test_an_event_that_cannot_be_sent_at_all_is_counted_as_a_failure_and_the_others_are_told(
    tmp_path: Path, merchant: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    """An id that no header can carry stands in for what nobody foresaw."""
    ids = iter(["pp_0", "cap_0", "dp_0", "evt_\n", "dp_1", "evt_1"])
    provider = Provider(clock=utc_now, new_id=lambda _: next(ids), slow_s=0, hold_s=0, tells_events=True)
    captured(provider)
    store = Store(tmp_path / "provider.sqlite")
    sender = Sender(provider=provider, store=store, clock=utc_now, receiver=merchant.receiver)

    async with sender.running():
        provider.disputes.open("p1", amount_minor=1, reason="fraudulent")
        sender.wake()
        await until(lambda: provider.events.listed()[0]["attempts"] == 2)
        provider.disputes.open("p1", amount_minor=1, reason="fraudulent")
        sender.wake()
        (told,) = await merchant.hears(1)
    await store.close()

    odd = provider.events.listed()[0]
    assert told.event_id == "evt_1"
    assert (odd["event_id"], odd["last_fault"], odd["is_owed"]) == ("evt_\n", "ValueError", True)
    assert "the provider cannot tell of evt_" in caplog.text


# --- repeats


async def test_a_repeat_is_sent_under_the_same_id_signed_anew(provider: Client, merchant: Listener) -> None:
    await provider.paid()
    await provider.dispute()
    (first,) = await merchant.hears(1)
    await until_delivered(provider, attempts=1)

    status, event = await provider.send("POST", f"/events/{first.event_id}/resend")
    _, again = await merchant.hears(2)

    assert (status, event["event_id"], again.event_id) == (202, first.event_id, first.event_id)
    assert again.verified() == first.verified()


async def test_no_event_is_under_way_twice_at_once(provider: Client, merchant: Listener) -> None:
    merchant.answers(Odd.HANGS)
    await provider.paid()
    await provider.dispute(amount_minor=1)
    (first,) = await merchant.hears(1)

    for _ in range(3):
        await provider.send("POST", f"/events/{first.event_id}/resend")
    await provider.dispute(amount_minor=1)
    await merchant.hears(2)  # had a repeat been sent, it would have come before
    while_under_way = [each.event_id for each in merchant.told].count(first.event_id)
    merchant.let_go()
    await merchant.hears(3)

    await until_delivered(provider, attempts=1)
    assert while_under_way == 1
    assert [each.event_id for each in merchant.told].count(first.event_id) == 2


async def test_an_event_that_never_was_cannot_be_sent_again(provider: Client) -> None:
    status, refused = await provider.send("POST", "/events/evt_none/resend")

    assert (status, refused["code"]) == (404, "event_unknown")


async def test_with_nobody_to_tell_nothing_is_queued(tmp_path: Path) -> None:
    async with running(tmp_path, utc_now) as provider:
        await provider.paid()
        opened, _ = await provider.dispute()
        status, refused = await provider.send("POST", "/events/evt_1/resend")

        assert (opened, await provider.events()) == (201, [])
        assert (status, refused["code"]) == (409, "nobody_to_tell")


# --- whoever dies


async def test_kill_9_between_queue_and_delivery_loses_no_event(tmp_path: Path, merchant: Listener) -> None:
    merchant.answers(*[503] * 100)
    arguments = ("--data", str(tmp_path), "--events-url", merchant.receiver.url)
    environment = {"PROVIDER_WEBHOOK_SECRET": OTHER_KEY}
    async with (
        process_support.running("provider", *arguments, settings=environment) as service,
        aiohttp.ClientSession() as http,
    ):
        provider = Client(http, service.url)
        await provider.paid()
        _, opened = await provider.dispute()
        (first, *_) = await merchant.hears(1)
        await service.kill()
    merchant.script.clear()
    before = len(merchant.told)

    async with process_support.running("provider", *arguments, settings=environment) as again:
        told = (await merchant.hears(before + 1))[-1]
        assert await again.stop() == 0

    assert told.event_id == first.event_id
    assert told.verified(OTHER_KEY)["data"]["dispute_id"] == opened["dispute_id"]


async def test_a_key_that_is_none_stops_the_start_in_one_line() -> None:
    service = await process_support.spawn(
        "provider", "--events-url", "http://127.0.0.1:1", settings={"PROVIDER_WEBHOOK_SECRET": "s3cret"}
    )

    assert await service.ended() == 2
    assert service.log.startswith("--events-url or PROVIDER_WEBHOOK_SECRET cannot be used: ")
    assert service.log.endswith("24 to 64 bytes in Base64\n")
    assert service.log.count("\n") == 1
    assert "s3cret" not in service.log


async def test_a_stop_waits_for_no_merchant_and_what_was_under_way_is_told_after_the_next_start(
    tmp_path: Path, merchant: Listener
) -> None:
    merchant.answers(Odd.HANGS)
    service = await start(port=0, data=tmp_path, receiver=Receiver(merchant.receiver.url, limit_s=3600))
    async with aiohttp.ClientSession() as http:
        provider = Client(http, f"http://127.0.0.1:{service.port}")
        await provider.paid()
        await provider.dispute()
        (cut,) = await merchant.hears(1)
        await asyncio.wait_for(service.close(), 10)

    async with running(tmp_path, utc_now, receiver=merchant.receiver) as provider:
        (event,) = await until_delivered(provider, attempts=1)

    assert [each.event_id for each in merchant.told] == [cut.event_id] * 2
    assert event["event_id"] == cut.event_id


async def test_nothing_is_told_that_is_not_on_disk(
    tmp_path: Path, merchant: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(_work: object) -> None:
        raise sqlite3.OperationalError("disk full")

    store = Store(tmp_path / "provider.sqlite")
    provider = fresh(utc_now)
    captured(provider)
    provider.disputes.open("p1", amount_minor=None, reason="fraudulent")
    sender = Sender(provider=provider, store=store, clock=utc_now, receiver=merchant.receiver)

    with monkeypatch.context() as full:
        full.setattr(store.database, "write", failing)
        async with sender.running():
            await until(lambda: provider.events.listed()[0]["attempts"] == 2)
    told_meanwhile = len(merchant.told)
    async with sender.running():
        await merchant.hears(1)
        await until(lambda: not provider.events.listed()[0]["is_owed"])

    assert told_meanwhile == 0
    kinds = [kind for kind, _, _ in store.load()]
    await store.close()
    assert {"dispute", "event"} <= set(kinds)
