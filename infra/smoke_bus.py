"""Makes messages die in the broker, for the smoke test of the road that the broker forwards them on.

Apart from infra/smoke.py because it alone needs the SDK, which requirements.txt pins. Expiry would not do: what expired
would expire again in the topic that it is forwarded to.
"""

import time
from collections.abc import Collection

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.identity import AzureCliCredential
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusAuthenticationError, ServiceBusAuthorizationError

from infra.smoke_http import NotYet, SmokeFailed

TOPIC, SUBSCRIPTION = "payment-failed", "void"
"""The quietest step: the fewest receivers to be quicker than."""

NO_MORE_S = 3
"""Without a message for so long, the step has got the others."""

TOKEN_S = 600
"""As long is a token taken for good that was fetched before: the next is the same."""


class Fetched:
    """A token that the Azure CLI gave while it could. Later it may not be given one: infra/deployed.py says why."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_more: object) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + TOKEN_S)


def dead_letter(bus: str, *, message_ids: Collection[str], reason: str, token: str | None = None) -> None:
    """Send a message for each id to a step, and dead-letter those that come here before the step gets them.

    `bus`: a connection string, or a namespace's host name (uses the token, else your Azure CLI sign-in). The messages
    are addressed, so that no other component sees them. They are not events: the step parks what it gets, and touches
    no payment. Safe to do again: the topic drops an id that it has had. Raises NotYet while a role may still spread,
    SmokeFailed.
    """
    what = f"{TOPIC} and {TOPIC}/{SUBSCRIPTION} (needs Azure Service Bus Data Sender and Receiver)"
    try:
        with _client(bus, token) as client:
            _send_and_dead_letter(client, message_ids, reason=reason)
    except (ServiceBusAuthenticationError, ServiceBusAuthorizationError) as exc:
        raise NotYet(f"{what}: {exc}") from exc
    except AzureError as exc:
        raise SmokeFailed(f"{what}: {exc}") from exc


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


def _client(bus: str, token: str | None) -> ServiceBusClient:
    if bus.startswith("Endpoint="):
        return ServiceBusClient.from_connection_string(bus)
    return ServiceBusClient(bus, Fetched(token) if token else AzureCliCredential())
