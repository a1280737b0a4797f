"""The models of the HTTP edge: what a payment request may hold. Knows no verb and no storage.

Numbers are not read from text and text is not read from numbers: an amount is a JSON integer or it is refused.
"""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError, WithJsonSchema
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError
from pydantic_extra_types.currency_code import Currency
from pydantic_extra_types.payment import PaymentCardNumber

from functions.faults import field_faults
from functions.problems import FieldFault
from shared.domain.money import MAX_AMOUNT_MINOR, Money
from shared.verbs.accept import Initiate
from shared.verbs.refund import GiveBack

_CARD_LIKE = re.compile(r"(?<![0-9])(?:[0-9][ -]?){12,18}[0-9](?![0-9])")
_READS_AS_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}|/Date\(")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

# What the validators below ask for, as far as JSON Schema has words for it. Tests hold the two together.
_PLAIN: dict[str, Any] = {"pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"}
_PLAIN_AND_NO_TIME: dict[str, Any] = {"pattern": _PLAIN["pattern"].replace("^", rf"^(?!{_READS_AS_TIME.pattern})", 1)}
_INT64: dict[str, Any] = {"format": "int64"}
"""Without it generated clients keep an integer in 32 bits, and the largest amount has 40."""
_NAMES: dict[str, Any] = {"propertyNames": {"minLength": 1, "maxLength": 40, **_PLAIN}}
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
_PORT = r"([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_ADDRESS: dict[str, Any] = {"pattern": rf"^https?://{_HOST}(:{_PORT})?([/?#][!-~]*)?$"}
"""Fewer addresses than are taken: names of hosts in ASCII, as every client can send them."""
_ISO_4217 = {"type": "string", "format": "iso-4217", "pattern": "^[A-Z]{3}$"}
"""Not the codes themselves: the list is ISO's, and what leaves it is no break of ours."""


class BodyNotJson(ValueError):
    """The body is not a JSON object. The message says why, without the body."""


class RequestInvalid(ValueError):
    """Some fields cannot be accepted."""

    def __init__(self, errors: list[FieldFault]) -> None:
        super().__init__("request_invalid")
        self.errors = errors


def _plain(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "Control characters and lone surrogates are not accepted.")
    return text


def _no_time(text: str) -> str:
    """Microsoft's host hands over such a text of the change feed in a form of its own, and so to all who follow."""
    if _READS_AS_TIME.match(text):
        raise PydanticCustomError("reads_as_time", "Would be rewritten on its way: put a letter in front of the time.")
    return text


def _capitals(code: object) -> object:
    """Currency takes small letters too; one way of writing a currency is enough."""
    if not isinstance(code, str) or not code.isupper() or len(code) != 3:
        raise PydanticCustomError("currency_unknown", "Must be a three-letter ISO 4217 code in capitals.")
    return code


def _web_address(text: str) -> str:
    """http is left to the environment's network rules; credentials in an address would end up in logs."""
    if not text.isprintable() or " " in text:
        raise PydanticCustomError("web_address", "Must be an http(s) address without spaces and line breaks.")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise PydanticCustomError("web_address", "Must be an http(s) address; this one cannot be read.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.password:
        raise PydanticCustomError("web_address", "Must be an http(s) address without credentials.")
    return text


_Amount = Annotated[StrictInt, Field(ge=1, le=MAX_AMOUNT_MINOR, json_schema_extra=_INT64)]


def _text(*, at_most: int, at_least: int = 1, as_said: dict[str, Any] = _PLAIN) -> Any:  # noqa: ANN401 - an annotation
    limits = Field(min_length=at_least, max_length=at_most, json_schema_extra=as_said)
    return Annotated[StrictStr, limits, AfterValidator(_plain)]


class PaymentRequest(BaseModel):
    """The body of POST /api/payments."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    amount_minor: _Amount
    currency: Annotated[Currency, BeforeValidator(_capitals), WithJsonSchema(_ISO_4217)]
    payment_method: Annotated[StrictStr, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{2,127}$")]
    reference: Annotated[_text(at_most=64), AfterValidator(_no_time), Field(json_schema_extra=_PLAIN_AND_NO_TIME)]  # type: ignore[valid-type] # made by a function
    description: _text(at_most=500) | None = None  # type: ignore[valid-type]
    metadata: Annotated[
        dict[_text(at_most=40, as_said={}), _text(at_most=500, at_least=0)],  # type: ignore[valid-type]
        Field(max_length=20, json_schema_extra=_NAMES),
    ] = Field(default_factory=dict)
    notification_url: (
        Annotated[
            StrictStr,
            Field(max_length=500, json_schema_extra=_ADDRESS),
            AfterValidator(_plain),
            AfterValidator(_web_address),
        ]
        | None
    ) = None

    def command(self) -> Initiate:
        """What accept is asked to do."""
        return Initiate(
            amount=Money(self.amount_minor, str(self.currency)),
            payment_method=self.payment_method,
            reference=self.reference,
            description=self.description,
            metadata=self.metadata,
            notification_url=self.notification_url,
        )


class RefundRequest(BaseModel):
    """The body of POST /api/payments/{payment_id}/refunds."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    amount_minor: _Amount | None = None
    reason: _text(at_most=200) | None = None  # type: ignore[valid-type]

    def command(self) -> GiveBack:
        """What refund is asked to do."""
        return GiveBack(amount_minor=self.amount_minor, reason_given=self.reason)


def parse(body: bytes) -> Initiate:
    """Raises BodyNotJson or RequestInvalid."""
    return _parsed(body, PaymentRequest).command()


def parse_refund(body: bytes) -> GiveBack:
    """Raises BodyNotJson or RequestInvalid."""
    return _parsed(body, RefundRequest).command()


def _parsed[M: BaseModel](body: bytes, model: type[M]) -> M:
    """Looks for card numbers first, so that nothing repeats or stores one."""
    fields = _json_object(body)
    if cards := [path for path, text in _texts(fields) if _holds_card_number(text)]:
        message = "Looks like a card number. Send a token of the provider instead; card numbers are never accepted."
        raise RequestInvalid([FieldFault(path, "card_number", message) for path in cards])
    try:
        return model.model_validate(fields)
    except ValidationError as exc:
        raise RequestInvalid(field_faults(exc)) from None


def _json_object(body: bytes) -> dict[str, Any]:
    if not body:
        raise BodyNotJson("The body is empty. Send it with a Content-Length: a chunked body does not get here.")
    try:
        fields = json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise BodyNotJson("The body is not UTF-8.") from None
    except json.JSONDecodeError as exc:
        raise BodyNotJson(f"{exc.msg} at line {exc.lineno}, column {exc.colno}.") from None
    except BodyNotJson:
        raise
    except ValueError:
        raise BodyNotJson("A number has too many digits.") from None
    if not isinstance(fields, dict):
        raise BodyNotJson("The body must be a JSON object.")
    return fields


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two fields with one name: nobody can know which is meant, so nothing is charged."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BodyNotJson("A field occurs twice.")
    return fields


def _no_constant(name: str) -> None:
    raise BodyNotJson(f"{name} is not JSON.")


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    """Every text in the body with its place. A field name is reported under its parent, so that it is not repeated."""
    match value:
        case str():
            yield path, value
        case bool() | None:
            return
        case int():
            yield path, str(value)
        case list():
            for number, item in enumerate(value):
                yield from _texts(item, f"{path}.{number}")
        case dict():
            for name, item in value.items():
                yield path or "body", name
                yield from _texts(item, _safe(f"{path}.{name}" if path else name))


def _safe(path: str) -> str:
    return "body" if _holds_card_number(path) else path


def _holds_card_number(text: str) -> bool:
    """13 to 19 digits, also in groups, whose check digit fits."""
    return any(_luhn(re.sub(r"[ -]", "", found.group())) for found in _CARD_LIKE.finditer(text))


def _luhn(digits: str) -> bool:
    try:
        PaymentCardNumber.validate_luhn_check_digit(digits)
    except PydanticCustomError:
        return False
    return True
