"""The contracts as they are committed: what the code says, whole, valid, with a sample of everything."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from contracts import api, events, samples
from contracts.checking import Contract, Given, event_faults
from contracts.doors import ROLE
from contracts.endpoints import PAGES, ROOT, Endpoint, endpoint_of
from contracts.files import SERVED, written
from contracts.operation import EVERYWHERE, OF_CALLERS
from contracts.operations import OPERATIONS
from contracts.stories import PAYMENT_ID
from functions.bodies import BodyNotJson
from functions.faults import OWN, WORDS, RequestInvalid
from functions.problems import CONTENT_TYPE, STATUS_OF
from functions.requests import parse
from functions.route import CORRELATION, NEEDED
from shared.codec.cloud_events import CONTENT_TYPE as EVENT_TYPE
from shared.codec.cloud_events import to_cloud_event
from shared.codec.facts import FORMS
from shared.domain.addresses import INSIDE, INSIDE_ENDS
from shared.domain.events import NoticeEvent
from shared.domain.notice import NOTICE_EVENTS
from tests.conftest import Declared
from tests.unit.docs_tables import DOCS
from tests.unit.test_docs_events import MESSAGES, STORED

type Json = dict[str, Any]

DOCUMENT: Json = json.loads((ROOT / SERVED).read_text())
CONTRACT = Contract(DOCUMENT)
NAMES = sorted(OPERATIONS)


@pytest.fixture(scope="session")
def endpoints(declared_functions: dict[str, Declared]) -> list[Endpoint]:
    """The HTTP functions of the app, but its page."""
    triggers = {name: each.trigger for name, each in declared_functions.items() if name not in PAGES}
    return [endpoint_of(name, each) for name, each in triggers.items() if each["type"] == "httpTrigger"]


@pytest.fixture(scope="module")
def texts(endpoints: list[Endpoint]) -> Mapping[str, str]:
    """Each file as the code writes it, by its path."""
    return MappingProxyType(written(endpoints))


def test_what_is_committed_is_what_the_code_says(texts: Mapping[str, str]) -> None:
    stale = [path for path, text in texts.items() if (ROOT / path).read_text(encoding="utf-8") != text]

    assert stale == [], "make contracts"


def test_no_contract_is_left_of_what_is_gone(texts: Mapping[str, str]) -> None:
    folder = ROOT / "docs" / "contracts"
    found = {each.relative_to(ROOT).as_posix() for each in folder.rglob("*.json") if "released" not in each.parts}

    assert found == {path for path in texts if path.startswith("docs/contracts/")}


def test_every_http_function_is_documented_and_nothing_else(endpoints: list[Endpoint]) -> None:
    assert {endpoint.name for endpoint in endpoints} == set(OPERATIONS), "contracts/operations.py"


def test_the_role_that_the_app_asks_for_stands_at_each_operation(endpoints: list[Endpoint]) -> None:
    said = {name: operation.get(ROLE) for name, (_, _, operation) in CONTRACT.operations.items()}

    assert said == {each.name: NEEDED[each.name] for each in endpoints}


def test_a_function_without_an_entry_stops_the_document(endpoints: list[Endpoint]) -> None:
    new = Endpoint(name="lose_payment", method="POST", path="payments/{payment_id}/lose", level="function", needs=None)

    with pytest.raises(KeyError, match="lose_payment"):
        api.document([*endpoints, new], version="1.0.0")


def test_a_path_is_documented_with_each_of_its_parameters(endpoints: list[Endpoint]) -> None:
    declared = {each.name: re.findall(r"{(\w+)}", each.path) for each in endpoints}

    assert declared == {name: list(OPERATIONS[name].path) for name in declared}


def test_the_document_is_openapi_3_1() -> None:
    validate(DOCUMENT)

    assert DOCUMENT["openapi"].startswith("3.1.")


def test_every_problem_code_is_documented_where_it_may_come() -> None:
    of_all = {*EVERYWHERE, *OF_CALLERS, "origin_refused"}
    said = {code for operation in OPERATIONS.values() for code in operation.problems} | of_all

    assert said == set(STATUS_OF), "contracts/operations.py"


def test_there_is_one_sample_for_every_problem_code() -> None:
    found = DOCUMENT["components"]["examples"]

    assert {code: (each["value"]["code"], each["value"]["status"]) for code, each in found.items()} == {
        code: (code, status) for code, (status, _) in STATUS_OF.items()
    }


def test_every_code_is_in_one_style() -> None:
    """Our own words, small, with lines between: no library's, no class's."""
    codes = {*STATUS_OF, *OWN, *(code for code, _ in WORDS.values())}

    assert [code for code in codes if not re.fullmatch(r"[a-z]+(_[a-z]+)*", code)] == []


def test_the_page_for_merchants_names_every_code_of_a_field() -> None:
    errors = (DOCS / "api.md").read_text().split("## Errors")[1].split("| status |")[0]
    listed = set(re.findall(r"`([a-z_]+)`", errors.split("The codes of fields are")[1]))

    assert listed == set(DOCUMENT["components"]["schemas"]["FieldFault"]["properties"]["code"]["x-extensible-enum"])


def told(status: int, body: Any, **more: str) -> Given:
    kind = CONTENT_TYPE if isinstance(body, dict) and "code" in body and "title" in body else "application/json"
    always = {CORRELATION: "0af7651916cd43dd8448eb211c80319c", "Content-Type": kind}
    location = f"/api/payments/{PAYMENT_ID}"
    usual = {"ETag": f'"{"0" * 32}"', "Location": location, "Retry-After": "1"}
    return Given(status=status, headers={**usual, **always, **more}, body=body)


@pytest.mark.parametrize("name", sorted(samples.answers()))
def test_a_sample_of_an_answer_is_as_its_document_says(name: str) -> None:
    status = min(OPERATIONS[name].answers)

    assert CONTRACT.faults(name, told(status, samples.answers()[name])) == []


@pytest.mark.parametrize(("name", "code"), [(name, code) for name in NAMES for code in OPERATIONS[name].problems])
def test_a_sample_of_a_problem_is_as_its_document_says(name: str, code: str) -> None:
    sample = samples.problems()[code]

    assert CONTRACT.faults(name, told(sample["status"], sample)) == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (told(418, {}), "does not say that it may answer 418"),
        (told(202, {}), "is a required property"),
        (told(202, {**samples.answers()["accept_payment"], "colour": "red"}), "colour"),
        (told(202, {**samples.answers()["accept_payment"], "status": "lost"}), "lost"),
        (told(202, {**samples.answers()["accept_payment"], "initiated_at": "today"}), "today"),
        (told(202, samples.answers()["accept_payment"], Location="elsewhere"), "Location is 'elsewhere'"),
        (told(202, samples.answers()["accept_payment"], **{"Content-Type": "text/plain"}), "text/plain instead of"),
        (told(404, samples.problems()["payment_not_found"]), "does not say that it may answer 404"),
        (told(422, {**samples.problems()["request_invalid"], "code": "page_unknown"}), "page_unknown is not said"),
        (told(401, {"code": "x"}), "a body where none is said"),
        (
            told(202, samples.answers()["accept_payment"], **{"Access-Control-Allow-Origin": "*"}),
            "access-control-allow-origin shows it to pages of other sites",
        ),
    ],
)
def test_an_answer_that_is_not_as_its_document_says_is_found_out(given: Given, fault: str) -> None:
    assert fault in "\n".join(CONTRACT.faults("accept_payment", given))


def test_an_answer_without_a_header_that_is_always_there_is_found_out() -> None:
    given = Given(status=202, headers={"Content-Type": "application/json"}, body=samples.answers()["accept_payment"])

    assert [fault for fault in CONTRACT.faults("accept_payment", given) if f"no {CORRELATION}" in fault]


def test_an_operation_is_known_by_how_it_is_called() -> None:
    asked = [("POST", "/api/ops/dead-letters/replay"), ("GET", "/api/ops/dead-letters/x"), ("GET", "/api/nothing")]

    assert [CONTRACT.named(*each) for each in asked] == ["replay_dead_letters", "get_dead_letter", None]


GOOD: Json = {"amount_minor": 1250, "currency": "EUR", "payment_method": "pm_ok", "reference": "order-1"}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"amount_minor": 0},
        {"amount_minor": 999_999_999_999},
        {"amount_minor": 10**12},
        {"amount_minor": "12"},
        {"amount_minor": True},
        {"currency": "eur"},
        {"currency": "EURO"},
        {"payment_method": "p m"},
        {"payment_method": "pm_ok\n"},
        {"payment_method": "x" * 128},
        {"payment_method": "x" * 129},
        {"reference": ""},
        {"reference": "x" * 64},
        {"reference": "x" * 65},
        {"reference": "a\nb"},
        {"reference": "a\x00b"},
        {"reference": "2026-01-02T03:04:05Z"},
        {"reference": "a 2026-01-02T03:04:05Z"},
        {"reference": "/Date(1)/"},
        {"description": None},
        {"description": ""},
        {"description": "x" * 501},
        {"metadata": None},
        {"metadata": {"": "x"}},
        {"metadata": {"a": 1}},
        {"metadata": {"a\x01": "x"}},
        {"metadata": {"a": "x\x7f"}},
        {"metadata": {str(n): "" for n in range(20)}},
        {"metadata": {str(n): "" for n in range(21)}},
        {"notification_url": None},
        {"notification_url": "https://shop.example/hooks?a=b#c"},
        {"notification_url": "http://127.0.0.1:65535"},
        {"notification_url": "http://127.0.0.1:65536"},
        {"notification_url": "https://shop.example:1024"},
        {"notification_url": "https://shop.example:1023"},
        {"notification_url": "https://shop.example:443/"},
        {"notification_url": "https://shop.local/"},
        {"notification_url": "https://shop.localx/"},
        {"notification_url": "https://shop.home.arpa/"},
        *({"notification_url": f"https://shop.{each}:8443/"} for each in sorted(INSIDE)),
        *({"notification_url": f"https://{each}x/"} for each in sorted(INSIDE)),
        *({"notification_url": f"https://{each}.shop.example/"} for each in sorted(INSIDE)),
        *({"notification_url": f"https://{each}"} for each in INSIDE_ENDS),
        *({"notification_url": f"https://shop.{each}/"} for each in INSIDE_ENDS),
        {"notification_url": "https://internal.cloudapp.network/"},
        {"notification_url": "https://notinternal.cloudapp.net/"},
        {"notification_url": "https://internal.cloudapp.net.example/"},
        {"notification_url": "https://cloudapp.net/"},
        {"notification_url": "https://mine.privatelink.azure.com/?a=b"},
        {"notification_url": "https://privatelink.azure.com"},
        {"notification_url": "https://mine.privatelink"},
        {"notification_url": "https://mine.privatelinks/"},
        {"notification_url": "https://myprivatelink.azure.com/"},
        {"notification_url": "https://privatelink-1.azure.com/"},
        {"notification_url": "https://azure.com/privatelink.x"},
        {"notification_url": "https://shop/"},
        {"notification_url": "https://127.0.0.1/"},
        {"notification_url": "ftp://shop.example"},
        {"notification_url": "https://"},
        {"notification_url": "https://user@shop.example/"},
        {"notification_url": "https://shop.example/a b"},
        {"colour": "red"},
    ],
    ids=lambda change: json.dumps(change)[:40],
)
def test_a_request_is_taken_just_when_its_schema_says_so(change: Json) -> None:
    body = {**GOOD, **change}
    schema = {"$ref": "#/components/schemas/PaymentRequest", "components": DOCUMENT["components"]}

    assert jsonschema_rs.is_valid(schema, body, validate_formats=True) == is_taken(body)


def is_taken(body: Json) -> bool:
    try:
        parse(json.dumps(body).encode())
    except (BodyNotJson, RequestInvalid):
        return False
    return True


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{message['type']}-{message['id'][-2:]}")
def test_every_integration_event_is_as_its_schema_says(message: Json) -> None:
    assert event_faults(events.schemas()[message["type"]], message) == []


@pytest.mark.parametrize(("name", "step"), [("settled", "notify"), ("failed", "notify_failure")])
def test_what_a_merchant_is_sent_is_as_its_webhook_says(name: str, step: str) -> None:
    content = DOCUMENT["webhooks"][f"payment_{name}"]["post"]["requestBody"]["content"][EVENT_TYPE]
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    sent = [json.loads(to_cloud_event(each, event_id=f"{each.payment.payment_id}:{step}")) for each in STORED]
    told = [each for each in sent if each["type"] == f"regispay.payment.{name}.v1"]

    assert told
    assert [event_faults(schema, each) for each in [*told, content["example"]]] == [[]] * (len(told) + 1)
    assert all(event_faults(schema, each) for each in sent if each not in told)


@pytest.mark.parametrize("kind", NOTICE_EVENTS)
def test_what_a_merchant_is_told_by_itself_is_as_its_webhook_says_under_the_id_of_the_event(
    kind: type[NoticeEvent],
) -> None:
    name = FORMS[kind].name
    content = DOCUMENT["webhooks"][name.replace(".", "_")]["post"]["requestBody"]["content"][EVENT_TYPE]
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    told = [each for each in MESSAGES if each["type"] == f"regispay.{name}.v1"]

    assert told
    assert [event_faults(schema, each) for each in [*told, content["example"]]] == [[]] * (len(told) + 1)
    assert event_faults(schema, {**told[0], "id": f"{told[0]['subject']}:notify"})
    assert all(event_faults(schema, each) for each in MESSAGES if each not in told)


@pytest.mark.parametrize("name", events.types())
def test_there_is_a_sample_of_every_integration_event(name: str) -> None:
    sample = json.loads((ROOT / f"docs/contracts/events/{name}.sample.json").read_text())

    assert sample["type"] == name
    assert event_faults(events.schemas()[name], sample) == []


@pytest.mark.parametrize(
    "change", [{"type": "regispay.payment.created.v1"}, {"source": "/x"}, {"time": "today"}, {"colour": "red"}]
)
def test_an_event_that_is_not_as_its_schema_says_is_found_out(change: Json) -> None:
    name = "regispay.payment.settled.v1"

    assert event_faults(events.schemas()[name], {**samples.events()[name], **change}) != []
