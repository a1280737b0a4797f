"""Documents that no release of ours wrote, as somebody may put them into `events` by hand. Knows no store."""

from typing import Any

from shared.codec.documents import to_document
from tests.builders import a_payment

LONE_SURROGATE = "\ud800"
PLACEHOLDER = "half-a-surrogate-pair"
TOO_DEEP = "100 levels deep"
"""Microsoft's host reads 64 (local/azure/host/COVERAGE.md): its feed stands still before such a document."""
AN_ID_OF_200_CHARACTERS = "i" * 200


def _changed(name: str, *, payment: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    document = to_document(a_payment(payment_id=f"odd-{name}").stored[0])
    return {**document, "payment": {**document["payment"], **(payment or {})}, **changes}


def _data(name: str, **changes: Any) -> dict[str, Any]:
    document = _changed(name)
    return {**document, "data": {**document["data"], **changes}}


def _nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(levels):
        inner = {"in": inner}
    return inner


def odd_documents() -> dict[str, dict[str, Any]]:
    """By what is odd about each. None of them can become a message, and each has a letter of its own."""
    long_payment = to_document(a_payment(payment_id=AN_ID_OF_200_CHARACTERS).stored[0])
    of_another = to_document(a_payment(payment_id="another").stored[0])["payment"]
    return {
        "a type with control characters": _changed("control", type="payment\u0000\ninitiated"),
        "300 KB of type": _changed("long-type", type="t" * 300_000),
        "a type that cannot be looked up": _changed("list-type", type=["payment.initiated"]),
        "nothing but an id": {"id": "odd-bare:1", "paymentId": "odd-bare"},
        "an id of 200 characters": _changed("long-id", id=AN_ID_OF_200_CHARACTERS),
        "a payment id of 200 characters": long_payment,
        "an id that no message can have": _changed("odd-id", id="odd-id : \u00e4 1"),
        "a payment id that is a number": _changed("number-id", paymentId=5, id="5:1"),
        "the payment of another": _changed("another", payment=of_another),
        "a text as version": _changed("text-version", payment={"version": "1"}),
        "a text as amount": _changed("text-amount", payment={"amount_minor": "1250"}),
        "a number as reference": _changed("number-reference", payment={"reference": 5}),
        "an object as address": _changed("object-address", payment={"notification_url": {}}),
        "an object as a provider's id": _changed(
            "object-id", payment={"created": {"at": "2026-01-02T12:00:00Z", "provider_payment_id": {}}}
        ),
        "a time before all time": _changed("early", occurredAt="0001-01-01T00:00:00+01:00"),
        "a number as trace": _changed("number-trace", metadata={"traceparent": 5}),
        "a schema of later": _changed("later", schemaVersion=99),
        "numbers as metadata": _data("number-metadata", metadata={"cart": 77}),
        "1.9 MB, deep and wide": _data("large", description="d" * 1_900_000, metadata=_nested(60)),
        TOO_DEEP: _data("deep", metadata=_nested(100)),
    }


def with_lone_surrogates() -> dict[str, dict[str, Any]]:
    """Documents that the local store takes from nobody. Whether Azure's does is not known."""
    return _holding(LONE_SURROGATE)


def with_placeholders() -> dict[str, dict[str, Any]]:
    """Those in which the odd text is no id, with a text in its place that any store takes."""
    return {oddity: document for oddity, document in _holding(PLACEHOLDER).items() if "id" not in oddity}


def _holding(text: str) -> dict[str, dict[str, Any]]:
    return {
        "as type": _changed("surrogate-type", type=text),
        "as reference": _changed("surrogate-reference", payment={"reference": text}),
        "in the id": _changed("surrogate-id", id=f"surrogate-id:{text}"),
        "in the payment id": _changed("surrogate", paymentId=text, id=f"{text}:1"),
        "as a field's name": _data("surrogate-name", metadata={text: "1"}),
    }
