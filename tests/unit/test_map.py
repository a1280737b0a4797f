"""The map is whole: every event and every step has all that it needs, and what is missing is said in words.

Whoever adds a step reads here what is still to be done: docs/add-a-step.md.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from shared import flow
from shared.codec.documents import SCHEMA_VERSION
from shared.codec.facts import FORMS, type_name
from shared.domain.events import Event, PaymentCompleted, PaymentVoided
from shared.domain.payment import Step
from shared.flow import MAP, Reaction, Route
from tests.unit.test_codec import GOLDEN, STORIES

TOPOLOGY = Path(__file__).parents[2] / "infra" / "topology.json"
DECLARED: dict[str, list[str]] = {
    topic["name"]: [subscription["name"] for subscription in topic["subscriptions"]]
    for topic in json.loads(TOPOLOGY.read_text())["serviceBus"]["topics"]
}
EVENTS: tuple[type[Any], ...] = Event.__value__.__args__


def missing_in_the_map(routes: Sequence[Route]) -> list[str]:
    routed = {route.event for route in routes}
    started = {reaction.step for route in routes for reaction in route.reactions}
    return [
        *(f"{kind.__name__} has no topic: give it a Route in MAP of shared/flow.py" for kind in {*EVENTS} - routed),
        *(f"no event starts {step.value}: give it a Reaction in MAP of shared/flow.py" for step in {*Step} - started),
    ]


def missing_in_the_topology(routes: Sequence[Route], declared: dict[str, list[str]]) -> list[str]:
    wanted = {route.topic: [reaction.subscription for reaction in route.reactions] for route in routes}
    wanted[flow.DEAD_LETTER_TOPIC] = [flow.RECORD_SUBSCRIPTION]
    places = {(topic, name) for topic, names in wanted.items() for name in names}
    stated = {(topic, name) for topic, names in declared.items() for name in names}
    return [
        *(f"topic {name} stands in shared/flow.py and not in infra/topology.json" for name in {*wanted} - {*declared}),
        *(f"topic {name} stands in infra/topology.json and no event goes there" for name in {*declared} - {*wanted}),
        *(f"{'/'.join(place)} is a step's and not in infra/topology.json" for place in places - stated),
        *(f"{'/'.join(place)} stands in infra/topology.json and is no step's" for place in stated - places),
    ]


def missing_among_the_examples(told: Iterable[type[Any]], golden: Iterable[str]) -> list[str]:
    files = {f"{FORMS[kind].name}.v{SCHEMA_VERSION}" for kind in EVENTS if kind in FORMS}
    return [
        *(
            f"{kind.__name__} has no form: give it one in FORMS of shared/codec/facts.py"
            for kind in {*EVENTS} - {*FORMS}
        ),
        *(f"no story in tests/unit/test_codec.py tells of {kind.__name__}" for kind in {*EVENTS} - {*told}),
        *(f"tests/golden/{name}.json is missing" for name in files - {*golden}),
    ]


TOLD = {type(stored.event) for story in STORIES for stored in story.stored}
FILES = {path.stem for path in GOLDEN.glob("*.json")}


def test_every_event_has_a_topic_and_every_step_is_started_by_an_event() -> None:
    assert missing_in_the_map(MAP) == []


def test_what_the_map_names_is_declared_and_what_is_declared_is_on_the_map() -> None:
    assert missing_in_the_topology(MAP, DECLARED) == []


def test_every_event_has_a_form_a_story_and_a_golden_file() -> None:
    assert missing_among_the_examples(TOLD, FILES) == []


def test_a_topic_is_named_after_its_event() -> None:
    for story in STORIES:
        for stored in story.stored:
            assert flow.TOPIC_OF[type(stored.event)] == type_name(stored.event).replace(".", "-")


def test_each_function_and_each_place_belongs_to_one_step() -> None:
    for names in (flow.FUNCTION_OF, flow.PLACE_OF):
        assert len({*names.values()}) == len(names)


def without(kind: type[Any]) -> list[Route]:
    return [route for route in MAP if route.event is not kind]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (missing_in_the_map(without(PaymentVoided)), "PaymentVoided has no topic"),
        (missing_in_the_map([route for route in MAP if not route.reactions]), "no event starts create"),
        (
            missing_in_the_topology([*MAP, Route(PaymentVoided, "payment-lost")], DECLARED),
            "topic payment-lost stands in shared/flow.py",
        ),
        (missing_in_the_topology(without(PaymentVoided), DECLARED), "topic payment-voided stands in infra"),
        (
            missing_in_the_topology(
                [
                    *without(PaymentCompleted),
                    Route(PaymentCompleted, "payment-completed", (Reaction(Step.VOID, "b", "b"),)),
                ],
                DECLARED,
            ),
            "payment-completed/b is a step's",
        ),
        (
            missing_in_the_topology(MAP, DECLARED | {"payment-voided": ["b"]}),
            "payment-voided/b stands in infra/topology.json",
        ),
        (missing_among_the_examples(TOLD - {PaymentVoided}, FILES), "tells of PaymentVoided"),
        (missing_among_the_examples(TOLD, FILES - {"payment.voided.v1"}), "tests/golden/payment.voided.v1.json"),
    ],
)
def test_what_is_missing_is_said(said: list[str], expected: str) -> None:
    assert any(expected in line for line in said), said
