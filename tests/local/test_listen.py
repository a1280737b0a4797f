"""`python -m local listen`: what merchants are told is shown once, and forwarded as it was sent."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from local.commands import run as run_command
from local.datafolder import word_left
from local.ports import FREE
from local.signing import is_signed_with
from tests.local.terminal import Run, local
from tests.ops.scripted import Scripted, scripted

OTHER_SECRET = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCwgbm90IG91cnM="
LIST, HEALTH, KIND = "GET /api/payments", "GET /api/health", "regispay.payment.settled.v1"
BODY = '{"specversion":"1.0","id":"p1:notify","data":{"reference":"caf\\u00e9 \u00e9 \U0001f600"}}'


@dataclass
class Shop:
    """A merchant's server: what it was sent, and the answers that it gives, the last one for ever."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [204])
    sent: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        self.sent.append((dict(request.headers), await request.read()))
        status = self.answers[min(len(self.sent), len(self.answers)) - 1]
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})


@pytest_asyncio.fixture(name="app")
async def an_app_with_one_payment() -> AsyncIterator[Scripted]:
    async with scripted() as script:
        script.on(HEALTH, (200, {"status": "ok"}))
        shows(script, row())
        yield script


@pytest_asyncio.fixture(name="shop")
async def a_shop() -> AsyncIterator[Shop]:
    shop = Shop()
    application = web.Application()
    application.router.add_post("/{tail:.*}", shop.receive)
    async with TestServer(application) as server:
        shop.url = str(server.make_url("/hooks"))
        yield shop


def row(payment_id: str = "p1", **changes: Any) -> dict[str, Any]:
    seen = {"payment_id": payment_id, "version": 3, "amount_minor": 1250, "currency": "EUR", "reference": "order-1"}
    return {**seen, "status": "settled", "initiated_at": "2026-01-02T12:00:00Z", **changes}


def shows(app: Scripted, *rows: dict[str, Any]) -> None:
    app.on(LIST, (200, {"payments": list(rows), "next_page": None}))
    for each in rows:
        app.on(of(each["payment_id"]), (200, {"payment_id": each["payment_id"], "notifications": []}))


def of(payment_id: str = "p1") -> str:
    return f"GET /api/payments/{payment_id}/notifications"


def attempt(number: int = 1, *, ago_s: float = -60, secret: str = OTHER_SECRET, **changes: Any) -> dict[str, Any]:
    """By default in a minute, so that it is later than the start of any test."""
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    told = {"at": at.isoformat(), "attempt": number, "by": "step", "url": "https://shop.example/hooks"}
    headers = {
        "webhook-id": "p1:notify",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("p1:notify", at, BODY),
    }
    return {**told, "status_code": 503, "duration_ms": 7, "headers": headers, "body": BODY, **changes}


def told(*attempts: dict[str, Any], state: str = "waiting") -> tuple[int, dict[str, Any]]:
    notification = {"notification_id": "p1:notify", "type": KIND, "state": state, "occurred_at": "2026-01-02T12:00:00Z"}
    return 200, {"payment_id": "p1", "notifications": [{**notification, "attempts": list(attempts)}]}


def listen(app: Scripted, *more: str) -> list[str]:
    return ["listen", "--url", app.url, *more]


async def asked(app: Scripted, route: str, *, times: int) -> None:
    """Once it was asked so often from now on."""
    before = len(app.to(route))
    while len(app.to(route)) < before + times:
        await asyncio.sleep(0.02)


def json_lines(said: str) -> Iterator[dict[str, Any]]:
    yield from (json.loads(line) for line in said.splitlines() if line.startswith("{"))


async def stops(run: Run, number: signal.Signals = signal.SIGINT) -> int:
    run.process.send_signal(number)
    return await run.ends()


async def test_each_attempt_is_shown_once_with_what_the_merchant_answered(app: Scripted) -> None:
    app.on(of(), told(first := attempt()), told(first, attempt(2, status_code=204), state="delivered"))
    async with local(*listen(app)) as run:
        await run.says("attempt 2")
        await asked(app, of(), times=1)

        assert await stops(run) == 0

    lines = [line for line in run.said.splitlines() if KIND in line]
    assert [line.split("  ")[1:5] for line in lines] == [[KIND, "p1", "12.50 EUR", "order-1"]] * 2
    assert "attempt 1: answered 503 in 7 ms" in lines[0]
    assert "attempt 2: answered 204 in 7 ms" in lines[1]
    assert run.said.endswith("stopped\n")


async def test_it_is_forwarded_byte_for_byte_and_the_answer_is_shown(app: Scripted, shop: Shop) -> None:
    app.on(of(), told(first := attempt()))
    async with local(*listen(app, "--forward-to", shop.url)) as run:
        await run.says("-> 204 in ")
        await asked(app, of(), times=2)
        await stops(run)

    ((headers, body),) = shop.sent
    assert body == BODY.encode()
    assert {name: headers[name] for name in first["headers"]} == first["headers"]
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert is_signed_with(OTHER_SECRET, headers, body=body.decode())


