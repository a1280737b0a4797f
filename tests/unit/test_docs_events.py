"""docs/events.md is the public contract as the code has it: events, topics, envelope, fields, the subscription rule."""

import dataclasses
import json
import re
from typing import Any

from shared import flow
from shared.codec.cloud_events import to_cloud_event
from shared.codec.facts import type_name
from shared.domain.payment import Payment
from tests.unit.docs_tables import DOCS, bare, table
from tests.unit.test_codec import STORIES

STORED = [stored for story in STORIES for stored in story.stored if flow.SENT[type(stored.event)] is flow.Sent.TO_ALL]
MESSAGES: list[dict[str, Any]] = [json.loads(to_cloud_event(stored)) for stored in STORED]
FACTS = [field.name for field in dataclasses.fields(Payment) if field.default is None]
"""The events that a payment carries, public or not."""
PAGE = (DOCS / "events.md").read_text()


def test_every_event_is_listed_with_its_type_its_topic_and_its_steps() -> None:
    expected = {}
    for stored, message in zip(STORED, MESSAGES, strict=True):
        topic = flow.TOPIC_OF[type(stored.event)]
        steps = {place.subscription for place in flow.PLACE_OF.values() if place.topic == topic}
        expected[type_name(stored.event)] = (message["type"], topic, steps or {"other components"})

    listed = {
        bare(row["event"]): (
            bare(row["CloudEvents type"]),
            bare(row["topic"]),
            set(row["who reacts"].split(", ")),
        )
        for row in table("events.md", heading="event")
    }

    assert listed == expected


def test_the_envelope_is_listed_attribute_by_attribute() -> None:
    listed = {bare(row["attribute"]) for row in table("events.md", heading="attribute")}

    assert listed == {attribute for message in MESSAGES for attribute in message}


def test_the_data_is_listed_field_by_field() -> None:
    listed = {bare(row["field"]) for row in table("events.md", heading="field")}

    sent = {field for message in MESSAGES for field in message["data"]}
    of_facts = {
        f"{fact}.{field}" for message in MESSAGES for fact in FACTS for field in message["data"].get(fact, {})
    } - {f"{fact}.at" for fact in FACTS}
    refunds = [refund for message in MESSAGES for refund in message["data"].get("refunds", ())]
    of_refunds = {f"refunds.{field}" for refund in refunds for field in refund}
    disputes = [dispute for message in MESSAGES for dispute in message["data"].get("disputes", ())]
    of_disputes = {f"disputes.{field}" for dispute in disputes for field in dispute}
    untold = [each for message in MESSAGES for each in message["data"].get("untold", ())]
    of_untold = {f"untold.{field}" for each in untold for field in each}
    assert listed == sent | of_facts | of_refunds | of_disputes | of_untold


def test_every_row_says_since_when() -> None:
    for heading in ("event", "attribute", "field"):
        assert all(row["since"] for row in table("events.md", heading=heading))


def test_the_rule_for_other_components_is_the_half_of_our_own_that_lets_the_feed_through() -> None:
    topology = json.loads((DOCS.parent / "infra" / "topology.json").read_text())
    ours = [sub["rule"] for topic in topology["serviceBus"]["topics"] for sub in topic["subscriptions"]]
    (documented,) = re.findall(r"^    (sys\..*)$", PAGE, flags=re.MULTILINE)

    assert documented == "sys.To IS NULL"
    assert all(rule == "1=1" or rule.startswith(f"{documented} OR ") for rule in ours)


def test_the_example_is_a_message_that_we_send() -> None:
    example = json.loads(PAGE.split("```json\n")[1].split("```")[0])

    assert example in MESSAGES
