"""Many payments on the whole platform in a storm: while faults of every kind are injected.

The provider forgets request ids, so no second charge is hidden. STORM_PAYMENTS says how many payments, 100 without it;
the long form sends 300. STORM_SEED says which faults; without it they are drawn anew. The seed is printed, so that a
run can be repeated.
"""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.supervisor import ROOT, Platform
from tests import hosts
from tests.e2e.conftest import running_shop
from tests.e2e.fault_injection import FaultInjector, Progress
from tests.shop import Shop
from tests.topologies import changed_topology

PAYMENTS = int(os.environ.get("STORM_PAYMENTS", "100"))
SEED = int(os.environ.get("STORM_SEED", str(random.SystemRandom().randrange(10**6))))
AT_A_TIME = 12
LOOK_S = 1.0

METHODS = {
    "pm_ok": 60,
    "pm_declined": 4,
    "pm_settle_declined": 4,
    "pm_fails_twice": 8,
    "pm_times_out_once": 4,
    "pm_settle_times_out_once": 4,
    "pm_down": 4,
    "pm_settle_down": 4,
    "pm_settle_declined_void_fails_twice": 3,
    "pm_settle_declined_void_times_out_once": 3,
    "pm_settle_declined_void_down": 2,
    "pm_refund_times_out_once": 4,
    "pm_refund_declined": 2,
    "pm_refund_down": 2,
    "pm_disputed": 2,
    "pm_dispute_won": 2,
    "pm_dispute_lost": 3,
}
"""Payment methods and how common they are. Not pm_invalid: no repair and no replay mends a request that is wrong."""
CANCELS, WITHIN_S = 0.15, 3.0
"""How many of the merchants want their payment to end, and within which time."""
REFUNDS = 0.3
"""How many give something back once it is paid, in two parts at once."""
MERCHANTS = ["ok", "ok", "fails-twice", "down", None]
HOST = {"PROVIDER_TIMEOUT_S": "3", "NOTIFIER_TIMEOUT_S": "3", "TURN_LIMIT_S": "3.5"}
"""Shorter than the time for which the provider says nothing, and shorter than a lock. Yet far longer than a request
waits on a busy machine. A provider that has not begun when we give up knows nothing when it is asked, and one that
forgets request ids then charges twice; only its memory of request ids helps against that.
"""


def limit_s(count: int) -> float:
    return 100 + count // 5


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(PAYMENTS, marks=pytest.mark.timeout(limit_s(PAYMENTS) + 60)),
        pytest.param(300, marks=[pytest.mark.timeout(limit_s(300) + 60), pytest.mark.long]),
    ],
)
async def test_after_the_storm_every_payment_has_its_end_and_none_was_charged_twice(count: int, tmp_path: Path) -> None:
    print(f"STORM_SEED={SEED} STORM_PAYMENTS={count}")
    topology = changed_topology(tmp_path, lock_duration="PT10S")
    async with (
        asyncio.timeout(hosts.patient(limit_s(count))),
        running_shop(data=tmp_path / "data", environment=HOST, topology=topology) as (platform, shop),
    ):
        faults = FaultInjector(platform, shop.http, SEED)
        await faults.start_provider_faults()

        ids = await _ordered_during(faults, shop, count)
        await _until_nothing_moves(shop)
        in_the_storm = await shop.charges()
        await _refunded(shop, ids)
        await faults.end_all()
        await _replay_until_none_is_open(shop)
        await _until_all_news_is_heard(shop, ids)

        assert [payment_id for payment_id, charge in in_the_storm.items() if charge["times_charged"] > 1] == []
        await _assert_each_has_its_end(shop, ids)
        await _assert_it_was_a_storm(shop, count)
        await _assert_reconciled(platform)


