"""The platform as end-to-end tests use it: some services, killed and started again, with settings of the test's own.

The services are fakes, so that each test is about the supervision alone.
"""

import asyncio
import itertools
import os
import sys
from pathlib import Path

import aiohttp
import pytest

from local import ports as local_ports
from local.base.serving import PortTaken
from local.datafolder import FolderUnusable, owned
from local.ports import FREE, Ports
from local.processes import Child, Command, NotReady, ServiceDied
from local.provider.webhook import LOCAL_KEY
from local.supervisor import Platform, running_platform
from tests.local.listener import listening_merchant
from tests.local.provider_support import OTHER_KEY, Client
from tests.local.terminal import FAKES, taken_port

type Environment = dict[str, str]


async def environment_of(platform: Platform) -> Environment:
    async with aiohttp.ClientSession() as http, http.get(f"{platform.url}/environment") as response:
        environment: Environment = await response.json()
        return environment


async def test_a_service_that_was_killed_comes_back_on_its_port(tmp_path: Path) -> None:
    async with running_platform(data=tmp_path, services=["host"], modules=FAKES) as platform:
        await platform.kill("host")
        was_running = platform.is_running("host")
        await platform.start("host")

        assert not was_running
        assert await environment_of(platform)


async def test_the_host_gets_addresses_and_what_the_test_says_over_what_the_caller_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CosmosConnection__accountEndpoint", "https://real.documents.azure.com")
    monkeypatch.setenv("CosmosConnection", "AccountEndpoint=https://real.documents.azure.com")
    monkeypatch.setenv("MERCHANT_ID", "merchant-of-the-caller")
    monkeypatch.setenv("PROVIDER_WEBHOOK_SECRET", OTHER_KEY)
    said = {"FROM_THE_TEST": "yes"}

    async with running_platform(data=tmp_path, services=["host"], modules=FAKES, environment=said) as platform:
        environment = await environment_of(platform)

        assert environment["CosmosConnection"] == platform.cosmos_connection
        assert environment["ServiceBusConnection"] == platform.servicebus_connection
        assert environment["PROVIDER_BASE_URL"] == platform.provider_url
        assert environment["PROVIDER_WEBHOOK_SECRETS"] == OTHER_KEY
        assert environment["MERCHANT_ID"] == "merchant-of-the-caller"
        assert environment["FROM_THE_TEST"] == "yes"
        assert environment["FUNCTIONS_WORKER_RUNTIME"] == "python"
        assert "CosmosConnection__accountEndpoint" not in environment
        assert "SERVICEBUS_SENDERS" not in environment  # ours has no limit, unlike Microsoft's


@pytest.mark.parametrize(
    ("value", "is_handed_on"),
    [
        ("DefaultEndpointsProtocol=https;AccountName=real;AccountKey=x", False),
        ("UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite", True),
        ("DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;BlobEndpoint=http://azurite:10000/x", True),
    ],
)
async def test_of_the_callers_storages_the_host_gets_only_one_for_development(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, *, is_handed_on: bool
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", value)
    monkeypatch.setenv("AzureWebJobsStorage__accountName", "real")

    async with running_platform(data=tmp_path, services=["host"], modules=FAKES) as platform:
        environment = await environment_of(platform)

    assert environment["AzureWebJobsStorage"] == (value if is_handed_on else "UseDevelopmentStorage=true")
    assert "AzureWebJobsStorage__accountName" not in environment


async def test_a_free_port_that_another_takes_before_the_service_is_given_up_for_a_free_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with taken_port() as lost:
        offered = iter([lost])
        free = local_ports._free_ports
        monkeypatch.setattr(local_ports, "_free_ports", lambda: itertools.chain(offered, free()))

        async with running_platform(data=tmp_path, services=["host"], modules=FAKES) as platform:
            assert platform.ports.http != lost
            assert await environment_of(platform)


async def test_a_port_that_was_named_is_never_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_ports, "is_taken", lambda _port: False)

    with taken_port() as port, pytest.raises(ServiceDied, match=f"port {port} is taken"):
        async with running_platform(data=tmp_path, ports=Ports(http=port), services=["host"], modules=FAKES):
            pass


async def test_a_choice_of_ports_that_is_never_good_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with taken_port() as port:
        monkeypatch.setattr(local_ports, "_free_ports", lambda: itertools.repeat(port))

        with pytest.raises(ServiceDied, match=f"port {port} is taken"):
            async with running_platform(data=tmp_path, services=["host"], modules=FAKES):
                pass


