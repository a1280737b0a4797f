"""A published contract does not break without a new version, and what was published is never changed."""

import copy
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.breaks import api_breaks, event_breaks
from contracts.endpoints import ROOT
from contracts.files import FOLDER
from contracts.released import RELEASED, broken, contracts_in, release, series, touched, versions
from contracts.within import Said, outside, unknown_keywords

CLOSED = {"additionalProperties": False}

type Json = dict[str, Any]
type Change = Callable[[Json], object]

PRESENT = contracts_in(ROOT / FOLDER)
API: Json = json.loads(PRESENT["openapi.json"])
SETTLED = "events/regispay.payment.settled.v1.schema.json"
POST, GET = "/api/payments", "/api/payments/{payment_id}"
LIST = "/api/ops/dead-letters"


def changed(document: Json, change: Change) -> Json:
    new = copy.deepcopy(document)
    change(new)
    return new


def schema(document: Json, name: str, *fields: str) -> Any:
    found = document["components"]["schemas"][name]
    for field in fields:
        found = found["properties"][field]
    return found


def parameter(document: Json, name: str) -> Any:
    return next(each for each in document["paths"][LIST]["get"]["parameters"] if each["name"] == name)


def operation(document: Json, path: str = POST) -> Any:
    return next(iter(document["paths"][path].values()))