async def _ordered_during(faults: FaultInjector, shop: Shop, count: int) -> list[str]:
    """Payments of all kinds, accepted while the faults are injected, and some of them cancelled."""
    drawn, progress, gate = random.Random(SEED), Progress(count), asyncio.Semaphore(AT_A_TIME)
    minds = random.Random(SEED + 1)

    async def one(number: int, payment_method: str, merchant: str | None, cancels_after_s: float | None) -> str:
        url = f"{shop.provider_url}/merchant/{merchant}" if merchant else None
        async with gate:
            payment_id = await shop.order(f"storm-{number}", payment_method=payment_method, notification_url=url)
        await progress.one_more()
        if cancels_after_s is not None:
            await asyncio.sleep(cancels_after_s)
            await _cancelled(shop, payment_id)
        return payment_id

    kinds = drawn.choices(list(METHODS), weights=list(METHODS.values()), k=count)
    small_faults = asyncio.create_task(faults.inject_small_faults())
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(faults.cause_outages(progress))
            orders = [
                tasks.create_task(one(n, kind, drawn.choice(MERCHANTS), _change_of_mind(minds)))
                for n, kind in enumerate(kinds)
            ]
    finally:
        small_faults.cancel()
    return [order.result() for order in orders]


def _change_of_mind(minds: random.Random) -> float | None:
    """After how many seconds a merchant cancels; None for one that does not."""
    return minds.uniform(0, WITHIN_S) if minds.random() < CANCELS else None


async def _cancelled(shop: Shop, payment_id: str) -> None:
    """Until there is an answer: yes, or too late."""
    while True:
        try:
            answered = await shop.cancel(payment_id)
        except aiohttp.ClientError:
            answered = None
        if answered is not None and answered.status in (200, 202, 409):
            return
        assert answered is None or answered.status in (429, 500, 503), answered
        await asyncio.sleep(LOOK_S)


async def _refunded(shop: Shop, ids: Sequence[str]) -> None:
    """Some of what was paid is given back, while the provider and the services go on being faulty."""
    chosen = random.Random(SEED + 2)
    gate = asyncio.Semaphore(AT_A_TIME)

    async def one(payment_id: str, number: int) -> None:
        async with gate:
            while True:
                try:
                    answered = await shop.refund(payment_id, key=f"refund-{number}", amount_minor=500 + number)
                except aiohttp.ClientError:
                    answered = None
                if answered is not None and answered.status in (202, 409):
                    return
                assert answered is None or answered.status in (429, 500, 503), answered
                await asyncio.sleep(LOOK_S)

    some = [payment_id for payment_id in ids if chosen.random() < REFUNDS]
    await asyncio.gather(*(one(payment_id, number) for payment_id in some for number in range(2)))
    await _until_nothing_moves(shop)


async def _until_nothing_moves(shop: Shop) -> None:
    """Every payment is finished or has an open dead letter.

    To look takes the host's time, the more the more payments there are. It is left the rest.
    """
    while True:
        began = time.monotonic()
        moving = {row["id"] for row in await _listed(shop, "payments", "payments") if row["owes"] is not None}
        letters = await _listed(shop, "dead-letters", "dead_letters", status="open")
        if moving <= {letter["payment_id"] for letter in letters}:
            return
        await asyncio.sleep(max(LOOK_S, 9 * (time.monotonic() - began)))


async def _replay_until_none_is_open(shop: Shop) -> None:
    """As an operator does it: page by page, and again for what failed once more. Then nothing moves any more."""
    while True:
        replayed = await _replay_all(shop)
        assert "cannot" not in replayed, replayed
        await _until_nothing_moves(shop)
        if not await _listed(shop, "dead-letters", "dead_letters", status="open"):
            return


async def _until_all_news_is_heard(shop: Shop, ids: Sequence[str]) -> None:
    """What the provider has told in vain it tells again, later and later. As an operator would ask it to, at once."""
    while owed := [event for payment_id in ids for event in await shop.news(payment_id) if event["is_owed"]]:
        for event in owed:
            await shop.tell_provider(f"/events/{event['event_id']}/resend")
        await asyncio.sleep(LOOK_S)


