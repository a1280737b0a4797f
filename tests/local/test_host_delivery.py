"""What stands beside a message's body when a function gets it: what the .NET host sends, and nothing else."""

import datetime as dt
import json
import uuid
from types import SimpleNamespace
from typing import Any

from local.azure.host.delivery import invocation_of, metadata_of

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


def test_a_message_that_expires_says_when() -> None:
    expires = ENQUEUED + dt.timedelta(hours=1)

    metadata = read(received(time_to_live=dt.timedelta(hours=1), expires_at_utc=expires))

    assert metadata["ExpiresAtUtc"] == "2030-01-01T13:00:00.123Z"


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


def test_bodies_of_other_amqp_types_and_none_at_all_are_handed_over_too() -> None:
    assert invocation_of(received(body="value"), binary=False).data.string == "value"
    assert invocation_of(received(body=b"\xff"), binary=False).data.string == "\ufffd"
    assert invocation_of(received(body=None), binary=False).data.string == ""
