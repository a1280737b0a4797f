"""`python -m local`: starting together, dying, stopping; the sample payment; two runs on one folder; a taken port.

The services are fakes, so that each test is about the supervision alone.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.datafolder import owned, reset, word_found
from local.pay import Event, Paid, summary
from local.ports import FREE
from local.supervisor import running_platform
from tests.local.terminal import FAKES, FREE_PORTS, local, taken_port


def up(data: Path, *more: str) -> list[str]:
    return ["up", "--data", str(data), *FREE_PORTS, *more]


# --- up


async def test_once_shows_the_addresses_and_the_timeline_of_a_completed_payment(tmp_path: Path) -> None:
    async with local(*up(tmp_path, "--once")) as run:
        exit_code = await run.ends()

    assert exit_code == 0, run.said
    for words in (
        "function app",
        "/api/docs",
        "Cosmos DB",
        "Service Bus",
        "provider",
        "initiated",
        "created",
        "settled",
        "completed",
    ):
        assert words in run.said


@pytest.mark.parametrize(
    ("status", "reason"),
    [("created", "it has payment.initiated, payment.created"), ("failed", "it ended failed")],
)
async def test_once_fails_and_says_why_when_the_payment_does_not_complete(
    tmp_path: Path, status: str, reason: str
) -> None:
    async with local(*up(tmp_path, "--once", "--sample-limit-s", "0.2"), FAKE_HOST_STATUS=status) as run:
        exit_code = await run.ends()

    assert exit_code == 1
    assert reason in run.said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    async with local(*up(tmp_path)) as run:
        await run.says("serving")

        run.process.send_signal(number)

        assert await run.ends() == 0
    assert word_found(tmp_path) is None
    with owned(tmp_path):
        pass  # no service is left, for each would share the lock


async def test_while_it_serves_it_tells_of_later_payments_unless_it_is_to_be_quiet(tmp_path: Path) -> None:
    line = "payment-later  12.50 EUR  later  settled"
    async with local(*up(tmp_path / "quiet", "--quiet")) as quiet:
        await quiet.says("serving")
        async with local(*up(tmp_path / "telling")) as telling:
            await telling.says(line)  # which the other had more time to say, since it began before
            quiet.process.send_signal(signal.SIGINT)
            telling.process.send_signal(signal.SIGINT)

            assert (await telling.ends(), await quiet.ends()) == (0, 0)
    assert telling.said.count(line) == 1
    assert line not in quiet.said


async def test_a_second_ctrl_c_does_not_cut_the_stop_short(tmp_path: Path) -> None:
    async with local(*up(tmp_path)) as run:
        await run.says("serving")
        cosmos = int((tmp_path / "cosmos.pid").read_text())
        os.kill(cosmos, signal.SIGSTOP)  # it stops only when it is let go on

        run.process.send_signal(signal.SIGINT)
        await run.says("stopping")
        run.process.send_signal(signal.SIGINT)
        os.kill(cosmos, signal.SIGCONT)

        assert await run.ends() == 0, run.said
    with owned(tmp_path):
        pass


async def test_a_reset_forgets_what_was_stored_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "cosmos.sqlite").write_text("stored")

    async with local(*up(tmp_path, "--reset")) as run:
        await run.says("serving")

    assert (tmp_path / "cosmos.sqlite").read_text() == ""


async def test_when_one_dies_it_says_which_and_that_it_is_back_and_serves_on(tmp_path: Path) -> None:
    async with local(*up(tmp_path, "--quiet")) as run:
        await run.says("serving")
        began = time.monotonic()

        os.kill(int((tmp_path / "cosmos.pid").read_text()), signal.SIGKILL)
        await run.says("cosmos is started again in 3 s")
        await run.says("cosmos is back after")
        lasted_s = time.monotonic() - began
        run.process.send_signal(signal.SIGINT)

        assert await run.ends() == 0, run.said
    assert "cosmos was killed by signal 9" in run.said
    assert lasted_s > 3
    with owned(tmp_path):
        pass


async def test_it_is_told_to_stop_while_a_part_waits_to_be_started_again(tmp_path: Path) -> None:
    async with local(*up(tmp_path)) as run:
        await run.says("serving")
        os.kill(int((tmp_path / "cosmos.pid").read_text()), signal.SIGKILL)
        await run.says("cosmos is started again in 3 s")

        run.process.send_signal(signal.SIGINT)

        assert await run.ends() == 0, run.said
    assert "cosmos is back" not in run.said
    with owned(tmp_path):
        pass


async def test_where_nothing_is_to_be_started_again_the_first_death_ends_the_run(tmp_path: Path) -> None:
    async with local(*up(tmp_path, "--no-restart")) as run:
        await run.says("serving")

        os.kill(int((tmp_path / "cosmos.pid").read_text()), signal.SIGKILL)

        assert await run.ends() == 1
    assert "cosmos was killed by signal 9" in run.said
    assert "the last words of cosmos" in run.said
    with owned(tmp_path):
        pass


async def test_a_service_that_cannot_start_ends_the_run_with_its_own_words(tmp_path: Path) -> None:
    async with local(*up(tmp_path), FAKE_REFUSES="servicebus") as run:
        exit_code = await run.ends()

    assert exit_code == 1
    assert run.said == "starting ...\nthe last words of servicebus\n"


async def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with taken_port() as port:
        async with local(*up(tmp_path, "--amqp-port", str(port))) as run:
            exit_code = await run.ends()

    assert exit_code == 1
    assert run.said.splitlines()[1:] == [
        f"port {port} is taken, so the local servicebus cannot start: free it or choose another, --amqp-port N"
    ]


async def test_two_runs_on_one_folder_are_refused(tmp_path: Path) -> None:
    async with local(*up(tmp_path)) as first:
        await first.says("serving")

        async with local(*up(tmp_path, "--reset")) as second:
            exit_code = await second.ends()

        assert exit_code == 1
        assert f"another run (process {first.process.pid}) uses {tmp_path}" in second.said
        assert (tmp_path / "cosmos.sqlite").exists()


async def test_the_services_die_with_a_run_that_is_killed_and_the_next_one_starts(tmp_path: Path) -> None:
    async with local(*up(tmp_path)) as killed:
        await killed.says("serving")
        killed.process.kill()
        await killed.process.wait()

    async with local(*up(tmp_path, "--once")) as run:
        assert await run.ends() == 0, run.said


def test_reset_forgets_what_was_stored_and_nothing_else(tmp_path: Path) -> None:
    for name in ("cosmos.sqlite", "cosmos.sqlite-wal", "provider.sqlite", "photos.sqlite", "letter.txt"):
        (tmp_path / name).touch()

    reset(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {"photos.sqlite", "letter.txt"}


@pytest.mark.parametrize(("used", "wanted"), [("provider", "stripe"), ("stripe", "regis")])
async def test_a_folder_with_payments_of_the_one_provider_is_refused_with_the_other(
    tmp_path: Path, used: str, wanted: str
) -> None:
    (tmp_path / f"{used}.sqlite").touch()

    async with local(*up(tmp_path, "--once", "--provider", wanted)) as run:
        assert await run.ends() == 1, run.said

    assert f"has payments of `local {used}`" in run.said
    assert "--reset" in run.said
    assert not (tmp_path / "cosmos.sqlite").exists(), "nothing was started"


# --- status and pay


async def test_status_shows_the_addresses_of_the_running_platform(tmp_path: Path) -> None:
    async with local(*up(tmp_path)) as serving:
        await serving.says("serving")

        async with local("status", "--data", str(tmp_path)) as asked:
            exit_code = await asked.ends()

    assert exit_code == 0, asked.said
    assert "provider" in asked.said
    assert "does not answer" not in asked.said


async def test_status_says_when_nothing_runs(tmp_path: Path) -> None:
    async with local("status", "--data", str(tmp_path)) as asked:
        exit_code = await asked.ends()

    assert exit_code == 1
    assert "nothing runs" in asked.said


async def test_a_word_left_by_a_killed_run_is_not_believed(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await process.wait()
    (tmp_path / "up.json").write_text(json.dumps({"pid": process.pid, "url": "http://127.0.0.1:1"}))

    assert word_found(tmp_path) is None


def test_a_killed_run_that_nobody_has_buried_yet_is_gone(tmp_path: Path) -> None:
    """As in a container, whose first process waits for nobody."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        (tmp_path / "up.json").write_text(json.dumps({"pid": process.pid, "url": "http://127.0.0.1:1"}))

        assert word_found(tmp_path) is None
    finally:
        process.wait()


