"""`python -m local dispute`: be the cardholder's bank, at the provider of the platform that runs."""

import json
import os
from pathlib import Path

import pytest

from local.__main__ import main
from local.ports import FREE
from tests.clock import ManualClock
from tests.local.provider_support import Client, manual_clock, running_provider
from tests.local.terminal import Run, local
from tests.ops.scripted import scripted

__all__ = ["manual_clock", "running_provider"]


async def said(*arguments: str) -> tuple[int, str]:
    """The exit code, and what was printed."""
    async with local("dispute", *arguments) as run:
        return await ended(run)


async def ended(run: Run) -> tuple[int, str]:
    return await run.ends(), run.said


async def test_a_dispute_is_opened_at_the_running_platforms_provider_and_then_decided(
    provider: Client, clock: ManualClock, tmp_path: Path
) -> None:
    word = {"pid": os.getpid(), "url": "http://127.0.0.1:1", "provider": f"{provider.base}/charges"}
    (tmp_path / "up.json").write_text(json.dumps(word))
    await provider.paid()

    opened = await said("p1", "--amount", "500", "--reason", "product_not_received", "--data", str(tmp_path))
    ((dispute,),) = [payment["disputes"] for payment in await provider.listed()]
    won = await said("--win", dispute["dispute_id"], "--data", str(tmp_path))
    lost = await said("--lose", dispute["dispute_id"], "--data", str(tmp_path))

    about = f"dispute {dispute['dispute_id']} of payment p1 is"
    assert opened == (0, f"{about} open: 5.00 EUR, product_not_received\n")
    assert won == (0, f"{about} won: 5.00 EUR, product_not_received\n")
    assert lost == (0, f"{about} lost: 5.00 EUR, product_not_received\n")


async def test_a_refusal_is_one_line(provider: Client) -> None:
    await provider.create()

    exit_code, words = await said("p1", "--url", provider.base)

    assert (exit_code, words) == (1, "refused, not_captured: Only what was captured can be disputed.\n")


async def test_what_a_provider_writes_has_no_power_over_the_terminal() -> None:
    """Ours takes no such reason; `--url` may name another."""
    sent, shown = "x\n\x1b[2J\u202e", r"x\n\x1b[2J\u202e"
    opened = {"dispute_id": "dp_1", "payment_reference": "p1", "status": "open", "amount_minor": 300, "currency": "EUR"}
    async with scripted() as other:
        other.on("POST /disputes", (201, {**opened, "reason": sent}), (409, {"code": "no", "message": sent}))

        taken = await said("p1", "--url", other.url)
        refused = await said("p1", "--url", other.url)

    assert taken == (0, f"dispute dp_1 of payment p1 is open: 3.00 EUR, {shown}\n")
    assert refused == (1, f"refused, no: {shown}\n")


async def test_a_provider_that_is_not_there_is_one_line() -> None:
    url = f"http://127.0.0.1:{FREE.chosen().provider}"

    exit_code, words = await said("p1", "--url", url)

    assert exit_code == 1
    assert words == f"no local provider answers at {url} (ClientConnectorError): `make run` starts it\n"


@pytest.mark.parametrize("arguments", [[], ["p1", "--win", "dp_1"], ["--win", "dp_1", "--lose", "dp_1"]])
def test_it_is_said_what_to_do_and_only_that(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["dispute", *arguments])

    assert refused.value.code == 2
    assert "--win" in capsys.readouterr().err
