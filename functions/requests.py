"""The models of the HTTP edge: what a payment request may hold. Knows no verb and no storage.

Numbers are not read from text and text is not read from numbers: an amount is a JSON integer or it is refused.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationInfo, WithJsonSchema
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError
from pydantic_extra_types.currency_code import Currency

from functions.bodies import read
from functions.texts import PLAIN, plain, text
from shared.domain.addresses import INSIDE, INSIDE_ENDS, PRIVATE_LINK, UrlFault, url_fault
from shared.domain.money import MAX_AMOUNT_MINOR, Money
from shared.verbs.accept import Initiate
from shared.verbs.refund import GiveBack

_READS_AS_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}|/Date\(")

# What the validators below ask for, as far as JSON Schema has words for it. Tests hold the two together.
_PLAIN_AND_NO_TIME: dict[str, Any] = {"pattern": PLAIN["pattern"].replace("^", rf"^(?!{_READS_AS_TIME.pattern})", 1)}
_INT64: dict[str, Any] = {"format": "int64"}
"""Without it generated clients keep an integer in 32 bits, and the largest amount has 40."""
_NAMES: dict[str, Any] = {"propertyNames": {"minLength": 1, "maxLength": 40, **PLAIN}}
_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_ENDS = "|".join(INSIDE_ENDS).replace(".", r"\.")
_OUTSIDE = rf"(?!{PRIVATE_LINK}\.|({_ENDS})(?![a-z0-9.-]))"
_HOST = rf"({_OUTSIDE}{_LABEL}\.)+(?!({'|'.join(sorted(INSIDE | {PRIVATE_LINK}))}|arpa)(?![a-z]))[a-z]{{2,}}"
_PORT = (
    r"(443|102[4-9]|10[3-9][0-9]|1[1-9][0-9]{2}|[2-9][0-9]{3}"
    r"|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
_ADDRESS: dict[str, Any] = {"pattern": rf"^https://{_HOST}(:{_PORT})?([/?#][!-\[\]-~]*)?$"}
"""Fewer addresses than are taken: names of hosts in ASCII, as every client can send them; no backslash anywhere."""
_TOLD_WHERE = (
    "Where you are told what becomes of the payment. Only a laptop takes http, and hosts that not everybody can reach."
)
_ISO_4217 = {"type": "string", "format": "iso-4217", "pattern": "^[A-Z]{3}$"}
"""Not the codes themselves: the list is ISO's, and what leaves it is no break of ours."""


def _no_time(reference: str) -> str:
    """Microsoft's host hands over such a text of the change feed in a form of its own, and so to all who follow."""
    if _READS_AS_TIME.match(reference):
        raise PydanticCustomError("reads_as_time", "Would be rewritten on its way: put a letter in front of the time.")
    return reference


def _capitals(code: object) -> object:
    """Currency takes small letters too; one way of writing a currency is enough."""
    if not isinstance(code, str) or not code.isupper() or len(code) != 3:
        raise PydanticCustomError("currency_unknown", "Must be a three-letter ISO 4217 code in capitals.")
    return code


@dataclass(frozen=True, slots=True)
class Reach:
    """What a request is read with. anywhere: http, and addresses that are not public, are taken too, as on a laptop."""

    anywhere: bool = False


NEAR = Reach()

_SAID: dict[UrlFault, str] = {
    UrlFault.UNREADABLE: "Must be an https address without spaces, line breaks and percent signs before its path.",
    UrlFault.NOT_HTTPS: "Must be an https address.",
    UrlFault.CREDENTIALS: "Must be an address without credentials: they would end up in logs.",
    UrlFault.PORT: "Must have port 443, or one from 1024.",
    UrlFault.NOT_PUBLIC: "Must be a host that everybody can reach, written as its name or its usual address.",
}


def _web_address(address: str, info: ValidationInfo) -> str:
    """Where its name leads is looked at when it is called."""
    reach = info.context if isinstance(info.context, Reach) else NEAR
    if fault := url_fault(address, anywhere=reach.anywhere):
        raise PydanticCustomError("web_address", "{said}", {"said": _SAID[fault]})
    return address


_Amount = Annotated[StrictInt, Field(ge=1, le=MAX_AMOUNT_MINOR, json_schema_extra=_INT64)]


class PaymentRequest(BaseModel):
    """The body of POST /api/payments."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    amount_minor: _Amount
    currency: Annotated[Currency, BeforeValidator(_capitals), WithJsonSchema(_ISO_4217)]
    payment_method: Annotated[StrictStr, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{2,127}$")]
    reference: Annotated[text(at_most=64), AfterValidator(_no_time), Field(json_schema_extra=_PLAIN_AND_NO_TIME)]  # type: ignore[valid-type] # made by a function
    description: text(at_most=500) | None = None  # type: ignore[valid-type]
    metadata: Annotated[
        dict[text(at_most=40, as_said={}), text(at_most=500, at_least=0)],  # type: ignore[valid-type]
        Field(max_length=20, json_schema_extra=_NAMES),
    ] = Field(default_factory=dict)
    notification_url: (
        Annotated[
            StrictStr,
            Field(max_length=500, json_schema_extra=_ADDRESS, description=_TOLD_WHERE),
            AfterValidator(plain),
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

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    amount_minor: _Amount | None = None
    reason: text(at_most=200) | None = None  # type: ignore[valid-type]

    def command(self) -> GiveBack:
        """What refund is asked to do."""
        return GiveBack(amount_minor=self.amount_minor, reason_given=self.reason)


def parse(body: bytes, *, reach: Reach = NEAR) -> Initiate:
    """Raises BodyNotJson or RequestInvalid."""
    return read(body, PaymentRequest, context=reach).command()


def parse_refund(body: bytes) -> GiveBack:
    """Raises BodyNotJson or RequestInvalid."""
    return read(body, RefundRequest).command()
