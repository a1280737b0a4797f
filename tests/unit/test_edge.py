"""What leaves a function is an answer or an ordinary exception, in time: to the host everything else is silence."""

import asyncio
from collections.abc import Coroutine
from typing import cast

import pytest

from functions import edge as module
from functions.edge import CutShort, edge
from functions.failures import called


async def test_an_answer_and_an_ordinary_exception_leave_as_they_are() -> None:
    @edge
    async def answers(number: int, *, more: int) -> int:
        return number + more

    @edge
    async def fails() -> None:
        raise ValueError("ordinary")

    assert await answers(1, more=2) == 3
    with pytest.raises(ValueError, match="ordinary"):
        await fails()


class Unheard(BaseException):
    """As a library may define it for itself."""


@pytest.mark.parametrize(
    "fault",
    [
        asyncio.CancelledError(),
        SystemExit(1),
        KeyboardInterrupt(),
        BaseExceptionGroup("of tasks", [SystemExit(1), ValueError()]),
        Unheard(),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_what_is_no_exception_becomes_one(fault: BaseException) -> None:
    @edge
    async def is_interrupted() -> None:
        raise fault

    with pytest.raises(CutShort, match=type(fault).__name__):
        await is_interrupted()


async def test_a_call_that_is_thrown_away_ends_quietly() -> None:
    @edge
    async def hangs() -> None:
        await asyncio.Event().wait()

    call = cast("Coroutine[object, object, None]", hangs())
    call.send(None)

    call.close()


async def test_a_task_that_somebody_cancels_within_the_function_ends_as_a_failure() -> None:
    """As a library does that gives up its own task and takes the caller's for it."""

    @edge
    async def cancels_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(10)

    with pytest.raises(CutShort):
        await cancels_itself()


@pytest.mark.parametrize("fault", [ValueError("ordinary"), asyncio.CancelledError()])
async def test_what_a_function_raises_is_told_under_its_name(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    @edge
    @called("settle_payment")
    async def advance() -> None:
        raise fault

    with pytest.raises((ValueError, CutShort)) as raised:
        await advance()

    (line,) = caplog.records
    assert line.levelname == "ERROR"
    assert line.getMessage() == f"function.failed function=settle_payment fault={raised.typename}: {raised.value}"
    assert line.exc_info is not None
    assert line.exc_info[1] is raised.value


async def test_what_a_function_answers_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    @edge
    async def answers() -> int:
        return 3

    assert await answers() == 3
    assert caplog.records == []


async def test_what_never_ends_is_ended_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT_S", 0.01)

    @edge
    async def hangs() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await hangs()
