"""Makes messages die in the broker, for the smoke test of the road that the broker forwards them on.

Apart from infra/smoke.py because it alone needs the SDK, which requirements.txt pins. Expiry would not do: what expired
would expire again in the topic that it is forwarded to.
"""

from collections.abc import Collection

from azure.core.exceptions import AzureError
from azure.identity import AzureCliCredential
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from infra.smoke_http import SmokeFailed

TOPIC, SUBSCRIPTION = "payment-failed", "void"
"""The quietest step: the fewest receivers to be quicker than."""

NO_MORE_S = 3
"""Without a message for so long, the step has got the others."""


def dead_letter(bus: str, *, message_ids: Collection[str], reason: str) -> None:
    """Send a message for each id to a step, and dead-letter those that come here before the step gets them.

    `bus`: a connection string, or a namespace's host name (uses your Azure CLI sign-in). The messages are addressed, so
    that no other component sees them. They are not events: the step parks what it gets, and touches no payment. Raises
    SmokeFailed.
    """
    try:
        with _client(bus) as client:
            _send_and_dead_letter(client, message_ids, reason=reason)
    except AzureError as exc:
        roles = "needs Azure Service Bus Data Sender and Receiver"
        raise SmokeFailed(f"{TOPIC} and {TOPIC}/{SUBSCRIPTION} ({roles}): {exc}") from exc


def _send_and_dead_letter(client: ServiceBusClient, message_ids: Collection[str], *, reason: str) -> None:
    count = len(message_ids)
    with (
        client.get_topic_sender(TOPIC) as sender,
        # the prefetch asks for messages before they are sent: to ask afterwards is to come second
        client.get_subscription_receiver(
            TOPIC, SUBSCRIPTION, prefetch_count=count, max_wait_time=NO_MORE_S
        ) as receiver,
    ):
        sender.send_messages(
            [ServiceBusMessage(b"smoke test", message_id=each, to=SUBSCRIPTION) for each in message_ids]
        )
        for message in receiver:
            if message.message_id in message_ids:
                receiver.dead_letter_message(message, reason=reason)
            else:
                receiver.abandon_message(message)


def _client(bus: str) -> ServiceBusClient:
    if bus.startswith("Endpoint="):
        return ServiceBusClient.from_connection_string(bus)
    return ServiceBusClient(bus, AzureCliCredential())
