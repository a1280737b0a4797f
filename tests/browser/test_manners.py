"""How the page behaves towards the app: how often it asks, when it stops, and what it says when it gets no answer."""

import asyncio
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Browser, Route

from local.supervisor import Platform
from tests.browser import played
from tests.browser.conftest import Visit
from tests.browser.desk import Desk, visiting
from tests.browser.played import play
from tests.shop import Shop
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

HIDE, SHOW = (
    f"() => {{ Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}});"
    " document.dispatchEvent(new Event('visibilitychange')); }"
    for hidden in ("true", "false")
)
"""A second tab of a headless browser never hides the first."""
SIGN_IN = "/.auth/login/aad?post_login_redirect_uri=/api/console"


def asked(desk: Desk, path: str = "/api/ops/flow") -> int:
    return sum(each.endswith(path) for each in desk.requests)


def to_the_app(desk: Desk) -> int:
    return sum("/api/" in each and "/api/console" not in each for each in desk.requests)


async def on_a_clock(desk: Desk) -> None:
    """From here on time passes only when a test says so, so that none has to wait."""
    await desk.page.clock.install()
    await play(desk.page, "/api/ops/flow", played.summary())
    await desk.open()


async def passes(desk: Desk, seconds: float) -> None:
    """Each timer that is due meanwhile runs, and what it asks for is answered."""
    for _ in range(int(seconds)):
        await desk.page.clock.run_for(1000)
        await asyncio.sleep(0.02)


async def test_it_asks_one_question_each_two_seconds(desk: Desk) -> None:
    await on_a_clock(desk)
    before, all_before = asked(desk), to_the_app(desk)

    await passes(desk, 20)

    assert 8 <= asked(desk) - before <= 11
    assert to_the_app(desk) - all_before == asked(desk) - before


async def test_a_pause_stops_it_and_can_be_seen(desk: Desk) -> None:
    await on_a_clock(desk)

    await desk.button("Pause").click()
    before = to_the_app(desk)
    await passes(desk, 10)

    assert to_the_app(desk) == before
    assert "paused" in await desk.text()
    assert await desk.button("Pause").get_attribute("aria-pressed") == "true"


async def test_a_page_that_nobody_sees_asks_for_nothing(desk: Desk) -> None:
    await on_a_clock(desk)

    await desk.page.evaluate(HIDE)
    await passes(desk, 3)
    before = to_the_app(desk)
    await passes(desk, 30)
    hidden = to_the_app(desk)
    await desk.page.evaluate(SHOW)
    await passes(desk, 1)

    assert hidden == before
    assert to_the_app(desk) > hidden


async def test_after_ten_minutes_without_a_hand_on_it_it_stops_and_goes_on_when_there_is_one(desk: Desk) -> None:
    await on_a_clock(desk)

    await desk.page.clock.fast_forward(10 * 60_000)
    await passes(desk, 4)
    before = to_the_app(desk)
    await passes(desk, 20)
    idle, said = to_the_app(desk), await desk.text()
    await desk.page.keyboard.press("Tab")
    await passes(desk, 3)

    assert idle == before
    assert "stopped: nobody looks" in said
    assert to_the_app(desk) > idle


async def test_while_the_app_fails_it_asks_less_and_less_often(desk: Desk) -> None:
    await on_a_clock(desk)
    problem = {"title": "The store is busy. Do the same again: it is safe.", "code": "store_busy"}
    await play(desk.page, "/api/ops/flow", problem, status=503)

    await passes(desk, 6)
    before = asked(desk)
    await passes(desk, 60)

    said = await desk.text()
    assert 2 <= asked(desk) - before <= 6
    assert "Out of date: The store is busy. Do the same again: it is safe. Trying again in" in said
    assert "Flow" in said  # what was known stays


async def test_counts_that_are_not_whole_say_since_when_they_are(desk: Desk) -> None:
    """An app that has just begun to watch, and may not read ten minutes of so many events, says nought of all."""
    since = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    answers = [played.summary(since=since), played.summary()]
    await play(desk.page, "/api/ops/flow", lambda: answers[0] if len(answers) == 1 else answers.pop(0))
    await desk.open()

    await desk.shows(f"are whole only since {since[11:19]}Z")
    await desk.page.locator(".caveat").wait_for(state="detached")


