"""Letters at the console: seen, previewed, replayed or discarded, and followed until it is known what became of it."""

from typing import Any

import pytest

from tests.browser.conftest import Visit
from tests.browser.desk import Desk
from tests.browser.played import play
from tests.browser.played_letters import LATER, Box, letter
from tests.shop import Shop
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

OUR_FAULT = "pm_invalid"


async def parked(shop: Shop, number: int, *, method: str, prefix: str) -> list[str]:
    """That many payments, each with an open letter."""
    ids = await shop.order_many(number, prefix=prefix, payment_method=method)

    async def all_are() -> bool:
        found = await letters(shop)
        return set(ids) <= {each["payment_id"] for each in found}

    await until(all_are, every_s=0.2)
    return ids


async def letters(shop: Shop, status: str = "open") -> list[dict[str, Any]]:
    answered = await shop.get(f"/api/ops/dead-letters?status={status}&limit=200")
    found: list[dict[str, Any]] = answered.body["dead_letters"]
    return found


async def test_a_provider_that_was_down_is_repaired_and_all_that_waited_is_replayed(desk: Desk, shop: Shop) -> None:
    """The whole of it: seen on the map, looked at, counted before it is done, and followed to its end."""
    ids = await parked(shop, 3, method="pm_down", prefix="down")
    await desk.open()
    await desk.page.locator("[data-step=create]").get_by_text("3 parked").click()
    await desk.shows("create: retries_exhausted")
    await shop.tell_provider("/repair")

    await desk.button("Replay 3 of create retries_exhausted").click()
    await desk.shows("3 letters of 3")
    before = await desk.text()
    await desk.answer("Replay 3 letters").click()

    assert "would be replayed: payments worth 37.50 EUR" in before
    await desk.heading("Replayed: 3 done").wait_for()
    await shop.finished_many(ids)
    assert [(await shop.get(f"/api/payments/{each}")).body["status"] for each in ids] == ["completed"] * 3
    await desk.shows("No letter is open")


async def test_what_dies_again_is_said_to_have_died_again_and_its_new_letter_is_named(desk: Desk, shop: Shop) -> None:
    await shop.tell_provider("/break")
    await parked(shop, 1, method="pm_down", prefix="again")
    await desk.open("#/letters")

    await desk.button("Replay 1 of create retries_exhausted").click()
    await desk.answer("Replay 1 letter").click()

    await desk.heading("Replayed: 1 died again").wait_for(timeout=30_000)
    (again,) = await letters(shop)
    await desk.shows(again["description"])
    kept = await desk.page.evaluate("JSON.stringify(localStorage)")
    assert again["id"] in kept
    assert again["description"] not in kept, "the next user of this browser reads it"
    await desk.page.get_by_role("link", name="its new letter").click()
    await desk.heading("Letter: create retries_exhausted").wait_for()
    await end_all(desk, shop)


async def test_what_was_done_is_shown_to_whoever_looks_until_it_is_dismissed(
    desk: Desk, shop: Shop, visit: Visit
) -> None:
    await shop.tell_provider("/break")
    await parked(shop, 1, method="pm_down", prefix="seen")
    async with visit() as other:
        await other.open("#/letters")
        await desk.open("#/letters")

        await desk.button("Replay 1 of create retries_exhausted").click()
        await desk.answer("Replay 1 letter").click()

        await other.heading("Started again by others: 1 died again").wait_for(timeout=30_000)
    await desk.page.reload()
    await desk.heading("Replayed: 1 died again").wait_for()
    await desk.button("Dismiss").click()
    await desk.heading("Replayed: 1 died again").wait_for(state="detached")
    await desk.page.reload()
    await desk.heading("Letters").wait_for()
    assert await desk.heading("Replayed: 1 died again").count() == 0
    await end_all(desk, shop)


