"""Makes messages die in the broker, for the smoke test of the road that the broker forwards them on.

Apart from infra/smoke.py because it alone needs the SDK, which requirements.txt pins. Expiry would not do: what expired
would expire again in the topic that it is forwarded to.
"""

from collections.abc import Collection

from azure.identity import AzureCliCredential
from azure.servicebus import ServiceBusClient, ServiceBusMessage

TOPIC, SUBSCRIPTION = "payment-failed", "void"
"""The quietest step: the fewest receivers to be quicker than."""

REASON = "smoke_test"

NO_MORE_S = 3
"""Without a message for so long, the step has got the others."""


def dead_letter(bus: str, *, message_ids: Collection[str]) -> set[str]:
    """Send a message for each id to a step and dead-letter them before the step gets them; returns those it managed.

    `bus`: a connection string, or a namespace's host name for whoever is signed in to the Azure CLI, with the roles
    Azure Service Bus Data Sender and Receiver. The messages are addressed, so that no other component sees them, and
    are no events: those that the step gets first it parks, and touches no payment.
    """
    died: set[str] = set()
    with (
        _client(bus) as client,
        client.get_topic_sender(TOPIC) as sender,
        # the prefetch asks for messages before they are sent: to ask afterwards is to come second
        client.get_subscription_receiver(
            TOPIC, SUBSCRIPTION, prefetch_count=len(message_ids), max_wait_time=NO_MORE_S
        ) as receiver,
    ):
        sender.send_messages(
            [ServiceBusMessage(b"smoke test", message_id=each, to=SUBSCRIPTION) for each in message_ids]
        )
        for message in receiver:
            if message.message_id in message_ids:
                receiver.dead_letter_message(message, reason=REASON)
                died.add(str(message.message_id))
            else:
                receiver.abandon_message(message)
    return died


def _client(bus: str) -> ServiceBusClient:
    if bus.startswith("Endpoint="):
        return ServiceBusClient.from_connection_string(bus)
    return ServiceBusClient(bus, AzureCliCredential())
