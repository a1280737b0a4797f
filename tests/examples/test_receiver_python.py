"""The receiver in Python alone: what may befall its database, its work and its terminal, and it goes on."""

from importlib.metadata import version
from pathlib import Path

import aiohttp
import pytest
from packaging.requirements import Requirement

from local.ports import FREE
from tests.examples.notification import NEW, Notification, send, until
from tests.examples.receivers import EXAMPLES, Changed, Python

ENDS_ONCE = """
import asyncio
work, ends = receiver.act, [{}]
def act(database, event):
    work(database, event)
    if ends:
        raise ends.pop()
receiver.act = act
"""
"""Work that once raises what ends a thread, after all else is done."""


async def test_it_goes_on_when_its_database_could_not_be_opened(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    sent = Notification()
    receiver = Changed(tmp_path, EXAMPLES / "receiver-python", lines="receiver.ACT_AGAIN_S = 0.05")
    async with receiver.running(NEW) as running:
        receiver.hold_up(sent.payment_id)
        assert await send(http, running, sent) == 204
        with receiver.without_database():
            await running.run.says("unable to open database file")
            assert await send(http, running, Notification()) == 503
        receiver.let_go(sent.payment_id)
        await until(lambda: receiver.acted_on() == 1)

    assert set(receiver.shipments()) == {sent.payment_id}


@pytest.mark.parametrize("end", ["SystemExit", "asyncio.CancelledError"])
async def test_it_goes_on_when_its_work_would_end_the_thread(
    tmp_path: Path, http: aiohttp.ClientSession, end: str
) -> None:
    first, second = Notification(), Notification()
    receiver = Changed(tmp_path, EXAMPLES / "receiver-python", lines=ENDS_ONCE.format(end))
    async with receiver.running(NEW) as running:
        assert await send(http, running, first) == 204
        await running.run.says("to be tried again")
        assert await send(http, running, second) == 204
        await until(lambda: receiver.acted_on() == 2)

    assert set(receiver.shipments()) == {first.payment_id, second.payment_id}


async def test_it_goes_on_when_nobody_reads_what_it_prints(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    sent = [Notification() for _ in range(2)]
    receiver = Python(tmp_path, EXAMPLES / "receiver-python")
    async with receiver.unread(NEW, port=FREE.chosen().http) as running:
        answers = [await send(http, running, each) for each in sent]
        await until(lambda: receiver.acted_on() == len(sent))

    assert answers == [204, 204]
    assert set(receiver.shipments()) == {each.payment_id for each in sent}


def test_it_is_tested_with_versions_that_it_allows() -> None:
    needed = [Requirement(line) for line in (EXAMPLES / "receiver-python" / "requirements.txt").read_text().split()]

    assert {each.name for each in needed} == {"cloudevents", "standardwebhooks"}
    assert [str(each) for each in needed if version(each.name) not in each.specifier] == []
