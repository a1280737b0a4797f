"""What a client that a generator makes of the contracts trips over: names, numbers, fields that it does not know."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from contracts import events, samples
from contracts.checking import Contract, event_faults
from contracts.operations import OPERATIONS
from contracts.words import TAGS
from tests.unit.contract_changes import API, PRESENT
from tests.unit.test_contract import told

type Json = dict[str, Any]

INT32 = 2**31 - 1
CONTRACT = Contract(API)
OF_ANY_NAME = ("metadata", "checks")
"""Maps: what stands in them has no name of ours."""
OPEN_REQUESTS = {"hear_provider"}
"""What the provider sends is its own to extend."""
SCHEMAS = {path: json.loads(text) for path, text in PRESENT.items() if not path.endswith(".sample.json")}


def tags(items: Json) -> set[str]:
    return {tag for item in items.values() for operation in item.values() for tag in operation["tags"]}


def test_no_class_of_a_client_is_for_what_is_asked_and_for_what_is_sent() -> None:
    asked, sent = tags(API["paths"]), tags(API["webhooks"])

    assert asked
    assert sent
    assert asked & sent == set()


def test_every_tag_is_described_and_used() -> None:
    assert set(TAGS) == tags(API["paths"]) | tags(API["webhooks"])


def named(value: Any) -> Iterator[tuple[str, Json]]:
    """Fields and parameters by their names, each with its schema; of a choice or a list each that may stand there."""
    if isinstance(value, list):
        for each in value:
            yield from named(each)
    if not isinstance(value, dict):
        return
    fields = value.get("properties", {})
    if isinstance(value.get("schema"), dict) and "in" in value:
        fields = {value["name"]: value["schema"]}
    for name, field in fields.items():
        yield from ((name, each) for each in options(field))
    for name, inner in value.items():
        if name not in ("example", "examples", "value"):
            yield from named(inner)


def options(schema: Json) -> list[Json]:
    found = [schema, *schema.get("anyOf", ())]
    return [*found, *(each["items"] for each in found if "items" in each)]


@pytest.mark.parametrize("path", SCHEMAS)
def test_an_amount_is_said_to_need_64_bits(path: str) -> None:
    numbers = [(name, each) for name, each in named(SCHEMAS[path]) if each.get("type") == "integer"]
    money = [(name, each) for name, each in numbers if name.endswith("_minor")]
    large = [(name, each) for name, each in numbers if each.get("maximum", 0) > INT32]

    assert money
    assert [name for name, each in (*money, *large) if each.get("format") != "int64"] == []


def reached(value: Any, root: Json) -> set[str]:
    """The names of the schemas of objects that a part of the document leads to."""
    if isinstance(value, list):
        return set().union(*(reached(each, root) for each in value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*(reached(each, root) for name, each in value.items() if name not in ("example", "examples")))
    if str(value.get("$ref", "")).startswith("#/components/schemas/"):
        name = value["$ref"].rsplit("/", 1)[-1]
        schema = root["components"]["schemas"][name]
        found |= reached(schema, root) | ({name} if "properties" in schema else set())
    return found


def said(schemas: Json) -> dict[str, Any]:
    """Of each object with fields, whether there may be more of them; silence is None."""
    return {name: each.get("additionalProperties") for name, each in schemas.items() if "properties" in each}


def test_a_request_is_said_to_be_closed_and_whatever_is_told_to_be_open() -> None:
    operations = [operation for item in API["paths"].values() for operation in item.values()]
    bodies = {each["operationId"]: reached(each.get("requestBody"), API) for each in operations}
    asked = set().union(*(names for name, names in bodies.items() if name not in OPEN_REQUESTS))
    heard = set().union(*(bodies[name] for name in OPEN_REQUESTS))
    told_of = reached([each["responses"] for each in operations], API) | reached(API["webhooks"], API)

    assert said(API["components"]["schemas"]) == dict.fromkeys(asked, False) | dict.fromkeys(heard | told_of, True)


@pytest.mark.parametrize("name", events.types())
def test_an_event_is_said_to_be_open(name: str) -> None:
    event = SCHEMAS[f"events/{name}.schema.json"]

    found = said({name: event, **event["$defs"]})

    assert found == dict.fromkeys({name, "PaymentEventData", *found}, True)


def with_another_field(whole: Json) -> Iterator[Json]:
    """The same with one more field, in each object in turn."""
    for number in range(len(list(inner(whole)))):
        more = copy.deepcopy(whole)
        list(inner(more))[number]["colour"] = "red"
        yield more


def inner(value: Any) -> Iterator[Json]:
    """Every object in it that has fields of ours, itself among them."""
    for each in value if isinstance(value, list) else ():
        yield from inner(each)
    if isinstance(value, dict):
        yield value
        for name, each in value.items():
            yield from inner(each) if name not in OF_ANY_NAME else ()


@pytest.mark.parametrize("name", sorted(samples.answers()))
def test_a_field_that_an_answer_does_not_have_is_found_out_at_any_depth(name: str) -> None:
    status = min(OPERATIONS[name].answers)

    found = [CONTRACT.faults(name, told(status, more)) for more in with_another_field(samples.answers()[name])]

    assert found
    assert ["colour" in "".join(faults) for faults in found] == [True] * len(found)


def test_a_field_that_a_refusal_does_not_have_is_found_out_at_any_depth() -> None:
    refusal = samples.problems()["request_invalid"]

    found = [CONTRACT.faults("accept_payment", told(422, more)) for more in with_another_field(refusal)]

    assert ["colour" in "".join(faults) for faults in found] == [True, True]


@pytest.mark.parametrize("name", events.types())
def test_a_field_that_an_event_does_not_have_is_found_out_at_any_depth(name: str) -> None:
    found = [event_faults(events.schemas()[name], more) for more in with_another_field(samples.events()[name])]

    assert len(found) > 1
    assert ["colour" in "".join(faults) for faults in found] == [True] * len(found)


def test_a_member_that_the_document_does_not_say_it_has_is_found_out() -> None:
    assert CONTRACT.faults("get_openapi", told(200, API)) == []
    assert "colour" in "".join(CONTRACT.faults("get_openapi", told(200, {**API, "colour": "red"})))
