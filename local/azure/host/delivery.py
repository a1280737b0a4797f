"""A Service Bus message in the shape in which the host hands it to a function. Must not know how it came.

The metadata is what the .NET host sends for one message: text stays text, all else travels as JSON, absent values are
left out. What that host does not send (locked_until, dead_letter_reason, ...) is not sent here either, so that the app
meets the same None as in Azure.

Where the decorator does not say binary, a body that is a JSON object rewrites the metadata, as in Azure: each of its
properties but arrays and null replaces what has that name in any case (azure-functions-host, Utility.ApplyBindingData).
"""

import datetime as dt
import json
import re
import uuid
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType

from local.azure.host.traces import NONE
from local.azure.host.wire import TraceContext, TypedData
from local.azure.host.worker import Invocation

_NO_EXPIRY = "9999-12-31T23:59:59.9999999"  # what .NET writes when a message has no time to live
_NEVER = "0001-01-01T00:00:00Z"
_TIME = re.compile(r"\d{4}-(0\d|1[0-2])-([0-2]\d|30)T([01]\d|2[0-3])(:[0-5]\d){2}(\.\d{1,7})?(Z|[+-][01]\d:[0-5]\d)?")
_NET_TIME = "%m/%d/%Y %H:%M:%S"
_NAMES = (
    *("DeadLetterSource", "LockToken", "MessageId", "ContentType", "ReplyTo", "To", "Subject", "Label"),
    *("CorrelationId", "SessionId", "ReplyToSessionId", "PartitionKey", "TransactionPartitionKey", "DeliveryCount"),
    *("SequenceNumber", "EnqueuedTimeUtc", "EnqueuedTime", "ExpiresAtUtc", "ExpiresAt"),
    *("ApplicationProperties", "UserProperties"),
)
_SPELLED = {name.lower(): name for name in _NAMES}  # also of a message that has none of it


class NotConvertible(Exception):
    """The host cannot turn the body into what the function takes: the message is abandoned, and no function runs."""


def invocation_of(message: ServiceBusReceivedMessage, *, binary: bool, trace: TraceContext = NONE) -> Invocation:
    """The message as the function receives it: its body as text, or as bytes where the decorator says binary.

    Raises NotConvertible as Microsoft.Azure.WebJobs.Extensions.ServiceBus does: bytes are made of data alone, text also
    of a value that is text.
    """
    metadata = metadata_of(message)
    if binary:
        return Invocation(TypedData(bytes=_octets(message)), metadata, trace)
    text = _body_text(message)
    return Invocation(TypedData(string=text), metadata | _said_by(text), trace)


def by_hand(text: str, *, binary: bool) -> Invocation:
    """A message that nobody has sent: the text that somebody gave to the host's own address of the function."""
    fields = {"DeliveryCount": 0, "EnqueuedTimeUtc": _NEVER, "ApplicationProperties": {}, "UserProperties": {}}
    metadata = {name: TypedData(json=json.dumps(value)) for name, value in fields.items()}
    if binary:
        return Invocation(TypedData(bytes=text.encode()), metadata)
    return Invocation(TypedData(string=text), metadata | _said_by(text))


def trace_parent_of(message: ServiceBusReceivedMessage) -> str:
    """What the sender's SDK has left among the properties."""
    properties = {_text(key): value for key, value in (message.application_properties or {}).items()}
    return _text(properties.get("traceparent", ""))


def metadata_of(message: ServiceBusReceivedMessage) -> dict[str, TypedData]:
    """What stands beside the body. `DeliveryCount` is 1 for the first delivery: AMQP's own count is of failures."""
    texts = {
        "DeadLetterSource": message.dead_letter_source,
        "LockToken": str(message.lock_token) if message.lock_token else None,
        "MessageId": message.message_id,
        "ContentType": message.content_type or None,
        "ReplyTo": message.reply_to,
        "To": message.to,
        "Subject": message.subject or None,
        "Label": message.subject or None,
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


def _octets(message: ServiceBusReceivedMessage) -> bytes:
    if message.body is None:  # no section at all
        return b""
    if message.body_type is not AmqpMessageBodyType.DATA:
        raise NotConvertible(f"a body of AMQP type {message.body_type} cannot be bound to bytes")
    return b"".join(message.body)


def _body_text(message: ServiceBusReceivedMessage) -> str:
    if message.body_type is AmqpMessageBodyType.VALUE and isinstance(message.body, bytes):  # the SDK's form of text
        return message.body.decode("utf-8", "replace")
    if message.body is not None and message.body_type is not AmqpMessageBodyType.DATA:
        raise NotConvertible(f"a body of AMQP type {message.body_type} cannot be bound to text")
    return _octets(message).decode("utf-8", "replace")


def _said_by(text: str) -> dict[str, TypedData]:
    """What the body says in place of the metadata."""
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    named: dict[str, Any] = said if isinstance(said, dict) else {}
    spelled = dict(_SPELLED)
    return {
        spelled.setdefault(name.lower(), name): _said(value)
        for name, value in named.items()
        if value is not None and not isinstance(value, list)
    }


def _said(value: object) -> TypedData:
    """An object stays one; all else becomes text as .NET writes it, a time as .NET reads and writes it."""
    match value:
        case dict():
            return TypedData(json=json.dumps(value, separators=(",", ":")))
        case float():
            return TypedData(string=str(value).removesuffix(".0").upper())
        case str() if _TIME.fullmatch(value):
            moment = dt.datetime.fromisoformat(value)
            return TypedData(string=(moment.astimezone(dt.UTC) if moment.tzinfo else moment).strftime(_NET_TIME))
        case _:
            return TypedData(string=str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _expiry(message: ServiceBusReceivedMessage) -> tuple[str | None, str | None]:
    if message.time_to_live is None:
        return f"{_NO_EXPIRY}+00:00", f"{_NO_EXPIRY}Z"
    expires = message.expires_at_utc.replace(microsecond=0) if message.expires_at_utc else None
    return _offset(expires), _zulu(expires)


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
