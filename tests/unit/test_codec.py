"""Events to JSON and back; what was ever stored can still be read; what is not public stays inside."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codec.cloud_events import from_cloud_event, to_cloud_event
from shared.codec.documents import SCHEMA_VERSION, event_to_json, from_document, to_document
from shared.codec.facts import FORMS, type_name
from shared.codec.payments import payment_from_json, payment_to_json, state_to_json
from shared.codec.values import fingerprint
from shared.domain.events import PaymentCreated, PaymentParked, PaymentResumed, PaymentSeenTo
from shared.domain.evolution import fold
from shared.domain.intentions import intend
from shared.domain.payment import Task
from shared.domain.standing import is_starter
from shared.domain.stream import StoredEvent
from shared.errors import Unreadable
from tests.builders import (
    LETTER_ID,
    NOON,
    OTHER_DISPUTE_ID,
    OTHER_REFUND_ID,
    PAYMENT_ID,
    REFUND_ID,
    TASKS,
    Story,
    a_payment,
    initiated,
)
from tests.unit import streams

GOLDEN = Path(__file__).parent.parent / "golden"
FAILED = a_payment().created().declined("settle", tells=True)
REFUNDING = a_payment().created().settled().completed().refund_requested()
DISPUTED = a_payment().created().settled().completed().dispute_opened()
STORIES = [
    a_payment().created().settled().completed(),
    a_payment(notification_url=None, description=None, metadata={}).declined(),
    a_payment().created().declined("settle").voided(),
    FAILED.voided().failure_told(),
    FAILED.failure_told().voided(),
    FAILED.parked("notify_failure").voided(),
    FAILED.captured_late().seen_to(reference="cap_1"),
    a_payment().created().cancel_requested().voided().cancelled(),
    REFUNDING.refunded(),
    REFUNDING.refund_requested(OTHER_REFUND_ID).refund_failed().refunded(OTHER_REFUND_ID),
    REFUNDING.parked(f"refund:{REFUND_ID}").resumed(f"refund:{REFUND_ID}").refunded(),
    DISPUTED.dispute_won().dispute_lost(),
    DISPUTED.dispute_opened(OTHER_DISPUTE_ID).dispute_lost(OTHER_DISPUTE_ID).dispute_won(),
    REFUNDING.dispute_opened().refund_failed(),
    a_payment().created().dispute_opened().settled(),
    a_payment().created().charged_twice("create", "pp_2"),
    a_payment().created().parked("settle").resumed("settle", letter_id=LETTER_ID, heard=True).settled(),
    FAILED.parked("void").resumed("void", to="end", by="discard").seen_to("void"),
    FAILED.voided().telling().failure_told().merchant_told(),
    REFUNDING.refunded().telling().dispute_opened().telling().merchant_told().dispute_won().telling(),
    REFUNDING.refund_failed().telling().parked(f"notify:{PAYMENT_ID}:6").resumed(f"notify:{PAYMENT_ID}:6"),
    DISPUTED.dispute_lost().telling().seen_to(f"notify:{PAYMENT_ID}:6"),
]

TOLD_IN_FULL = {
    "payment.initiated": a_payment(),
    "payment.created": a_payment().created(),
    "payment.settled": a_payment().created().settled(),
    "payment.completed": a_payment().created().settled().completed(),
    "payment.cancel_requested": a_payment().created().cancel_requested(),
    "payment.failed": a_payment().created().declined("settle"),
    "payment.voided": a_payment().created().declined("settle").voided(),
    "payment.refund_requested": REFUNDING,
    "payment.refunded": REFUNDING.refunded(),
    "payment.refund_failed": REFUNDING.refund_failed(),
    "payment.dispute_opened": DISPUTED,
    "payment.dispute_won": DISPUTED.dispute_won(),
    "payment.dispute_lost": DISPUTED.dispute_lost(),
    "payment.failure_told": FAILED.voided().failure_told(),
    "payment.merchant_told": REFUNDING.refunded().telling().dispute_opened().telling().merchant_told(),
    "payment.captured_late": FAILED.captured_late(),
    "payment.charged_twice": a_payment().created().charged_twice("create", "pp_2"),
    "payment.parked": a_payment().created().parked("settle"),
    "payment.resumed": a_payment().created().parked("settle").resumed("settle", letter_id=LETTER_ID, heard=True),
    "payment.seen_to": FAILED.captured_late()
    .parked("notify_failure")
    .resumed("notify_failure", to="end", by="discard")
    .seen_to("notify_failure")
    .seen_to(reference="cap_1"),
}
"""What the golden files tell: the last event of each story is the file's."""