async def test_pay_follows_one_payment_or_summarizes_many(tmp_path: Path) -> None:
    async with running_platform(data=tmp_path, services=["host"], modules=FAKES) as platform:
        async with local("pay", "--url", platform.url) as single:
            single_code = await single.ends()
        async with local("pay", "--url", platform.url, "--count", "20", "--concurrency", "4") as many:
            many_code = await many.ends()
        async with local("pay", "--url", platform.url, "--amount-minor", "0") as refused:
            refused_code = await refused.ends()

    assert (single_code, many_code, refused_code) == (0, 0, 1)
    assert "completed" in single.said
    assert "20 completed; time to completed: median" in many.said
    assert "answered 400" in refused.said
    assert "amount_out_of_range" in refused.said


async def test_pay_says_in_one_line_that_nobody_answers() -> None:
    port = FREE.chosen().http

    async with local("pay", "--url", f"http://127.0.0.1:{port}") as run:
        exit_code = await run.ends()

    assert exit_code == 1
    assert len(run.said.splitlines()) == 1


def test_a_summary_counts_the_ends_and_times_the_completed_ones() -> None:
    def paid(status: str, took_ms: int) -> Paid:
        events = [f"2026-01-01T00:00:00.{ms:03}+00:00" for ms in (0, took_ms)]
        return Paid("p", status, [Event.parse("payment.x", each) for each in events])

    text = summary([*(paid("completed", ms) for ms in range(1, 101)), paid("failed", 900)])

    assert text == "100 completed, 1 failed; time to completed: median 50 ms, p95 95 ms"
