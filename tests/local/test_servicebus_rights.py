"""Who may come in, and what is refused by name."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusError,
)

from local.azure.servicebus import cbs
from local.azure.servicebus.sections import Request, read_request
from local.azure.servicebus.values import UInt, encode, encode_list
from tests.local.servicebus_support import WAIT_S, Bus, bus, connect, subscription, topic, topology

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOPICS = topology(topic("orders", subscription("ship")))
SIGNED = (
    "SharedAccessSignature sr=sb%3A%2F%2Fhost%2Forders&sig=u7VWhJ%2FNsHUj6qCSSBFBYp4rmcGVtTzGcYQOxHTHJ8A%3D"
    "&se=2000000000&skn=RootManageSharedAccessKey"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bus]:
    async with bus(TOPICS, tmp_path_factory.mktemp("rights")) as opened:
        yield opened


async def _open_sender(connection_string: str) -> None:
    async with connect(connection_string) as client, client.get_topic_sender("orders"):
        pass


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("SAS_KEY_VALUE", "another_key"), ("RootManageSharedAccessKey", "SomebodyElse")],
)
async def test_a_wrong_key_or_key_name_is_not_let_in(on: Bus, right: str, wrong: str) -> None:
    connection_string = on.running.connection_string.replace(right, wrong)

    with pytest.raises((ServiceBusAuthenticationError, ServiceBusAuthorizationError)):
        await _open_sender(connection_string)


async def test_the_documented_connection_string_is_let_in(on: Bus) -> None:
    await _open_sender(
        f"Endpoint=sb://127.0.0.1:{on.running.port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )


async def test_sessions_are_refused_by_name(on: Bus) -> None:
    with pytest.raises(ServiceBusError, match="sessions are not implemented"):
        async with on.client.get_subscription_receiver("orders", "ship", session_id="s"):
            pass


async def test_a_topic_or_subscription_that_is_not_declared_is_not_found(on: Bus) -> None:
    with pytest.raises(MessagingEntityNotFoundError, match="there is no topic 'order'"):
        async with on.client.get_topic_sender("order"):
            pass
    with pytest.raises(MessagingEntityNotFoundError, match="shop"):
        async with on.client.get_subscription_receiver("orders", "shop"):
            pass


async def test_nobody_receives_from_a_topic_or_sends_to_a_subscription(on: Bus) -> None:
    with pytest.raises(ServiceBusError, match="is a topic"):
        async with on.client.get_queue_receiver("orders"):
            pass
    with pytest.raises(ServiceBusError, match="is a subscription"):
        async with on.client.get_queue_sender("orders/Subscriptions/ship"):
            pass


async def test_addresses_are_found_in_any_case(on: Bus) -> None:
    async with on.client.get_topic_sender("ORDERS"), on.client.get_subscription_receiver("Orders", "SHIP"):
        pass


async def test_bytes_that_are_no_amqp_end_the_connection_and_nothing_else(on: Bus) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", on.running.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n" * 3)

    async with asyncio.timeout(10):
        while await reader.read(1024):
            pass

    writer.close()
    await _open_sender(on.running.connection_string)


def _token_request(body: object, operation: str = "put-token") -> Request:
    return Request("id", "", {"operation": operation, "type": "servicebus.windows.net:sastoken"}, body)


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        (_token_request(SIGNED), 401, "does not fit"),
        (_token_request(SIGNED.replace("2000000000", "1000")), 401, "expired"),
        (_token_request("SharedAccessSignature sr=x"), 401, "no shared access signature"),
        (_token_request("eyJhbGciOi"), 501, "not implemented"),
        (_token_request(7), 400, "no string"),
        (_token_request(SIGNED, operation="delete-token"), 501, "delete-token"),
    ],
)
async def test_a_token_that_proves_nothing_is_refused_with_the_reason(
    request_: Request, status: int, reason: str
) -> None:
    reply, fits = cbs.put_token(request_, now_s=1_900_000_000)

    told = read_request(reply).application
    assert not fits
    assert told["status-code"] == status
    assert reason in str(told["status-description"])


async def test_two_brokers_in_one_process_know_nothing_of_each_other(on: Bus, tmp_path: Path) -> None:
    async with bus(topology(topic("other")), tmp_path) as second:
        await second.sender("other")

        assert second.running.port != on.running.port
        assert list(await second.entities()) == ["other"]


async def test_a_second_broker_on_the_same_folder_does_not_start(tmp_path: Path) -> None:
    async with bus(TOPICS, tmp_path):
        with pytest.raises(Exception, match="locked"):
            async with bus(TOPICS, tmp_path):
                pass


def _open_frame(*, idle_ms: int) -> bytes:
    fields = encode_list([encode("a client"), encode("host"), b"\x40", b"\x40", encode(UInt(idle_ms))])
    content = b"\x02\x00\x00\x00\x00\x53\x10" + fields
    return (len(content) + 4).to_bytes(4) + content


async def test_a_client_that_asks_for_a_heartbeat_gets_it(on: Bus) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", on.running.port)
    writer.write(b"AMQP\x00\x01\x00\x00" + _open_frame(idle_ms=300))

    received = b""
    async with asyncio.timeout(WAIT_S):
        while received.count(b"\x00\x00\x00\x08\x02\x00\x00\x00") < 3:
            received += await reader.readexactly(1)

    writer.close()


async def test_a_client_without_a_token_gets_no_link(on: Bus) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", on.running.port)
    begin = b"\x02\x00\x00\x00\x00\x53\x11" + encode_list([b"\x40", b"\x43", encode(UInt(9)), encode(UInt(9))])
    target = b"\x00\x53\x29" + encode_list([encode("orders")])
    ends = [b"\x50\x00", b"\x50\x00", b"\x00\x53\x28\x45", target, b"\x40", b"\x40", b"\x43"]
    attach = b"\x02\x00\x00\x00\x00\x53\x12" + encode_list([encode("link"), b"\x43", encode(value=False), *ends])
    for frame in (begin, attach):
        begun = (len(frame) + 4).to_bytes(4) + frame
        writer.write(begun if frame is attach else b"AMQP\x00\x01\x00\x00" + _open_frame(idle_ms=60_000) + begun)

    async with asyncio.timeout(WAIT_S):
        await reader.readuntil(b"amqp:unauthorized-access")

    writer.close()