async def end_all(desk: Desk, shop: Shop) -> None:
    """Gives up what is open, for the tests that come."""
    for each in await letters(shop):
        path = f"{shop.url}/api/ops/dead-letters/{each['id']}/discard"
        await shop.http.post(path, json={"reason": "the test is over"})
    await shop.tell_provider("/repair")

    async def none_is_open() -> bool:
        return not await letters(shop) and not await letters(shop, "taken_up")

    await until(none_is_open, every_s=0.2)


async def test_a_discard_asks_why_shows_what_would_happen_and_ends_the_payment(desk: Desk, shop: Shop) -> None:
    (payment_id,) = await parked(shop, 1, method=OUR_FAULT, prefix="bad")
    await desk.open("#/letters")

    await desk.button("Discard 1 of create our_fault").click()
    await desk.page.get_by_label("Why?").fill("the shop has sent a new one")
    await desk.answer("Show what would happen").click()
    await desk.shows("1 letter of 1")
    await desk.answer("Discard 1 letter").click()

    await desk.heading("Discarded: 1 done").wait_for()
    payment = await shop.finished(payment_id)
    assert payment["failed"]["reason"] == "discarded"


async def test_what_would_be_refused_is_left_out_of_a_replay_and_says_why(desk: Desk, shop: Shop) -> None:
    await parked(shop, 1, method=OUR_FAULT, prefix="left-out")
    await desk.open("#/letters")

    await desk.button("Replay all 1").click()

    await desk.shows("0 letters of 1")
    said = await desk.text()
    assert "left out" in said
    assert "it would be refused again: name the reason our_fault to replay it" in said
    assert await desk.page.locator("dialog").get_by_role("button").all_inner_texts() == ["Close"]
    await desk.answer("Close").click()
    await end_all(desk, shop)


async def test_one_letter_whole_shows_its_message_and_each_attempt(desk: Desk, shop: Shop) -> None:
    await shop.tell_provider("/break")
    await parked(shop, 1, method="pm_down", prefix="whole")
    (letter,) = await letters(shop)
    await desk.open(f"#/letters/{letter['id']}")

    await desk.shows("it would be sent again")

    attempts = desk.page.get_by_role("region", name="Attempts").get_by_role("listitem")
    assert await attempts.count() == len(await tries(shop, letter["id"]))
    assert '"specversion"' in await desk.page.get_by_role("region", name="Message").inner_text()
    await end_all(desk, shop)


async def tries(shop: Shop, letter_id: str) -> list[Any]:
    answered = await shop.get(f"/api/ops/dead-letters/{letter_id}")
    found: list[Any] = answered.body["message"]["tries"]
    return found


async def test_a_text_in_the_body_finds_the_letter_that_holds_it(desk: Desk, shop: Shop) -> None:
    await parked(shop, 1, method=OUR_FAULT, prefix="needle")
    await parked(shop, 1, method=OUR_FAULT, prefix="straw")
    await desk.open("#/letters")

    await desk.page.get_by_label("Text in reference").fill("NEEDLE-0")
    await desk.button("Search").click()

    await desk.shows("1 letter shown")
    said = await desk.text()
    assert "needle-0" in said
    assert "straw-0" not in said
    await end_all(desk, shop)


async def test_a_replay_that_the_app_refuses_says_so_in_its_place(desk: Desk, shop: Shop) -> None:
    await parked(shop, 1, method=OUR_FAULT, prefix="refused")
    (letter,) = await letters(shop)
    why = "the payment moved on"
    verdict = {"letter_id": letter["id"], "verdict": "cannot", "why": why, "cause": None}
    dry = {**verdict, "verdict": "replayed"}
    await play(desk.page, f"/{letter['id']}/replay", verdict)
    await desk.open(f"#/letters/{letter['id']}")

    await desk.page.route("**/replay?dry_run=true", lambda route: route.fulfill(json=dry))
    await desk.button("Replay…").click()
    await desk.answer("Replay 1 letter").click()

    await desk.heading("Replayed: 1 not possible").wait_for()
    assert why in await desk.page.get_by_role("region", name="What was done").inner_text()
    await end_all(desk, shop)