BREAKS: dict[str, tuple[Change, str]] = {
    "an operation is gone": (lambda d: d["paths"].pop(GET), f"GET {GET}: taken away"),
    "an operation has another id": (lambda d: operation(d).update(operationId="pay"), "called pay"),
    "a key is asked for": (
        lambda d: operation(d, "/api/health").update(security=[{"AdminKey": []}]),
        "no key opens it no more",
    ),
    "a key opens no more": (lambda d: operation(d)["security"].pop(), "FunctionKeyInQuery opens it no more"),
    "two keys are asked for": (
        lambda d: operation(d)["security"][0].update({"Entra": []}),
        "FunctionKey opens it no more",
    ),
    "a parameter is gone": (
        lambda d: operation(d, LIST)["parameters"].remove(parameter(d, "step")),
        "query step: taken away",
    ),
    "a parameter is required": (lambda d: parameter(d, "step").update(required=True), "query step: required now"),
    "a new parameter is required": (
        lambda d: operation(d, LIST)["parameters"].append({"in": "query", "name": "x", "required": True, "schema": {}}),
        "query x: new, and required",
    ),
    "a parameter takes fewer values": (
        lambda d: parameter(d, "status")["schema"]["enum"].pop(),
        "query status: the value 'closed'",
    ),
    "a parameter takes less": (lambda d: parameter(d, "limit")["schema"].update(maximum=100), "maximum 200 beyond 100"),
    "a parameter means something else when it is left out": (
        lambda d: parameter(d, "limit")["schema"].update(default=10),
        "default 10 where it was 50",
    ),
    "a field is required": (
        lambda d: schema(d, "PaymentRequest")["required"].append("description"),
        "body.description: not always there",
    ),
    "a new field is required": (
        lambda d: (
            schema(d, "PaymentRequest")["properties"].update(x={"type": "string"}),
            schema(d, "PaymentRequest")["required"].append("x"),
        ),
        "body.x: not always there",
    ),
    "a field is not taken any more": (
        lambda d: schema(d, "PaymentRequest")["properties"].pop("metadata"),
        "body.metadata: not known",
    ),
    "a field takes less": (
        lambda d: schema(d, "PaymentRequest", "reference").update(maxLength=32),
        "body.reference: maxLength 64 beyond 32",
    ),
    "a field takes no null": (
        lambda d: schema(d, "PaymentRequest", "description")["anyOf"].pop(),
        "body.description: null",
    ),
    "a field has another pattern": (
        lambda d: schema(d, "PaymentRequest", "payment_method").update(pattern="^pm_"),
        "body.payment_method: pattern",
    ),
    "a field has a pattern": (
        lambda d: schema(d, "DiscardRequest", "reason").update(pattern="^[a-z]"),
        "body.reason: pattern none",
    ),
    "a field is of another type": (
        lambda d: schema(d, "PaymentRequest", "amount_minor").update(type="string"),
        "body.amount_minor: integer where there was string",
    ),
    "a switch is the other way round": (
        lambda d: schema(d, "ReplayManyRequest", "dry_run").update(default=True),
        "body.dry_run: default True where it was False",
    ),
    "a body is required": (
        lambda d: operation(d, f"{LIST}/{{letter_id}}/replay")["requestBody"].update(required=True),
        "body: required now",
    ),
    "a media type is not taken": (
        lambda d: operation(d)["requestBody"]["content"].update(
            {"application/x": operation(d)["requestBody"]["content"].pop("application/json")}
        ),
        "application/json is not taken any more",
    ),
    "a success is gone": (
        lambda d: operation(d)["responses"].update({"200": operation(d)["responses"].pop("202")}),
        "202: taken away",
    ),
    "an answer has another media type": (
        lambda d: operation(d)["responses"]["202"]["content"].pop("application/json"),
        "no application/json any more",
    ),
    "a header is gone": (
        lambda d: operation(d)["responses"]["202"]["headers"].pop("Location"),
        "header Location: taken away",
    ),
    "a header is not always there": (
        lambda d: d["components"]["headers"]["ETag"].update(required=False),
        "header ETag: not always there",
    ),
    "an answer lacks a field": (
        lambda d: schema(d, "Payment")["properties"].pop("failure_told"),
        ".failure_told: taken away",
    ),
    "a field of a field is gone": (lambda d: schema(d, "Wait")["properties"].pop("reason"), ".waiting[].reason: taken"),
    "a field is not always told": (
        lambda d: schema(d, "Payment")["required"].remove("metadata"),
        ".metadata: not always there",
    ),
    "a field may be null": (
        lambda d: schema(d, "Payment")["properties"].update(
            reference={"anyOf": [{"type": "string"}, {"type": "null"}]}
        ),
        ".reference: null where there was string",
    ),
    "a number may be larger": (
        lambda d: schema(d, "Payment", "amount_minor").update(maximum=10**15),
        ".amount_minor: maximum",
    ),
    "a number may be smaller": (
        lambda d: schema(d, "Payment", "amount_minor").pop("minimum"),
        ".amount_minor: minimum",
    ),
    "a number may have fractions": (
        lambda d: schema(d, "Payment", "amount_minor").update(type="number"),
        ".amount_minor: number where there was integer",
    ),
    "a text is no time any more": (
        lambda d: schema(d, "Payment", "initiated_at").pop("format"),
        ".initiated_at: format none",
    ),
    "a closed list has a new value": (
        lambda d: schema(d, "LetterStatus")["enum"].append("lost"),
        ".status: the value 'lost'",
    ),
    "a closed list is open": (lambda d: schema(d, "LetterStatus").pop("enum"), ".status: any value where there were 3"),
    "a known value is gone": (
        lambda d: schema(d, "Payment", "status")["x-extensible-enum"].remove("settled"),
        ".status: the value 'settled' is gone",
    ),
    "metadata holds more than text": (
        lambda d: schema(d, "Payment", "metadata").update(additionalProperties=True),
        ".metadata.*: anything where there was string",
    ),
    "a problem code is gone": (
        lambda d: d["components"]["examples"].pop("page_unknown"),
        "problem page_unknown: taken away",
    ),
    "a problem code has another status": (
        lambda d: d["components"]["examples"]["page_unknown"]["value"].update(status=409),
        "problem page_unknown: status 409 where there was 422",
    ),
}

