"""Every command that docs/operations.md tells people to type is typed here, on a running platform.

tests/ops/test_walkthrough.py does the same with its walk-through. What asks Azure is asked of stand-ins, which refuse
the commands and options that the real tools refuse.
"""

import argparse
import asyncio
import contextlib
import io
import os
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from local.supervisor import ROOT, Platform
from ops.__main__ import main
from ops.arguments import parser
from ops.paths import LETTERS
from shared.adapters.cosmos.client import open_client
from tests import hosts
from tests.infra.stage import staged
from tests.ops.documented import grammar, typed
from tests.shop import Shop, open_shop
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(hosts.patient(120.0))]
LIMIT_S = hosts.patient(60.0)
REFERENCE = "order-of-the-page"

SETTLEMENT = "curl -s http://127.0.0.1:7090/settlement > f.csv"

SAID = {
    "export REGIS_PAY_OPS_URL=https://<app>.azurewebsites.net": (0, ""),
    "export REGIS_PAY_OPS_TOKEN=<bearer token>": (0, ""),
    "alias ops='python -m ops'": (0, ""),
    'eval "$(python -m ops completion bash)"': (0, ""),
    "python -m ops list": (1, "retries_exhausted"),
    "python -m ops list --severity high": (0, "no dead letters"),
    "python -m ops show ID": (1, "a replay now  would send it again"),
    "python -m ops list --reason notification_undelivered": (0, "no dead letters"),
    "python -m ops list --reason topic_refuses": (0, "no dead letters"),
    "python -m ops list --status taken_up": (0, "no dead letters"),
    "python -m ops list --status closed": (0, "no dead letters"),
    "python -m ops payments": (0, "completed"),
    "python -m ops payments --settled no --all": (0, "initiated"),
    "python -m ops payments --all --json": (0, '"broken"'),
    "python -m ops payment ID": (0, "payment.completed"),
    "curl $REGIS_PAY_OPS_URL/api/health": (0, '"status": "live"'),
    "curl $REGIS_PAY_OPS_URL/api/health/ready": (0, '"checks"'),
    "curl -i $REGIS_PAY_OPS_URL/api/health/ready": (0, "HTTP/1.1 200"),
    'curl $REGIS_PAY_OPS_URL/api/ops/payments/ID/events -H "Authorization: Bearer $REGIS_PAY_OPS_TOKEN"': (
        0,
        "payment.initiated",
    ),
    "python -m ops drain": (0, "nothing was waiting"),
    "python -m ops replay --all --reason topic_refuses": (0, "nothing to replay"),
    "python -m ops replay --all --dry-run": (1, "1 would be replayed"),
    "python -m ops replay ID --wait 1m": (0, "create is started again"),
    SETTLEMENT: (0, ""),
    "python -m ops reconcile --settlement f.csv": (0, "no difference"),
    "python -m ops reconcile --provider-url URL": (0, "no difference"),
    "python -m ops erase ID --reason TEXT --dry-run": (1, "would be erased"),
    "python -m ops erase PAYMENT_ID --reason TEXT --dry-run": (1, "description"),
    "python -m ops erase PAYMENT_ID --reason TEXT": (2, "--yes"),
}
"""What each comes to, in this order: the exit code, and a part of what is printed. No terminal is here to be asked."""
OF_LETTERS = ("show", "replay", "discard")
NOT_TYPED = {"make run RESET=1": "it starts what runs here already"}
GIVEN = {
    "--step": "create",
    "--reason": "our_fault",
    "--died-of": "our_fault",
    "--severity": "high",
    "--payment": "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab",
    "--since": "2h",
    "--until": "2100-01-01",
    "--older-than": "10m",
    "--like": "TEXT",
    "--status": {"list": "any", "payments": "failed"},
    "--limit": "3",
    "--rate": "5",
    "--at-once": "4",
    "--wait": "1m",
    "--reference": "order-1",
    "--owes": "settle",
    "--settled": "no",
    "--amount": "1250",
    "--waiting": "retrying",
    "--patience": "1s",
    "--provider-url": "URL",
    "--settlement": "f.csv",
}
"""A value for each option that takes one."""
COMMON = {"--url", "--json", "--help", "-h"}


@dataclass(frozen=True)
class Page:
    """A platform with a paid payment and a parked one, and a shell in which people type."""

    platform: Platform
    folder: Path
    payment_id: str
    letter_id: str

    def filled_in(self, line: str) -> str:
        """The line with what stands on the page for something of the reader's own."""
        is_of_letter = any(f"ops {word} ID" in line for word in OF_LETTERS)
        own = {
            "https://<app>.azurewebsites.net": self.platform.url,
            "<bearer token>": "",
            "http://127.0.0.1:7090": self.platform.provider_url,
            "$REGIS_PAY_OPS_URL": self.platform.url,
            "PAYMENT_ID": self.payment_id,
            " ID": f" {self.letter_id if is_of_letter else self.payment_id}",
            "/ID/": f"/{self.payment_id}/",
            "-url URL": f"-url {self.platform.provider_url}",
            " f.csv": f" {self.folder / 'f.csv'}",
            "--reason TEXT": "--reason 'the customer asked'",
        }
        for name, value in own.items():
            line = line.replace(name, value)
        return line

    async def type(self, line: str) -> tuple[int, str]:
        """The exit code, and what was printed."""
        line = self.filled_in(line)
        words = shlex.split(line)
        if words[:3] == ["python", "-m", "ops"]:
            return await asyncio.to_thread(asked, ["--url", self.platform.url, *words[3:]])
        return await shell(line, path=str(Path(sys.executable).parent))


