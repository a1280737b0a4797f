"""`python -m local tail`: what goes to the subscribers of a topic, seen without taking anything from them."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from local.azure.servicebus.server import Running, start
from local.azure.servicebus.taps import MOST_WAITING
from shared.codec.messages import announcement
from tests.builders import a_payment
from tests.local.servicebus_support import message
from tests.local.terminal import Run, local
from tests.waiting import until

OUTGOING = announcement(a_payment().created().settled().stored[-1])
PAYMENT_ID = OUTGOING.message_id.partition(":")[0]


@pytest_asyncio.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Running]:
    running = await start(data=tmp_path / "data")
    at_home(tmp_path, running)
    yield running
    await running.close()


def at_home(folder: Path, running: Running) -> None:
    word = {"pid": os.getpid(), "Service Bus administration": f"http://127.0.0.1:{running.admin_port}"}
    (folder / "up.json").write_text(json.dumps(word))


async def sent(
    running: Running, topic: str, message_id: str, *, to: str | None = None, body: str = OUTGOING.body
) -> None:
    payload = message(message_id, body=body.encode(), to=to, application={"attempt": 2} if to else None)
    _, durable = running.broker.publish(running.broker.topic(topic), [payload])
    await durable


async def stopped(run: Run) -> int:
    run.process.send_signal(signal.SIGINT)
    return await run.ends()


async def test_an_event_is_shown_as_it_goes_and_stays_with_those_it_is_for(broker: Running, tmp_path: Path) -> None:
    async with local("tail", "payment-settled", "--data", str(tmp_path)) as run:
        await run.says("watching payment-settled")

        await sent(broker, "payment-created", "p1:1")
        await sent(broker, "payment-settled", "p1:2")
        said = await run.says("order-1")

        assert f"  {PAYMENT_ID}  12.50 EUR  order-1" in said
        assert said.count("\n") == 2, "nothing of the other topic"
        assert await stopped(run) == 0
    assert len(broker.broker.queue("payment-settled/Subscriptions/notify").entries) == 1


async def test_what_is_for_one_step_alone_is_shown_when_it_is_asked_for(broker: Running, tmp_path: Path) -> None:
    async with (
        local("tail", "--data", str(tmp_path)) as plain,
        local("tail", "--addressed", "--data", str(tmp_path)) as curious,
    ):
        await plain.says("watching all topics")
        await curious.says("watching all topics")

        await sent(broker, "payment-settled", "p1:2:notify:1", to="notify")
        await sent(broker, "payment-settled", "p1:2")

        assert "-> notify attempt 2" in await curious.says("-> notify")
        assert "-> notify" not in await plain.says("order-1")


async def test_for_programs_the_whole_message_is_one_line(broker: Running, tmp_path: Path) -> None:
    async with local("tail", "--json", "--data", str(tmp_path)) as run:
        await run.says("watching")

        await sent(broker, "payment-settled", "p1:2")
        said = json.loads((await run.says("payment-settled")).splitlines()[-1])

        assert (said["topic"], said["message_id"], said["to"]) == ("payment-settled", "p1:2", None)
        assert json.loads(said["body"]) == json.loads(OUTGOING.body)


async def test_what_is_no_event_of_ours_is_shown_all_the_same_and_has_no_power_over_the_terminal(
    broker: Running, tmp_path: Path
) -> None:
    async with local("tail", "--data", str(tmp_path)) as run:
        await run.says("watching")

        await sent(broker, "payment-settled", "odd\x1b[2J", body="no JSON")
        await sent(broker, "payment-settled", "list", body='{"data": ["\x1b"]}')

        assert r"odd\x1b[2J" in await run.says("list")


async def test_a_topic_that_is_not_there_is_refused_with_those_that_are(broker: Running, tmp_path: Path) -> None:
    async with local("tail", "payment-paid", "--data", str(tmp_path)) as run:
        assert await run.ends() == 2

        assert run.said.startswith("there is no topic payment-paid; there are payment-initiated, ")


async def test_without_a_platform_it_says_what_starts_one(tmp_path: Path) -> None:
    async with local("tail", "--data", str(tmp_path)) as run:
        assert await run.ends() == 2

        assert "no platform runs here: `make run` starts it" in run.said


async def test_a_broker_that_comes_again_is_watched_again(tmp_path: Path) -> None:
    first = await start(data=tmp_path / "data")
    at_home(tmp_path, first)
    async with local("tail", "--data", str(tmp_path)) as run:
        await run.says("watching")
        await first.close()
        await run.says("the broker is away")

        second = await start(data=tmp_path / "data")
        at_home(tmp_path, second)
        await until(lambda: asyncio.sleep(0, bool(second.broker.taps.open_taps)), limit_s=10)
        await sent(second, "payment-settled", "p1:2")

        await run.says("order-1")
        await second.close()


async def test_one_that_was_killed_leaves_nothing_behind(broker: Running, tmp_path: Path) -> None:
    async with local("tail", "--data", str(tmp_path)) as run:
        await run.says("watching")
        run.process.kill()
        await run.process.wait()

    await until(lambda: asyncio.sleep(0, not broker.broker.taps.open_taps), limit_s=15)


async def test_one_that_is_too_slow_is_told_how_many_it_missed(broker: Running) -> None:
    with broker.broker.taps.open({"payment-settled"}) as tap:
        for number in range(MOST_WAITING + 3):
            await sent(broker, "payment-settled", f"p1:{number}")

        assert (tap.waiting.qsize(), tap.missed) == (MOST_WAITING, 3)
