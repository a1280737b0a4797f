"""The map is whole: every event and every step has all that it needs, and what is missing is said in words.

Whoever adds a step reads here what is still to be done: docs/add-a-step.md.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from shared import flow
from shared.codec.documents import SCHEMA_VERSION
from shared.codec.facts import FORMS, type_name
from shared.domain.events import (
    BusinessEvent,
    Event,
    InnerEvent,
    NoticeEvent,
    PaymentCompleted,
    PaymentFailed,
    PaymentParked,
    PaymentResumed,
    PaymentVoided,
)
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.payment import Step
from shared.domain.standing import STARTERS_OF
from shared.flow import MAP, SENT, Reaction, Route, Sent
from tests.unit.streams import DRAWN, EVERY_EVENT, OF_RECOVERY, kinds_of
from tests.unit.test_codec import GOLDEN, STORIES, TOLD_IN_FULL

TOPOLOGY = Path(__file__).parents[2] / "infra" / "topology.json"
DECLARED: dict[str, list[str]] = {
    topic["name"]: [subscription["name"] for subscription in topic["subscriptions"]]
    for topic in json.loads(TOPOLOGY.read_text())["serviceBus"]["topics"]
}
EVENTS: set[type[Any]] = {*EVERY_EVENT}


def missing_in_the_map(routes: Sequence[Route], sent: Mapping[type[Event], Sent]) -> list[str]:
    """What other components are told of has a topic; of everything else it is said what the feed makes of it."""
    routed = {route.event for route in routes}
    unsaid = EVENTS - {*sent} - kinds_of(BusinessEvent)
    to_all = {kind for kind, how in sent.items() if how is Sent.TO_ALL}
    started: dict[Step, tuple[type[Event], ...]] = {
        **{reaction.step: (route.event,) for route in routes for reaction in route.reactions},
        flow.NOTICE.step: NOTICE_EVENTS,
    }
    return [
        *(f"{kind.__name__} has no topic: {_ROUTE}" for kind in kinds_of(BusinessEvent) - routed),
        *(f"{kind.__name__} is no BusinessEvent and has a topic" for kind in routed & kinds_of(InnerEvent)),
        *(f"{kind.__name__} is sent to all and has no topic: {_ROUTE}" for kind in to_all - routed),
        *(f"what becomes of {kind.__name__} is not said: name it in SENT of shared/flow.py" for kind in unsaid),
        *(
            f"no event starts {step.value}: give it a Reaction in MAP of shared/flow.py"
            for step in {*Step} - {*started}
        ),
        *(
            f"{step.value} is started by {kinds[0].__name__} on the map: say so in STARTERS_OF of "
            "shared/domain/standing.py"
            for step, kinds in started.items()
            if STARTERS_OF.get(step) != kinds
        ),
    ]


_ROUTE = "give it a Route in MAP of shared/flow.py"


def missing_in_the_topology(routes: Sequence[Route], declared: dict[str, list[str]]) -> list[str]:
    wanted = {route.topic: [reaction.subscription for reaction in route.reactions] for route in routes}
    wanted[flow.DEAD_LETTER_TOPIC] = [flow.RECORD_SUBSCRIPTION]
    wanted[flow.NOTICES] = [flow.NOTICE.subscription]
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
        *(f"{kind.__name__} has no form: give it one in FORMS of shared/codec/facts.py" for kind in EVENTS - {*FORMS}),
        *(f"no story in tests/unit/test_codec.py tells of {kind.__name__}" for kind in EVENTS - {*told}),
        *(f"tests/golden/{name}.json is missing" for name in files - {*golden}),
    ]


def missing_in_the_drawings(drawn: Iterable[type[Any]]) -> list[str]:
    return [f"no test draws {kind.__name__}: see tests/unit/streams.py" for kind in EVENTS - {*drawn}]


TOLD = {type(stored.event) for story in STORIES for stored in story.stored}
FILES = {path.stem for path in GOLDEN.glob("*.json")}


def test_of_every_event_it_is_said_where_it_goes_and_every_step_is_started_by_one() -> None:
    assert missing_in_the_map(MAP, SENT) == []
    assert {*SENT} == EVENTS


def test_what_other_components_are_told_of_goes_to_all_and_nothing_else_does() -> None:
    for kind, how in SENT.items():
        assert (how is Sent.TO_ALL) == (kind in kinds_of(BusinessEvent)), kind.__name__


def test_every_event_is_either_business_or_of_the_inside() -> None:
    assert kinds_of(BusinessEvent) | kinds_of(InnerEvent) == EVENTS
    assert not kinds_of(BusinessEvent) & kinds_of(InnerEvent)
    assert {*OF_RECOVERY} <= kinds_of(InnerEvent)


def test_each_event_of_which_merchants_are_told_by_itself_is_one_of_the_business_and_says_whether_it_is_told() -> None:
    assert {*NOTICE_EVENTS} == kinds_of(NoticeEvent)
    assert kinds_of(NoticeEvent) < kinds_of(BusinessEvent)
    assert {kind for kind in EVENTS if "tells" in kind.__dataclass_fields__} == {*NOTICE_EVENTS, PaymentFailed}


def test_what_the_map_names_is_declared_and_what_is_declared_is_on_the_map() -> None:
    assert missing_in_the_topology(MAP, DECLARED) == []


def test_every_event_has_a_form_a_story_and_a_golden_file() -> None:
    assert missing_among_the_examples(TOLD, FILES) == []
    assert {type(story.stored[-1].event) for story in TOLD_IN_FULL.values()} == EVENTS


def test_every_event_is_among_those_that_random_streams_are_made_of() -> None:
    assert missing_in_the_drawings(type(event) for event in DRAWN) == []


def test_a_topic_is_named_after_its_event() -> None:
    for story in TOLD_IN_FULL.values():
        event = story.stored[-1].event
        assert flow.TOPIC_OF.get(type(event)) in {type_name(event).replace(".", "-").replace("_", "-"), None}


def test_each_function_and_each_place_belongs_to_one_step() -> None:
    for names in (flow.FUNCTION_OF, flow.PLACE_OF):
        assert len({*names.values()}) == len(names)


def without(kind: type[Any]) -> list[Route]:
    return [route for route in MAP if route.event is not kind]


def unsent(kind: type[Any]) -> dict[type[Event], Sent]:
    return {each: how for each, how in SENT.items() if each is not kind}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (missing_in_the_map(without(PaymentVoided), SENT), "PaymentVoided has no topic"),
        (missing_in_the_map([route for route in MAP if not route.reactions], SENT), "no event starts create"),
        (missing_in_the_map(MAP, unsent(PaymentParked)), "what becomes of PaymentParked is not said"),
        (
            missing_in_the_map(MAP, {**SENT, PaymentParked: Sent.TO_ALL}),
            "PaymentParked is sent to all and has no topic",
        ),
        (
            missing_in_the_map([*MAP, Route(PaymentResumed, "payment-resumed")], SENT),  # type: ignore[arg-type]
            "PaymentResumed is no BusinessEvent and has a topic",
        ),
        (
            missing_in_the_map([*MAP, Route(PaymentCompleted, "b", (Reaction(Step.VOID, "b", "b"),))], SENT),
            "void is started by PaymentCompleted on the map",
        ),
        (missing_in_the_drawings(EVENTS - {PaymentParked}), "no test draws PaymentParked"),
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