def asked(words: list[str]) -> tuple[int, str]:
    """In this process: a new one for each would take half a second."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            code = main(words)
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    return code, printed.getvalue()


async def shell(line: str, *, path: str, **environment: str) -> tuple[int, str]:
    child = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        line,
        cwd=ROOT,
        env={**os.environ, **environment, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await asyncio.wait_for(child.communicate(), LIMIT_S)
    return child.returncode or 0, printed.decode()


async def an_open_letter(shop: Shop) -> str:
    found: list[str] = []

    async def is_open() -> bool:
        answer = (await shop.get(f"{LETTERS}?status=open")).body
        found[:] = [letter["id"] for letter in answer["dead_letters"]]
        return bool(found)

    await until(is_open, limit_s=LIMIT_S, every_s=0.1)
    return found[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    folder = tmp_path_factory.mktemp("page")
    async with hosts.running(data=folder / "data") as platform, open_shop(platform) as shop:
        payment_id = await shop.order("page-1", description="for somebody", reference=REFERENCE)
        await shop.finished(payment_id)
        await shop.order("page-2", payment_method="pm_down")
        letter_id = await an_open_letter(shop)
        async with shop.http.post(f"{platform.provider_url}/repair"):
            yield Page(platform, folder, payment_id, letter_id)


def of_azure() -> Iterator[str]:
    yield from (line for line in typed() if "az " in line.partition(" --")[0])


def queries() -> list[str]:
    return [line for line in typed() if line.startswith("SELECT ")]


def test_each_command_of_the_page_is_one_that_is_typed_here() -> None:
    assert sorted([*SAID, *NOT_TYPED, *of_azure(), *queries()]) == sorted(typed())


async def test_each_command_says_what_the_page_says_it_does(page: Page) -> None:
    for line, (expected, part) in SAID.items():
        code, said = await page.type(line)

        assert (code, part in said) == (expected, True), f"$ {page.filled_in(line)}\nends with {code}:\n{said}"


async def test_what_is_erased_with_a_yes_is_gone(page: Page) -> None:
    line = "python -m ops erase PAYMENT_ID --reason TEXT --yes"

    first, again = await page.type(line), await page.type(line)

    assert (first[0], again[0]) == (0, 0)
    assert "description" in first[1]
    assert "description" not in again[1]


@pytest.mark.parametrize("line", queries())
async def test_the_query_of_the_page_finds_the_documents(page: Page, line: str) -> None:
    async with open_client(page.platform.cosmos_connection, proxies=False) as client:
        events = client.get_database_client("regis-pay").get_container_client("events")
        found = [item["id"] async for item in events.query_items(line.replace("SECONDS", "0"))]

    assert f"{page.payment_id}:1" in found


@pytest.mark.parametrize("row", grammar())
async def test_each_option_of_a_row_is_taken_by_the_command(page: Page, row: str) -> None:
    """Those that exclude one another, each by itself: the ones of the row's own grammar, then one more."""
    words = row.partition(" [")[0].replace("ID/REFERENCE", REFERENCE).replace("bash/zsh", "bash")
    command = words.split()[0]
    assert (await page.type(SETTLEMENT))[0] == 0
    for name in ("", *grammar()[row]):
        value = GIVEN.get(name, "")
        value = value[command] if isinstance(value, dict) else value
        line = f"python -m ops {words} {'' if name in words.split() else f'{name} {value}'}".replace("FILE", "f.csv")
        dry = " --dry-run" if command in ("replay", "discard", "erase") and name != "--wait" else ""

        code, said = await page.type(line + dry)

        assert code in (0, 1), f"$ {page.filled_in(line + dry)}\nends with {code}:\n{said}"


def test_no_option_of_the_command_is_missing_on_the_page() -> None:
    (commands,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    named: dict[str, set[str]] = {}
    for row, options in grammar().items():
        named.setdefault(row.split()[0], set()).update(options)

    taken = {
        name: {option for action in command._actions for option in action.option_strings} - COMMON
        for name, command in commands.choices.items()
    }
    assert named == taken


@pytest.mark.parametrize("line", of_azure())
async def test_what_asks_azure_has_the_words_that_azures_own_tool_takes(tmp_path: Path, line: str) -> None:
    stage = staged(tmp_path)

    line = line.replace("<OPS_CLIENT_ID>", "id").replace("TOPIC", "payment-initiated")

    code, said = await shell(line, path=str(stage.bin), STAGE=str(tmp_path))

    assert code == 0, said
    assert stage.calls("az"), "it has asked"
