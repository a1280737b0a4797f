"""An operator erases a payment's words by the command, on the whole platform: afterwards they stand nowhere."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from local.supervisor import Platform
from ops.paths import LETTERS
from shared import flow
from shared.adapters.cosmos.client import open_client
from tests import hosts
from tests.ops.scripted import ops
from tests.shop import Shop
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIMIT_S = hosts.patient(30.0)
WORD = "Rumpelstilzchen"
ORDER: dict[str, Any] = {"description": f"A spinning wheel for {WORD}", "metadata": {"deliver_to": WORD}}
ERASE = ("--reason", "the customer wants to be forgotten", "--yes", "--json")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """It writes its spans into its log, so that they are looked through too."""
    data = tmp_path_factory.mktemp("platform")
    async with hosts.running(data=data, environment={"TELEMETRY_CONSOLE": "true"}) as running:
        yield running


async def refunded(shop: Shop) -> str:
    notify = f"{shop.provider_url}/merchant/ok"
    payment_id = str((await shop.post(key="pay", notification_url=notify, **ORDER)).body["payment_id"])
    await shop.finished(payment_id)
    await shop.refund(payment_id, key="back", amount_minor=500, reason=f"{WORD} was angry")
    await shop.refunded(payment_id)

    async def is_the_merchant_told() -> bool:
        return "payment.merchant_told" in [event["type"] for event in await shop.events(payment_id)]

    await until(is_the_merchant_told, limit_s=hosts.patient(30.0), every_s=0.05)
    return payment_id


async def stored(platform: Platform) -> dict[str, list[dict[str, Any]]]:
    """Every document of every container, as it now is."""
    async with open_client(platform.cosmos_connection, proxies=False) as client:
        database = client.get_database_client(flow.DATABASE)
        names = [container["id"] async for container in database.list_containers()]
        queries = {name: database.get_container_client(name).query_items("SELECT * FROM c") for name in names}
        return {name: [document async for document in found] for name, found in queries.items()}


async def answers(shop: Shop, payment_id: str) -> list[Any]:
    """What merchant and operators are shown, and what the merchant was sent."""
    lists = ("/api/payments", "/api/ops/payments")
    of_payment = [f"{each}/{payment_id}{view}" for each in lists for view in ("", "/events")]
    shown = [await shop.get(path) for path in (*of_payment, *lists, LETTERS)]
    async with shop.http.get(f"{shop.provider_url}/merchant/notifications") as response:
        sent = (await response.json())["notifications"]
    assert sent
    return [*(each.body for each in shown), sent]


def published(platform: Platform) -> Counter[str]:
    """How often each event was handed to its topic, by the spans in the host's log."""
    lines = map(str.strip, platform.log("host").read_text().rpartition("\n")[0].splitlines())
    spans = [json.loads(line) for line in lines if line.startswith('{"name": "publish"') and line.endswith("}")]
    return Counter(span["attributes"]["regispay.event_id"] for span in spans)


async def test_the_words_are_gone_from_everywhere_and_the_payment_does_not_notice(
    platform: Platform, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    payment_id = await refunded(shop)
    types, charge = [each["type"] for each in await shop.events(payment_id)], (await shop.charges())[payment_id]
    assert WORD in json.dumps(await answers(shop, payment_id))
    assert [name for name, found in (await stored(platform)).items() if WORD in json.dumps(found)] == [flow.EVENTS]

    code = await ops(platform.url, "erase", payment_id, *ERASE)

    erased = [each["event_id"] for each in json.loads(capsys.readouterr().out)["erased"]]
    assert (code, erased) == (0, [f"{payment_id}:1", f"{payment_id}:5"])
    await until(lambda: all(published(platform)[each] == 2 for each in erased), limit_s=LIMIT_S, every_s=0.1)
    again = await shop.post(key="pay", notification_url=f"{shop.provider_url}/merchant/ok", **ORDER)
    assert (again.status, again.headers["Idempotent-Replayed"], again.body["payment_id"]) == (202, "true", payment_id)
    shown = await answers(shop, payment_id)
    assert WORD not in json.dumps([shown, await stored(platform)])
    assert [each["type"] for each in await shop.events(payment_id)] == types
    assert (await shop.charges())[payment_id] == charge
    assert (charge["times_charged"], charge["refunded_minor"]) == (1, 500)
    assert (await shop.get(LETTERS)).body["dead_letters"] == []
    assert [path.name for path in logs(platform) if WORD in path.read_text()] == []


def logs(platform: Platform) -> list[Path]:
    found = list(platform.log("host").parent.iterdir())
    assert platform.log("host") in found
    return found


async def test_whoever_erases_again_is_told_that_nothing_is_left(
    platform: Platform, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    payment_id = str((await shop.post(**ORDER)).body["payment_id"])

    codes = [await ops(platform.url, "erase", payment_id, *ERASE[:-1]) for _ in range(2)]

    assert codes == [0, 0]
    assert capsys.readouterr().out.endswith(f"nothing is left to erase in payment {payment_id}\n")
    assert (await shop.finished(payment_id))["status"] == "completed"
    assert (await shop.charges())[payment_id]["times_charged"] == 1