NOTICES_TOLD = {
    "payment.voided": FAILED.voided().telling(),
    "payment.refunded": REFUNDING.refunded().telling(),
    "payment.refund_failed": REFUNDING.refund_failed().telling(),
    "payment.dispute_opened": DISPUTED.telling(),
    "payment.dispute_won": DISPUTED.dispute_won().telling(),
    "payment.dispute_lost": DISPUTED.dispute_lost().telling(),
}
"""The same as streams have them since the merchant is told of each; golden in `told`, by the same names."""


@pytest.mark.parametrize("story", STORIES)
def test_a_document_read_back_is_the_event_that_was_written(story: Story) -> None:
    for stored in story.stored:
        document = json.loads(json.dumps(to_document(stored)))

        assert from_document(document) == stored


@pytest.mark.parametrize("story", STORIES)
def test_the_state_in_a_document_is_the_fold_of_the_events_up_to_it(story: Story) -> None:
    events = []
    for stored in story.stored:
        events.append(stored.event)

        assert from_document(to_document(stored)).payment == fold(events)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_form_that_was_ever_stored_can_be_read(path: Path) -> None:
    document = json.loads(path.read_text())

    stored = from_document(document)

    assert f"{type_name(stored.event)}.v{document['schemaVersion']}" == path.stem
    assert stored.event_id == document["id"]


def test_every_type_of_event_has_a_golden_file_of_the_present_schema() -> None:
    written = {f"{form.name}.v{SCHEMA_VERSION}" for form in FORMS.values()}

    assert {path.stem for path in GOLDEN.glob("*.json")} >= written
    assert {*TOLD_IN_FULL} == {form.name for form in FORMS.values()}


