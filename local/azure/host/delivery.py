"""A Service Bus message in the shape in which the host hands it to a function. Must not know how it came.

The metadata is what the .NET host sends for one message: text stays text, all else travels as JSON, absent values are
left out. What that host does not send (locked_until, dead_letter_reason, ...) is not sent here either, so that the app
meets the same None as in Azure.
"""

import datetime as dt
import json
import uuid
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage

from local.azure.host.wire import TypedData
from local.azure.host.worker import Invocation

_NO_EXPIRY = "9999-12-31T23:59:59.9999999"  # what .NET writes when a message has no time to live


def invocation_of(message: ServiceBusReceivedMessage, *, binary: bool) -> Invocation:
    """The message as the function receives it: its body as text, or as bytes where the decorator says binary."""
    body = _body(message)
    data = TypedData(bytes=body) if binary else TypedData(string=body.decode("utf-8", "replace"))
    return Invocation(data=data, metadata=metadata_of(message))


def metadata_of(message: ServiceBusReceivedMessage) -> dict[str, TypedData]:
    """What stands beside the body. `DeliveryCount` is 1 for the first delivery: AMQP's own count is of failures."""
    texts = {
        "DeadLetterSource": message.dead_letter_source,
        "LockToken": str(message.lock_token) if message.lock_token else None,
        "MessageId": message.message_id,
        "ContentType": message.content_type,
        "ReplyTo": message.reply_to,
        "To": message.to,
        "Subject": message.subject,
        "Label": message.subject,
        "CorrelationId": message.correlation_id,
        "SessionId": message.session_id,
        "ReplyToSessionId": message.reply_to_session_id,
        "PartitionKey": message.partition_key,
    }
    properties = {_text(key): value for key, value in (message.application_properties or {}).items()}
    expires, expires_utc = _expiry(message)
    others = {
        "DeliveryCount": (message.delivery_count or 0) + 1,
        "SequenceNumber": message.sequence_number,
        "EnqueuedTimeUtc": _zulu(message.enqueued_time_utc),
        "EnqueuedTime": _offset(message.enqueued_time_utc),
        "ExpiresAtUtc": expires_utc,
        "ExpiresAt": expires,
        "ApplicationProperties": properties,
        "UserProperties": properties,
    }
    return {name: TypedData(string=value) for name, value in texts.items() if value is not None} | {
        name: TypedData(json=json.dumps(value, default=_plain)) for name, value in others.items() if value is not None
    }


def _body(message: ServiceBusReceivedMessage) -> bytes:
    body: Any = message.body
    if body is None:
        return b""
    if isinstance(body, bytes | str):
        return body if isinstance(body, bytes) else body.encode()
    return b"".join(part if isinstance(part, bytes) else str(part).encode() for part in body)


def _expiry(message: ServiceBusReceivedMessage) -> tuple[str | None, str | None]:
    if message.time_to_live is None:
        return f"{_NO_EXPIRY}+00:00", f"{_NO_EXPIRY}Z"
    return _offset(message.expires_at_utc), _zulu(message.expires_at_utc)


def _zulu(moment: dt.datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def _offset(moment: dt.datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None


def _text(value: Any) -> str:  # noqa: ANN401 - AMQP keys and values are of many types
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _plain(value: object) -> str:
    """A property value that JSON has no type for, as text."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else _text(value)
