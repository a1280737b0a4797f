"""What others have written is text at the console, and pages of others change and read nothing, in a real browser."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser

from tests.browser.conftest import Visit
from tests.browser.desk import Desk, chromium
from tests.browser.played import play
from tests.e2e.attacking import CHANGES, LETTER, NOTIFICATION, PAYMENT, READS, Call, Target, target
from tests.shop import Shop
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

MARKUP = (
    '<img src=x onerror="window.hacked=1">',
    "</bdi></script><script>window.hacked=1</script>",
    '"><svg onload=window.hacked=1>',
    "javascript:window.hacked=1",
    "${window.hacked=1}{{window.hacked=1}}",
    "<style>body{display:none}</style>",
)
EVERYTHING = " ".join(MARKUP)
"""All of it, where the field is long enough."""


async def harmless(desk: Desk) -> None:
    """Nothing of it ran, and nothing of it stands in the page as an element."""
    assert await desk.page.evaluate("window.hacked") is None
    foreign = "main :is(img, script, style, iframe, object, embed, link, [onload], [onerror])"
    assert await desk.page.locator(foreign).count() == 0
    links = await desk.page.locator("a").evaluate_all("all => all.map((each) => each.href)")
    assert not [each for each in links if each.startswith("javascript:")]


async def shown(desk: Desk, *texts: str) -> None:
    for each in texts:
        await desk.shows(each)
    await harmless(desk)


@pytest.mark.parametrize("reference", [each for each in MARKUP if len(each) <= 64])
async def test_a_reference_is_text(reference: str, desk: Desk, shop: Shop) -> None:
    payment = await shop.finished((await shop.post(reference=reference)).body["payment_id"])

    await desk.open("#/payments")
    await shown(desk, reference)
    await desk.open(f"#/payments/{payment['payment_id']}")
    await shown(desk, reference)


async def test_a_description_and_metadata_are_text(desk: Desk, shop: Shop) -> None:
    """Metadata is text in its name, too."""
    order: dict[str, Any] = {"description": EVERYTHING, "metadata": {MARKUP[0]: EVERYTHING}}
    payment = await shop.finished((await shop.post(**order)).body["payment_id"])

    await desk.open(f"#/payments/{payment['payment_id']}")

    await shown(desk, EVERYTHING, MARKUP[0])


async def test_what_turns_the_writing_or_breaks_a_line_is_written_out(desk: Desk, shop: Shop) -> None:
    payment = await shop.finished((await shop.post(reference="invoice\u202egnp.exe\u2028x")).body["payment_id"])

    await desk.open(f"#/payments/{payment['payment_id']}")

    await shown(desk, r"invoice\u202egnp.exe\u2028x")


async def test_a_decline_code_is_text(desk: Desk, shop: Shop) -> None:
    """Where a provider says it, it is in the payment and in its events."""
    payment = await shop.finished((await shop.post(payment_method="pm_declined")).body["payment_id"])
    path = f"/api/ops/payments/{payment['payment_id']}"
    whole = (await shop.get(path)).body
    events = (await shop.get(f"{path}/events")).body
    whole["failed"]["code"] = MARKUP[0]
    events["events"][-1]["data"]["code"] = MARKUP[1]
    await play(desk.page, path, whole)
    await play(desk.page, f"{path}/events", events)

    await desk.open(f"#/payments/{payment['payment_id']}")
    await desk.page.get_by_text("Raw events").click()

    await shown(desk, MARKUP[0], MARKUP[1])


async def letter_of(shop: Shop) -> dict[str, Any]:
    payment_id = (await shop.post(payment_method="pm_invalid")).body["payment_id"]
    found: list[dict[str, Any]] = []

    async def is_there() -> bool:
        found[:] = (await shop.get(f"/api/ops/dead-letters?payment_id={payment_id}")).body["dead_letters"]
        return bool(found)

    await until(is_there, every_s=0.2)
    return (await shop.get(f"/api/ops/dead-letters/{found[0]['id']}")).body


async def test_a_letter_is_text_whatever_its_message_says(desk: Desk, shop: Shop) -> None:
    letter = await letter_of(shop)
    message = {**letter["message"], "body": f"{EVERYTHING}\n\u202e{MARKUP[0]}", "message_id": MARKUP[1]}
    tried = [{"at": letter["recorded_at"], "code": MARKUP[2], "answer": MARKUP[3]}]
    odd = {**letter, "description": MARKUP[4], "source": MARKUP[5], "message": {**message, "tries": tried}}
    await play(desk.page, f"/api/ops/dead-letters/{letter['id']}", odd)

    await desk.open(f"#/letters/{letter['id']}")

    await shown(desk, *MARKUP)


async def test_a_list_of_letters_is_text(desk: Desk, shop: Shop) -> None:
    """The words of a broker may be in reason and step: anybody may write them who may send."""
    letter = await letter_of(shop)
    odd = {**letter, "reason": MARKUP[0], "step": MARKUP[2], "description": EVERYTHING, "reference": MARKUP[1]}
    await desk.page.route(
        "**/api/ops/dead-letters?*", lambda route: route.fulfill(json={**LIST, "dead_letters": [odd]})
    )
    group = {"step": MARKUP[2], "reason": MARKUP[0], "severity": MARKUP[3], "letters": 1, "payments": 1, "worth": []}
    times = {"oldest_at": letter["recorded_at"], "newest_at": letter["recorded_at"]}
    await play(desk.page, "/dead-letters/summary", {"groups": [{**group, **times}], "open": 1, "as_of": "x"})

    await desk.open("#/letters")

    await shown(desk, MARKUP[0], MARKUP[1], EVERYTHING)


LIST: dict[str, Any] = {"next_page": None, "as_of": "2026-11-30T19:00:00Z"}


async def test_a_problem_is_text_in_each_of_its_parts(desk: Desk) -> None:
    problem = {
        "title": MARKUP[0],
        "detail": MARKUP[1],
        "code": MARKUP[2],
        "errors": [{"field": MARKUP[4], "code": "x", "message": MARKUP[5]}],
    }
    await desk.page.route("**/api/ops/payments?*", lambda route: route.fulfill(status=422, json=problem))

    await desk.open("#/payments")

    await shown(desk, MARKUP[0], MARKUP[1], MARKUP[5])


async def test_what_stands_in_the_address_is_text(desk: Desk) -> None:
    """Anybody may make somebody follow a link."""
    await desk.open("#/payments/%3Cimg%20src=x%20onerror=%22window.hacked=1%22%3E")
    await harmless(desk)
    await desk.open("#/letters?step=%3Cimg%20src=x%20onerror=window.hacked=1%3E")
    await harmless(desk)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)//{trace_id}",
        "javascript://viewer.example/%0aalert(1)//{trace_id}",
        "data:text/html,x{trace_id}",
    ],
)
async def test_a_viewer_of_traces_is_an_address_of_the_web_or_none(address: str, desk: Desk, shop: Shop) -> None:
    from tests.browser import played

    payment = await shop.finished((await shop.post()).body["payment_id"])
    events = (await shop.get(f"/api/ops/payments/{payment['payment_id']}/events")).body
    events["events"][-1]["trace_id"] = "ab" * 16
    await play(desk.page, "/api/ops/me", played.me(trace_url=address))
    await play(desk.page, f"/{payment['payment_id']}/events", events)

    await desk.open(f"#/payments/{payment['payment_id']}")

    await desk.shows("in all")
    await harmless(desk)
    assert await desk.page.get_by_role("link", name="Trace").count() == 0


# -- pages of others


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def laptop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """With one payment that waits, and its letter: there is something to change."""
    chromium()
    async with target(data=tmp_path_factory.mktemp("laptop"), operator={}, merchant={}) as running:
        yield running


@asynccontextmanager
async def page_of_another(name: str) -> AsyncIterator[str]:
    """The origin of an empty page that the same machine serves, under this name."""

    async def empty(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>evil</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", empty)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://{name}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


ATTACK = """async ({url, method, body}) => {
  const tries = [
    {method, mode: 'cors', headers: body ? {'Content-Type': 'application/json'} : {}, body, credentials: 'include'},
    {method, mode: 'no-cors', headers: body ? {'Content-Type': 'text/plain'} : {}, body, credentials: 'include'},
    {method, mode: 'cors', body, credentials: 'include'},
  ];
  const read = [];
  for (const each of tries) {
    const answer = await fetch(url, each).catch(() => null);
    read.push(answer && answer.type !== 'opaque' ? await answer.text() : null);
  }
  if (method === 'POST') {
    navigator.sendBeacon(url, new Blob([body ?? ''], {type: 'text/plain'}));
    const frame = document.createElement('iframe');
    frame.name = `sink${Math.random()}`;
    document.body.append(frame);
    const form = document.createElement('form');
    Object.assign(form, {method: 'POST', action: url, target: frame.name, enctype: 'text/plain'});
    const field = form.appendChild(document.createElement('input'));
    Object.assign(field, {name: body ?? '', value: ''});
    document.body.append(form);
    const loaded = new Promise((done) => frame.addEventListener('load', done));
    form.submit();
    await loaded;
  }
  return read;
}"""


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_a_page_of_another_origin_changes_nothing_and_reads_nothing(
    name: str, browser: Browser, laptop: Target
) -> None:
    """By fetch, beacon and form, each call that there is; as what the browser calls same-site, and cross-site."""
    context = await browser.new_context()
    page = await context.new_page()
    before = await laptop.stored()
    read: list[object] = []

    async with page_of_another(name) as origin:
        await page.goto(origin)
        for call in (*CHANGES, *READS):
            read += await page.evaluate(ATTACK, attack(call, laptop))

    assert set(read) == {None}
    assert await laptop.stored() == before
    assert "origin_refused" in laptop.log()
    await context.close()


def attack(call: Call, at: Target) -> dict[str, Any]:
    path = call.path.replace(PAYMENT, at.payment).replace(LETTER, at.letter)
    path = path.replace(NOTIFICATION, f"{at.payment}:notify")
    body = None if call.body is None else json.dumps(call.body)
    return {"url": f"{at.platform.url}{path}", "method": call.method, "body": body}


async def test_a_page_of_another_origin_can_put_no_frame_around_the_console(browser: Browser, laptop: Target) -> None:
    """Somebody who sees another page would press its buttons."""
    context = await browser.new_context()
    page = await context.new_page()

    async with page_of_another("localhost") as origin:
        await page.goto(origin)
        await page.evaluate(
            "(url) => new Promise((done) => { const frame = document.createElement('iframe'); frame.onload = done;"
            " frame.src = url; document.body.append(frame); })",
            f"{laptop.platform.url}/api/console",
        )

    framed = [await each.evaluate("document.title") for each in page.frames[1:]]
    assert "Regis Pay" not in framed
    await context.close()


async def test_text_is_never_made_into_markup_by_the_page_itself(desk: Desk, visit: Visit) -> None:
    """Were it ever forgotten, the browser refuses: the policy lets lit-html's templates alone make markup."""
    async with visit() as opened:
        await opened.open()
        refused = await opened.page.evaluate(
            "() => { try { document.body.innerHTML = '<b>x</b>'; return false; } catch { return true; } }"
        )
        await opened.page.evaluate("window.violations = []")
        opened.faults.clear()

    assert refused