async def _replay_all(shop: Shop) -> Counter[str]:
    verdicts: Counter[str] = Counter()
    page: str | None = None
    while True:
        wanted = {"limit": 100, "page": page}
        async with shop.http.post(f"{shop.url}/api/ops/dead-letters/replay", json=wanted) as response:
            answer = await response.json()
            assert response.status == 200, answer
        verdicts.update(result["verdict"] for result in answer["results"])
        page = answer["next_page"]
        if page is None:
            return verdicts


async def _listed(shop: Shop, path: str, name: str, **query: str) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    page: dict[str, str] = {}
    while True:
        wanted = {"limit": "200", **query, **page}
        async with shop.http.get(f"{shop.url}/api/ops/{path}", params=wanted) as response:
            if response.status in (429, 503):
                await asyncio.sleep(LOOK_S)
                continue  # the store refuses this question too
            answer = await response.json()
            assert response.status == 200, answer
        found += answer[name]
        if answer["next_page"] is None:
            return found
        page = {"page": answer["next_page"]}


async def _assert_each_has_its_end(shop: Shop, ids: Sequence[str]) -> None:
    assert len(set(ids)) == len(ids)
    rows = {row["id"]: row for row in await _listed(shop, "payments", "payments")}
    charges = await shop.charges()
    ends = {payment_id: rows[payment_id]["status"] for payment_id in ids}
    print(Counter(ends.values()), Counter([await _why(shop, payment_id) for payment_id in ids]))
    assert set(ends.values()) <= {"completed", "failed", "voided"}
    taken = {payment_id: charges.get(payment_id, {}).get("times_charged", 0) for payment_id in ids}
    assert taken == {payment_id: int(end == "completed") for payment_id, end in ends.items()}
    await _assert_money_that_went_back(shop, charges)


async def _assert_money_that_went_back(shop: Shop, charges: dict[str, dict[str, Any]]) -> None:
    """What the payments say of refunds and disputes is what the provider did, and nothing was given back twice."""
    told, disputes = Counter[str](), Counter[str]()
    for payment_id, charge in charges.items():
        payment = (await shop.get(f"/api/payments/{payment_id}")).body
        disputes.update(dispute["status"] for dispute in payment.get("disputes", []))
        assert payment["ledger"]["disputed_minor"] == charge.get("disputed_minor", 0), payment_id
        refunds = payment.get("refunds", [])
        told.update(refund["status"] for refund in refunds)
        made = {refund["refund_id"]: 1 for refund in refunds if refund["status"] == "refunded"}
        assert charge["times_refunded"] == made, payment_id
        assert charge["refunded_minor"] <= 1250
    print("refunds:", dict(told), "disputes:", dict(disputes))
    assert told["refunded"] > 0
    assert told["pending"] == 0


async def _why(shop: Shop, payment_id: str) -> str:
    payment = (await shop.get(f"/api/payments/{payment_id}")).body
    too_late = " after a request to cancel" if "cancel_requested" in payment and "failed" not in payment else ""
    return f"{payment.get('failed', {}).get('reason', 'paid')}{too_late}"


async def _assert_it_was_a_storm(shop: Shop, count: int) -> None:
    charges = (await shop.charges()).values()
    letters = Counter(letter["reason"] for letter in await _listed(shop, "dead-letters", "dead_letters"))
    asks = sum(charge["asks"] for charge in charges)
    print(f"asked {asks} times in {sum(charge['requests'] for charge in charges)} requests; dead letters: {letters}")
    assert asks > count // 10
    assert letters["retries_exhausted"] > 0


async def _assert_reconciled(platform: Platform) -> None:
    """By the operator's own command."""
    arguments = ["reconcile", "--url", platform.url, "--provider-url", platform.provider_url]
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    report, _ = await command.communicate()
    assert command.returncode == 0, report.decode()