WELCOME: dict[str, Change] = {
    "a new operation": lambda d: d["paths"].update({"/api/refunds": {"get": {"operationId": "x", "responses": {}}}}),
    "a new key opens it": lambda d: operation(d)["security"].append({"Entra": []}),
    "no key is asked for": lambda d: operation(d).update(security=[]),
    "a new parameter": lambda d: operation(d, LIST)["parameters"].append({"in": "query", "name": "x", "schema": {}}),
    "a parameter takes more": lambda d: parameter(d, "limit")["schema"].update(maximum=500),
    "a parameter takes another value": lambda d: parameter(d, "status")["schema"]["enum"].append("lost"),
    "a new field of a request": lambda d: schema(d, "PaymentRequest")["properties"].update(x={"type": "string"}),
    "a field of a request may be left out": lambda d: schema(d, "PaymentRequest")["required"].remove("reference"),
    "a new field of an answer": lambda d: schema(d, "Payment")["properties"].update(refunds={"type": "array"}),
    "a field is always told": lambda d: schema(d, "Payment")["required"].append("failure_told"),
    "a new value of what may grow": lambda d: schema(d, "Payment", "status")["x-extensible-enum"].append("refunded"),
    "a new problem code": lambda d: d["components"]["examples"].update(x={"value": {"status": 403, "code": "x"}}),
    "a new status of a problem": lambda d: operation(d)["responses"].update({"403": {"description": "No."}}),
    "other words": lambda d: operation(d).update(summary="Pay", description="Pay."),
    "a link more or less": lambda d: operation(d)["responses"]["202"].pop("links"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_of_the_api_is_found_and_named(name: str) -> None:
    change, said = BREAKS[name]

    found = api_breaks(API, changed(API, change))

    assert found, name
    assert [each for each in found if said in each], found


@pytest.mark.parametrize("name", WELCOME)
def test_an_addition_to_the_api_is_welcome(name: str) -> None:
    assert api_breaks(API, changed(API, WELCOME[name])) == []


def test_what_has_not_changed_breaks_nothing() -> None:
    assert broken(PRESENT, PRESENT) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["properties"].pop("traceparent"), "event.traceparent: taken away"),
        (lambda s: s["required"].remove("subject"), "event.subject: not always there"),
        (lambda s: s["properties"]["type"].update(const="regispay.payment.settled.v2"), "event.type: the value"),
        (lambda s: s["$defs"]["PaymentEventData"]["properties"].pop("waiting"), "event.data.waiting: taken away"),
        (lambda s: s["$defs"]["Settled"]["required"].remove("capture_id"), "event.data.settled.capture_id: not always"),
    ],
)
def test_a_break_of_an_event_is_found_and_named(change: Change, said: str) -> None:
    event = json.loads(PRESENT[SETTLED])

    found = event_breaks(event, changed(event, change))

    assert [each for each in found if said in each], found


def test_an_event_may_tell_more() -> None:
    event = json.loads(PRESENT[SETTLED])
    more = changed(event, lambda s: s["$defs"]["PaymentEventData"]["properties"].update(refunded={"type": "object"}))

    assert event_breaks(event, more) == []


def numbered(version: str) -> dict[str, str]:
    """The present contracts as that version, with an operation taken away."""
    api = changed(API, lambda d: d["paths"].pop(GET))
    api["info"]["version"] = version
    return {**PRESENT, "openapi.json": json.dumps(api)}


def test_the_api_may_break_with_a_new_series_only() -> None:
    was = {**PRESENT, "openapi.json": json.dumps({**API, "info": {**API["info"], "version": "0.1.0"}})}

    assert broken(was, numbered("0.1.7")) == [f"GET {GET}: taken away"]
    assert broken(was, numbered("0.2.0")) == []
    assert (series("1.4.2"), series("2.0.0"), series("0.3.1")) == ((1,), (2,), (0, 3))


def test_an_event_stays_whatever_the_version_is() -> None:
    without = {path: text for path, text in numbered("9.0.0").items() if path != SETTLED}

    assert broken(PRESENT, without) == [f"{SETTLED}: taken away"]


def test_nothing_that_was_released_is_broken_by_what_stands_here() -> None:
    faults = [f"{each}: {fault}" for each in versions() for fault in broken(contracts_in(RELEASED / each), PRESENT)]

    assert faults == [], "a new version of the API, or of the event's type, or no such change"


