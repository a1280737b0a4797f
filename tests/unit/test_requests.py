"""What POST /api/payments takes and refuses."""

import json
import re
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.bodies import BodyNotJson
from functions.faults import OWN, WORDS, RequestInvalid
from functions.guard import MAX_BODY_BYTES
from functions.requests import PaymentRequest, Reach, parse
from local.azure.host.times import rewritten
from local.supervisor import ROOT
from shared.domain.addresses import UrlFault, url_fault
from shared.verbs.accept import Initiate

GOOD: dict[str, Any] = {"amount_minor": 1250, "currency": "EUR", "payment_method": "pm_ok", "reference": "order-1"}
CARD = "4111 1111 1111 1111"


def body(**changes: Any) -> bytes:
    return json.dumps({name: value for name, value in {**GOOD, **changes}.items() if value is not ...}).encode()


def refused_fields(raw: bytes) -> dict[str, str]:
    with pytest.raises(RequestInvalid) as caught:
        parse(raw)
    return {error.field: error.code for error in caught.value.errors}


def test_a_plain_request_is_a_command() -> None:
    command = parse(body(description="Two books", metadata={"cart": "7"}, notification_url="https://shop.example/h"))

    assert isinstance(command, Initiate)
    assert (command.amount.amount_minor, command.amount.currency) == (1250, "EUR")
    assert command.metadata == {"cart": "7"}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("amount_minor", "12", "wrong_type"),
        ("amount_minor", 12.0, "wrong_type"),
        ("amount_minor", True, "wrong_type"),
        ("amount_minor", 0, "out_of_range"),
        ("amount_minor", 10**12, "out_of_range"),
        ("amount_minor", ..., "required"),
        ("currency", "XXX", "currency_unknown"),
        ("currency", "XAU", "currency_unknown"),
        ("currency", "eur", "currency_unknown"),
        ("currency", "EU", "currency_unknown"),
        ("currency", "EURO", "currency_unknown"),
        ("currency", 978, "currency_unknown"),
        ("payment_method", "", "malformed"),
        ("payment_method", "p m", "malformed"),
        ("payment_method", "x" * 129, "malformed"),
        ("reference", "", "too_short"),
        ("reference", "x" * 65, "too_long"),
        ("reference", "a\x00b", "control_character"),
        ("reference", "\ud800", "control_character"),
        ("reference", "2026-01-02T03:04:05+01:00", "reads_as_time"),
        ("reference", "2026-01-02T03:04:05.1200Z", "reads_as_time"),
        ("reference", "/Date(1234656000000)/", "reads_as_time"),
        ("description", "x" * 501, "too_long"),
        ("metadata", [], "wrong_type"),
        ("notification_url", "ftp://shop.example", "web_address"),
        ("notification_url", "https://user:secret@shop.example", "web_address"),
        ("notification_url", "https://", "web_address"),
        ("notification_url", "https://shop.example:port/", "web_address"),
        ("notification_url", "https://[::1", "web_address"),
        ("notification_url", "http://shop.example/", "web_address"),
        ("notification_url", "https://127.0.0.1/", "web_address"),
        ("notification_url", "https://169.254.169.254/metadata", "web_address"),
        ("notification_url", "https://[::ffff:10.0.0.1]/", "web_address"),
        ("notification_url", "https://localhost:7071/", "web_address"),
        ("notification_url", "https://shop.example:22/", "web_address"),
        ("notification_url", "https://shop.example/" + "x" * 500, "too_long"),
        ("colour", "red", "unknown_field"),
    ],
)
def test_a_field_that_cannot_be_accepted_is_named_with_a_code_of_ours(field: str, value: Any, code: str) -> None:
    assert refused_fields(body(**{field: value})) == {field: code}


def test_a_laptop_takes_addresses_of_its_own_and_no_credentials() -> None:
    here = "http://127.0.0.1:7090/merchant/ok"

    assert parse(body(notification_url=here), reach=Reach(anywhere=True)).notification_url == here
    with pytest.raises(RequestInvalid):
        parse(body(notification_url="http://me:s3cret@127.0.0.1/"), reach=Reach(anywhere=True))


def test_why_an_address_is_refused_is_said_without_the_address() -> None:
    with pytest.raises(RequestInvalid) as refused:
        parse(body(notification_url="https://me:s3cret@shop.example"))

    (fault,) = refused.value.errors
    assert fault.message == "Must be an address without credentials: they would end up in logs."


def test_every_wrong_field_is_named_at_once() -> None:
    assert set(refused_fields(b"{}")) == {"amount_minor", "currency", "payment_method", "reference"}


