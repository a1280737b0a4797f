"""The command of the game day: what it refuses before it begins, and how it ends before its time."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.gameday.command import main
from local.supervisor import ROOT


def test_a_report_that_cannot_be_written_is_said_before_anything_is_hurt(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    page = tmp_path / "file" / "page.html"

    assert main(["--data", str(tmp_path / "data"), "--report", str(page)]) == 2

    assert capfd.readouterr().err == f"{page} cannot be written (File exists): choose another with --report\n"


BROKEN_OFF = """
import asyncio, contextlib, sys
from local.gameday import command

@contextlib.asynccontextmanager
async def platform():
    try:
        yield
    finally:
        await asyncio.sleep(0.5)
        print("all is down", flush=True)

async def day(*_, **__):
    async with platform():
        print("hurting", flush=True)
        await asyncio.sleep(60)

command._day = day
sys.exit(command.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_twice_the_day_ends_its_platform_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """Twice, as people press Ctrl-C. The report of another day is no report of this one."""
    (tmp_path / "gameday.html").write_text("of another day")
    command = [sys.executable, "-c", BROKEN_OFF, "--data", str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "hurting\n"
        run.send_signal(number)
        time.sleep(0.1)
        run.send_signal(number)
        said, errors = run.communicate()

    assert (run.returncode, said, errors) == (128 + number, "all is down\nstopped\n", "")
    assert not (tmp_path / "gameday.html").exists()
