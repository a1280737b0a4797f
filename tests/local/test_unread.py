"""Commands whose output nobody reads to its end, as in `python -m local tail | head -2`: not a word of it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.azure.servicebus.server import start
from local.datafolder import owned, word_left
from local.supervisor import ROOT
from shared.codec.documents import event_to_json
from shared.codec.payments import payment_to_json
from terminal.unread import is_unread
from tests.builders import PAYMENT_ID, a_payment
from tests.local.servicebus_support import message
from tests.local.terminal import FAKES, FREE_PORTS
from tests.ops.scripted import Scripted, scripted

COMMAND = f"import sys; from local.__main__ import main; sys.exit(main(sys.argv[1:], modules={FAKES!r}))"
BUFFERED = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])


@dataclass
class Piped:
    """A command whose output goes into a pipe, while what it says on standard error is kept apart."""

    process: asyncio.subprocess.Process
    printed: asyncio.StreamReader
    hang_up: Callable[[], None]

    async def ends(self) -> tuple[int | None, str]:
        """The exit code, and what it said on standard error."""
        _, said = await self.process.communicate()
        return self.process.returncode, said.decode()


@contextlib.asynccontextmanager
async def piped(*arguments: str, **environment: str) -> AsyncIterator[Piped]:
    ours, its = os.pipe()
    printed = asyncio.StreamReader()
    reading, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(printed), os.fdopen(ours, "rb")
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMAND,
        *arguments,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=its,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(its)
    try:
        yield Piped(process, printed, reading.close)
    finally:
        reading.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def unread(*arguments: str, unbuffered: str = "") -> tuple[int | None, str]:
    """How a command ends of which nobody reads a line."""
    async with piped(*arguments, PYTHONUNBUFFERED=unbuffered) as command:
        command.hang_up()
        return await command.ends()


def takes_payments(app: Scripted) -> None:
    story = a_payment().created().settled().completed()
    app.on("POST /api/payments", (202, {"payment_id": PAYMENT_ID, "status": "initiated"}))
    app.on(f"GET /api/payments/{PAYMENT_ID}", (200, payment_to_json(story.payment)))
    events = [event_to_json(stored) for stored in story.stored]
    app.on(f"GET /api/payments/{PAYMENT_ID}/events", (200, {"payment_id": PAYMENT_ID, "events": events}))


@BUFFERED
async def test_one_that_prints_and_ends(unbuffered: str) -> None:
    async with scripted() as app:
        takes_payments(app)
        ends = await asyncio.gather(
            unread("pay", "--url", app.url, unbuffered=unbuffered),
            unread("cosmos", "--help", unbuffered=unbuffered),
        )
        assert len(app.to("POST /api/payments")) == 1

    assert set(ends) == {(0, "")}


@BUFFERED
async def test_tail_at_its_first_line(tmp_path: Path, unbuffered: str) -> None:
    broker = await start(data=tmp_path / "data")
    with word_left(tmp_path, {"Service Bus administration": f"http://127.0.0.1:{broker.admin_port}"}):
        async with piped("tail", "--data", str(tmp_path), PYTHONUNBUFFERED=unbuffered) as tail:
            tail.hang_up()
            assert tail.process.stderr is not None
            await tail.process.stderr.readuntil(b"Ctrl-C stops\n")
            broker.broker.publish(broker.broker.topic("payment-settled"), [message("p1:2")])

            assert await tail.ends() == (0, "")
    await broker.close()


@BUFFERED
async def test_listen_at_its_first_line(unbuffered: str) -> None:
    async with scripted() as app:
        app.on("GET /api/health", (200, {}))

        assert await unread("listen", "--url", app.url, unbuffered=unbuffered) == (0, "")


async def test_a_service_alone_and_a_platform_that_starts_stop_and_leave_nothing_behind(tmp_path: Path) -> None:
    ends = await asyncio.gather(
        unread("provider", "--port", "0", "--data", str(tmp_path / "alone")),
        unread("up", "--data", str(tmp_path / "all"), *FREE_PORTS),
    )

    assert set(ends) == {(0, "")}
    with owned(tmp_path / "all"):
        pass  # no service is left, for each would share the lock


async def test_a_platform_that_serves_is_stopped_as_ever(tmp_path: Path) -> None:
    async with piped("up", "--data", str(tmp_path), *FREE_PORTS) as up:
        await up.printed.readuntil(b"serving")
        up.hang_up()
        up.process.send_signal(signal.SIGINT)

        assert await up.ends() == (0, "")
    with owned(tmp_path):
        pass


def test_what_was_printed_is_written_at_the_end_while_somebody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, printed = os.pipe()
    with os.fdopen(printed, "w") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        print("the last line")

        assert not is_unread()
        assert os.read(reader, 100) == b"the last line\n"
    os.close(reader)
