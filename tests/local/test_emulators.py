"""`python -m local emulators`: everything but the Functions host, for a host that somebody else starts; and the sample
of its settings, which must fit without a change.
"""

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from azure.cosmos.aio import CosmosClient, DatabaseProxy

from local.datafolder import owned, word_found
from local.emulators import to_type
from local.ports import Ports
from local.supervisor import ROOT, Platform, Setup, running_platform
from shared import wiring
from shared.services import Services
from shared.settings import Settings
from shared.verbs.query import readiness
from tests.local.provider_support import OTHER_KEY
from tests.local.terminal import FAKES, FREE_PORTS, local, taken_port
from tests.topologies import declared

REAL: dict[str, str] = {}
DECLARED = declared()
SAMPLE: dict[str, str] = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]


@pytest.fixture(autouse=True)
def no_secret_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROVIDER_WEBHOOK_SECRET", raising=False)


def emulators(data: Path, *more: str) -> list[str]:
    return ["emulators", "--data", str(data), *FREE_PORTS, *more]


def pairs(connection: str) -> dict[str, str]:
    """A connection string in its parts; localhost is where the services listen."""
    return dict(part.split("=", 1) for part in connection.replace("localhost", "127.0.0.1").split(";") if part)


# --- running


async def test_it_shows_the_addresses_and_what_to_type_next_and_starts_no_host(tmp_path: Path) -> None:
    async with local(*emulators(tmp_path)) as run:
        said = await run.says("serving")

        assert "function app" not in said
        for words in ("Cosmos DB", "Service Bus", "provider", "azurite", "func start --port"):
            assert words in said
    assert not (tmp_path / "logs" / "host.log").exists()


async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    async with local(*emulators(tmp_path)) as run:
        await run.says("serving")

        run.process.send_signal(signal.SIGTERM)

        assert await run.ends() == 0
    assert word_found(tmp_path) is None
    with owned(tmp_path):
        pass  # no service is left, for each would share the lock


async def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with taken_port() as port:
        async with local(*emulators(tmp_path, "--cosmos-port", str(port))) as run:
            exit_code = await run.ends()

    assert exit_code == 1
    assert run.said.splitlines()[1:] == [
        f"port {port} is taken, so the local cosmos cannot start: free it or choose another, --cosmos-port N"
    ]


async def test_a_reset_under_a_living_host_is_refused_for_its_payments_would_stop(tmp_path: Path) -> None:
    (tmp_path / "cosmos.sqlite").write_text("kept")

    with taken_port() as port:
        async with local(*emulators(tmp_path, "--http-port", str(port), "--reset")) as run:
            exit_code = await run.ends()

    assert exit_code == 1
    assert run.said == f"a host answers on {port}: stop it first, then RESET=1\n"
    assert (tmp_path / "cosmos.sqlite").read_text() == "kept"


async def test_the_port_of_the_host_may_be_taken_for_it_is_the_hosts(tmp_path: Path) -> None:
    with taken_port() as port:
        async with local(*emulators(tmp_path, "--http-port", str(port))) as run:
            said = await run.says("serving")

    assert f"func start --port {port}" in said


async def test_the_whole_platform_and_the_emulators_do_not_share_a_folder(tmp_path: Path) -> None:
    async with local(*emulators(tmp_path)) as first:
        await first.says("serving")

        async with local("up", "--data", str(tmp_path), *FREE_PORTS) as second:
            exit_code = await second.ends()

    assert exit_code == 1
    assert f"another run (process {first.process.pid}) uses {tmp_path}" in second.said


# --- what it prints to be typed

STUB = """#!/bin/sh
exec {python} -c 'import json, os, sys; open(sys.argv[1], "w").write(json.dumps([sys.argv[2:], dict(os.environ)]))' \\
    "$0.json" "$@"
"""


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """A folder with programs in place of func and npx, each of which writes what it was given to NAME.json."""
    folder = tmp_path / "some stubs"
    folder.mkdir()
    for name in ("func", "npx"):
        (folder / name).write_text(STUB.format(python=shlex.quote(sys.executable)))
        (folder / name).chmod(0o755)
    return folder


