"""What stands beside a message's body when a function gets it: what the .NET host sends, and nothing else."""

import datetime as dt
import json
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from azure.servicebus.amqp import AmqpMessageBodyType

from local.azure.host.delivery import NotConvertible, invocation_of, metadata_of

ENQUEUED = dt.datetime(2030, 1, 1, 12, 0, 0, 123000, tzinfo=dt.UTC)


def received(**fields: Any) -> Any:
    """A received message of the SDK, as far as it is read here."""
    absent = dict.fromkeys(
        (
            *("dead_letter_source", "content_type", "reply_to", "to", "subject", "correlation_id", "session_id"),
            *("reply_to_session_id", "partition_key", "application_properties", "time_to_live", "expires_at_utc"),
        )
    )
    present = {
        "lock_token": uuid.UUID(int=1),
        "message_id": "m1",
        "delivery_count": 0,
        "sequence_number": 7,
        "enqueued_time_utc": ENQUEUED,
        "body": iter([b"a", b"b"]),
        "body_type": AmqpMessageBodyType.DATA,
    }
    return SimpleNamespace(**{**absent, **present, **fields})


def read(message: Any) -> dict[str, object]:
    """The metadata by kind: text as it is, JSON parsed."""
    return {
        name: value.string if value.WhichOneof("data") == "string" else json.loads(value.json)
        for name, value in metadata_of(message).items()
    }


def test_absent_fields_are_left_out() -> None:
    assert read(received()) == {
        "LockToken": str(uuid.UUID(int=1)),
        "MessageId": "m1",
        "DeliveryCount": 1,
        "SequenceNumber": 7,
        "EnqueuedTimeUtc": "2030-01-01T12:00:00.123Z",
        "EnqueuedTime": "2030-01-01T12:00:00.123+00:00",
        "ExpiresAtUtc": "9999-12-31T23:59:59.9999999Z",
        "ExpiresAt": "9999-12-31T23:59:59.9999999+00:00",
        "ApplicationProperties": {},
        "UserProperties": {},
    }


def test_a_label_is_the_subject_and_a_delivery_count_counts_this_delivery_too() -> None:
    metadata = read(received(subject="s", delivery_count=2))

    assert (metadata["Subject"], metadata["Label"], metadata["DeliveryCount"]) == ("s", "s", 3)


def test_a_message_that_expires_says_in_which_second() -> None:
    expires = ENQUEUED + dt.timedelta(hours=1)

    metadata = read(received(time_to_live=dt.timedelta(hours=1), expires_at_utc=expires))

    assert metadata["ExpiresAtUtc"] == "2030-01-01T13:00:00.000Z"


def test_application_properties_travel_as_json_with_names_and_values_that_fit() -> None:
    properties = {b"key": b"text", "n": 1, "yes": True, "at": ENQUEUED, "id": uuid.UUID(int=2)}

    metadata = read(received(application_properties=properties))

    assert metadata["ApplicationProperties"] == {
        "key": "text",
        "n": 1,
        "yes": True,
        "at": "2030-01-01T12:00:00.123000+00:00",
        "id": str(uuid.UUID(int=2)),
    }
    assert metadata["UserProperties"] == metadata["ApplicationProperties"]


def test_a_body_is_text_unless_the_decorator_says_binary() -> None:
    assert invocation_of(received(), binary=False).data.string == "ab"
    assert invocation_of(received(), binary=True).data.bytes == b"ab"


def of_value(value: object) -> Any:
    """The SDK hands over text as bytes, and says that a message without a body has the value None."""
    return received(body=value, body_type=AmqpMessageBodyType.VALUE)


def test_a_value_of_text_is_text_and_no_body_at_all_is_empty() -> None:
    assert invocation_of(of_value(b"value"), binary=False).data.string == "value"
    assert invocation_of(of_value(None), binary=False).data.string == ""
    assert invocation_of(of_value(None), binary=True).data.bytes == b""
    assert invocation_of(received(body=iter([b"\xff"])), binary=False).data.string == "\ufffd"


@pytest.mark.parametrize(
    ("message", "binary"),
    [
        (of_value(7), False),
        (of_value(7), True),
        (of_value({b"a": 1}), False),
        (of_value(b"value"), True),
        (received(body=iter([[1]]), body_type=AmqpMessageBodyType.SEQUENCE), False),
        (received(body=iter([[1]]), body_type=AmqpMessageBodyType.SEQUENCE), True),
    ],
)
def test_other_bodies_cannot_be_handed_over(message: Any, *, binary: bool) -> None:
    with pytest.raises(NotConvertible):
        invocation_of(message, binary=binary)


def said(body: bytes, *, binary: bool = False) -> dict[str, Any]:
    """What the body changes of the metadata, or adds to it."""
    metadata = invocation_of(received(body=iter([body])), binary=binary).metadata
    before = metadata_of(received())
    kinds = {name: (kind := value.WhichOneof("data"), getattr(value, str(kind))) for name, value in metadata.items()}
    return {
        name: value if kind == "string" else {"json": value}
        for name, (kind, value) in kinds.items()
        if name not in before or getattr(before[name], str(kind), None) != value
    }


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (b'{"subject": "x"}', {"Subject": "x"}),
        (b' {"MESSAGEID": "m"} ', {"MessageId": "m"}),
        (b'{"messageId": {"a": [1, "b"]}}', {"MessageId": {"json": '{"a":[1,"b"]}'}}),
        (b'{"messageId": ""}', {"MessageId": ""}),
        (b'{"deliveryCount": 3.7}', {"DeliveryCount": "3.7"}),
        (b'{"deadLetterSource": "a/b"}', {"DeadLetterSource": "a/b"}),
        (b'{"enqueuedTimeUtc": "2026-01-02T03:04:05Z"}', {"EnqueuedTimeUtc": "01/02/2026 03:04:05"}),
        (b'{"x": "2026-01-02T03:04:05.678+02:00"}', {"x": "01/02/2026 01:04:05"}),
        (b'{"x": "2026-01-02"}', {"x": "2026-01-02"}),
        (b'{"n": 1, "f": 1.0, "g": 1.5, "big": 1e300}', {"n": "1", "f": "1", "g": "1.5", "big": "1E+300"}),
        (b'{"t": true, "nothing": null, "list": [1]}', {"t": "True"}),
        (b'{"a": 1, "A": 2}', {"a": "2"}),
        (b'{"a": "\\ud800"}', {"a": "\ufffd"}),
        (b'[{"messageId": "a"}]', {}),
        (b'{"messageId": "a"} trailing', {}),
        (b"7", {}),
        (b"", {}),
        (b"[" * 100_000, {}),
    ],
)
def test_a_text_that_is_a_json_object_rewrites_the_metadata_as_microsofts_host_was_seen_to_do(
    body: bytes, changed: dict[str, Any]
) -> None:
    assert said(body) == changed
    assert said(body, binary=True) == {}
