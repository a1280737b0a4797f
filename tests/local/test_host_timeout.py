"""What ends the local host's worker: functionTimeout, an exit, a call that blocks it. All that runs in it goes too."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from tests.local.host_support import running_host
from tests.local.process_support import LocalProcess
from tests.waiting import until

SOURCE = """
import asyncio, threading, time, uuid
import azure.functions as func
app = func.FunctionApp(func.AuthLevel.ANONYMOUS)
LIFE = uuid.uuid4().hex
tidied = []

@app.route("life")
async def life(req: func.HttpRequest) -> str:
    return LIFE

@app.route("sleep")
async def sleep(req: func.HttpRequest) -> str:
    try:
        await asyncio.sleep(float(req.params["s"]))
    except asyncio.CancelledError:
        print("tidied up")
        raise
    return "slept"

@app.route("stuck")
def stuck(req: func.HttpRequest) -> str:
    threading.Event().wait()

@app.route("block")
async def block(req: func.HttpRequest) -> str:
    time.sleep(60)

@app.route("leave/{how}")
async def leave(req: func.HttpRequest) -> str:
    raise {"cancelled": asyncio.CancelledError, "exit": SystemExit}[req.route_params["how"]]
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "function_app.py").write_text(SOURCE)
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0", "functionTimeout": "00:00:01"}))
    return tmp_path


async def get(host: LocalProcess, path: str) -> tuple[int, str]:
    limit = aiohttp.ClientTimeout(total=25)
    async with aiohttp.ClientSession(timeout=limit) as http, http.get(f"{host.url}/api/{path}") as response:
        return response.status, await response.text()


async def test_a_function_that_outlasts_its_time_costs_every_other_its_answer_and_the_worker_begins_anew(
    app: Path,
) -> None:
    async with running_host(app) as host:
        _, before = await get(host, "life")
        stuck = asyncio.create_task(get(host, "stuck"))
        await asyncio.sleep(0.5)

        beside = await get(host, "sleep?s=0.9")

        assert (await stuck, beside) == ((500, ""), (500, ""))
        _, after = await get(host, "life")
        assert after != before
        assert "stuck has outlasted functionTimeout (1 s): as in Azure the worker ends" in host.log
        assert "tidied up" not in host.log


async def test_whoever_knocks_while_the_worker_begins_anew_is_answered_by_the_next_one(app: Path) -> None:
    async with running_host(app) as host:
        status, _ = await get(host, "sleep?s=9")

        knocking = await asyncio.gather(*(get(host, "life") for _ in range(5)))

    assert status == 500
    assert {status for status, _ in knocking} == {200}


async def test_a_function_that_is_left_by_a_cancellation_of_its_own_answers_nobody_until_its_time_is_over(
    app: Path,
) -> None:
    async with running_host(app) as host:
        began = asyncio.get_running_loop().time()

        status, _ = await get(host, "leave/cancelled")

        assert status == 500
        assert asyncio.get_running_loop().time() - began >= 1
        assert "leave was left by CancelledError, which is no Exception" in host.log


async def test_a_function_that_exits_ends_the_worker_at_once_and_not_the_host(app: Path) -> None:
    async with running_host(app) as host:
        _, before = await get(host, "life")

        status, _ = await get(host, "leave/exit")

        assert status == 500
        assert (await get(host, "life"))[1] != before
        assert host.process.returncode is None


@pytest.mark.long
async def test_a_function_that_blocks_the_whole_worker_is_ended_too(app: Path) -> None:
    async with running_host(app) as host:
        with pytest.raises(aiohttp.ClientError):
            await get(host, "block")

        await until(lambda: "block blocks the worker beyond functionTimeout" in host.log)
        assert (await get(host, "life"))[0] == 200


async def test_after_it_began_anew_a_stop_is_as_orderly_as_ever(app: Path) -> None:
    async with running_host(app) as host:
        await get(host, "leave/exit")
        assert (await get(host, "life"))[0] == 200

        assert await host.stop() == 0
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(host, "life")