async def test_the_printed_lines_give_azurite_and_the_host_what_they_need(tmp_path: Path, stubs: Path) -> None:
    data = tmp_path / "some data"
    async with local(*emulators(data)) as run:
        said = await run.says("serving")
        word = word_found(data)
    assert word is not None
    lines = [line.strip() for line in said.partition("next, ")[2].splitlines()]
    environ = {**os.environ, "PATH": f"{stubs}{os.pathsep}{os.environ['PATH']}"}

    for program in ("npx", "func"):
        (line,) = [line for line in lines if f"{program} " in line]
        typed = await asyncio.create_subprocess_exec("sh", "-c", line, cwd=ROOT, env=environ)
        assert await typed.wait() == 0

    azurite, _ = json.loads((stubs / "npx.json").read_text())
    arguments, environment = json.loads((stubs / "func.json").read_text())
    assert azurite[:2] == ["--yes", "azurite"]
    options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", str(data / "azurite")]
    assert azurite[2:] == options
    assert arguments == ["start", "--port", str(urlsplit(word["url"]).port)]
    names = {"http": "url", "cosmos": "Cosmos DB", "amqp": "Service Bus", "provider": "provider"}
    ports = Ports(**{name: urlsplit(word[address]).port or 0 for name, address in names.items()})
    assert environment.items() >= Platform(Setup(data, ports), lock=None).settings().items()


def test_the_sample_is_copied_where_there_are_no_settings_and_fits_the_usual_ports(tmp_path: Path) -> None:
    platform = Platform(Setup(tmp_path, Ports()), lock=None)

    without, having = (to_type(platform, has_settings=has).splitlines() for has in (False, True))

    assert [line for line in without if line not in having] == ["  cp local.settings.sample.json local.settings.json"]
    assert [line for line in having if line not in without] == []
    assert having[-1] == "  . .venv/bin/activate && func start"


def test_a_secret_of_ones_own_is_named_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_WEBHOOK_SECRET", OTHER_KEY)

    usual, other = (
        to_type(Platform(Setup(tmp_path, ports), lock=None), has_settings=True) for ports in (Ports(), Ports(http=8000))
    )

    assert usual.endswith('&& PROVIDER_WEBHOOK_SECRETS="$PROVIDER_WEBHOOK_SECRET" func start')
    assert 'PROVIDER_WEBHOOK_SECRETS="$PROVIDER_WEBHOOK_SECRET" func start --port 8000' in other
    assert OTHER_KEY not in usual + other


def test_the_document_says_the_same(tmp_path: Path) -> None:
    platform = Platform(Setup(ROOT / ".local", Ports()), lock=None)

    document = (ROOT / "docs" / "local.md").read_text().splitlines()

    for line in to_type(platform, has_settings=False).splitlines()[1:]:
        assert line.strip() in document


# --- status and pay


async def test_status_and_pay_say_how_a_host_that_does_not_run_is_started(tmp_path: Path) -> None:
    async with local(*emulators(tmp_path)) as run:
        await run.says("serving")

        async with local("status", "--data", str(tmp_path)) as asked:
            status_code = await asked.ends()
        async with local("pay", "--data", str(tmp_path)) as pay:
            pay_code = await pay.ends()
        word = word_found(tmp_path)

    assert word is not None
    starts = f"func start --port {urlsplit(word['url']).port}"
    assert (status_code, pay_code) == (1, 1)
    assert f"does not run: {starts}\n" in asked.said
    assert (
        pay.said == f"no function app runs at {word['url']}: `make run` starts it, or `make emulators` and {starts}\n"
    )


async def test_status_and_pay_find_the_host_that_was_started(tmp_path: Path) -> None:
    host, data = tmp_path / "host", tmp_path / "data"
    async with (
        running_platform(data=host, services=["host"], modules=FAKES) as platform,
        local(*emulators(data, "--http-port", str(platform.ports.http))) as run,
    ):
        await run.says("serving")

        async with local("status", "--data", str(data)) as status:
            status_code = await status.ends()
        async with local("pay", "--data", str(data)) as pay:
            pay_code = await pay.ends()

    assert (status_code, pay_code) == (0, 0), status.said + pay.said
    assert "does not run" not in status.said
    assert "completed" in pay.said


