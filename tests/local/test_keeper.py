"""What dies on a running platform is started again; a part may be killed, frozen and thawed.

The services are fakes, so that each test is about the keeping alone.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.datafolder import owned
from local.frozen import Frozen, Gone
from local.keeper import CannotBeDone, Keeper, State, keeping
from local.pauses import FIRST_S, LONGEST_S, SOON_S, Pauses
from local.supervisor import ROOT, running_platform
from tests.local.terminal import FAKES
from tests.waiting import until

AT_ONCE_S = 0.05
LIMIT = aiohttp.ClientTimeout(total=0.5)


class Kept:
    """A platform of fakes that is kept, and what is said of it."""

    def __init__(self, keeper: Keeper, said: list[str]) -> None:
        self.keeper, self.said, self.platform = keeper, said, keeper.platform

    async def is_back(self, name: str, *, deaths: int) -> None:
        part = self.keeper.parts[name]
        await until(lambda: part.deaths == deaths and part.state is State.UP, what=lambda: "\n".join(self.said))

    async def answers(self) -> bool:
        """Whether the host does, within half a second."""
        try:
            async with aiohttp.ClientSession(timeout=LIMIT) as http, http.get(self.platform.cosmos_url) as response:
                return response.status == 404
        except (aiohttp.ClientError, TimeoutError):
            return False


@asynccontextmanager
async def kept(data: Path, *services: str, first_s: float = AT_ONCE_S) -> AsyncIterator[Kept]:
    said: list[str] = []

    def tell(words: str, **_: Any) -> None:
        said.append(words)

    async with (
        running_platform(data=data, services=services, modules=FAKES) as platform,
        keeping(platform, first_s=first_s, tell=tell) as keeper,
    ):
        yield Kept(keeper, said)


# --- dying


@pytest.mark.parametrize("name", ["cosmos", "host"])
async def test_what_is_shot_is_started_again_on_its_port_and_both_are_said(name: str, tmp_path: Path) -> None:
    async with kept(tmp_path, "cosmos", "host") as run:
        before = run.platform.pid(name)
        os.kill(before, signal.SIGKILL)
        await run.is_back(name, deaths=1)

        assert run.platform.pid(name) != before
        assert await run.answers()
        died, again, back = run.said
        assert died.startswith(f"{name} was killed by signal 9:\nthe last words of {name}\nall that it wrote: ")
        assert again == f"{name} is started again in {AT_ONCE_S} s"
        assert re.fullmatch(rf"{name} is back after \d+\.\d s \(process {run.platform.pid(name)}\)", back)
    with owned(tmp_path):
        pass  # none is left behind


async def test_all_parts_at_once_come_back(tmp_path: Path) -> None:
    async with kept(tmp_path, "cosmos", "servicebus", "host") as run:
        for name in run.keeper.parts:
            os.kill(run.platform.pid(name), signal.SIGKILL)

        for name in run.keeper.parts:
            await run.is_back(name, deaths=1)


async def test_what_dies_at_each_start_is_tried_ever_less_often_until_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept(tmp_path, "cosmos", "servicebus") as run:
        monkeypatch.setenv("FAKE_REFUSES", "cosmos")
        os.kill(run.platform.pid("cosmos"), signal.SIGKILL)
        loops = "cosmos has died 3 times in a row, each time soon after its start: again in 0.2 s"
        await until(lambda: loops in run.said, what=lambda: "\n".join(run.said))
        monkeypatch.delenv("FAKE_REFUSES")
        await until(lambda: run.said[-1].startswith("cosmos is back"), what=lambda: "\n".join(run.said))

        assert run.platform.is_running("servicebus")
        assert run.keeper.parts["cosmos"].last_death == "cosmos ended with exit code 3"


async def test_a_start_that_is_not_possible_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept(tmp_path, "cosmos") as run:
        start = run.platform.start

        async def fails_once(*services: str) -> None:
            monkeypatch.setattr(run.platform, "start", start)
            raise OSError(11, "no process is left")

        monkeypatch.setattr(run.platform, "start", fails_once)
        os.kill(run.platform.pid("cosmos"), signal.SIGKILL)
        await run.is_back("cosmos", deaths=2)

    assert "cosmos cannot be started: [Errno 11] no process is left" in run.said


def test_the_pause_is_the_usual_one_after_a_long_life_and_grows_where_deaths_come_soon() -> None:
    pauses = Pauses()

    soon = [pauses.after(SOON_S - 1, was_asked_for=False) for _ in range(7)]

    assert soon == [3, 6, 12, 24, 48, 60, 60]
    assert max(soon) == LONGEST_S
    assert pauses.after(SOON_S, was_asked_for=False) == FIRST_S
    assert pauses.after(1, was_asked_for=False) == FIRST_S


def test_deaths_that_were_asked_for_are_no_loop() -> None:
    pauses = Pauses()

    assert [pauses.after(1, was_asked_for=True) for _ in range(5)] == [FIRST_S] * 5


# --- what is asked for


async def test_a_part_that_is_killed_comes_back_however_often(tmp_path: Path) -> None:
    async with kept(tmp_path, "cosmos") as run:
        for time_ in range(1, 4):
            part = await run.keeper.do("kill", "cosmos")
            assert (part.state, part.can) == (State.DOWN, [])
            await run.is_back("cosmos", deaths=time_)

    assert run.said.count("cosmos was killed by signal 9, as asked") == 3
    assert run.said.count(f"cosmos is started again in {AT_ONCE_S} s") == 3


async def test_a_frozen_part_answers_nobody_and_goes_on_with_all_that_it_had(tmp_path: Path) -> None:
    async with kept(tmp_path, "cosmos") as run:
        pid = run.platform.pid("cosmos")
        part = await run.keeper.do("freeze", "cosmos")
        frozen = (part.state, part.can, await run.answers())
        part = await run.keeper.do("thaw", "cosmos")

        assert frozen == (State.FROZEN, ["thaw", "kill"], False)
        assert (part.state, part.can, await run.answers()) == (State.UP, ["kill", "freeze"], True)
        assert run.platform.pid("cosmos") == pid


async def test_a_frozen_part_may_be_killed_and_comes_back_thawed(tmp_path: Path) -> None:
    async with kept(tmp_path, "cosmos") as run:
        await run.keeper.do("freeze", "cosmos")
        await run.keeper.do("kill", "cosmos")
        await run.is_back("cosmos", deaths=1)

        assert await run.answers()


async def test_a_frozen_part_that_somebody_else_shoots_comes_back_thawed(tmp_path: Path) -> None:
    async with kept(tmp_path, "cosmos") as run:
        part = await run.keeper.do("freeze", "cosmos")
        os.kill(run.platform.pid("cosmos"), signal.SIGKILL)
        await run.is_back("cosmos", deaths=1)

        assert part.frozen is None
        assert await run.answers()


@pytest.mark.parametrize(
    ("before", "action", "name", "words"),
    [
        ([], "freeze", "host", "host cannot be frozen: through it the others are thawed"),
        ([], "thaw", "cosmos", "cosmos is up, so nothing can thaw it"),
        (["freeze"], "freeze", "cosmos", "cosmos is frozen, so nothing can freeze it"),
        (["kill"], "kill", "cosmos", "cosmos is down, so nothing can kill it"),
        (["kill"], "freeze", "cosmos", "cosmos is down, so nothing can freeze it"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_reason(
    before: list[str], action: str, name: str, words: str, tmp_path: Path
) -> None:
    async with kept(tmp_path, "cosmos", "host", first_s=60) as run:
        for each in before:
            await run.keeper.do(each, name)

        with pytest.raises(CannotBeDone, match=words):
            await run.keeper.do(action, name)


async def test_the_platform_stops_in_order_while_a_part_is_frozen_and_another_is_down(tmp_path: Path) -> None:
    async with kept(tmp_path, "cosmos", "servicebus", first_s=60) as run:
        await run.keeper.do("freeze", "cosmos")
        await run.keeper.do("kill", "servicebus")
        began = time.monotonic()

    assert time.monotonic() - began < 10, "a frozen one would be waited for, and shot"
    assert "exit code 0" in str(await run.platform.death("cosmos"))
    with owned(tmp_path):
        pass


async def test_while_the_platform_is_being_stopped_nothing_is_frozen_any_more(tmp_path: Path) -> None:
    """Asked for in the middle of it, or begun just before: what stands still then would be waited for, and shot."""
    async with running_platform(data=tmp_path, services=["cosmos"], modules=FAKES) as platform:
        async with keeping(platform, tell=lambda *_, **__: None) as keeper:
            begun = asyncio.create_task(keeper.do("freeze", "cosmos"))
            await asyncio.sleep(0)
        with pytest.raises(CannotBeDone, match="the platform is being stopped"):
            await begun
        with pytest.raises(CannotBeDone, match="the platform is being stopped"):
            await keeper.do("freeze", "cosmos")

        assert state_of(platform.pid("cosmos")) != "T"


FREEZER = """
import asyncio, subprocess, sys
from local.frozen import Frozen
async def main():
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True, stdout=subprocess.DEVNULL)
    frozen = await Frozen.freeze(sleeper.pid)
    print(sleeper.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def state_of(pid: int) -> str:
    return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout[:1]


async def test_what_was_frozen_goes_on_when_whoever_froze_it_is_shot() -> None:
    freezer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FREEZER, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert freezer.stdout is not None
    pid = int(await freezer.stdout.readline())
    try:
        assert state_of(pid) == "T"

        freezer.kill()
        await freezer.wait()

        await until(lambda: state_of(pid) == "S")
    finally:
        os.kill(pid, signal.SIGKILL)


async def test_who_has_ended_cannot_be_frozen() -> None:
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await ended.wait()

    with pytest.raises(Gone):
        await Frozen.freeze(ended.pid)
