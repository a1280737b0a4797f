"""`python -m local NAME`: each service alone, and what it says when it cannot start."""

import asyncio
import sys
from pathlib import Path

import pytest

from local.__main__ import main
from local.supervisor import ROOT, SERVICES

KEEPING = [service for service in SERVICES if service != "host"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_lists_its_own_options(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([service, "--help"])

    said = capsys.readouterr().out
    assert f"usage: python -m local {service} " in said
    assert "--port" in said


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    said = capsys.readouterr().out
    assert [name for name in ("up", "emulators", "pay", "status", *SERVICES) if f"\n    {name} " not in said] == []


@pytest.mark.parametrize("service", KEEPING)
async def test_a_second_one_on_the_same_folder_says_why_it_does_not_start(service: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local", service, "--port", "0", "--data", str(tmp_path)]
    first = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert first.stdout is not None
    async with asyncio.timeout(30):
        while not (await first.stdout.readline()).startswith(b"ready "):
            """The administration of the Service Bus says where it is, before."""

    second = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    _, said = await asyncio.wait_for(second.communicate(), 30)
    first.terminate()

    assert second.returncode == 1
    assert said.decode().count("\n") == 1
    assert f"{service}.sqlite cannot be opened" in said.decode()
    assert await asyncio.wait_for(first.wait(), 30) == 0
