"""What POST /api/payments takes and refuses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.requests import BodyNotJson, RequestInvalid, parse
from local.azure.host.times import rewritten
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
    ("field", "value"),
    [
        ("amount_minor", "12"),
        ("amount_minor", 12.0),
        ("amount_minor", True),
        ("amount_minor", 0),
        ("amount_minor", 10**12),
        ("amount_minor", ...),
        ("currency", "XXX"),
        ("currency", "XAU"),
        ("currency", "eur"),
        ("currency", 978),
        ("payment_method", ""),
        ("payment_method", "p m"),
        ("payment_method", "x" * 129),
        ("reference", ""),
        ("reference", "x" * 65),
        ("reference", "a\x00b"),
        ("reference", "\ud800"),
        ("reference", "2026-01-02T03:04:05+01:00"),
        ("reference", "2026-01-02T03:04:05.1200Z"),
        ("reference", "/Date(1234656000000)/"),
        ("description", "x" * 501),
        ("notification_url", "ftp://shop.example"),
        ("notification_url", "https://user:secret@shop.example"),
        ("notification_url", "https://"),
        ("notification_url", "https://shop.example:port/"),
        ("notification_url", "https://shop.example/" + "x" * 500),
        ("colour", "red"),
    ],
)
def test_a_field_that_cannot_be_accepted_is_named(field: str, value: Any) -> None:
    assert list(refused_fields(body(**{field: value}))) == [field]


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
        (b"[" * 100_000, "The body is nested too deeply."),
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
    ],
)
def test_a_card_number_anywhere_is_refused_and_never_repeated(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        parse(body(**changes))

    assert {(error.field, error.code) for error in caught.value.errors} == {(place, "card_number")}
    assert "4111" not in repr(caught.value.errors)


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
