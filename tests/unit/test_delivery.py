"""A Service Bus message of the Functions runtime, as the verbs take it: nothing that decides is lost on the way."""

from datetime import UTC, datetime

from azure.functions.servicebus import ServiceBusMessage

from functions.advance import delivery
from shared.codec.messages import as_dead_letter, tried
from shared.domain.letters import Yes


def a_message(**changes: object) -> ServiceBusMessage:
    said: dict[str, object] = {
        "body": b"{}",
        "message_id": "p:1:create:2",
        "application_properties": {
            "attempt": 2,
            "quiet": 1,
            "answered": 1,
            "answered_reference": "pp_1",
            "answered_at": "2026-01-02T12:00:00Z",
        },
        "user_properties": {},
        **changes,
    }
    return ServiceBusMessage(**said)  # type: ignore[arg-type]  # the runtime's own class, with one argument changed


def test_id_body_subject_and_count_are_those_of_the_message() -> None:
    taken = delivery(a_message(body=b"caf\xc3\xa9", subject="payment.created", delivery_count=3))

    assert (taken.message_id, taken.body, taken.subject, taken.delivery_count) == (
        "p:1:create:2",
        "café",
        "payment.created",
        3,
    )


def test_its_id_and_properties_say_which_attempt_of_what_it_is_and_what_was_heard() -> None:
    so_far = tried(delivery(a_message()))

    assert (so_far.cause, so_far.attempt, so_far.is_quiet) == ("p:1", 2, True)
    assert so_far.yes == Yes("pp_1", datetime(2026, 1, 2, 12, tzinfo=UTC))


def test_a_letter_that_the_broker_forwarded_keeps_the_place_where_it_died() -> None:
    forwarded = a_message(application_properties={}, dead_letter_source="payment-created/Subscriptions/settle")

    assert as_dead_letter(delivery(forwarded)).source == "payment-created/settle"


def test_a_body_that_is_not_utf_8_is_kept_as_far_as_it_can_be_read() -> None:
    assert delivery(a_message(body=b"ab\xff")).body == "ab\ufffd"


def test_a_message_without_a_count_was_delivered_once() -> None:
    taken = delivery(a_message(delivery_count=None, application_properties=None))

    assert (taken.delivery_count, dict(taken.properties)) == (1, {})