async def test_in_the_order_of_the_attempts_also_over_several_payments(app: Scripted, shop: Shop) -> None:
    shows(app, row("p2"), row("p1"))
    app.on(of("p1"), told(attempt(ago_s=-61), attempt(3, ago_s=-63)))
    app.on(of("p2"), told(attempt(2, ago_s=-62)))
    async with local(*listen(app, "--forward-to", shop.url, "--json")) as run:
        await run.says('"attempt": 3')
        await stops(run)

    assert [each["attempt"]["attempt"] for each in json_lines(run.said)] == [1, 2, 3]


async def test_a_server_that_is_down_is_said_and_the_next_one_is_tried(app: Scripted) -> None:
    nobody = f"http://127.0.0.1:{FREE.chosen().http}/"
    app.on(of(), told(first := attempt()), told(first, attempt(2)))
    async with local(*listen(app, "--forward-to", nobody)) as run:
        said = await run.says("attempt 2)")

        assert await stops(run) == 0

    assert said.count("-> nothing listens there (") == 2


async def test_a_redirect_is_an_answer_and_not_followed(app: Scripted, shop: Shop) -> None:
    shop.answers = [302]
    app.on(of(), told(attempt()))
    async with local(*listen(app, "--forward-to", shop.url)) as run:
        await run.says("-> 302 in ")

    assert len(shop.sent) == 1


async def test_what_was_never_sent_is_not_forwarded(app: Scripted, shop: Shop) -> None:
    unsigned = attempt(status_code=None, failure="no_secret", headers={})  # with the body that would have been sent
    app.on(of(), told(unsigned))
    async with local(*listen(app, "--forward-to", shop.url)) as run:
        said = await run.says("-> not forwarded")

    assert "attempt 1: no_secret in 7 ms  not signed" in said
    assert shop.sent == []


async def test_earlier_attempts_are_shown_when_they_are_asked_for(app: Scripted) -> None:
    app.on(of(), told(attempt(ago_s=7200), attempt(2, ago_s=60), attempt(3)))
    async with local(*listen(app)) as now:
        await now.says("attempt 3")
    async with local(*listen(app, "--since", "1h")) as earlier:
        await earlier.says("attempt 3")

    assert "attempt 2" not in now.said
    assert "attempt 2" in earlier.said
    assert "attempt 1" not in earlier.said


async def test_for_programs_each_line_is_json_and_holds_all_of_it(app: Scripted, shop: Shop) -> None:
    app.on(of(), told(first := attempt()))
    async with local(*listen(app, "--json", "--forward-to", shop.url)) as run:
        await run.says('"status_code": 204')
        await stops(run)

    (shown,) = json_lines(run.said)
    assert shown["payment"] == row()
    assert shown["attempt"] == first
    assert shown["notification"]["state"] == "waiting"
    assert "attempts" not in shown["notification"]
    assert shown["signature"] == "other"
    assert shown["forwarded"]["failure"] is None


async def test_a_payment_that_waits_is_followed_however_many_are_newer(app: Scripted) -> None:
    newer = (200, {"payments": [row("p3"), row("p2")], "next_page": "p1"})
    app.on(LIST, (200, {"payments": [row("p2"), row()], "next_page": None}), newer)
    app.on(of("p2"), told(state="delivered"))
    app.on(of("p3"), told(state="delivered"))
    app.on(of(), told(first := attempt()), told(first, attempt(2), state="delivered"))
    async with local(*listen(app)) as run:
        said = await run.says("attempt 2")

    assert (
        said.count("the 200 newest payments are followed, and those that get older until their merchant is told") == 1
    )


async def test_what_is_lost_is_said(app: Scripted) -> None:
    app.on(LIST, *((200, {"payments": [row(f"p{number}")], "next_page": "p"}) for number in range(3)))
    async with local(*listen(app, "--json")) as run:
        said = await run.says("more than 200 payments came at once: not all of them are followed")

    assert said.count("the 200 newest payments are followed") == 1


async def test_one_payment_that_cannot_be_asked_about_takes_nothing_from_the_others(app: Scripted) -> None:
    shows(app, row("p2"), row("p1"))
    app.on(of("p2"), (500, ""), (404, {"code": "payment_unknown"}))
    app.on(of("p1"), told(attempt()), told())
    async with local(*listen(app)) as run:
        said = await run.says("not all notifications are shown: ")
        await stops(run)

    assert said.count(KIND) == 1
    assert "away" not in said


