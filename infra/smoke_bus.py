"""Sends one message that expires at once to a step's subscription: `python infra/smoke_bus.py MESSAGE_ID`.

The environment's SMOKE_BUS is a connection string, or a namespace's host name for whoever is signed in to the Azure CLI
with the role Azure Service Bus Data Sender. Apart from infra/smoke.py because it alone needs the SDK.
"""

import os
import sys
from datetime import timedelta

from azure.identity import AzureCliCredential
from azure.servicebus import ServiceBusClient, ServiceBusMessage

TOPIC = "payment-initiated"
SUBSCRIPTION = "create"


def send_expired(bus: str, *, message_id: str) -> None:
    """Addressed, so that no other component sees it.

    The body is no event: should the step be quicker than the expiry, it parks the message and touches no payment.
    """
    message = ServiceBusMessage(
        b"smoke test", message_id=message_id, to=SUBSCRIPTION, time_to_live=timedelta(milliseconds=1)
    )
    with _client(bus) as client, client.get_topic_sender(TOPIC) as sender:
        sender.send_messages(message)


def _client(bus: str) -> ServiceBusClient:
    if bus.startswith("Endpoint="):
        return ServiceBusClient.from_connection_string(bus)
    return ServiceBusClient(bus, AzureCliCredential())


if __name__ == "__main__":
    send_expired(os.environ["SMOKE_BUS"], message_id=sys.argv[1])
