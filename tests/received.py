"""Messages that the Service Bus SDK has received, in readable form."""

from typing import cast

from azure.servicebus import ServiceBusReceivedMessage


def properties(received: ServiceBusReceivedMessage) -> dict[str, object]:
    """Application properties with names and texts as text: the SDK leaves them as bytes."""
    told = cast("dict[object, object]", received.application_properties or {})
    return {_text(name): _text(value) if isinstance(value, bytes) else value for name, value in told.items()}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