async def test_a_service_that_is_not_ready_in_time_says_where_its_log_is(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    waits = "import sys, time; sys.stderr.write('waiting\\n'); time.sleep(60)"
    child = await Child.start(Command("it", [sys.executable, "-c", waits], tmp_path, os.environ, log))
    try:
        with pytest.raises(NotReady, match=rf"it was not ready within 0.2 s[\s\S]*\nall that it wrote: {log}$"):
            await child.ready(0.2)
    finally:
        await child.kill()
    assert str(log) in str(await child.death())


@pytest.mark.parametrize(("own", "expected"), [(None, LOCAL_KEY), ("", LOCAL_KEY), (OTHER_KEY, OTHER_KEY)])
async def test_the_provider_tells_the_function_app_of_disputes_signed_as_the_app_is_told_to_expect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None, expected: str
) -> None:
    monkeypatch.setenv("PROVIDER_WEBHOOK_SECRETS", "whsec_" + "QkJC" * 12)  # would verify nothing that is signed here
    monkeypatch.delenv("PROVIDER_WEBHOOK_SECRET", raising=False)
    if own is not None:
        monkeypatch.setenv("PROVIDER_WEBHOOK_SECRET", own)

    async with (
        running_platform(data=tmp_path, services=["provider"], modules=FAKES) as platform,
        listening_merchant(platform.ports.http) as app,
        aiohttp.ClientSession() as http,
    ):
        provider = Client(http, platform.provider_url)
        await provider.paid()
        _, opened = await provider.dispute()
        (told,) = await app.hears(1)

    assert told.path == "/api/provider/events"
    assert platform.settings()["PROVIDER_WEBHOOK_SECRETS"] == expected
    assert told.verified(expected)["data"]["dispute_id"] == opened["dispute_id"]


async def test_only_the_named_services_run_and_none_is_left(tmp_path: Path) -> None:
    async with running_platform(data=tmp_path, services=["cosmos", "provider"], modules=FAKES) as platform:
        running = [service for service in ("cosmos", "servicebus", "provider", "host") if platform.is_running(service)]

    assert running == ["cosmos", "provider"]
    assert not platform.is_running("cosmos")
    assert not platform.is_running("provider")


async def test_a_service_that_dies_at_its_start_leaves_no_other_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_REFUSES", "cosmos")

    with pytest.raises(ServiceDied, match=r"cosmos ended with exit code 3:\nthe last words of cosmos"):
        async with running_platform(data=tmp_path, services=["cosmos", "servicebus"], modules=FAKES):
            pass

    with owned(tmp_path):
        pass


async def test_one_folder_has_one_owner(tmp_path: Path) -> None:
    with owned(tmp_path), pytest.raises(FolderUnusable):
        async with running_platform(data=tmp_path, services=[]):
            pass


def test_free_ports_differ_and_a_wanted_port_is_kept() -> None:
    wanted = FREE.chosen().http

    chosen = Ports(http=wanted, cosmos=0, amqp=0, provider=0, admin=0).chosen()

    assert chosen.http == wanted
    assert len({chosen.http, chosen.cosmos, chosen.amqp, chosen.provider, chosen.admin}) == 5


def test_a_port_that_was_named_for_one_address_is_given_to_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_ports, "_free_ports", lambda: iter(range(20_000, 20_010)))
    monkeypatch.setattr(local_ports, "is_taken", lambda _port: False)

    chosen = Ports(http=20_001, cosmos=0, amqp=20_003, provider=0, admin=0).chosen()

    assert chosen == Ports(http=20_001, cosmos=20_000, amqp=20_003, provider=20_002, admin=20_004)


def test_a_wanted_port_that_is_taken_is_named_with_its_option() -> None:
    with taken_port() as port, pytest.raises(PortTaken, match=f"port {port} is taken.*--admin-port"):
        Ports(http=0, cosmos=0, amqp=0, provider=0, admin=port).chosen()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
async def test_a_full_disk_stops_no_service_that_writes_its_log(tmp_path: Path) -> None:
    """Nobody would read its pipe any more, and the service would wait for ever to write to it."""
    talks = "import sys; print('ready it 1', flush=True); sys.stderr.write('x' * 1_000_000)"
    command = Command("it", [sys.executable, "-c", talks], tmp_path, os.environ, Path("/dev/full"))
    child = await Child.start(command)
    try:
        assert await child.ready(20) == 1
        await asyncio.wait_for(child.death(), 20)
    finally:
        await child.kill()
