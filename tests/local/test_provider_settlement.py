"""The local provider's settlement file: a line for each time that money moved, whatever else it has forgotten."""

import contextlib
import csv
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from local.provider.settlement import COLUMNS
from tests.clock import ManualClock
from tests.local.provider_support import Client, hears_nothing, manual_clock, running, running_provider

__all__ = ["manual_clock", "running_provider"]


async def text_of(provider: Client, **period: str) -> str:
    async with provider.http.get(f"{provider.base}/settlement", params=period) as response:
        assert (response.status, response.content_type, response.charset) == (200, "text/csv", "utf-8")
        return await response.text()


async def lines_of(provider: Client, **period: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(await text_of(provider, **period))))


async def captured(provider: Client, method: str = "pm_ok", *, ref: str = "p1") -> Any:
    _, created = await provider.create(method, ref=ref)
    status, told = await provider.capture(created, ref=ref)
    assert status == 200
    return told


async def test_before_money_has_moved_there_is_only_the_header(provider: Client) -> None:
    _, created = await provider.create()
    await provider.void(created)

    assert await text_of(provider) == ",".join(COLUMNS) + "\n"


async def test_captures_and_refunds_have_their_references_and_times(provider: Client, clock: ManualClock) -> None:
    payment = await captured(provider)
    clock.advance_s(90.5)
    _, refund = await provider.refund(payment, 500)

    assert [list(line.values()) for line in await lines_of(provider)] == [
        ["capture", payment["capture_id"], "p1", "1250", "EUR", "2026-01-02T12:00:00.123456Z"],
        ["refund", refund["refund_id"], "p1", "500", "EUR", "2026-01-02T12:01:30.623456Z"],
    ]
    charge = await provider.charge()
    assert (charge["captured_at"], charge["refunded_at"]) == (
        "2026-01-02T12:00:00.123456+00:00",
        "2026-01-02T12:01:30.623456+00:00",
    )


async def test_a_no_and_a_repeat_are_no_lines(provider: Client) -> None:
    payment = await captured(provider, "pm_refund_declined")
    await provider.capture(payment)
    await provider.capture(payment, key="another")
    await provider.refund(payment)

    assert [line["type"] for line in await lines_of(provider)] == ["capture"]


async def test_what_timed_out_and_was_done_is_a_line(provider: Client) -> None:
    _, created = await provider.create("pm_settle_times_out_once")
    await hears_nothing(provider.capture(created))

    (line,) = await lines_of(provider)

    assert line["reference"] == (await provider.listed())[0]["capture_id"]


async def test_each_capture_of_a_provider_that_forgets_is_a_line_also_after_a_restart(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with running(tmp_path, clock) as provider:
        await provider.send("POST", "/mode", {"forget_request_ids": True})
        first = await captured(provider)
        clock.advance_s(1)
        _, second = await provider.capture(first)
        before = await lines_of(provider)

    async with running(tmp_path, clock) as provider:
        after, charge = await lines_of(provider), await provider.charge()

    assert [line["reference"] for line in before] == [first["capture_id"], second["capture_id"]]
    assert after == before
    assert charge["captured_at"] == "2026-01-02T12:00:01.123456+00:00"


async def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(
    provider: Client, clock: ManualClock
) -> None:
    for ref in ("p1", "p2", "p3"):
        await captured(provider, ref=ref)
        clock.advance_s(60)

    middle = await lines_of(provider, since="2026-01-02T12:01:00.123456Z", until="2026-01-02T13:02:00.123456+01:00")

    assert [line["payment_reference"] for line in middle] == ["p2"]


@pytest.mark.parametrize("text", ["yesterday", "2026-01-02T12:00:00", ""])
@pytest.mark.parametrize("name", ["since", "until"])
async def test_a_period_that_is_none_is_refused(provider: Client, name: str, text: str) -> None:
    status, told = await provider.send("GET", f"/settlement?{name}={text}")

    assert (status, told["code"]) == (400, "invalid_request")
    assert name in told["message"]


def as_of_an_earlier_release(path: Path) -> None:
    """Takes out of the records what was not kept before there was a settlement file."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM records WHERE kind = 'settlement'")
        for key, body in database.execute("SELECT key, body FROM records WHERE kind = 'charge'").fetchall():
            kept = {name: value for name, value in json.loads(body).items() if not name.endswith("ed_at")}
            database.execute("UPDATE records SET body = ? WHERE kind = 'charge' AND key = ?", (json.dumps(kept), key))


async def test_what_an_earlier_release_has_kept_still_loads_and_is_in_the_file(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with running(tmp_path, clock) as provider:
        await provider.refund(await captured(provider))
        before, charge = await lines_of(provider), await provider.charge()
    as_of_an_earlier_release(tmp_path / "provider.sqlite")

    async with running(tmp_path, clock) as provider:
        assert await lines_of(provider) == before
        assert await provider.charge() == charge
        assert len(before) == 2
