"""Payments at the console: the list that never jumps, its search, and what may be done to one."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser import played
from tests.browser.desk import Desk
from tests.browser.played import play
from tests.shop import Shop
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module")]


async def completed(shop: Shop, **changes: Any) -> str:
    payment = await shop.finished((await shop.post(**changes)).body["payment_id"])
    return str(payment["payment_id"])


async def at(desk: Desk, payment_id: str) -> None:
    await desk.open(f"#/payments/{payment_id}")
    await desk.page.locator(".lead").wait_for()


async def test_a_refund_is_asked_for_and_its_end_is_seen(desk: Desk, shop: Shop) -> None:
    payment_id = await completed(shop)
    await at(desk, payment_id)

    await desk.button("Refund…").click()
    await desk.page.get_by_label("Amount, in minor units").fill("450")
    await desk.page.get_by_label("Reason").fill("one of two books")
    await desk.answer("Refund").click()

    refunds = desk.page.get_by_role("region", name="Refunds")
    await expect(refunds).to_contain_text("refunded 4.50 EUR", timeout=20_000)
    await expect(desk.page.get_by_role("region", name="Money")).to_contain_text("8.00 EUR")
    assert (await shop.get(f"/api/payments/{payment_id}")).body["ledger"]["refunded_minor"] == 450


async def test_a_refund_that_is_too_large_is_refused_and_the_dialog_says_why(desk: Desk, shop: Shop) -> None:
    await at(desk, await completed(shop))

    await desk.button("Refund…").click()
    await desk.page.get_by_label("Amount, in minor units").fill("1251")
    await desk.answer("Refund").click()

    await expect(desk.page.get_by_role("alert")).to_contain_text("That is more than is left of what was taken")


async def test_a_button_that_is_pressed_twice_refunds_once(desk: Desk, shop: Shop) -> None:
    payment_id = await completed(shop)
    await at(desk, payment_id)
    await desk.button("Refund…").click()
    await desk.page.get_by_label("Amount, in minor units").fill("100")

    await desk.page.evaluate(
        "() => { const form = document.querySelector('dialog form'); form.requestSubmit(); form.requestSubmit(); }"
    )

    payment = await shop.refunded(payment_id)
    assert [refund["amount_minor"] for refund in payment["refunds"]] == [100]


async def test_a_payment_that_waits_for_a_person_is_cancelled(desk: Desk, shop: Shop) -> None:
    payment_id = (await shop.post(payment_method="pm_settle_down")).body["payment_id"]
    await shop.finished(payment_id, at=("created",))
    await at(desk, payment_id)

    await desk.button("Cancel…").click()
    await desk.answer("Cancel the payment").click()

    await desk.page.locator(".lead .mark.voided").wait_for(timeout=30_000)
    assert await desk.button("Cancel…").count() == 0


async def test_a_merchant_is_told_once_more_and_its_answer_is_shown(desk: Desk, shop: Shop) -> None:
    payment_id = await completed(shop, notification_url=f"{shop.provider_url}/merchant/ok")
    await at(desk, payment_id)

    await desk.button("Resend…").click()
    await desk.answer("Resend").click()

    await desk.shows("The merchant answered 204")
    await desk.answer("Close").click()
    await desk.shows("2 attempts")


async def test_new_payments_wait_until_somebody_wants_them(desk: Desk, shop: Shop) -> None:
    first = await completed(shop, reference="was-there")
    await desk.open("#/payments?reference=was-there")
    await desk.shows("1 payment shown")

    await completed(shop, reference="was-there")
    await completed(shop, reference="was-there")

    await desk.button("Refresh (2)").wait_for()
    shown = await desk.page.locator("tbody tr code").all_inner_texts()
    await desk.button("Refresh (2)").click()
    await desk.shows("3 payments shown")
    assert shown == [first[:8]]


async def test_a_row_is_brought_up_to_date_where_it_stands(desk: Desk, shop: Shop) -> None:
    """It slowly moves on while it is looked at."""
    await shop.tell_provider("/break")
    payment_id = (await shop.post(payment_method="pm_settle_down", reference="moves")).body["payment_id"]
    await shop.finished(payment_id, at=("created",))
    await until(lambda: has_status(shop, "moves", "created"), every_s=0.2)
    await desk.open("#/payments?reference=moves")
    await desk.page.locator("tbody .mark.created").wait_for()

    await shop.cancel(payment_id)

    await desk.page.locator("tbody .mark.voided").wait_for(timeout=30_000)
    await shop.tell_provider("/repair")


async def has_status(shop: Shop, reference: str, status: str) -> bool:
    rows = (await shop.get(f"/api/ops/payments?reference={reference}")).body["payments"]
    return bool(rows) and rows[0]["status"] == status


async def test_an_id_leads_to_its_payment_and_a_reference_to_a_list(desk: Desk, shop: Shop) -> None:
    payment_id = await completed(shop, reference="found-by-this")
    await until(lambda: has_status(shop, "found-by-this", "completed"), every_s=0.2)
    await desk.open("#/payments")

    await desk.page.get_by_label("Id or reference").fill("found-by-this")
    await desk.page.keyboard.press("Enter")
    await desk.shows("1 payment shown")
    await desk.page.get_by_label("Id or reference").fill(payment_id)
    await desk.page.keyboard.press("Enter")

    await desk.page.locator(".lead .mark.completed").wait_for()
    assert desk.page.url.endswith(f"#/payments/{payment_id}")


async def test_what_a_list_shows_of_an_id_finds_the_payment(desk: Desk, shop: Shop) -> None:
    payment_id = await completed(shop, reference="short-id")
    await until(lambda: has_status(shop, "short-id", "completed"), every_s=0.2)
    await desk.open("#/payments")

    await desk.page.get_by_label("Id or reference").fill(payment_id[:8].upper())
    await desk.page.keyboard.press("Enter")

    await expect(desk.page).to_have_url(re.compile("reference="))
    await expect(desk.page.locator("tbody code")).to_have_text([payment_id[:8]])


async def test_a_reference_that_ends_with_a_blank_is_found_as_it_is(desk: Desk, shop: Shop) -> None:
    await completed(shop, reference="blank ")
    await until(lambda: has_status(shop, "blank%20", "completed"), every_s=0.2)
    await desk.open("#/payments")

    await desk.page.get_by_label("Id or reference").fill("blank ")
    await desk.page.keyboard.press("Enter")
    await desk.shows("1 payment shown")
    await desk.page.get_by_label("Id or reference").fill("short-id ")
    await desk.page.keyboard.press("Enter")
    await desk.page.get_by_role("link", name="Look without the blanks around it").click()

    await expect(desk.page.locator("tbody .theirs")).to_have_text("short-id")


async def test_money_that_was_released_is_not_said_to_be_reserved(desk: Desk, shop: Shop) -> None:
    payment_id = (await shop.post(payment_method="pm_settle_declined")).body["payment_id"]
    await shop.finished(payment_id, at=("voided",))

    await at(desk, payment_id)

    await expect(desk.page.get_by_role("region", name="Money")).to_contain_text("reserved, and released")


@pytest.mark.long
async def test_a_refund_that_waits_for_a_person_is_not_shown_as_running(desk: Desk, shop: Shop) -> None:
    """And what was tried took its time."""
    payment_id = await completed(shop, payment_method="pm_refund_down")
    await shop.tell_provider("/break")
    await shop.refund(payment_id, key="held-up", amount_minor=450)
    await at(desk, payment_id)

    await desk.page.locator(".waits .mark.parked").wait_for(timeout=30_000)
    refunds = desk.page.get_by_role("region", name="Refunds")
    await expect(refunds.locator(".mark.parked")).to_contain_text("pending, parked")
    took = desk.page.locator(".timeline .parked").first.locator(".took")
    await expect(took).not_to_have_text(re.compile("^ *0 ms"))
    await shop.tell_provider("/repair")
    letters = (await shop.get(f"/api/ops/dead-letters?payment_id={payment_id}")).body["dead_letters"]
    await desk.open(f"#/letters/{letters[0]['id']}")
    await desk.shows("4.50 EUR of 12.50 EUR")


async def test_a_filter_stands_in_the_address_and_is_there_again_when_the_page_is(desk: Desk, shop: Shop) -> None:
    await shop.finished((await shop.post(payment_method="pm_declined", reference="no-luck")).body["payment_id"])
    await desk.open("#/payments")

    await desk.page.get_by_label("Status").select_option("failed")
    await desk.button("Search").click()
    await expect(desk.page).to_have_url(re.compile("#/payments[?]status=failed$"))
    await desk.page.reload()

    await desk.page.locator("tbody .mark.failed").first.wait_for()
    assert await desk.page.get_by_label("Status").input_value() == "failed"
    assert await desk.page.locator("tbody .mark.completed").count() == 0


async def test_where_no_payment_fits_it_says_so_and_leads_back(desk: Desk) -> None:
    await desk.open("#/payments?reference=nobody-has-this")

    await desk.shows("No payment fits.")
    await desk.page.get_by_role("link", name="Show all").last.click()

    await desk.page.locator("tbody tr").first.wait_for()


async def found_among(number: int, desk: Desk, shop: Shop) -> None:
    await shop.order_many(number, prefix=f"of-{number}")
    wanted = f"of-{number}-{number // 3}"
    await until(lambda: has_status(shop, wanted, "completed"), every_s=0.5, limit_s=None)
    await desk.open("#/payments")

    await desk.page.get_by_label("Id or reference").fill(wanted)
    await desk.button("Search").click()

    await desk.shows("1 payment shown")
    assert await desk.page.locator("tbody .theirs").all_inner_texts() == [wanted]


async def test_a_payment_is_found_by_its_reference_among_many(desk: Desk, shop: Shop) -> None:
    await found_among(60, desk, shop)


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_a_payment_is_found_by_its_reference_among_a_thousand(desk: Desk, shop: Shop) -> None:
    await found_among(1000, desk, shop)


async def test_a_row_that_fits_no_longer_says_so_and_keeps_its_place(desk: Desk, shop: Shop) -> None:
    """Somebody replays what others look at."""
    await shop.tell_provider("/break")
    await shop.post(payment_method="pm_down", reference="is-parked")
    place = "#/payments?reference=is-parked&waiting=parked"
    await until(lambda: waits(shop, "is-parked"), every_s=0.2)
    await desk.open(place)
    await expect(desk.page.locator("tbody .mark.parked")).to_contain_text("parked: create")

    await shop.tell_provider("/repair")
    async with shop.http.post(f"{shop.url}/api/ops/dead-letters/replay", json={"like": "is-parked"}) as answered:
        assert answered.status == 200

    await desk.shows("1 payment of these fits no longer", within_s=20)
    await expect(desk.page.locator("tbody tr")).to_contain_text("fits no longer; was")
    await desk.button("Refresh").click()
    await desk.shows("No payment fits.")


async def waits(shop: Shop, reference: str) -> bool:
    return bool((await shop.get(f"/api/ops/payments?reference={reference}&waiting=parked")).body["payments"])


async def test_of_a_payment_that_cannot_be_read_there_is_what_else_is_known(desk: Desk, shop: Shop) -> None:
    payment_id = await completed(shop, reference="unreadable")
    await until(lambda: has_status(shop, "unreadable", "completed"), every_s=0.2)
    problem = {"title": "What is stored of this payment cannot be read.", "code": "unreadable"}
    await play(desk.page, f"/api/ops/payments/{payment_id}", problem, status=500)

    await desk.open(f"#/payments/{payment_id}")

    await desk.shows("What is stored of this payment cannot be read.")
    await expect(desk.page.locator(".lead")).to_contain_text("completed 12.50 EUR for unreadable")
    assert "Out of date" not in await desk.text()


async def test_a_view_that_fails_says_so_and_the_others_go_on(desk: Desk) -> None:
    """What it showed before would pass for what is there now."""
    rows = {"payments": [{"id": None}], "next_page": None, "as_of": "2026-11-30T19:00:00Z"}
    await play(desk.page, "/api/ops/payments", rows)
    await desk.open()

    await desk.turn_to("Payments")
    await desk.shows("The page cannot show this")
    await desk.turn_to("Charts")

    await desk.heading("Charts").wait_for()
    assert desk.faults
    desk.faults.clear()


async def test_a_page_that_is_older_than_the_app_says_so(desk: Desk) -> None:
    answers = [played.summary(), played.summary(build="def456")]
    await play(desk.page, "/api/ops/flow", lambda: answers[0] if len(answers) == 1 else answers.pop(0))

    await desk.open()

    await desk.shows("The app has been deployed anew")