async def test_what_others_dealt_with_leaves_every_page_that_is_shown(desk: Desk) -> None:
    box = Box([letter(number) for number in range(120)])
    await box.put_in(desk.page)
    await desk.open("#/letters")
    await desk.shows("50 letters shown")
    await desk.button("Show more").click()
    await desk.shows("100 letters shown")

    for each in box.letters[40:95]:
        each["status"] = "closed"

    await desk.shows("65 letters shown")
    assert await desk.page.get_by_text("order-94", exact=True).count() == 0
    await desk.button("Show more").wait_for(state="detached")


async def test_a_replay_that_ends_in_the_middle_says_of_each_letter_what_is_known(desk: Desk) -> None:
    box = Box([letter(number) for number in range(120)], refuses=50)
    await box.put_in(desk.page)
    await desk.open("#/letters")

    await desk.button("Replay all 120").click()
    await desk.answer("Replay 120 letters").click()

    await desk.heading("Replayed: 50 under way, 50 not known yet, 20 not begun").wait_for()
    for each in box.letters[50:70]:  # it was done all the same
        each["status"] = "closed"
    await desk.heading("Replayed: 50 under way, 20 done, 30 not known yet, 20 not begun").wait_for()


async def test_what_somebody_else_replays_before_the_button_is_pressed_is_said_to_be_open_no_longer(desk: Desk) -> None:
    box = Box([letter(1), letter(2)])
    await box.put_in(desk.page)
    await desk.open("#/letters")
    await desk.button("Replay all 2").click()
    await desk.shows("2 letters of 2")

    box.letters[0]["status"] = "taken_up"
    await desk.answer("Replay 2 letters").click()

    await desk.heading("Replayed: 1 under way, 1 no longer open").wait_for()
    await desk.shows("dealt with since it was listed, by somebody else")
    box.letters[0]["status"] = "closed"
    await desk.heading("Replayed: 1 under way, 1 done").wait_for()


async def test_a_letter_of_another_event_is_no_new_death_of_this_one(desk: Desk) -> None:
    """A merchant who is to be told of two events: each is a task of its own."""
    payment_id = letter(1)["payment_id"]
    own = {"step": "notice", "payment_id": payment_id}
    box = Box([letter(1, **own, event_id="a:1"), letter(2, **own, event_id="a:2", recorded_at=LATER, severity="low")])
    box.becomes = lambda each: each.update(status="closed" if each["id"] == "letter-1" else "open")
    await box.put_in(desk.page)
    await desk.open("#/letters")

    await desk.button("Replay all 2").click()
    await desk.answer("Replay 2 letters").click()

    await desk.heading("Replayed: 1 done, 1 under way").wait_for()


async def test_many_are_followed_to_their_end_by_few_questions(desk: Desk) -> None:
    box = Box([letter(number) for number in range(450)], becomes=lambda each: each.update(status="closed"))
    await box.put_in(desk.page)
    await desk.open("#/letters")

    await desk.button("Replay all 450").click()
    await desk.answer("Replay 450 letters").click()

    await desk.heading("Replayed: 450 done").wait_for()
    assert not [each for each in box.heard if "/letter-" in each]
    assert await desk.page.locator("[role=status].unseen").inner_text() == "450 done"


async def test_each_charge_that_would_be_noted_as_given_back_is_named(desk: Desk) -> None:
    """A person answers for each of them. Left out are those that the filter does not mean."""
    twice = {"reason": "charged_twice", "severity": "high"}
    box = Box([*(letter(number, **twice) for number in range(25)), letter(99)])
    await box.put_in(desk.page)
    await desk.open("#/letters?reason=charged_twice")

    await desk.button("Discard all 26").click()
    await desk.page.get_by_label("Why?").fill("given back by hand")
    await desk.answer("Show what would happen").click()

    await desk.shows("25 letters of 25")
    said = await desk.page.get_by_role("dialog").inner_text()
    assert [number for number in range(25) if f"ch_letter-{number} was given back" not in said] == []
    assert "payments worth 312.50 EUR" in said
