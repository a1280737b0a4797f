"""Ids, application properties and addressed copies are made in one place, and are what they always were."""

import ast
from pathlib import Path

import pytest

from shared.codec.messages import (
    PROPERTIES,
    Delivery,
    announced_again,
    announcement,
    parked,
    started_again,
    tried_again,
)
from shared.domain.letters import DeadLetter
from tests import places
from tests.builders import PAYMENT_ID, a_payment
from tests.unit.test_architecture import module_of, shipped

MAKER = "shared.codec.messages"
OF_THE_BROKER_ALONE = {"record_attempt", "DeadLetterReason", "DeadLetterErrorDescription"}
"""Names of properties that are no ordinary words: they may stand nowhere else."""


def faults(module: str, source: str) -> list[str]:
    """What makes a message, its id or the name of a property of its own."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Message":
            found.append(f"{module}:{node.lineno} makes a Message")
        if (
            isinstance(node, ast.keyword)
            and node.arg == "message_id"
            and isinstance(node.value, ast.JoinedStr | ast.BinOp)
        ):
            found.append(f"{module}:{node.lineno} makes a message id")
        if isinstance(node, ast.Constant) and node.value in OF_THE_BROKER_ALONE:
            found.append(f"{module}:{node.lineno} writes the property {node.value}")
        if isinstance(node, ast.keyword) and node.arg == "properties" and isinstance(node.value, ast.Dict):
            found.append(f"{module}:{node.lineno} writes properties")
    return found


@pytest.mark.parametrize("path", [path for path in shipped() if module_of(path) != MAKER], ids=module_of)
def test_nothing_but_the_maker_writes_an_id_or_a_property(path: Path) -> None:
    assert faults(module_of(path), path.read_text()) == []


@pytest.mark.parametrize(
    ("seeded", "says"),
    [
        ("Message(topic=t, message_id=i, body=b, subject=s)", "makes a Message"),
        ("park(message_id=f'{event_id}:{place}:{run}:0')", "makes a message id"),
        ("park(message_id=event_id + ':retry')", "makes a message id"),
        ("copy(properties={'attempt': 1})", "writes properties"),
        ("message['record_attempt'] = 1", "writes the property record_attempt"),
    ],
)
def test_a_second_maker_would_be_found(seeded: str, says: str) -> None:
    (fault, *_) = faults("shared.verbs.new", seeded)

    assert says in fault


def test_the_names_of_the_properties_are_what_is_in_flight_when_a_new_version_starts() -> None:
    assert {
        "attempt",
        "run",
        "answered",
        "source",
        "reason",
        "description",
        "delivery_count",
        "record_attempt",
        "DeadLetterReason",
        "DeadLetterErrorDescription",
    } == PROPERTIES


STORED = a_payment().created().stored[-1]


def test_what_the_feed_publishes_has_the_events_own_id_and_goes_to_all() -> None:
    message = announcement(STORED)

    assert (message.topic, message.message_id, message.to) == ("payment-created", f"{PAYMENT_ID}:2", None)
    assert (message.subject, dict(message.properties)) == ("payment.created", {})


def test_a_publish_letter_is_replayed_under_the_same_id_and_is_no_ordinary_message() -> None:
    message = announced_again(STORED, run="r1")

    assert (message.message_id, message.to) == (f"{PAYMENT_ID}:2", None)
    assert dict(message.properties) == {"attempt": 0, "run": "r1"}


def test_a_replay_or_sweep_is_the_first_attempt_of_its_run_for_one_subscription() -> None:
    message = started_again(STORED, place=places.SETTLE, run="s3", answered=True)

    assert (message.topic, message.to) == ("payment-created", "settle")
    assert message.message_id == f"{PAYMENT_ID}:2:settle:s3:0"
    assert dict(message.properties) == {"attempt": 0, "run": "s3", "answered": 1}
    assert message.body == announcement(STORED).body


def test_a_retry_is_the_delivered_message_as_a_later_attempt() -> None:
    delivery = Delivery(message_id="x", body="{}", subject="payment.created", delivery_count=1, properties={})

    message = tried_again(delivery, place=places.SETTLE, event_id=STORED.event_id, run="0", attempt=4, answered=False)

    assert message.message_id == f"{PAYMENT_ID}:2:settle:0:4"
    assert (message.body, message.subject, message.to) == ("{}", "payment.created", "settle")
    assert dict(message.properties) == {"attempt": 4, "run": "0"}


def test_a_dead_letter_says_its_death_under_our_names_and_under_the_brokers() -> None:
    letter = DeadLetter(
        message_id="m",
        body="b",
        subject="s",
        reason="our_fault",
        description="d" * 2000,
        source="payment-created/settle",
        attempt=2,
        run="r1",
        delivery_count=3,
        answered=True,
    )

    message = parked(letter)

    assert (message.topic, message.message_id, message.to) == ("payment-dead-letters", "m", None)
    assert dict(message.properties) == {
        "DeadLetterReason": "our_fault",
        "DeadLetterErrorDescription": "d" * 1000,
        "reason": "our_fault",
        "description": "d" * 1000,
        "source": "payment-created/settle",
        "attempt": 2,
        "run": "r1",
        "delivery_count": 3,
        "answered": 1,
    }