async def test_while_the_app_is_away_it_waits_and_finds_it_where_it_is_then(tmp_path: Path) -> None:
    async with scripted() as before:
        before.on(HEALTH, (200, {}))
        shows(before, row())
        with word_left(tmp_path, {"url": before.url}):
            run = local("listen", "--data", str(tmp_path))
            listening = await run.__aenter__()
            await listening.says("listening to")
            before.on(LIST, (503, ""))
            await listening.says("the app is away, waiting for it")
    async with scripted() as after:
        shows(after, row())
        after.on(of(), told(attempt()))
        with word_left(tmp_path, {"url": after.url}):
            said = await listening.says(KIND)
            await run.__aexit__(None, None, None)

    assert said.count("away") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_told_to_stop_it_says_how_many_have_no_answer_yet(app: Scripted, number: signal.Signals) -> None:
    never = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    app.on(of(), told(attempt(), attempt(2), attempt(3)))
    async with local(*listen(app, "--forward-to", f"http://127.0.0.1:{port}/")) as run:
        await run.says("attempt 3")

        assert await stops(run, number) == 0
    never.set()
    server.close()

    assert run.said.endswith("stopped; 3 have no answer yet\n")


async def test_without_a_platform_it_says_so_and_ends(tmp_path: Path) -> None:
    async with (
        local("listen", "--data", str(tmp_path)) as none,
        local("listen", "--url", f"http://127.0.0.1:{FREE.chosen().http}") as silent,
    ):
        codes = await none.ends(), await silent.ends()

    assert codes == (2, 2)
    assert none.said == "no platform runs here: `make run` starts it; --data or --url name another one\n"
    assert silent.said.startswith("no function app answers at http://127.0.0.1:")


async def test_an_app_that_shows_nobody_its_payments_ends_it(app: Scripted) -> None:
    app.on(LIST, (401, ""))
    async with local(*listen(app)) as run:
        assert await run.ends() == 2

    assert "the app does not show its payments: GET " in run.said


async def test_the_key_of_a_merchant_goes_to_the_app_and_to_nobody_else(app: Scripted, shop: Shop) -> None:
    app.on(of(), told(attempt()))
    async with local(*listen(app, "--forward-to", shop.url), REGIS_PAY_KEY="my-key") as run:
        await run.says("-> 204")
    async with local("listen", "--url", "http://app.example", REGIS_PAY_KEY="my-key") as refused:
        assert await refused.ends() == 2

    assert {each.headers.get("x-functions-key") for each in app.asked} == {"my-key"}
    assert "x-functions-key" not in {name.lower() for name in shop.sent[0][0]}
    assert "is not sent unencrypted" in refused.said


def unencrypted(app: Scripted) -> str:
    """An address of it at which it answers, and which does not say that it is on this machine."""
    return app.url.replace("127.0.0.1", "0.0.0.0")  # noqa: S104 - not to listen there, but to call


async def test_an_address_that_it_finds_is_told_no_key_that_would_travel_unencrypted(
    app: Scripted, tmp_path: Path
) -> None:
    app.on(of(), told(attempt()))
    with word_left(tmp_path, {"url": unencrypted(app)}):
        async with local("listen", "--data", str(tmp_path), REGIS_PAY_KEY="my-key") as refused:
            assert await refused.ends() == 2
        assert app.asked == []
        async with local("listen", "--data", str(tmp_path)) as without:
            await without.says(KIND)

    assert refused.said == f"the key of REGIS_PAY_KEY is not sent unencrypted to {unencrypted(app)}: use https://\n"


async def test_nor_is_one_that_it_finds_later(app: Scripted, tmp_path: Path) -> None:
    async with scripted() as after:
        with word_left(tmp_path, {"url": app.url}):
            async with local("listen", "--data", str(tmp_path), REGIS_PAY_KEY="my-key") as run:
                await run.says("listening to")
                with word_left(tmp_path, {"url": unencrypted(after)}):
                    app.on(LIST, (503, ""))
                    assert await run.ends() == 2

    assert {each.headers.get("x-functions-key") for each in app.asked} == {"my-key"}
    assert after.asked == []
    assert f"is not sent unencrypted to {unencrypted(after)}" in run.said


async def test_an_address_that_it_finds_has_to_be_one(tmp_path: Path) -> None:
    with word_left(tmp_path, {"url": "http://me:secret@127.0.0.1/"}):
        async with local("listen", "--data", str(tmp_path)) as run:
            assert await run.ends() == 2

    assert run.said.startswith(f"the note in {tmp_path} is of no use: ")


async def test_what_others_wrote_has_no_power_over_the_terminal(app: Scripted) -> None:
    shows(app, row(reference="x\n\x1b[2J"))
    app.on(of(), told(attempt(status_code=None, failure="\x1b]0;y\x07")))
    async with local(*listen(app)) as run:
        said = await run.says("attempt 1")

    assert r"x\n\x1b[2J" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    "wrong",
    [
        ["--since", "soon"],
        ["--since", "-5m"],
        ["--forward-to", "shop.example"],
        ["--forward-to", "http://me:secret@shop.example/"],
        ["--url", "ftp://shop.example"],
    ],
)
def test_wrong_use_is_said_before_anything_is_asked(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(["listen", *wrong], {})

    assert ended.value.code == 2
    assert f"argument {wrong[0]}: " in capsys.readouterr().err