def test_metadata_is_flat_text_within_limits() -> None:
    assert list(refused_fields(body(metadata={"a": {"b": "c"}}))) == ["metadata.a"]
    assert list(refused_fields(body(metadata={str(n): "" for n in range(21)}))) == ["metadata"]
    assert parse(body(metadata={"empty": ""})).metadata == {"empty": ""}


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b'"text"', b"null", b'{"amount_minor":NaN}', b'{"a":1,"a":2}'],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BodyNotJson):
        parse(raw)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "The body is empty. Send it with a Content-Length: a chunked body does not get here."),
        (b"\xff", "The body is not UTF-8."),
        (b"{", "Expecting property name enclosed in double quotes at line 1, column 2."),
        (b'{"amount_minor":' + b"1" * 5000 + b"}", "A number has too many digits."),
        (b'["text"]', "The body must be a JSON object."),
    ],
)
def test_it_says_why_a_body_cannot_be_read(raw: bytes, why: str) -> None:
    with pytest.raises(BodyNotJson) as refused:
        parse(raw)

    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"payment_method": "4111111111111111"}, "payment_method"),
        ({"reference": CARD}, "reference"),
        ({"description": f"card {CARD.replace(' ', '-')} please"}, "description"),
        ({"metadata": {"note": CARD}}, "metadata.note"),
        ({"metadata": {CARD: "x"}}, "metadata"),
        ({CARD: "x"}, "body"),
        ({"amount_minor": 4111111111111111}, "amount_minor"),
        ({"extra": [[{"deep": CARD}]]}, "extra.0.0.deep"),
        ({"reference": "4111111111111111 737"}, "reference"),
        ({"description": f"{CARD} 12/29"}, "description"),
        ({"metadata": {f"Order 17 {CARD}": "x"}}, "metadata"),
        ({"metadata": {"note": "2026-11-30 4111111111111111"}}, "metadata.note"),
        ({"4111": {"1111": {"1111": {"1111": CARD}}}}, "body"),
    ],
)
def test_a_card_number_anywhere_is_refused_and_never_repeated(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        parse(body(**changes))

    assert {(error.field, error.code) for error in caught.value.errors} == {(place, "card_number")}
    assert "4111" not in repr(caught.value.errors)


@pytest.mark.parametrize("piece", ["1 ", "xy"])
@pytest.mark.timeout(30)
def test_names_as_long_as_a_body_may_be_are_looked_into_once(piece: str) -> None:
    long = piece * 8_000
    nested = json.dumps({long: {long: {str(number): "" for number in range(2_500)}}}).encode()
    assert len(nested) < MAX_BODY_BYTES
    began_s = time.process_time()

    assert set(refused_fields(nested).values()) == {"required", "unknown_field"}

    assert time.process_time() - began_s < 1, "measured: 0.1 s"


def test_digits_that_are_no_card_number_are_welcome() -> None:
    assert parse(body(reference="4111111111111112")).reference == "4111111111111112"
    assert parse(body(reference="2026-11-22-000123")).reference


@pytest.mark.parametrize("reference", ["2026-01-02", "R2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "Date(1)"])
def test_a_reference_that_nobody_takes_for_a_time_is_welcome(reference: str) -> None:
    assert rewritten(reference) == reference
    assert parse(body(reference=reference)).reference == reference


def test_a_refusal_never_repeats_what_was_sent() -> None:
    with pytest.raises(RequestInvalid) as caught:
        parse(body(payment_method="my secret", colour="my secret"))

    assert "my secret" not in repr(caught.value.errors)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "metadata", "description", "notification_url", "x"]), values))
def test_whatever_json_is_sent_the_answer_is_a_command_or_a_refusal(changes: dict[str, Any]) -> None:
    try:
        command = parse(json.dumps({**GOOD, **changes}).encode())
    except (BodyNotJson, RequestInvalid):
        return

    assert isinstance(command, Initiate)


@given(st.binary(max_size=200))
def test_whatever_bytes_are_sent_the_answer_is_a_refusal(raw: bytes) -> None:
    with pytest.raises((BodyNotJson, RequestInvalid)):
        parse(raw)


@given(st.from_regex(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.{0,12}|/Date\(.{0,20}|.{0,30})", fullmatch=True))
def test_what_is_accepted_as_a_reference_is_never_rewritten_on_its_way(reference: str) -> None:
    try:
        accepted = parse(body(reference=reference)).reference
    except RequestInvalid:
        return
    assert rewritten(accepted) == accepted


def test_a_name_that_is_made_up_is_neither_the_place_of_its_own_fault_nor_repeated_whole() -> None:
    assert refused_fields(body(metadata={"x" * 41: "", "k": "v"})) == {"metadata": "too_long"}
    assert refused_fields(body(**{"y" * 100: "1"})) == {"y" * 64: "unknown_field"}


@given(st.dictionaries(st.sampled_from([*GOOD, "description", "metadata", "notification_url", "more"]), values))
def test_every_fault_has_a_code_and_words_of_ours(changes: dict[str, Any]) -> None:
    try:
        parse(json.dumps({**GOOD, **changes}).encode())
    except BodyNotJson:
        return
    except RequestInvalid as refused:
        codes = {error.code for error in refused.errors}
        said = " ".join(error.message for error in refused.errors)
        assert codes <= {code for code, _ in WORDS.values()} | OWN
        assert "Cannot be accepted" not in said, "a fault of the library that WORDS does not have"
        assert "Input should" not in said


def test_the_codes_of_fields_are_those_that_the_docs_list() -> None:
    listed = (ROOT / "docs" / "api.md").read_text().partition("The codes of fields are")[2].partition(".")[0]

    assert set(re.findall(r"`(\w+)`", listed)) == {code for code, _ in WORDS.values()} | OWN


SAID_OF_ADDRESSES = PaymentRequest.model_json_schema()["properties"]["notification_url"]["anyOf"][0]["pattern"]


@given(st.from_regex(SAID_OF_ADDRESSES, fullmatch=True).filter(lambda url: len(url) <= 500))
@example("https://shop.example:63843#,vb0cQj\\")
def test_an_address_that_the_document_allows_can_be_read(address: str) -> None:
    """Chance does not know what makes a host a public one; that is looked at elsewhere."""
    is_allowed = re.search(SAID_OF_ADDRESSES, address) is not None

    assert not is_allowed or url_fault(address) in (None, UrlFault.NOT_PUBLIC)
