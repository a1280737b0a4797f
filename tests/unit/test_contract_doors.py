"""Who is let in does not change without somebody who wants it: neither a door that shuts nor one that opens."""

import json
from typing import Any

import pytest

from contracts.breaks import api_breaks
from contracts.doors import openings
from contracts.opened import OPENED
from contracts.released import RELEASED, broken, contracts_in, opened, unmeant, versions
from tests.unit.contract_changes import API, BREAKS, GET, POST, PRESENT, WELCOME, changed, operation
from tests.unit.contract_doors import KEYS_BOTH_WAYS, MOVED, OF_KEYS, SHUT, SIGN_IN, WELCOME_OF_KEYS

type Json = dict[str, Any]

TO_ALL = "open to callers without a role where Payments.Read was needed"


@pytest.mark.parametrize("name", SHUT)
def test_a_door_that_shuts_is_a_break_and_no_opening(name: str) -> None:
    change, said, _ = SHUT[name]
    shut = changed(API, change)

    assert api_breaks(API, shut) == [said]
    assert openings(API, shut) == []


@pytest.mark.parametrize("name", SHUT)
def test_a_door_that_opens_is_an_opening_and_no_break(name: str) -> None:
    change, _, said = SHUT[name]
    shut = changed(API, change)

    assert openings(shut, API) == [said]
    assert api_breaks(shut, API) == []


@pytest.mark.parametrize("name", MOVED)
def test_a_door_for_others_is_a_break_and_an_opening_whichever_way_it_goes(name: str) -> None:
    change, shut, wide = MOVED[name]
    moved = changed(API, change)

    assert api_breaks(API, moved) == [shut]
    assert openings(API, moved) == [wide]
    assert len(api_breaks(moved, API)) == len(openings(moved, API)) == 1


def test_a_way_that_asks_for_more_than_another_opens_nothing() -> None:
    more = changed(API, lambda d: operation(d)["security"].append({"Entra": [], "FunctionKey": []}))

    assert openings(API, more) == api_breaks(API, more) == []


@pytest.mark.parametrize("name", OF_KEYS)
def test_a_change_of_how_a_key_is_shown_is_found_and_named(name: str) -> None:
    change, said = OF_KEYS[name]

    assert said in api_breaks(SIGN_IN, changed(SIGN_IN, change))


@pytest.mark.parametrize("name", OF_KEYS)
def test_a_key_that_is_shown_as_before_is_welcome_where_it_is_no_other_key(
    name: str,
) -> None:
    change, _ = OF_KEYS[name]

    assert bool(api_breaks(changed(SIGN_IN, change), SIGN_IN)) == (name in KEYS_BOTH_WAYS)


@pytest.mark.parametrize("name", WELCOME_OF_KEYS)
def test_another_way_to_show_a_key_is_welcome(name: str) -> None:
    assert api_breaks(SIGN_IN, changed(SIGN_IN, WELCOME_OF_KEYS[name])) == []


@pytest.mark.parametrize("change", [*(change for change, _ in BREAKS.values()), *WELCOME.values()])
def test_what_changes_no_door_opens_none(change: Any) -> None:
    assert openings(API, changed(API, change)) == []


@pytest.fixture
def wider() -> Json:
    """The API, with a payment that everybody may see who has a key."""
    return changed(API, lambda d: operation(d, GET).pop("x-role"))


def test_a_door_that_opens_while_its_operation_moves_is_found(wider: Json) -> None:
    moved = changed(wider, lambda d: d["paths"].update({"/api/moved": d["paths"].pop(GET)}))

    assert openings(API, moved) == [f"GET /api/moved: {TO_ALL}"]


def test_a_door_that_opens_while_its_operation_is_renamed_is_found(wider: Json) -> None:
    renamed = changed(wider, lambda d: operation(d, GET).update(operationId="show"))

    assert openings(API, renamed) == [f"GET {GET}: {TO_ALL}"]


def test_a_new_series_lets_breaks_through_and_no_door_that_opens(wider: Json) -> None:
    new = changed(wider, lambda d: (d["paths"].pop(POST), d["info"].update(version="99.0.0")))
    released = {**PRESENT, "openapi.json": json.dumps(new)}

    assert broken(PRESENT, released) == []
    assert opened(PRESENT, released) == [f"GET {GET}: {TO_ALL}"]


def test_a_door_that_opens_is_stopped_until_somebody_says_why(wider: Json) -> None:
    (door,) = openings(API, wider)

    (fault,) = unmeant([door, door], {})

    assert fault == f"{door}: shut it, or give the reason in contracts/opened.py"
    assert unmeant([door], {door: "The payment's id is its key."}) == []


def test_a_yes_to_a_door_has_a_reason_and_goes_when_the_door_is_shut() -> None:
    assert unmeant(["a"], {"a": " "}) == ["a: contracts/opened.py has no reason"]
    assert unmeant([], {"a": "why"}) == ["a: no door is open so; take it out of contracts/opened.py"]


def test_no_door_is_open_that_a_release_has_shut() -> None:
    found = [door for each in versions() for door in opened(contracts_in(RELEASED / each), PRESENT)]

    assert unmeant(found, OPENED) == []