@pytest.mark.parametrize("name", TOLD_IN_FULL)
def test_what_is_written_today_is_what_the_golden_file_holds(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.v1.json").read_text())

    assert to_document(TOLD_IN_FULL[name].stored[-1]) == golden
    assert golden["type"] == name


@pytest.mark.parametrize("name", NOTICES_TOLD)
def test_what_the_merchant_is_told_of_is_written_as_the_golden_file_holds_it(name: str) -> None:
    golden = json.loads((GOLDEN / "told" / f"{name}.v1.json").read_text())

    assert to_document(NOTICES_TOLD[name].stored[-1]) == golden
    assert from_document(golden) == NOTICES_TOLD[name].stored[-1]


@given(streams.STORIES)
def test_whatever_happened_to_a_payment_is_read_back_as_it_was(story: Story) -> None:
    documents = [json.loads(json.dumps(to_document(stored))) for stored in story.stored]

    assert tuple(map(from_document, documents)) == story.stored


def test_what_is_left_of_what_broke_is_not_written_for_a_payment_that_went_well() -> None:
    for stored in a_payment().created().settled().completed().stored:
        assert state_to_json(stored.payment) == payment_to_json(stored.payment)
        assert "waiting" not in payment_to_json(stored.payment)


def test_the_documents_of_a_payment_that_failed_say_whether_its_merchant_is_told_by_an_event() -> None:
    failed, told = FAILED.stored[-1], a_payment().declined(tells=False).stored[-1]

    assert to_document(failed)["data"]["tells"] is True
    assert "tells" not in to_document(told)["data"]


@given(streams.STORIES, st.sampled_from(TASKS))
def test_a_message_that_is_whole_leads_its_step_to_do_what_the_stream_would(story: Story, step: Task) -> None:
    for stored in story.stored:
        notice = from_cloud_event(to_cloud_event(stored))

        if notice.is_whole:
            assert notice.payment == stored.payment, "what is written next to the next event forgets nothing"
        if is_starter(stored, step) and notice.is_whole:
            assert intend(notice.payment, step, now=NOON) == intend(stored.payment, step, now=NOON)


@given(streams.STORIES)
def test_a_message_carries_what_is_public_of_the_payment(story: Story) -> None:
    for stored in story.stored:
        notice = from_cloud_event(to_cloud_event(stored))

        assert notice.payment == payment_from_json(payment_to_json(stored.payment))
        assert notice.event_id == stored.event_id
        assert notice.occurred_at == stored.event.occurred_at
        assert notice.traceparent == stored.traceparent


@pytest.mark.parametrize("stored", a_payment().created().settled().completed().stored, ids=lambda s: type_name(s.event))
def test_a_message_carries_the_payment_that_the_next_step_needs(stored: StoredEvent) -> None:
    notice = from_cloud_event(to_cloud_event(stored))

    assert notice.is_whole
    assert notice.payment == stored.payment


# --- what stays inside


def shown(story: Story) -> Iterator[str]:
    """All that merchants and other components get to see of a payment."""
    for stored in story.stored:
        yield to_cloud_event(stored)
        yield to_cloud_event(stored, event_id="the request id of a notification")
        yield json.dumps(payment_to_json(stored.payment))
        yield json.dumps(event_to_json(stored))


def inner_texts(story: Story) -> set[str]:
    """What operators wrote, what they did it with, and why a step broke."""
    texts: set[str | None] = set()
    for event in story.events:
        match event:
            case PaymentParked():
                texts |= {event.reason, event.severity, event.letter_id}
            case PaymentResumed():
                texts |= {event.who, event.why, event.action, event.letter_id, event.by}
            case PaymentSeenTo():
                texts |= {event.who, event.why}
            case _:
                continue
    return {f'"{text}"' for text in texts if text}


INNER_NAMES = {"who", "why", "by", "cause", "replaces", "starter", "action", "letter_id", "severity", "heard"} | {
    "troubles",
    "second_yeses",
    "seen_to_steps",
    "seen_to_references",
    "request_fingerprint",
}


@given(streams.STORIES)
def test_nobody_outside_learns_who_did_what_and_why(story: Story) -> None:
    hidden = inner_texts(story) | {f'"{name}"' for name in INNER_NAMES}

    for text in shown(story):
        assert [word for word in hidden if word in text] == []


@given(streams.STORIES)
def test_all_may_see_where_a_payment_waits_and_nothing_more_of_it(story: Story) -> None:
    for stored in story.stored:
        public = json.loads(to_cloud_event(stored))["data"]

        assert tuple(public.get("waiting", ())) == stored.payment.waiting
        assert set(stored.payment.waiting) <= {task.value for task in TASKS}


@pytest.mark.parametrize(
    ("story", "line"),
    [
        (a_payment().parked("create"), {"step": "create"}),
        (a_payment().parked("create").resumed("create", letter_id=LETTER_ID, heard=True), {"step": "create"}),
        (FAILED.seen_to("void"), {"step": "void"}),
        (FAILED.captured_late("cap_9").seen_to(reference="cap_9"), {}),
        (FAILED.captured_late("cap_9"), {"capture_id": "cap_9"}),
        (a_payment().created().charged_twice("create", "pp_2"), {"step": "create", "reference": "pp_2"}),
        (FAILED.failure_told(), {}),
        (FAILED, {"reason": "declined", "code": "card_declined", "failed_step": "settle"}),
    ],
)
def test_a_line_of_the_timeline_says_what_happened_and_not_by_whom(story: Story, line: dict[str, Any]) -> None:
    assert event_to_json(story.stored[-1])["data"] == line


@pytest.mark.parametrize(
    ("story", "line"),
    [
        (FAILED.captured_late("cap_9").seen_to(reference="cap_9"), {"reference": "cap_9"}),
        (FAILED.seen_to("void"), {"step": "void"}),
        (a_payment().parked("create"), {"step": "create"}),
    ],
)
def test_operators_see_which_money_a_person_has_seen_to(story: Story, line: dict[str, Any]) -> None:
    assert event_to_json(story.stored[-1], to_operators=True)["data"] == line


def test_a_message_never_holds_the_merchants_own_words() -> None:
    story = a_payment(description="for Jane Doe", metadata={"name": "Jane Doe"}).created().settled()

    for stored in story.stored:
        assert "Jane" not in to_cloud_event(stored)
        assert "fingerprint" not in to_cloud_event(stored)


@pytest.mark.parametrize(
    "story",
    [
        a_payment().created().settled().completed(),
        a_payment().created().parked("settle").resumed("settle").settled().completed(),
        FAILED.parked("void").resumed("void").voided().failure_told(),
    ],
)
def test_a_typical_document_costs_one_small_write(story: Story) -> None:
    sizes = [len(json.dumps(to_document(stored), separators=(",", ":"))) for stored in story.stored]

    assert max(sizes) <= 1536


@pytest.mark.parametrize("missing", ["type", "schemaVersion", "occurredAt", "data", "payment"])
def test_a_document_without_one_of_its_parts_is_unreadable(missing: str) -> None:
    document = to_document(a_payment().stored[0])
    del document[missing]

    with pytest.raises(Unreadable):
        from_document(document)


def test_a_document_of_a_later_schema_is_unreadable_and_not_guessed() -> None:
    document = {**to_document(a_payment().stored[0]), "schemaVersion": 2}

    with pytest.raises(Unreadable, match="schema version 2"):
        from_document(document)


MAY_BE_ABSENT = dict.fromkeys(TOLD_IN_FULL, frozenset[str]()) | {
    "payment.failed": frozenset({"tells"}),
    "payment.dispute_opened": frozenset({"capture_id"}),
    "payment.resumed": frozenset({"letter_id", "heard"}),
}


@pytest.mark.parametrize("name", TOLD_IN_FULL)
def test_an_event_without_one_of_its_facts_is_unreadable(name: str) -> None:
    document = to_document(TOLD_IN_FULL[name].stored[-1])

    for missing in {*document["data"]} - MAY_BE_ABSENT[name]:
        spoilt = {key: value for key, value in document["data"].items() if key != missing}
        with pytest.raises(Unreadable):
            from_document({**document, "data": spoilt})


def test_a_resumption_to_something_unknown_is_unreadable_and_not_guessed() -> None:
    document = to_document(a_payment().resumed("create").stored[-1])

    with pytest.raises(Unreadable, match="refund"):
        from_document({**document, "data": {**document["data"], "to": "refund"}})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.one_of(st.binary(), st.text(), json_values.map(json.dumps)))
def test_a_message_that_is_no_event_is_unreadable_whatever_it_is(body: str | bytes) -> None:
    with pytest.raises(Unreadable):
        from_cloud_event(body)


@given(st.dictionaries(st.sampled_from(["id", "type", "schemaVersion", "occurredAt", "data", "payment"]), json_values))
def test_a_document_that_is_no_event_is_unreadable_whatever_it_is(document: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        from_document(document)


def test_the_fingerprint_does_not_depend_on_the_order_of_fields() -> None:
    assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint({"b": {"d": 3, "c": 2}, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})


@pytest.mark.parametrize(("api", "written"), [("regis", {}), ("stripe", {"provider_api": "stripe"})])
def test_which_provider_it_is_stands_in_the_stream_and_the_first_one_is_not_named(
    api: str, written: dict[str, str]
) -> None:
    created = PaymentCreated(occurred_at=NOON, provider_payment_id="pp_1", provider_api=api)
    story = Story((initiated(provider_api=api), created))

    for stored in story.stored:
        document = to_document(stored)
        assert {name: value for name, value in document["data"].items() if name == "provider_api"} == written
        assert from_document(document).event == stored.event
        assert "provider_api" not in to_cloud_event(stored)
