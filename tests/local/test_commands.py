"""`python -m local NAME`: each service alone, and what it says when it cannot start."""

from pathlib import Path

import pytest

from local.__main__ import main
from local.supervisor import SERVICES
from tests.local.process_support import running, spawn

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
    assert [
        name
        for name in ("up", "emulators", "pay", "dispute", "listen", "part", "status", *SERVICES)
        if f"\n    {name} " not in said
    ] == []


@pytest.mark.parametrize("service", KEEPING)
async def test_a_second_one_on_the_same_folder_says_why_it_does_not_start(service: str, tmp_path: Path) -> None:
    async with running(service, "--data", str(tmp_path)) as first:
        second = await spawn(service, "--data", str(tmp_path))

        assert await second.ended() == 1
        assert second.log.count("\n") == 1
        assert f"{service}.sqlite cannot be opened" in second.log
        assert await first.stop() == 0
