"""A Service Bus message of the Functions runtime, as the verbs take it: nothing that decides is lost on the way."""

import contextlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from azure.functions.servicebus import ServiceBusMessage
from hypothesis import given
from hypothesis import strategies as st

from functions import advance
from shared.codec.arrivals import MAX_BODY, arrived
from shared.codec.deliveries import Delivery, as_dead_letter, record_attempts, tried
from shared.domain.letters import Yes
from shared.errors import Unreadable


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


def delivery(message: ServiceBusMessage) -> Delivery:
    return advance.delivery(message, queue="create")


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


# -- whatever a broker hands over


@dataclass(frozen=True, kw_only=True)
class Handed:
    """A message of any kind."""

    message_id: object = None
    subject: object = None
    application_properties: object = None
    dead_letter_source: object = None
    sequence_number: object = 1
    enqueued_time_utc: object = datetime(2026, 1, 2, tzinfo=UTC)
    body: object = field(default=b"")


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20)
) | st.sampled_from([uuid.UUID(int=1), Decimal("1.5"), datetime(2026, 1, 2, tzinfo=UTC), "x" * 70_000, "\ud800"])
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars, inner, max_size=3), max_leaves=8
)
handed = st.builds(
    Handed,
    message_id=scalars,
    subject=scalars,
    application_properties=st.none() | st.dictionaries(scalars | st.sampled_from(["reason", b"attempt"]), trees),
    dead_letter_source=scalars,
    sequence_number=scalars,
    enqueued_time_utc=scalars,
    body=trees,
)


@given(handed)
def test_whatever_is_handed_over_can_be_read_sent_on_and_stored(message: Handed) -> None:
    taken = arrived(message, body=message.body, delivery_count=1, queue="create")

    letter = as_dead_letter(taken)
    texts = (taken.body, taken.subject, letter.source, letter.reason, letter.description)
    assert all(len(text.encode()) <= 4 * MAX_BODY for text in texts)
    assert taken.message_id.encode()
    assert type(record_attempts(taken)) is int
    with contextlib.suppress(Unreadable):
        tried(taken)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b"text", "text"),
        (b"\xff", "\ufffd"),
        (Decimal("1.50"), "1.50"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (7, 7),
        (1.5, 1.5),
        (True, True),
        (None, None),
    ],
)
def test_a_property_is_a_number_or_text(value: object, kept: object) -> None:
    taken = arrived(Handed(application_properties={b"p": value}), body=b"", delivery_count=1, queue="create")

    assert taken.properties == {"p": kept}


@pytest.mark.parametrize(
    "other",
    [
        {"queue": "settle"},
        {"body": b"another"},
        {"sequence_number": 2},
        {"enqueued_time_utc": datetime(2026, 1, 3, tzinfo=UTC)},
    ],
)
def test_what_has_no_id_gets_one_from_its_place_and_content(other: dict[str, object]) -> None:
    def id_of(*, queue: str = "create", body: bytes = b"a", **where: object) -> str:
        return arrived(Handed(**where), body=body, delivery_count=1, queue=queue).message_id

    assert id_of() == id_of()
    assert id_of(**other) != id_of()  # type: ignore[arg-type] # one of them changed


def test_what_is_cut_says_so_and_is_cut_once() -> None:
    once = arrived(Handed(), body=b"x" * 40_000, delivery_count=1, queue="create").body
    twice = arrived(Handed(), body=once.encode(), delivery_count=1, queue="record").body

    assert once == twice
    assert len(once) == MAX_BODY
    assert once.endswith("x [cut: 40000 characters]")
