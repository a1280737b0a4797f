"""Messages that nobody here wrote, on a topic of the product. The only place that knows the bus's library."""

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

TOPIC = "payment-created"
BODIES = (b"a text", b'{"a": 1}', b"\xff\xfe", b"")


async def send_poison(connection: str) -> None:
    """Raises what the library does."""
    async with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_topic_sender(TOPIC) as sender,
    ):
        await sender.send_messages(
            [ServiceBusMessage(body, message_id=f"poison-{n}") for n, body in enumerate(BODIES, 1)]
        )
