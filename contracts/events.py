"""Integration events as JSON Schema, one per type: the CloudEvents envelope with the payment in it. Writes nothing."""

import functools
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from contracts import samples
from contracts.answers import PaymentEventData
from contracts.schemas import tidy
from contracts.values import Absent, Answer
from shared import flow
from shared.codec.cloud_events import SOURCE
from shared.codec.facts import FORMS
from shared.domain.events import NoticeEvent
from shared.domain.notice import NOTICE_EVENTS

type Json = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OTHERS = "Ignore fields that you do not know: more may come within a version."


class _Envelope(Answer):
    specversion: Literal["1.0"]
    source: Literal[SOURCE]  # type: ignore[valid-type] # a constant
    subject: Annotated[str, Field(description="The payment's id.")]
    time: datetime
    datacontenttype: Literal["application/json"]
    traceparent: Annotated[str | Absent, Field(pattern="^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")] = None
    data: PaymentEventData
    refundid: Annotated[str | Absent, Field(description="Of the events of a refund: which one it is.")] = None
    disputeid: Annotated[str | Absent, Field(description="Of the events of a dispute: which one it is.")] = None


class PaymentSettledNotice(_Envelope):
    """What a merchant is told of a payment whose money is taken."""

    id: Annotated[str, Field(pattern="^.+:notify$", description="`{payment_id}:notify`, also in a repeat.")]
    type: Literal["regispay.payment.settled.v1"]


class PaymentFailedNotice(_Envelope):
    """What a merchant is told of a payment that has failed."""

    id: Annotated[
        str, Field(pattern="^.+:notify_failure$", description="`{payment_id}:notify_failure`, in repeats too.")
    ]
    type: Literal["regispay.payment.failed.v1"]


class _Event(_Envelope):
    id: Annotated[str, Field(pattern=r"^.+:[1-9][0-9]*$", description="`{payment_id}:{version}`, also in a repeat.")]


def notices() -> dict[str, type[Answer]]:
    """What a merchant is told by itself, by its stored type: as other components are."""
    return {FORMS[kind].name: _notice(kind) for kind in NOTICE_EVENTS}


def _notice(kind: type[NoticeEvent]) -> type[Answer]:
    its_type: Any = Literal[f"regispay.{FORMS[kind].name}.v1"]
    return create_model(f"{kind.__name__}Notice", __base__=_Event, type=(its_type, ...))


def types() -> list[str]:
    """The CloudEvents types that go to other components; the last part is the version of the contract."""
    return [f"regispay.{FORMS[kind].name}.v1" for kind, sent in flow.SENT.items() if sent is flow.Sent.TO_ALL]


def schemas() -> dict[str, Json]:
    """By CloudEvents type. Made once, and the same objects for everybody: to be read only."""
    return {name: _schema(name) for name in types()}


def samples_by_type() -> dict[str, Json]:
    """A message of each type."""
    return {name: samples.events()[name] for name in types()}


@functools.cache
def _schema(name: str) -> Json:
    its_type: Any = Literal[name]
    schema = tidy(create_model(name, __base__=_Event, type=(its_type, ...)).model_json_schema())
    return {"$schema": _DIALECT, "$id": f"urn:regis-pay:event:{name}", "description": _OTHERS, **schema}
