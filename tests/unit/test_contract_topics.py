"""The AsyncAPI document: valid, true to the map, and compared with what was released.

asyncapi/3.0.0.json is the specification's own schema, from https://github.com/asyncapi/spec-json-schemas (Apache-2.0).
"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from contracts.breaks import event_breaks, topic_breaks
from contracts.checking import event_faults
from contracts.endpoints import ROOT
from contracts.files import FOLDER
from contracts.released import broken
from shared import flow
from shared.codec.cloud_events import CONTENT_TYPE
from tests.unit.contract_changes import PRESENT, SETTLED
from tests.unit.test_docs_events import MESSAGES

type Json = dict[str, Any]
type Change = Callable[[Json], object]

TOPICS: Json = json.loads((ROOT / FOLDER / "asyncapi.json").read_text())
SPECIFICATION = json.loads((Path(__file__).parent / "asyncapi" / "3.0.0.json").read_text())
EVENT = "regispay.payment.settled.v1"


def changed(document: Json, change: Change) -> Json:
    after = copy.deepcopy(document)
    change(after)
    return after


def test_the_document_is_asyncapi_3_0() -> None:
    valid = jsonschema_rs.Draft7Validator(SPECIFICATION)

    assert [f"{each.instance_path}: {each.message}" for each in valid.iter_errors(TOPICS)] == []


def test_every_topic_of_events_is_a_channel_with_its_event_and_none_besides() -> None:
    sent = {message["type"]: topic for message in MESSAGES for topic in [_topic(message)]}

    told = {kind: each["address"] for each in TOPICS["channels"].values() for kind in each["messages"]}

    assert told == sent
    assert {each["address"] for each in TOPICS["channels"].values()} == {route.topic for route in flow.MAP}


def _topic(message: Json) -> str:
    return str(message["type"].removeprefix("regispay.").removesuffix(".v1").replace(".", "-").replace("_", "-"))


def test_every_reference_leads_somewhere() -> None:
    for reference in _references(TOPICS):
        found: Any = TOPICS
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [each for part in node for each in _references(part)]
    if not isinstance(node, dict):
        return []
    return [
        *([node["$ref"]] if "$ref" in node else []),
        *(each for part in node.values() for each in _references(part)),
    ]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["type"])
def test_what_is_sent_is_as_the_document_says(message: Json) -> None:
    schema = {"$ref": f"#/components/schemas/{message['type']}", "components": TOPICS["components"]}

    assert event_faults(schema, message) == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["type"])
def test_the_package_of_cloudevents_reads_what_is_sent(message: Json) -> None:
    read = from_http_event(HTTPMessage({"content-type": CONTENT_TYPE}, json.dumps(message).encode()))

    assert read.get_id() == message["id"]
    assert read.get_type() == message["type"]
    assert read.get_subject() == message["subject"]
    assert read.get_data() == message["data"]
    assert read.get_extension("traceparent") == message.get("traceparent")


BREAKS: dict[str, tuple[Change, str]] = {
    "a field is renamed": (
        lambda s: s["properties"].update(topic=s["properties"].pop("subject")),
        "event.subject: taken away",
    ),
    "a field of the payment is renamed": (
        lambda s: _data(s).update(ref=_data(s).pop("reference")),
        "event.data.reference: taken away",
    ),
    "a type is narrowed": (
        lambda s: _data(s)["reference"].update(maxLength=5),
        "sent before.data.reference: maxLength none beyond 5",
    ),
    "a type is another": (lambda s: _data(s)["version"].update(type="string"), "event.data.version: string where"),
    "a value is taken away": (
        lambda s: _data(s)["status"].update({"x-extensible-enum": _values(_data(s)["status"])[1:]}),
        "event.data.status",
    ),
    "a field is required that was not": (
        lambda s: s["required"].append("traceparent"),
        "sent before.traceparent: not always there",
    ),
    "a new field is required": (
        lambda s: (s["properties"].update(region={"type": "string"}), s["required"].append("region")),
        "sent before.region: not always there",
    ),
    "a field is promised no more": (lambda s: s["required"].remove("subject"), "event.subject: not always there"),
}


def _data(schema: Json) -> Json:
    return dict.__getitem__(schema["$defs"]["PaymentEventData"], "properties")


def _values(schema: Json) -> list[str]:
    return list(schema.get("x-extensible-enum") or schema["enum"])


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_of_an_event_is_found_and_named(name: str) -> None:
    change, said = BREAKS[name]
    event = json.loads(PRESENT[SETTLED])

    found = event_breaks(event, changed(event, change))

    assert [each for each in found if said in each], found


def test_a_field_more_that_may_be_absent_is_welcome() -> None:
    event = json.loads(PRESENT[SETTLED])
    more = changed(event, lambda s: _data(s).update(region={"type": "string"}))

    assert event_breaks(event, more) == []


MOVES: dict[str, tuple[Change, str]] = {
    "a topic is gone": (lambda d: d["channels"].pop("payment-settled"), "channels payment-settled: taken away"),
    "a topic has another address": (
        lambda d: d["channels"]["payment-settled"].update(address="settled"),
        "channels payment-settled: address settled",
    ),
    "an event comes elsewhere": (
        lambda d: d["channels"]["payment-settled"]["messages"].pop(EVENT),
        f"{EVENT} does not come there any more",
    ),
    "an operation is gone": (lambda d: d["operations"].pop("send_payment_settled"), "send_payment_settled: taken away"),
    "it is received": (
        lambda d: d["operations"]["send_payment_settled"].update(action="receive"),
        "action receive is not send",
    ),
    "an address has another event": (
        lambda d: d["channels"]["payment-settled"]["messages"].update(
            {EVENT: {"$ref": "#/components/messages/regispay.payment.failed.v1"}}
        ),
        f"{EVENT} does not come there any more",
    ),
    "headers are wanted": (
        lambda d: d["components"]["messages"][EVENT].update(headers={"type": "object", "required": ["x"]}),
        "headers",
    ),
    "it is told apart by something else": (
        lambda d: d["components"]["messages"][EVENT]["correlationId"].update(location="$message.header#/id"),
        "correlationId",
    ),
    "a server's variable is gone": (lambda d: d["servers"]["azure"].pop("variables"), "variables None"),
    "a server has a path": (lambda d: d["servers"]["azure"].update(pathname="/x"), "pathname /x"),
    "a channel has no server": (lambda d: d["channels"]["payment-settled"].update(servers=[]), "servers []"),
    "another content type if none is said": (lambda d: d.update(defaultContentType="text/plain"), "text/plain"),
    "another protocol": (lambda d: d["servers"]["azure"].update(protocol="kafka"), "protocol kafka is not amqps"),
    "another content type": (
        lambda d: d["components"]["messages"][EVENT].update(contentType="application/json"),
        "contentType application/json",
    ),
}


@pytest.mark.parametrize("name", MOVES)
def test_an_event_that_is_found_elsewhere_is_a_break(name: str) -> None:
    change, said = MOVES[name]

    found = list(topic_breaks(TOPICS, changed(TOPICS, change)))

    assert [each for each in found if said in each], found


def test_other_words_for_people_are_welcome() -> None:
    def reworded(document: Json) -> None:
        document["channels"]["payment-settled"].update(title="x", description="y")
        document["servers"]["azure"]["variables"]["namespace"]["description"] = "z"

    assert list(topic_breaks(TOPICS, changed(TOPICS, reworded))) == []


def test_a_topic_more_is_welcome() -> None:
    more = changed(TOPICS, lambda d: d["channels"].update(new={"address": "new", "messages": {}}))

    assert list(topic_breaks(TOPICS, more)) == []


def test_the_document_is_among_what_a_release_is_compared_with() -> None:
    moved = changed(TOPICS, lambda d: d["channels"].pop("payment-settled"))

    assert "channels payment-settled: taken away" in broken(PRESENT, {**PRESENT, "asyncapi.json": json.dumps(moved)})
    assert "asyncapi.json: taken away" in broken(PRESENT, {n: t for n, t in PRESENT.items() if n != "asyncapi.json"})
