"""The operator's command against the app itself: many dead letters, a discard, the books, and telemetry on stderr."""

import asyncio
import functools
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.pay import Order, pay
from local.supervisor import Platform
from ops import replaying_many
from ops.paths import LETTERS
from shared import flow
from tests import hosts
from tests.contracted import holding
from tests.ops.scripted import ops
from tests.shop import Shop, open_shop
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
LIMIT_S = hosts.patient(60.0)
MANY = 25


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    data = tmp_path_factory.mktemp("platform")
    async with hosts.running(data=data, environment={"TELEMETRY_CONSOLE": "true"}) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def shop(platform: Platform) -> AsyncIterator[Shop]:
    async with open_shop(platform) as opened:
        yield opened


@pytest.fixture(autouse=True)
def held_to_the_contract(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command is answered, too."""
    held = functools.partial(aiohttp.ClientSession, trace_configs=[holding(platform.url)])
    monkeypatch.setattr(aiohttp, "ClientSession", held)


async def paid(shop: Shop) -> str:
    return (await pay(shop.http, shop.url, order=Order(), limit_s=LIMIT_S)).payment_id


async def posted(shop: Shop, *, method: str) -> str:
    return str((await shop.post(payment_method=method)).body["payment_id"])


async def letters(shop: Shop, *, number: int, **query: str) -> list[str]:
    """The ids of the open dead letters, once there are so many."""
    found: list[str] = []

    async def are_enough() -> bool:
        wanted = {"status": "open", "limit": "200", **query}
        page: dict[str, str] = {}
        found.clear()
        while True:
            async with shop.http.get(shop.url + LETTERS, params=wanted | page) as response:
                answer = await response.json()
            found.extend(letter["id"] for letter in answer["dead_letters"])
            if answer["next_page"] is None:
                return len(found) >= number
            page = {"page": answer["next_page"]}

    await until(are_enough, limit_s=LIMIT_S + number, every_s=0.1 + number / 200)
    return found


async def test_a_replay_of_many_takes_each_once_and_none_that_died_meanwhile(
    platform: Platform, shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(replaying_many, "_BURST_S", 1.0)  # pages of 20 at this rate, so that there are two
    await asyncio.gather(*(posted(shop, method="pm_invalid") for _ in range(MANY)))
    before = await letters(shop, number=MANY)

    code = await ops(platform.url, "replay", "--all", "--reason", "our_fault", "--rate", "20", "--json")

    results = json.loads(capsys.readouterr().out)["results"]
    assert code == 0
    assert sorted(result["letter_id"] for result in results) == sorted(before)
    assert {result["verdict"] for result in results} == {"replayed"}
    died_again = await letters(shop, number=MANY)
    assert len(died_again) == MANY
    assert not set(died_again) & set(before)


async def test_a_discard_ends_the_payment(platform: Platform, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    payment_id = await posted(shop, method="pm_invalid")
    (letter_id,) = await letters(shop, number=1, payment_id=payment_id)

    code = await ops(platform.url, "discard", letter_id, "--reason", "wrong method")

    assert code == 0
    assert capsys.readouterr().out == "discarded: create is being ended: what was done is asked for and recorded\n"
    assert (await shop.finished(payment_id))["failed"]["reason"] == "discarded"


async def captured_elsewhere(shop: Shop, payment_id: str) -> None:
    """The provider is charged for a payment by somebody who is not us."""
    money: dict[str, Any] = {"payment_reference": payment_id, "amount_minor": 1250, "currency": "EUR"}
    url, headers = f"{shop.provider_url}/v1/payments", {"Idempotency-Key": f"{payment_id}:create"}
    async with shop.http.post(url, json={**money, "payment_method": "pm_ok"}, headers=headers) as response:
        created = await response.json()
    url, headers = f"{url}/{created['provider_payment_id']}/capture", {"Idempotency-Key": f"{payment_id}:settle"}
    async with shop.http.post(url, json=money, headers=headers, raise_for_status=True):
        return


async def test_the_books_agree_until_somebody_else_charges(
    platform: Platform, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("reconcile", "--provider-url", platform.provider_url, "--json", "--patience")
    await paid(shop)
    before = await ops(platform.url, *arguments, "30s")
    capsys.readouterr()

    await captured_elsewhere(shop, "nobodys-payment")
    after = await ops(platform.url, *arguments, "0s")

    found = json.loads(capsys.readouterr().out)["differences"]
    assert (before, after) == (0, 1)
    assert [(each["kind"], each["payment_id"]) for each in found] == [("charged_not_recorded", "nobodys-payment")]


async def settled_by(shop: Shop, *, since: str) -> list[str]:
    """The lines of the provider's settlement file from then on, its header first."""
    async with shop.http.get(f"{shop.provider_url}/settlement", params={"since": since}) as response:
        assert response.status == 200
        return (await response.text()).splitlines()


async def is_listed(shop: Shop, payment_id: str) -> bool:
    """Whether the read model shows that its money was taken."""
    async with shop.http.get(f"{shop.url}/api/ops/payments", params={"settled": "true"}) as response:
        return payment_id in [row["id"] for row in (await response.json())["payments"]]


async def test_a_settlement_file_agrees_until_one_of_its_lines_is_another(
    platform: Platform, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    since = datetime.now(UTC).isoformat()
    first, second = await paid(shop), await paid(shop)
    asked = await shop.http.post(
        f"{shop.url}/api/payments/{first}/refunds", json={"amount_minor": 500}, headers={"Idempotency-Key": "r1"}
    )
    assert asked.status == 202
    lines: list[str] = []

    async def has_both_captures_and_the_refund() -> bool:
        lines[:] = await settled_by(shop, since=since)
        return len(lines) == 4

    await until(has_both_captures_and_the_refund, limit_s=LIMIT_S, every_s=0.1)
    file = tmp_path / "f.csv"
    arguments = ("reconcile", "--settlement", str(file), "--since", since, "--json", "--patience")

    file.write_text("\n".join([*lines, ""]))
    before = await ops(platform.url, *arguments, "30s")
    capsys.readouterr()
    await until(lambda: is_listed(shop, second), limit_s=LIMIT_S, every_s=0.1)
    file.write_text("\n".join([lines[0], lines[1].replace("cap_", "cap_x"), *lines[3:], ""]))
    after = await ops(platform.url, *arguments, "0s", "--until", datetime.now(UTC).isoformat())

    found = json.loads(capsys.readouterr().out)["differences"]
    assert (before, after) == (0, 1)
    assert sorted((each["payment_id"], each["kind"], each["type"]) for each in found) == sorted(
        [
            (first, "charged_not_recorded", "missing_here"),
            (first, "recorded_not_charged", "missing_there"),
            (second, "recorded_not_charged", "missing_there"),
        ]
    )


async def test_nothing_waits_to_be_drained(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ops(platform.url, "drain") == 0

    assert capsys.readouterr().out == "nothing was waiting to be recorded\n"


def steps_printed(platform: Platform, payment_id: str) -> set[str]:
    """The steps of this payment whose spans stand in the host's log; some hosts indent what an app prints."""
    whole, _, _ = platform.log("host").read_text().rpartition("\n")
    lines = map(str.strip, whole.splitlines())
    spans = [json.loads(line) for line in lines if line.startswith('{"name": "advance"') and line.endswith("}")]
    attributes = [span["attributes"] for span in spans]
    return {each["regispay.step"] for each in attributes if each["regispay.payment_id"] == payment_id}


async def test_spans_can_be_read_in_the_log_of_the_host(platform: Platform, shop: Shop) -> None:
    payment_id = await paid(shop)

    steps = {"create", "settle", "notify"}
    await until(lambda: steps <= steps_printed(platform, payment_id), limit_s=LIMIT_S, every_s=0.1)


async def letters_that_wait(shop: Shop, count: int, *, prefix: str) -> list[str]:
    """As many payments, whose letters wait for a provider that is well again."""
    await shop.tell_provider("/break")
    payment_ids = await shop.order_many(count, prefix=prefix, payment_method="pm_settle_down")
    await letters(shop, number=count, step="settle", like=f"{prefix}-")
    await shop.tell_provider("/repair")
    return payment_ids


async def test_all_that_waited_for_the_provider_are_replayed_at_once_and_the_summary_is_true(
    platform: Platform, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    payment_ids = await letters_that_wait(shop, 30, prefix="waits-30")
    began = time.monotonic()

    code = await ops(platform.url, "replay", "--all", "--like", "waits-30-", "--json")
    took_s = time.monotonic() - began
    said = json.loads(capsys.readouterr().out)

    assert (code, said["counts"]) == (0, {"replayed": 30})
    await assert_each_is_settled_once(shop, payment_ids)
    assert took_s < hosts.patient(15.0)


async def assert_each_is_settled_once(shop: Shop, payment_ids: list[str]) -> None:
    payments = await shop.finished_many(payment_ids)
    assert {payment["status"] for payment in payments} <= {"settled", "completed"}
    for payment_id in payment_ids:
        types = [event["type"] for event in await shop.events(payment_id)]
        assert types.count("payment.resumed") == types.count("payment.settled") == 1


@dataclass(frozen=True, slots=True)
class Spent:
    """On one letter: RU and processor time from the wish until all is at rest, and seconds until the command ended."""

    ru: float
    cpu_s: float
    command_s: float


async def spent_on_each(platform: Platform, shop: Shop, count: int) -> Spent:
    """Replays as many letters, at forty a second."""
    like = f"many-{count}-"
    payment_ids = await letters_that_wait(shop, count, prefix=f"many-{count}")
    await request_units(platform, shop)
    cpu_s, began = processor_s(platform), time.monotonic()

    code = await ops(platform.url, "replay", "--all", "--like", like, "--rate", "40", "--json")
    command_s = time.monotonic() - began
    await until(lambda: is_at_rest(shop, like), limit_s=10 * LIMIT_S, every_s=5.0)
    cpu_s = processor_s(platform) - cpu_s
    ru = await request_units(platform, shop)

    assert code == 0
    await assert_each_is_settled_once(shop, payment_ids)
    return Spent(ru=ru / count, cpu_s=cpu_s / count, command_s=command_s / count)


def processor_s(platform: Platform) -> float:
    """What the parts of the platform have used since they began."""
    ticks = 0
    for part in ("cosmos", "servicebus", "provider", "host"):
        fields = Path(f"/proc/{platform.pid(part)}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def request_units(platform: Platform, shop: Shop) -> float:
    """Of all requests since the last look, but for what is read over and over while nothing happens."""
    url = f"{platform.cosmos_url}/_local/requests"
    async with shop.http.get(url) as response:
        tallies = (await response.json())["requests"]
    async with shop.http.delete(url):
        return float(
            sum(
                tally["ru"]
                for container, operations in tallies.items()
                for operation, tally in operations.items()
                if container != flow.LEASES and operation != "feed"
            )
        )


async def is_at_rest(shop: Shop, like: str) -> bool:
    """Whether all of the letters are closed."""
    for status in ("open", "taken_up"):
        wanted = {"status": status, "like": like, "limit": "1"}
        async with shop.http.get(shop.url + LETTERS, params=wanted) as response:
            if (await response.json())["dead_letters"]:
                return False
    return True


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_each_of_nine_hundred_letters_costs_what_each_of_three_hundred_does(
    platform: Platform, shop: Shop
) -> None:
    few = await spent_on_each(platform, shop, 300)
    many = await spent_on_each(platform, shop, 900)

    print(few, many)
    assert 300 * few.command_s < hosts.patient(15.0)
    assert many.ru == pytest.approx(few.ru, rel=0.2)
    assert many.command_s == pytest.approx(few.command_s, rel=0.2)
    assert many.cpu_s == pytest.approx(few.cpu_s, rel=0.2)


async def test_what_became_of_many_is_said_when_it_is_waited_for(
    platform: Platform, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    await letters_that_wait(shop, 3, prefix="ends")

    code = await ops(platform.url, "replay", "--all", "--like", "ends-", "--wait", "1m", "--json")

    assert code == 0
    assert json.loads(capsys.readouterr().out)["became"] == {"done": 3}
