"""Events to JSON and back; what was ever stored can still be read; what is not public stays inside."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codec.cloud_events import from_cloud_event, to_cloud_event
from shared.codec.documents import SCHEMA_VERSION, from_document, to_document
from shared.codec.facts import type_name
from shared.codec.values import fingerprint
from shared.domain.payment import fold
from shared.errors import Unreadable
from tests.builders import Story, a_payment

GOLDEN = Path(__file__).parent.parent / "golden"
STORIES = [
    a_payment().created().settled().completed(),
    a_payment(notification_url=None, description=None, metadata={}).declined(),
    a_payment().created().declined("settle").voided(),
]


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
    written = {f"{type_name(s.event)}.v{SCHEMA_VERSION}" for story in STORIES for s in story.stored}

    assert {path.stem for path in GOLDEN.glob("*.json")} >= written
    for story in STORIES[::2]:
        for stored in story.stored:
            golden = json.loads((GOLDEN / f"{type_name(stored.event)}.v1.json").read_text())
            assert to_document(stored).keys() == golden.keys()
            assert to_document(stored)["data"].keys() == golden["data"].keys()


@pytest.mark.parametrize("story", STORIES)
def test_a_message_carries_the_payment_that_the_next_step_needs(story: Story) -> None:
    for stored in story.stored:
        notice = from_cloud_event(to_cloud_event(stored))

        assert notice.payment == stored.payment
        assert notice.event_id == stored.event_id
        assert notice.occurred_at == stored.event.occurred_at
        assert notice.traceparent == stored.traceparent


def test_a_message_never_holds_the_merchants_own_words() -> None:
    story = a_payment(description="for Jane Doe", metadata={"name": "Jane Doe"}).created().settled()

    for stored in story.stored:
        assert "Jane" not in to_cloud_event(stored)
        assert "fingerprint" not in to_cloud_event(stored)


def test_a_typical_document_costs_one_small_write() -> None:
    story = a_payment().created().settled().completed()

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