# --- with the real services


@asynccontextmanager
async def store(word: dict[str, str]) -> AsyncIterator[DatabaseProxy]:
    """The declared database, opened with the key of the sample."""
    async with CosmosClient(word["Cosmos DB"], pairs(SAMPLE["CosmosConnection"])["AccountKey"]) as client:
        yield client.get_database_client(DECLARED["cosmos"]["database"])


async def containers(word: dict[str, str]) -> dict[str, str]:
    """The partition key of each container that is there."""
    async with store(word) as database:
        found = [container async for container in database.list_containers()]
    return {each["id"]: each["partitionKey"]["paths"][0] for each in found}


async def subscriptions(word: dict[str, str]) -> dict[str, list[str]]:
    async with aiohttp.ClientSession() as http, http.get(word["Service Bus administration"]) as answer:
        return {name: list(topic["subscriptions"]) for name, topic in (await answer.json()).items()}


async def test_what_the_topology_declares_is_there_and_what_is_stored_outlives_a_restart(tmp_path: Path) -> None:
    async with local(*emulators(tmp_path), modules=REAL) as first:
        await first.says("serving")
        word = word_found(tmp_path)
        assert word is not None
        there = await containers(word), await subscriptions(word)
        async with store(word) as database:
            await database.get_container_client("leases").create_item({"id": "kept"})
        first.process.send_signal(signal.SIGINT)
        exit_code = await first.ends()

    async with local(*emulators(tmp_path), modules=REAL) as second:
        await second.says("serving")
        word = word_found(tmp_path)
        assert word is not None
        async with store(word) as database:
            kept = await database.get_container_client("leases").read_item("kept", partition_key="kept")

    assert exit_code == 0
    assert there[0] == {each["name"]: each["partitionKey"] for each in DECLARED["cosmos"]["containers"]}
    assert there[1] == {
        topic["name"]: [each["name"] for each in topic["subscriptions"]] for topic in DECLARED["serviceBus"]["topics"]
    }
    assert kept["id"] == "kept"


# --- the sample of the settings


def test_the_sample_names_what_is_served_on_the_usual_ports(tmp_path: Path) -> None:
    served = Platform(Setup(tmp_path, Ports()), lock=None).settings()

    sample = {name: SAMPLE[name] for name in served}

    assert pairs(sample["CosmosConnection"]) == pairs(served["CosmosConnection"])
    usual = pairs(served["ServiceBusConnection"])
    assert pairs(sample["ServiceBusConnection"]) == usual | {"Endpoint": usual["Endpoint"].removesuffix(":5672")}
    assert sample["PROVIDER_WEBHOOK_SECRETS"] == served["PROVIDER_WEBHOOK_SECRETS"]
    assert sample["PROVIDER_BASE_URL"] == served["PROVIDER_BASE_URL"].replace("127.0.0.1", "localhost")


@asynccontextmanager
async def services_of(values: dict[str, str]) -> AsyncIterator[Services]:
    """What the app would build from these settings."""
    names = {name if name.endswith("Connection") else name.lower(): value for name, value in values.items()}
    built = await wiring.build(Settings.model_validate(names))
    try:
        yield built.services
    finally:
        await built.close()


async def test_with_the_sample_the_app_reaches_store_and_bus(tmp_path: Path) -> None:
    """The ports are free ones, for the usual ones may be in use here; everything else is the sample's."""
    async with running_platform(data=tmp_path, services=["cosmos", "servicebus"]) as platform:
        moved = SAMPLE | {
            "CosmosConnection": SAMPLE["CosmosConnection"].replace(":8081/", f":{platform.ports.cosmos}/"),
            "ServiceBusConnection": SAMPLE["ServiceBusConnection"].replace(
                "sb://localhost;", f"sb://localhost:{platform.ports.amqp};"
            ),
        }
        async with services_of(moved) as services:
            checks = await readiness(services=services)

    assert checks == {"store": "ok", "bus": "ok"}