async def test_an_answer_that_does_not_come_is_said_to_be_waited_for(desk: Desk) -> None:
    """The store is frozen: long before the request is given up."""
    await on_a_clock(desk)
    await desk.page.route("**/api/ops/flow", lambda _: None)

    await passes(desk, 10)

    assert re.search(r"as of [0-9.]+ s ago, no answer yet", await desk.text())


async def test_what_has_not_changed_is_not_sent_again(desk: Desk) -> None:
    heard: list[str | None] = []

    async def answer(route: Any) -> None:
        tag = route.request.headers.get("if-none-match")
        heard.append(tag)
        if tag == '"one"':
            await route.fulfill(status=304)
        else:
            await route.fulfill(json=played.summary(), headers={"ETag": '"one"'})

    await desk.page.route("**/api/ops/flow", answer)
    await desk.open()

    await until(lambda: len(heard) >= 3)

    assert heard[:3] == [None, '"one"', '"one"']
    assert "Out of date" not in await desk.text()


async def test_it_says_how_old_it_is(desk: Desk) -> None:
    await on_a_clock(desk)
    await desk.button("Pause").click()

    await passes(desk, 9)

    found = re.search(r"as of ([0-9.]+) s ago, paused", await desk.text())
    assert found is not None
    assert 8 <= float(found[1]) <= 11


@pytest.mark.parametrize("path", ["/api/ops/me", "/api/ops/flow"])
async def test_who_has_not_signed_in_is_led_to_where_that_is_done(path: str, desk: Desk) -> None:
    await desk.page.route(f"**{path}", lambda route: route.fulfill(status=401))
    await desk.open()

    link = desk.page.get_by_role("main").get_by_role("link", name="Sign in")

    assert await link.get_attribute("href") == SIGN_IN


async def test_a_redirect_to_a_sign_in_is_taken_for_one(desk: Desk) -> None:
    """A deployment may have been told to redirect; no script may follow that to another site."""
    elsewhere = {"Location": "https://login.example/authorize"}
    await desk.page.route("**/api/ops/me", lambda route: route.fulfill(status=302, headers=elsewhere))

    await desk.open()

    await desk.heading("Sign in").wait_for()


async def test_who_may_not_look_is_told_so_and_shown_nothing(desk: Desk) -> None:
    problem = {
        "title": "The caller may not do this.",
        "detail": "This needs the role Operations.",
        "code": "role_missing",
    }
    await play(desk.page, "/api/ops/me", problem, status=403)
    await desk.open("#/letters")

    said = await desk.text()

    assert "The caller may not do this. This needs the role Operations." in said
    assert "role_missing" in said
    assert not [each for each in desk.requests if "/api/ops/dead-letters" in each]


async def test_after_a_session_has_ended_nothing_of_what_was_seen_stays(desk: Desk) -> None:
    letters = played.letters(open=7, oldest_s=5)
    await play(desk.page, "/api/ops/flow", lambda: played.summary(letters=letters))
    await desk.open()
    await desk.shows("7 open")

    await desk.page.route("**/api/ops/**", lambda route: route.fulfill(status=401))

    await desk.heading("Sign in").wait_for()
    assert await desk.page.locator(".badge, .who, .tile").count() == 0


async def test_who_has_signed_in_can_sign_out_but_not_on_a_laptop(
    desk: Desk, browser: Browser, platform: Platform
) -> None:
    async def deployed(route: Route) -> None:
        here = route.request.url.replace("https://shop.example", platform.url)
        await route.fulfill(response=await route.fetch(url=here, headers={}))

    await desk.open()
    assert await desk.page.get_by_role("link", name="Sign out").count() == 0
    async with visiting(browser, "https://shop.example") as elsewhere:
        await elsewhere.page.route("https://shop.example/**", deployed)
        await elsewhere.open()

        link = elsewhere.page.get_by_role("link", name="Sign out")

        assert await link.get_attribute("href") == "/.auth/logout?post_logout_redirect_uri=/api/console"


async def test_what_a_caller_may_not_do_is_not_offered(desk: Desk, shop: Shop) -> None:
    payment = await shop.finished((await shop.post()).body["payment_id"])
    nothing = dict.fromkeys(played.MAY, False)
    await play(desk.page, "/api/ops/me", played.me(may=nothing))
    await desk.open(f"#/payments/{payment['payment_id']}")

    await desk.shows("in all")

    assert await desk.button("Refund…").count() == 0


