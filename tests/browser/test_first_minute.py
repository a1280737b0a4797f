"""The first minute at the console: from an empty platform to a completed payment."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from shared import flow
from tests.browser.desk import Desk
from tests.browser.played import platform_at_rest, play, summary
from tests.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_two_clicks_lead_from_nothing_to_a_completed_payment(desk: Desk) -> None:
    await play(desk.page, "/local/", platform_at_rest())
    await desk.open()

    await desk.page.get_by_role("link", name="Try it").click()
    await desk.button("Send").click()

    await desk.page.locator(".lead .mark.completed").wait_for()
    assert re.search("#/payments/[0-9a-f-]{36}$", desk.page.url)
    assert "12.50 EUR" in await desk.text()


async def test_the_map_shows_each_topic_and_each_step_of_the_product(desk: Desk) -> None:
    await desk.open()

    shown = await desk.page.locator("[data-topic]").evaluate_all("all => all.map((each) => each.dataset.topic)")
    steps = await desk.page.locator("[data-step]").evaluate_all("all => all.map((each) => each.dataset.step)")

    assert set(shown) == {*flow.TOPIC_OF.values(), flow.NOTICES}
    assert set(steps) == {step.value for step in flow.PLACE_OF}


async def test_a_line_leads_from_each_step_to_each_topic_that_it_feeds(desk: Desk) -> None:
    await desk.open()

    leads = await desk.page.locator("[data-step]").evaluate_all(
        "all => Object.fromEntries(all.map((each) => [each.dataset.step, each.dataset.leads.split(' ')]))"
    )

    lines = await desk.page.locator(".wires path").count()
    assert leads["create"] == ["payment-created", "payment-failed"]
    assert lines == sum(len([name for name in names if name]) for names in leads.values())


async def test_where_there_is_no_local_platform_nothing_can_be_tried(desk: Desk) -> None:
    await desk.page.route("**/local/", lambda route: route.fulfill(status=404))
    await desk.open()

    assert await desk.page.get_by_role("link", name="Try it").count() == 0


async def test_a_step_is_a_bar_from_its_cause_to_its_fact(desk: Desk, shop: Shop) -> None:
    payment = await shop.finished((await shop.post()).body["payment_id"])
    await desk.open(f"#/payments/{payment['payment_id']}")

    await desk.shows("in all")
    bars = await desk.page.locator(".timeline .row").all_inner_texts()

    names = [" ".join(each.split())[2:].split(" →")[0].split(" ")[0] for each in bars]
    assert names == ["initiated", "create", "settle", "notify"]


async def test_the_raw_events_are_a_click_away(desk: Desk, shop: Shop) -> None:
    payment = await shop.finished((await shop.post()).body["payment_id"])
    await desk.open(f"#/payments/{payment['payment_id']}")

    await desk.page.get_by_text("Raw events").click()

    await desk.shows('"type": "payment.settled"')


async def test_a_payment_that_is_not_there_is_said_to_be_none(desk: Desk) -> None:
    await desk.open("#/payments/0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab")

    await desk.shows("There is no payment with the id")


@pytest.mark.parametrize("state", ["retrying", "ending", "parked"])
async def test_a_step_that_is_held_up_has_a_word_of_its_own_and_is_never_shown_as_running(
    state: str, desk: Desk, shop: Shop
) -> None:
    payment_id = (await shop.post(payment_method="pm_down", reference="held-up")).body["payment_id"]
    path = f"/api/ops/payments/{payment_id}"
    payment = (await shop.get(path)).body
    wait = {"step": "create", "since": payment["initiated_at"], "state": state}
    await play(desk.page, path, {**payment, "waiting": [wait]})
    await desk.open(f"#/payments/{payment_id}")

    await desk.shows(f"create: {state}")

    last = desk.page.locator(".timeline .row").last
    assert await last.locator(f".mark.{state}").count() == 1
    assert await desk.page.locator(".timeline .running").count() == 0


async def test_a_step_that_goes_on_is_running_until_its_fact_is_there(desk: Desk, shop: Shop) -> None:
    payment_id = (await shop.post(payment_method="pm_slow")).body["payment_id"]
    await desk.open(f"#/payments/{payment_id}")

    await desk.page.locator(".timeline .running").first.wait_for()
    await desk.page.locator(".lead .mark.completed").wait_for(timeout=30_000)

    await desk.page.locator(".timeline .running").wait_for(state="detached")


async def test_what_has_brought_nothing_for_ten_seconds_is_late_and_not_running(desk: Desk, shop: Shop) -> None:
    """It may have failed and be tried again, and of that nothing is stored."""
    payment_id = (await shop.post(payment_method="pm_down", reference="late")).body["payment_id"]
    path = f"/api/ops/payments/{payment_id}"
    began = datetime.now(UTC) - timedelta(seconds=12)
    told = (await shop.get(f"{path}/events")).body["events"][:1]
    told[0]["occurred_at"] = began.isoformat()
    payment = {name: value for name, value in (await shop.get(path)).body.items() if name != "waiting"}
    await play(desk.page, path, payment)
    await play(desk.page, f"{path}/events", {"events": told})
    await desk.open(f"#/payments/{payment_id}")

    await desk.page.locator(".timeline .row .mark.late").wait_for()
    assert await desk.page.locator(".timeline .running").count() == 0


async def test_it_is_said_how_soon_a_step_is_tried_again_and_how_often(desk: Desk, shop: Shop) -> None:
    payment_id = (await shop.post(payment_method="pm_down", reference="again")).body["payment_id"]
    path = f"/api/ops/payments/{payment_id}"
    payment = (await shop.get(path)).body
    steps = {"refund": {"retries": {"attempts": 7, "longest_wait_s": 90.0}}}
    await play(desk.page, "/api/ops/flow", lambda: summary(steps=steps))
    wait = {"step": "refund:r-1", "since": payment["initiated_at"], "state": "retrying"}
    await play(desk.page, path, {**payment, "waiting": [wait]})
    await desk.open(f"#/payments/{payment_id}")

    await desk.shows("next try at most 90 s after the last, 7 in all")


async def test_a_step_that_was_parked_is_a_bar_from_its_beginning_until_then(desk: Desk, shop: Shop) -> None:
    payment_id = (await shop.post(payment_method="pm_down", reference="bar")).body["payment_id"]
    await desk.open(f"#/payments/{payment_id}")

    parked = desk.page.locator(".timeline .row.parked", has_text="→ parked")
    await parked.wait_for()

    took = " ".join((await parked.locator(".took").inner_text()).split())
    assert re.fullmatch(r"[1-9]\d* ms|\d+\.\d s", took), f"it was tried more than once meanwhile, and took {took}"
