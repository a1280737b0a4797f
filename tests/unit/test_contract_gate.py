"""A published contract does not break without a new version, and what was published is never changed."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.breaks import api_breaks, event_breaks
from contracts.endpoints import ROOT
from contracts.fields import unknown_fields
from contracts.files import FOLDER
from contracts.released import RELEASED, broken, contracts_in, release, series, touched, versions
from contracts.told import told
from contracts.within import Said, outside, unknown_keywords
from tests.unit.contract_changes import (
    API,
    BOTH_WAYS,
    BREAKS,
    CLOSED,
    GET,
    POST,
    PRESENT,
    SETTLED,
    WELCOME,
    Change,
    changed,
    webhook,
)

type Json = dict[str, Any]


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_of_the_api_is_found_and_named(name: str) -> None:
    change, said = BREAKS[name]

    found = api_breaks(API, changed(API, change))

    assert found, name
    assert [each for each in found if said in each], found


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_undone_is_welcome_but_for_those_that_are_neither_less_nor_more(name: str) -> None:
    change, _ = BREAKS[name]

    assert bool(api_breaks(changed(API, change), API)) == (name in BOTH_WAYS)


@pytest.mark.parametrize("name", WELCOME)
def test_an_addition_to_the_api_is_welcome(name: str) -> None:
    assert api_breaks(API, changed(API, WELCOME[name])) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (["2XX", "default"], ["200", "default"], ["answer 2XX: not taken any more"]),
        (["200", "default"], ["2XX", "default"], []),
        (["200", "default"], ["200", "204", "default"], []),
        (["2XX", "default"], ["2XX", "204", "default"], ["answer 204: has a meaning of its own now"]),
        (["200", "default"], ["200", "410", "default"], ["answer 410: has a meaning of its own now"]),
        (["200", "4XX"], ["200", "4XX", "410"], ["answer 410: has a meaning of its own now"]),
        (["200", "410", "default"], ["200", "default"], ["answer 410: not taken any more"]),
        (["200"], ["200", "410", "default"], []),
    ],
)
def test_a_receiver_may_answer_what_it_might_and_it_means_the_same(
    before: list[str], after: list[str], said: list[str]
) -> None:
    was = changed(API, lambda d: webhook(d).update(responses={status: {} for status in before}))
    now = changed(API, lambda d: webhook(d).update(responses={status: {} for status in after}))

    assert api_breaks(was, now) == [f"webhook payment_settled {each}" for each in said]


@pytest.mark.parametrize("more", [{"items": {"type": "string"}}, {"additionalProperties": {"type": "string"}}])
def test_what_a_list_or_a_map_holds_may_be_said_when_it_was_not(more: Json) -> None:
    assert list(told(Said({}, {}), Said(more, {}), where="")) == []


def test_what_has_not_changed_breaks_nothing() -> None:
    assert broken(PRESENT, PRESENT) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["properties"].pop("traceparent"), "event.traceparent: taken away"),
        (lambda s: s["required"].remove("subject"), "event.subject: not always there"),
        (lambda s: s.update(CLOSED), "event: closed where more fields might come"),
        (lambda s: s["$defs"]["Refund"].update(CLOSED), "event.data.refunds[]: closed where more fields might come"),
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


def test_what_stands_here_is_compared_with_what_was_released(tmp_path: Path) -> None:
    released = tmp_path / FOLDER / "released"
    release("1.2.3", released)

    was = contracts_in(released / "1.2.3")

    assert was == contracts_in(ROOT / FOLDER)
    assert broken(was, PRESENT) == []
    assert broken({**was, "events/gone.v1.schema.json": "{}"}, PRESENT) == ["events/gone.v1.schema.json: taken away"]


def test_what_was_released_was_only_ever_added() -> None:
    if is_shallow(ROOT):
        pytest.skip("a shallow clone does not know what was: fetch all of it")

    assert touched() == []


def is_shallow(repository: Path) -> bool:
    command = ["git", "-C", str(repository), "rev-parse", "--is-shallow-repository"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "true"


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


def test_no_field_of_the_document_is_passed_over_in_silence() -> None:
    assert list(unknown_fields(API)) == [], "compare it in contracts/breaks.py, or say in fields.py that it is prose"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(jsonSchemaDialect="https://a.example"), "document: jsonSchemaDialect"),
        (lambda d: d["servers"][0].update(variables={}), "server: variables"),
        (lambda d: d["components"].update(callbacks={}), "components: callbacks"),
        (lambda d: d["components"]["headers"]["ETag"].update(style="simple"), "header: style"),
        (lambda d: d["paths"][GET].update(servers=[]), "path: servers"),
        (lambda d: d["paths"][GET]["get"].update(servers=[]), "operation: servers"),
        (lambda d: d["paths"][GET]["get"]["parameters"][0].update(explode=True), "parameter: explode"),
        (lambda d: d["paths"][POST]["post"]["requestBody"].update({"x-a": 1}), "body: x-a"),
        (lambda d: d["paths"][POST]["post"]["responses"]["202"].update({"x-a": 1}), "response: x-a"),
        (
            lambda d: d["paths"][POST]["post"]["requestBody"]["content"]["application/json"].update(encoding={}),
            "media type: encoding",
        ),
        (lambda d: d["webhooks"]["payment_failed"].update(parameters=[]), "path: parameters"),
        (lambda d: d["webhooks"]["payment_failed"]["post"].update(callbacks={}), "operation: callbacks"),
    ],
)
def test_a_field_that_is_not_compared_is_found_wherever_it_stands(change: Change, said: str) -> None:
    assert list(unknown_fields(changed(API, change))) == [said]


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
            {"type": "object", **CLOSED},
            [": any field where only some are known"],
        ),
    ],
)
def test_what_one_schema_allows_beyond_another(inner: Any, outer: Any, said: list[str]) -> None:
    assert list(outside(Said(inner, {}), Said(outer, {}))) == said