async def test_a_payment_at_rest_is_not_asked_for_each_time_that_others_move(desk: Desk, shop: Shop) -> None:
    payment = await shop.finished((await shop.post()).body["payment_id"])
    await on_a_clock(desk)
    await play(desk.page, "/api/ops/flow", lambda: played.summary(minute={"payment-initiated": 1}))
    await desk.page.evaluate(f"location.hash = '#/payments/{payment['payment_id']}'")
    await passes(desk, 6)
    before = asked(desk, "/events")

    await passes(desk, 30)

    assert 2 <= asked(desk, "/events") - before <= 4


async def test_no_key_and_no_name_is_kept_by_the_browser(desk: Desk, visit: Visit) -> None:
    await desk.open("#/payments")
    await desk.page.wait_for_load_state("networkidle")

    kept = await desk.page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]")

    assert kept == ["{}", "{}", ""]


async def test_it_survives_the_death_of_the_host(desk: Desk, platform: Platform, shop: Shop) -> None:
    await shop.finished((await shop.post(reference="before-the-death")).body["payment_id"])
    await desk.open("#/payments")
    await desk.shows("before-the-death")
    await platform.kill("host")
    await desk.shows("Out of date: the app does not answer")

    await platform.start("host")
    await shop.post(reference="after-the-death")

    await desk.page.locator(".trouble").wait_for(state="detached", timeout=60_000)
    await desk.button("Refresh (").wait_for(timeout=30_000)
    await desk.button("Refresh (").click()
    await desk.shows("after-the-death")


async def test_half_an_answer_is_none_and_is_not_kept(desk: Desk) -> None:
    """The app dies while it answers; its tag came before."""
    heard: list[str | None] = []

    async def answer(route: Any) -> None:
        heard.append(route.request.headers.get("if-none-match"))
        body = '{"as_of": "2026-' if len(heard) == 2 else json.dumps(played.summary())
        await route.fulfill(body=body, headers={"ETag": f'"{min(len(heard), 2)}"'}, content_type="application/json")

    await desk.page.clock.install()
    await desk.page.route("**/api/ops/flow", answer)
    await desk.open()
    await passes(desk, 3)
    await desk.shows("Out of date: the app's answer cannot be read")
    await passes(desk, 5)
    await desk.page.locator(".trouble").wait_for(state="detached")

    assert heard[:3] == [None, '"1"', '"1"'], "what came whole is what is asked about"


async def test_what_moved_while_nobody_looked_is_asked_for_when_somebody_does(desk: Desk) -> None:
    """The curves of the last seconds are as flat as they were before."""
    await on_a_clock(desk)
    await desk.turn_to("Payments")
    await passes(desk, 4)
    before = len(lists(desk))
    await passes(desk, 6)
    at_rest = len(lists(desk))

    await desk.page.evaluate(HIDE)
    await passes(desk, 30)
    await desk.page.evaluate(SHOW)
    await passes(desk, 3)

    assert at_rest == before
    assert len(lists(desk)) == at_rest + 1


async def test_what_a_list_could_not_ask_for_is_asked_for_once_it_can(desk: Desk) -> None:
    """Something moves, the store is busy just then, and after that nothing moves."""
    await on_a_clock(desk)
    await desk.turn_to("Payments")
    await passes(desk, 4)
    problem = {"title": "The store is busy.", "code": "store_busy"}
    await play(desk.page, "/api/ops/payments", problem, status=503)
    await play(desk.page, "/api/ops/flow", played.summary(steps={"create": {"owed": 1}}))
    await passes(desk, 3)
    assert "Out of date: The store is busy." in await desk.text()

    await desk.page.unroute_all(behavior="ignoreErrors")
    await play(desk.page, "/api/ops/flow", played.summary(steps={"create": {"owed": 1}}))
    before = len(lists(desk))
    await passes(desk, 20)

    assert len(lists(desk)) == before + 1
    assert "Out of date" not in await desk.text()


def lists(desk: Desk) -> list[str]:
    return [each for each in desk.requests if "/api/ops/payments?" in each]
