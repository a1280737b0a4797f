"""`/local/...` on the app's origin: what a page may see of the platform and do to it, and which pages may not.

The host is the real one, with an app of its own; what it stands in front of are fakes, and the real provider.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.control import Control, controlling
from local.datafolder import word_left
from local.keeper import keeping
from local.part import part
from local.supervisor import running_platform
from tests.local.host_support import APPS, running_host
from tests.local.terminal import FAKES, local
from tests.waiting import until

APP = """
import json, os, uuid
import azure.functions as func
app = func.FunctionApp(func.AuthLevel.ANONYMOUS)
LIFE = uuid.uuid4().hex

@app.route("life")
async def life(req: func.HttpRequest) -> str:
    return LIFE

@app.route("environment")
async def environment(req: func.HttpRequest) -> str:
    return json.dumps(dict(os.environ))

@app.route("leave")
async def leave(req: func.HttpRequest) -> str:
    raise SystemExit
"""
KEPT = ("cosmos", "servicebus", "provider")


def written(folder: Path) -> Path:
    app = folder / "app"
    app.mkdir()
    (app / "function_app.py").write_text(APP)
    (app / "host.json").write_text(json.dumps({"version": "2.0"}))
    return app


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return written(tmp_path)


class Desk:
    """What is asked on the origin of the app."""

    def __init__(self, http: aiohttp.ClientSession, *, url: str, control: Control) -> None:
        self.http, self.url, self.control = http, url, control

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.http.request(method, self.url + path, **options) as response:
            text = await response.text()
            return response.status, json.loads(text) if "json" in response.content_type else text

    async def part(self, name: str) -> dict[str, Any]:
        _, shown = await self.ask("GET", "/local/")
        found: dict[str, Any] = next(part for part in shown["parts"] if part["part"] == name)
        return found

    @property
    def provider_url(self) -> str:
        assert self.control.keeper is not None
        return self.control.keeper.platform.provider_url


@asynccontextmanager
async def steered(
    app: Path, *arguments: str, services: tuple[str, ...] = KEPT, provider: str = "regis"
) -> AsyncIterator[Desk]:
    async with (
        controlling() as control,
        running_platform(data=app.parent / "data", services=services, modules=FAKES, provider=provider) as platform,
        keeping(platform, first_s=0.05, tell=lambda *_, **__: None) as keeper,
        running_host(app, *arguments, settings=control.environment()) as host,
        aiohttp.ClientSession() as http,
    ):
        control.keeper = keeper
        yield Desk(http, url=host.url, control=control)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """For the tests that leave everything as it was."""
    async with steered(written(tmp_path_factory.mktemp("steered"))) as opened:
        yield opened


pytestmark = pytest.mark.asyncio(loop_scope="module")


# --- looking and doing


async def test_the_parts_are_shown_with_what_can_be_done_to_them_now(desk: Desk) -> None:
    status, shown = await desk.ask("GET", "/local/")
    _, frozen = await desk.ask("POST", "/local/parts/servicebus/freeze")
    after = await desk.part("servicebus")
    await desk.ask("POST", "/local/parts/servicebus/thaw")

    assert status == 200
    assert {(part["part"], part["state"], *part["can"]) for part in shown["parts"]} == {
        (name, "up", "kill", "freeze") for name in KEPT
    }
    assert all(part["pid"] and part["since"].endswith("Z") and part["deaths"] == 0 for part in shown["parts"])
    assert frozen == after
    assert (after["state"], after["can"]) == ("frozen", ["thaw", "kill"])
    assert "pm_settle_down" in shown["payment_methods"]
    assert shown["notification_url"].endswith("/merchant/ok")


async def test_a_part_is_killed_and_comes_back(app: Path) -> None:
    async with steered(app) as desk:
        before = await desk.part("cosmos")
        status, killed = await desk.ask("POST", "/local/parts/cosmos/kill")

        async def is_back() -> bool:
            part = await desk.part("cosmos")
            return bool(part["state"] == "up" and part["deaths"] == 1)

        await until(is_back)
        after = await desk.part("cosmos")

    assert (status, killed["state"], killed["pid"]) == (200, "down", None)
    assert killed["again_at"] is None or killed["again_at"] > before["since"]
    assert after["pid"] != before["pid"]
    assert after["last_death"] == "cosmos was killed by signal 9"


async def test_the_host_is_killed_after_it_has_answered_and_is_never_frozen(app: Path) -> None:
    async with steered(app, services=("host",)) as desk:
        before = await desk.part("host")
        frozen = await desk.ask("POST", "/local/parts/host/freeze")
        killed = await desk.ask("POST", "/local/parts/host/kill")

        async def is_back() -> bool:
            part = await desk.part("host")
            return bool(part["state"] == "up" and part["deaths"] == 1)

        await until(is_back)

    assert before["can"] == ["kill"]
    assert (frozen[0], frozen[1]["code"]) == (409, "cannot_be_done")
    assert "host cannot be frozen" in frozen[1]["title"]
    assert killed == (202, before)


async def test_a_broken_provider_does_nothing_for_anybody_until_it_is_repaired(desk: Desk) -> None:
    async def charge(method: str) -> int:
        sent = {"payment_reference": method, "amount_minor": 100, "currency": "EUR", "payment_method": method}
        url = f"{desk.provider_url}/v1/payments"
        async with desk.http.post(url, json=sent, headers={"Idempotency-Key": method}) as response:
            return response.status

    _, broken = await desk.ask("POST", "/local/provider/break")
    while_broken = await charge("pm_ok"), await charge("pm_down")
    _, seen = await desk.ask("GET", "/local/")
    _, repaired = await desk.ask("POST", "/local/provider/repair")
    after = await charge("pm_ok"), await charge("pm_down")

    assert (broken["state"], seen["provider"]["state"], repaired["state"]) == ("broken", "broken", "ok")
    assert while_broken == (500, 500)
    assert after == (201, 201)


async def test_a_provider_that_does_not_answer_is_unknown_and_cannot_be_broken(desk: Desk) -> None:
    await desk.ask("POST", "/local/parts/provider/freeze")
    _, shown = await desk.ask("GET", "/local/")
    refused = await desk.ask("POST", "/local/provider/break")
    await desk.ask("POST", "/local/parts/provider/thaw")

    assert shown["provider"]["state"] == "unknown"
    assert (refused[0], refused[1]["title"]) == (409, "The provider does not answer.")


async def test_a_provider_that_knows_no_breaking_offers_none(app: Path) -> None:
    async with steered(app, provider="stripe") as desk:
        _, shown = await desk.ask("GET", "/local/")
        refused = await desk.ask("POST", "/local/provider/break")

    assert (shown["provider"], shown["payment_methods"]) == ({"api": "stripe", "state": "unknown", "can": []}, [])
    assert refused[0] == 409


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    asked = [
        ("POST", "/local/parts/azure/kill"),
        ("POST", "/local/parts/servicebus/eat"),
        ("POST", "/local/provider/eat"),
        ("GET", "/local/parts"),
        ("GET", "/local/../api/x"),
        ("DELETE", "/local/"),
        ("GET", "/localhost"),
    ]

    answers = [(await desk.ask(method, path))[0] for method, path in asked]
    without_a_slash = (await desk.ask("GET", "/local"))[0]

    assert answers == [404] * len(asked)
    assert without_a_slash == 200
    assert (await desk.part("servicebus"))["deaths"] == 0


# --- the command


async def test_the_command_shows_the_parts_and_does_what_the_page_can(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    async def said(name: str | None = None, action: str | None = None) -> tuple[int, str]:
        exit_code = await part(desk.url, name, action=action)
        written = capsys.readouterr()
        return exit_code, written.out + written.err

    shown = await said()
    frozen = await said("servicebus", "freeze")
    one = await said("servicebus")
    thawed = await said("servicebus", "thaw")
    again = await said("servicebus", "thaw")
    broken = await said("provider", "break")
    await said("provider", "repair")

    assert shown[0] == 0
    assert [line.split()[:2] for line in shown[1].splitlines()[:-1]] == [[name, "up"] for name in KEPT]
    assert frozen == one
    assert re.fullmatch(r"  servicebus  frozen    since \S+Z  process \d+  can: thaw, kill\n", one[1])
    assert (thawed[0], "up" in thawed[1]) == (0, True)
    assert again == (1, "refused, cannot_be_done: servicebus is up, so nothing can thaw it.\n")
    assert broken == (0, "  the provider's answers are broken\n")


async def test_the_command_says_when_there_is_nothing_to_ask(tmp_path: Path) -> None:
    async with running_host(APPS / "web") as host:
        with word_left(tmp_path, {"url": host.url}):
            async with local("part", "cosmos", "kill", "--data", str(tmp_path)) as elsewhere:
                elsewhere_code = await elsewhere.ends()
    with word_left(tmp_path, {"url": host.url}):
        async with local("part", "--data", str(tmp_path)) as gone:
            gone_code = await gone.ends()

    assert (elsewhere_code, gone_code) == (1, 1)
    assert elsewhere.said == "refused, not_here: This app was not started by `make run`.\n"
    assert gone.said.startswith(f"nothing answers at {host.url} (ClientConnectorError): `make run` starts it")


# --- who may


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"Origin": "https://evil.example"}, "origin_refused"),
        ({"Origin": "null"}, "origin_refused"),
        ({"Origin": "http://127.0.0.1:1"}, "origin_refused"),
        ({"Sec-Fetch-Site": "cross-site"}, "origin_refused"),
        ({"Sec-Fetch-Site": "same-site"}, "origin_refused"),
        ({"Host": "evil.example"}, "host_refused"),
        ({"Host": "192.168.0.7:7071", "Origin": "http://192.168.0.7:7071"}, "host_refused"),
    ],
    ids=str,
)
async def test_no_foreign_page_sees_or_does_anything(sent: dict[str, str], code: str, desk: Desk) -> None:
    seen = await desk.ask("GET", "/local/", headers=sent)
    done = await desk.ask("POST", "/local/parts/servicebus/kill", headers=sent)

    assert [(status, answer["code"]) for status, answer in (seen, done)] == [(403, code)] * 2
    assert (await desk.part("servicebus"))["deaths"] == 0


async def test_a_form_is_refused_and_the_own_page_is_not(desk: Desk) -> None:
    own = {"Origin": desk.url, "Sec-Fetch-Site": "same-origin"}
    form = await desk.ask("POST", "/local/parts/servicebus/freeze", data={"a": "b"}, headers=own)
    page = await desk.ask("POST", "/local/parts/servicebus/freeze", json={}, headers=own)
    await desk.ask("POST", "/local/parts/servicebus/thaw", headers=own)

    assert (form[0], form[1]["code"]) == (415, "unsupported_media_type")
    assert page[0] == 200


async def test_where_keys_are_asked_for_only_the_admin_key_opens_it(app: Path) -> None:
    keys = ("--enable-auth", "--function-key", "function-key", "--admin-key", "admin-key")

    async with steered(app, *keys, services=("cosmos",)) as desk:
        answers = [
            (await desk.ask("GET", "/local/", headers={"x-functions-key": key}))[0]
            for key in ("", "function-key", "admin-key")
        ]

    assert answers == [401, 401, 200]


async def test_only_who_knows_the_token_reaches_the_platform_itself() -> None:
    async with controlling() as control, aiohttp.ClientSession() as http:
        address = control.environment()["LOCAL_HOST_PLATFORM"]
        for sent in ({}, {"X-Platform-Token": "guessed"}, {"X-Platform-Token": control.token + "x"}):
            async with http.get(address, headers=sent) as response:
                assert response.status == 401
        async with http.get(address, headers={"X-Platform-Token": control.token}) as response:
            assert (response.status, (await response.json())["code"]) == (503, "starting")


async def test_the_app_is_not_aware_of_it_and_a_host_that_begins_anew_still_passes_it_on(app: Path) -> None:
    async with steered(app, services=("cosmos",)) as desk:
        _, environment = await desk.ask("GET", "/api/environment")
        life = await desk.ask("GET", "/api/life")
        left = await desk.ask("GET", "/api/leave")

        async def lives_anew() -> bool:
            try:
                status, answer = await desk.ask("GET", "/api/life")
            except aiohttp.ClientError:
                return False
            return status == 200 and (status, answer) != life

        await until(lives_anew)
        passed_on = await desk.ask("GET", "/local/")
        _, anew = await desk.ask("GET", "/api/environment")
        token = desk.control.token

    assert (left[0], passed_on[0]) == (500, 200)
    assert token not in environment + anew
    assert "LOCAL_HOST_PLATFORM" not in environment + anew


async def test_when_the_platform_is_gone_that_is_said(app: Path) -> None:
    async with controlling() as control:
        environment = control.environment()

    async with (
        running_host(app, settings=environment) as host,
        aiohttp.ClientSession() as http,
        http.get(f"{host.url}/local/") as response,
    ):
        assert (response.status, (await response.json())["code"]) == (502, "platform_away")


async def test_elsewhere_there_is_no_such_thing() -> None:
    async with running_host(APPS / "web") as host, aiohttp.ClientSession() as http:
        for path in ("/local", "/local/", "/local/parts/cosmos/kill"):
            async with http.get(host.url + path) as response:
                assert response.status == 404
