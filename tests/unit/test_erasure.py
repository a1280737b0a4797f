"""What an erasure takes and what it leaves, in every event and in every form that was ever stored."""

import json
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from shared.codec.cloud_events import to_cloud_event
from shared.codec.documents import from_document, to_document
from shared.codec.erasure import Words, erased, words_in
from shared.domain.erasure import Erasure, without_words
from shared.domain.events import PaymentInitiated, PaymentRefundRequested
from shared.domain.evolution import fold
from shared.domain.sameness import same_fact
from shared.errors import Unreadable
from tests.builders import NOON, Story, a_payment
from tests.unit import streams
from tests.unit.test_codec import GOLDEN

ERASURE = Erasure(at=NOON + timedelta(days=30), by="ada", why="the customer wants to be forgotten")
NOTE = {"erasedAt": "2026-02-01T12:00:00.123456Z", "erasedBy": "ada", "erasedWhy": ERASURE.why}

ERASED = {PaymentInitiated: {"description", "metadata"}, PaymentRefundRequested: {"reason_given"}}
KEPT = {
    PaymentInitiated: {
        "occurred_at",
        "payment_id",
        "merchant_id",
        "amount",
        "payment_method",
        "reference",
        "request_fingerprint",
        "expires_at",
        "notification_url",
        "provider_api",
    },
    PaymentRefundRequested: {"occurred_at", "refund_id", "amount_minor", "request_fingerprint"},
}
"""Fields of what a merchant asks for. Whoever adds one decides here whether people may be named in it."""


def test_of_every_field_that_a_merchant_writes_somebody_has_decided_whether_it_is_erased() -> None:
    for kind, gone in ERASED.items():
        assert {each.name for each in fields(kind)} == gone | KEPT[kind]


def test_it_is_said_in_which_events_and_fields_words_stand_and_not_what_they_say() -> None:
    stream = a_payment().created().settled().completed().refund_requested().stored

    assert words_in(stream) == (
        Words(stream[0].event_id, "payment.initiated", ("description", "metadata")),
        Words(stream[4].event_id, "payment.refund_requested", ("reason_given",)),
    )


def test_an_event_without_words_is_the_same_event() -> None:
    silent = a_payment(description=None, metadata={}).created().stored

    assert words_in(silent) == ()
    assert [without_words(each.event) for each in silent] == [each.event for each in silent]
    assert [erased(to_document(each), ERASURE) for each in silent] == [None, None]


def test_metadata_alone_are_words() -> None:
    (stored,) = a_payment(description=None, metadata={"cart": "77"}).stored

    assert [words.fields for words in words_in([stored])] == [("metadata",)]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_what_was_ever_stored_is_read_after_its_words_are_gone(path: Path) -> None:
    document = json.loads(path.read_text())
    stored = from_document(document)

    blank = erased(document, ERASURE)

    if type(stored.event) not in ERASED:
        assert blank is None
        return
    assert blank is not None
    changed = {name for name in document["data"] if blank["data"][name] != document["data"][name]}
    assert changed == ERASED[type(stored.event)]
    assert blank["metadata"] == {**document["metadata"], **NOTE}
    assert {**blank, "data": document["data"], "metadata": document["metadata"]} == document
    assert json.loads(path.read_text()) == document, "what was handed over is not changed"
    again = from_document(blank)
    assert (again.payment, again.traceparent, again.caused_by) == (stored.payment, stored.traceparent, stored.caused_by)
    assert again.event == without_words(stored.event)


@given(streams.STORIES)
def test_without_its_words_a_payment_is_the_same_payment_and_nobody_else_is_told_anything_new(story: Story) -> None:
    stream = story.stored

    after = [from_document(erased(document, ERASURE) or document) for document in map(to_document, stream)]

    assert words_in(after) == ()
    assert fold(each.event for each in after) == fold(each.event for each in stream)
    assert [to_cloud_event(each) for each in after] == [to_cloud_event(each) for each in stream]
    assert [each.event_id for each in after] == [each.event_id for each in stream]


def test_a_document_of_an_earlier_day_may_have_no_metadata_of_ours() -> None:
    document = to_document(a_payment().stored[0])
    del document["metadata"]

    blank = erased(document, ERASURE)

    assert blank is not None
    assert blank["metadata"] == NOTE


def test_what_cannot_be_read_is_not_erased() -> None:
    with pytest.raises(Unreadable):
        erased({**to_document(a_payment().stored[0]), "schemaVersion": 99}, ERASURE)


@pytest.mark.parametrize("change", [{"refund_id": "another"}, {"amount_minor": 499}, {"request_fingerprint": "0" * 64}])
def test_a_request_to_refund_is_the_same_fact_without_its_words_and_another_one_is_not(change: dict[str, Any]) -> None:
    (*_, asked) = a_payment().created().settled().completed().refund_requested().events
    assert isinstance(asked, PaymentRefundRequested)

    later = replace(without_words(asked), occurred_at=NOON + timedelta(days=1))

    assert same_fact(later, asked)
    assert same_fact(asked, later)
    assert not same_fact(later, replace(asked, **change))
