"""What the local provider keeps: over a restart, over kill -9, and over any sequence of calls."""

import asyncio
import itertools
import json
import sqlite3
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.base.database import DataInUse
from local.provider import start
from local.provider.faults import Faults
from local.provider.records import Answer, Call
from local.provider.state import Provider
from local.provider.store import Key, Record, Store
from local.provider.tokens import TOKENS, Operation
from tests.clock import ManualClock
from tests.local import process_support
from tests.local.provider_support import (
    Client,
    manual_clock,  # noqa: F401 - fixtures, used by name
    running,
)

# --- keeping


async def test_a_restart_forgets_nothing(tmp_path: Path, clock: ManualClock) -> None:
    async with running(tmp_path, clock) as before:
        _, created = await before.create("pm_fails_twice", ref="p2")
        _, created = await before.create()
        captured = await before.capture(created)
        await before.notify("fails-twice", {"subject": "p1"}, key="p1:notify")
        await before.send("POST", "/mode", {"forget_request_ids": False, "remember_requests_s": 60})
        await before.send("POST", "/faults", {"rate_5xx": 0.0, "seed": 3})
        await before.send("POST", "/repair")
        charges = await before.send("GET", "/charges")

    async with running(tmp_path, clock) as after:
        assert await after.send("GET", "/charges") == charges
        assert await after.capture(created) == captured
        assert (await after.create("pm_fails_twice", ref="p2"))[0] == 500
        assert (await after.create("pm_fails_twice", ref="p2"))[0] == 201
        assert (await after.create("pm_down", ref="p3"))[0] == 201
        assert (await after.send("GET", "/mode"))[1]["remember_requests_s"] == 60
        assert (await after.send("GET", "/faults"))[1]["seed"] == 3
        assert await after.notify("fails-twice", {"subject": "p1"}, key="p1:notify") == 500
        assert await after.notify("fails-twice", {"subject": "p1"}, key="p1:notify") == 204


async def test_kill_9_takes_back_nothing_that_was_acknowledged(tmp_path: Path, clock: ManualClock) -> None:
    acknowledged: list[str] = []

    async def customer(number: int) -> None:
        for nth in range(1000):
            ref = f"p{number}-{nth}"
            _, created = await client.create(ref=ref)
            await client.capture(created, ref=ref)
            acknowledged.append(ref)
            if len(acknowledged) == 100:
                service.process.kill()

    async with (
        process_support.running("provider", "--data", str(tmp_path)) as service,
        aiohttp.ClientSession() as http,
    ):
        client = Client(http, service.url)
        await asyncio.gather(*(customer(number) for number in range(16)), return_exceptions=True)
        await service.ended()

    async with running(tmp_path, clock) as after:
        assert len(acknowledged) >= 100
        assert {(await after.charge(ref))["times_charged"] for ref in acknowledged} == {1}


# --- any sequence of calls


CALLS = st.lists(st.sampled_from(["create", "settle", "void", "ask"]), max_size=12)
RATES = {"rate_5xx": 0.2, "rate_timeout_did_it": 0.2, "rate_timeout_did_nothing": 0.1, "rate_429": 0.1}


def fresh() -> Provider:
    numbers = itertools.count()
    return Provider(clock=ManualClock(), new_id=lambda prefix: f"{prefix}{next(numbers)}", slow_s=0, hold_s=0)


def perform(provider: Provider, step: str, token: str) -> Answer:
    """What one step of the payment p1 sends; `fresh` gives the id pp_0 to the payment that is made first."""
    if step == "ask":
        return provider.ask_reference("p1")
    operation = {"create": Operation.CREATE, "settle": Operation.CAPTURE, "void": Operation.VOID}[step]
    return provider.perform(
        Call(
            operation=operation,
            request_id=f"p1:{step}",
            payment_reference="p1",
            fingerprint=step,
            provider_payment_id=None if operation is Operation.CREATE else "pp_0",
            amount_minor=1250,
            currency="EUR",
            payment_method=token,
        )
    )


@settings(max_examples=200, deadline=None)
@given(steps=CALLS, token=st.sampled_from(sorted(TOKENS)), seed=st.integers(1, 10**6))
def test_no_sequence_of_calls_charges_twice_or_charges_what_was_voided(steps: list[str], token: str, seed: int) -> None:
    provider = fresh()
    provider.switch(faults=Faults(**RATES, seed=seed), is_broken=False)

    for step in steps:
        perform(provider, step, token)

    charge = provider.charge("p1")
    assert charge is None or charge["times_charged"] in ([0] if charge["voided"] else [0, 1])


@settings(max_examples=200, deadline=None)
@given(steps=CALLS, token=st.sampled_from(sorted(TOKENS)), seed=st.integers(1, 10**6))
def test_what_is_restored_answers_as_what_was_stored(steps: list[str], token: str, seed: int) -> None:
    stored, restored = fresh(), fresh()
    stored.switch(faults=Faults(**RATES, seed=seed), is_broken=False)
    kept: dict[Key, Record] = {}
    for step in steps:
        perform(stored, step, token)
        kept |= stored.drain()

    kept |= stored.drain()
    for (kind, _), record in kept.items():
        restored.restore(kind, json.loads(json.dumps(record)))

    assert restored.charges() == stored.charges()
    for question in ("p1:create", "p1:settle", "p1:void"):
        assert restored.ask_request(question) == stored.ask_request(question)
    assert restored.ask_reference("p1") == stored.ask_reference("p1")


async def test_a_caller_with_half_a_character_stops_nobody_else(tmp_path: Path, clock: ManualClock) -> None:
    async with running(tmp_path, clock) as before:
        odd, _ = await before.create(ref="\ud800")
        even, _ = await before.create(ref="p2")
        listed = await before.listed("p2")

    async with running(tmp_path, clock) as after:
        assert (odd, even) == (201, 201)
        assert await after.listed("p2") == listed
        assert [charge["payment_id"] for charge in (await after.send("GET", "/charges"))[1]["charges"]] == [
            "\ud800",
            "p2",
        ]


async def test_a_second_provider_on_the_same_folder_does_not_start(tmp_path: Path, clock: ManualClock) -> None:
    async with running(tmp_path, clock):
        with pytest.raises(DataInUse, match="in use by another local provider"):
            await start(port=0, data=tmp_path)


async def test_what_could_not_be_written_is_written_with_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(_work: object) -> None:
        raise sqlite3.OperationalError("disk full")

    store = Store(tmp_path / "provider.sqlite")
    with monkeypatch.context() as full:
        full.setattr(store.database, "write", failing)
        store.put({("charge", "p1"): {"times": 1}, ("charge", "p2"): {"times": 1}})
        with pytest.raises(sqlite3.OperationalError, match="disk full"):
            await store.committed()

    store.put({("charge", "p1"): {"times": 2}})
    await store.committed()

    assert list(store.load()) == [("charge", "p1", {"times": 2}), ("charge", "p2", {"times": 1})]
    await store.close()
