"""The services as a process of the app builds them: over the local store, with a provider that sets cookies."""

from pathlib import Path

import pytest
from aiohttp import web

from shared import wiring
from shared.domain.payment import Step
from shared.ports.provider import Busy, Call
from shared.settings import read_settings
from tests.builders import a_payment
from tests.conftest import REQUIRED_SETTINGS
from tests.flow.kit.backends import running_backends


async def test_what_is_built_answers_and_keeps_nothing_that_the_other_side_wants_to_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cookie would tie the payments of all merchants to one session at the provider."""
    cookies: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.json_response({"code": "not_found"}, status=404, headers={"Set-Cookie": "session=1; Path=/"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with running_backends(tmp_path) as backends:
        environment = {
            **REQUIRED_SETTINGS,
            "ServiceBusConnection": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=k;SharedAccessKey=secret",
            "CosmosConnection": backends.cosmos.connection_string,
            "PROVIDER_BASE_URL": f"http://localhost:{runner.addresses[0][1]}",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

        built = await wiring.build(read_settings())

        payment, call = a_payment().payment, Call(request_id="r-1", traceparent=None)
        answers = [await built.services.provider.ask(payment, Step.CREATE, call=call) for _ in range(2)]
        assert await built.services.store.load(payment.payment_id) == ()
        await built.close()
    await runner.cleanup()
    assert {type(each) for each in answers} == {Busy}, "a 404 that is not the provider's own"
    assert cookies == [None, None]