def test_each_release_has_its_contracts() -> None:
    """A release is a heading of the changelog with a version in it."""
    released = re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)

    assert sorted(released) == sorted(versions()), "python -m contracts --release"


def test_what_was_released_was_only_ever_added() -> None:
    assert touched() == []


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With one release, committed."""
    release("1.2.3", tmp_path / FOLDER / "released")
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def git(repository: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(repository), *who, *words], check=True, capture_output=True)


def commit(repository: Path) -> None:
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "x", "--allow-empty")


def test_another_release_touches_none_before_it(repository: Path) -> None:
    release("1.2.4", repository / FOLDER / "released")
    commit(repository)

    assert touched(repository) == []


@pytest.mark.parametrize("then", [commit, lambda _: None], ids=["committed", "not committed"])
@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text("{}"),
        lambda file: file.unlink(),
        lambda file: file.rename(file.with_name("x.json")),
    ],
    ids=["changed", "removed", "moved"],
)
def test_a_released_file_that_is_touched_is_found(
    repository: Path, change: Callable[[Path], object], then: Callable[[Path], None]
) -> None:
    change(repository / FOLDER / "released/1.2.3/openapi.json")
    then(repository)

    assert touched(repository) == [f"{FOLDER}/released/1.2.3/openapi.json"]


def test_a_release_adds_all_that_stands_here_and_is_made_once(tmp_path: Path) -> None:
    release("1.2.3", tmp_path)

    assert versions(tmp_path) == ["1.2.3"]
    assert contracts_in(tmp_path / "1.2.3") == PRESENT
    with pytest.raises(FileExistsError):
        release("1.2.3", tmp_path)


def test_versions_are_ordered_as_numbers(tmp_path: Path) -> None:
    for each in ("0.10.0", "0.9.0", "1.0.0"):
        (tmp_path / each).mkdir()

    assert versions(tmp_path) == ["0.9.0", "0.10.0", "1.0.0"]


def schemas(value: Any) -> Iterator[Json]:
    """Every schema in the contracts, by where schemas stand."""
    if isinstance(value, list):
        for each in value:
            yield from schemas(each)
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if name in ("schemas", "properties", "$defs") and isinstance(inner, dict):
            yield from (each for each in inner.values() if isinstance(each, dict))
        if name in ("schema", "items", "additionalProperties", "propertyNames") and isinstance(inner, dict):
            yield inner
        if name not in ("example", "value"):
            yield from schemas(inner)


def test_no_keyword_of_ours_is_passed_over_in_silence() -> None:
    found = [each for text in PRESENT.values() for each in schemas(json.loads(text))]

    assert len(found) > 200
    assert {word for each in found for word in unknown_keywords(each)} == set()


@pytest.mark.parametrize(
    ("inner", "outer", "said"),
    [
        ({"type": "integer"}, {"type": "number"}, []),
        ({"type": "number"}, {"type": "integer"}, [": number where there was integer"]),
        ({}, {"type": "string"}, [": anything where there was string"]),
        ({"type": "string"}, True, []),
        ({"const": 1}, {"enum": [1, 2]}, []),
        ({"enum": [1, 3]}, {"enum": [1, 2]}, [": the value 3"]),
        ({"type": "string"}, {"anyOf": [{"type": "string"}, {"type": "null"}]}, []),
        ({"type": "object", **CLOSED}, {"type": "object", **CLOSED}, []),
        (
            {"type": "array", "items": {}},
            {"type": "array", "items": {"type": "null"}},
            ["[]: anything where there was null"],
        ),
        (
            {"type": "object"},
            {"type": "object", "additionalProperties": False},
            [": any field where only some are known"],
        ),
    ],
)
def test_what_one_schema_allows_beyond_another(inner: Any, outer: Any, said: list[str]) -> None:
    assert list(outside(Said(inner, {}), Said(outer, {}))) == said
