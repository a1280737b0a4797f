"""The answers of the HTTP API as models. They write nothing: they say what is written elsewhere, and tests hold both.

Answers are open: a caller ignores a field that it does not know. What may grow (a status, a step) is no enum but text
with the values known so far, `x-extensible-enum`.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from contracts.money import Dispute, Ledger, Refund
from contracts.values import (
    Absent,
    Amount,
    Answer,
    Currency,
    StatusName,
    StepName,
    TaskName,
    Version,
    grows,
)
from functions.faults import OWN, WORDS
from functions.problems import STATUS_OF
from shared.codec.facts import FORM_NAMED, FORMS
from shared.domain.events import FailureReason, Notification, RefundFailureReason
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.reasons import Reason

# --- a payment ---


class Created(Answer):
    """The provider has authorised the payment: the money is reserved."""

    at: datetime
    provider_payment_id: Annotated[str, Field(description="The provider's id of the payment.")]


class Settled(Answer):
    """The provider has captured the money: goods may be shipped."""

    at: datetime
    capture_id: Annotated[str, Field(description="The provider's id of the capture.")]


class Completed(Answer):
    """The merchant has been told, wanted not to be, or could not be reached."""

    at: datetime
    notification: Annotated[str, Field(json_schema_extra=grows(*Notification.__value__.__args__))]


class Failed(Answer):
    """No money is to be taken; if it was, an operator gives it back."""

    at: datetime
    reason: Annotated[str, Field(json_schema_extra=grows(*FailureReason.__value__.__args__))]
    code: Annotated[
        str,
        Field(
            description="The provider's own, or `payment_expired`, `discarded_by_operator`, `cancelled_by_merchant`."
        ),
    ]
    failed_step: StepName
    tells: Annotated[bool | Absent, Field(description="`failure_told` follows once the merchant knows.")] = None


class CancelRequested(Answer):
    """The merchant wants it to end before its money is taken; whether it does, `failed` or `settled` says."""

    at: datetime


class Voided(Answer):
    """The reservation of a failed or cancelled payment is released."""

    at: datetime
    void_id: Annotated[str, Field(description="The provider's id of the void.")]


class FailureTold(Answer):
    """The merchant has been told of the failure."""

    at: datetime


class Untold(Answer):
    """An event that the merchant is still to be told of."""

    event_id: Annotated[str, Field(description="Under this id it is told.")]
    type: Annotated[str, Field(json_schema_extra=grows(*(FORMS[kind].name for kind in NOTICE_EVENTS)))]
    at: datetime
    refund_id: Annotated[UUID | Absent, Field(description="Of the events of a refund.")] = None
    dispute_id: Annotated[str | Absent, Field(description="Of the events of a dispute.")] = None


class _PaymentSoFar(Answer):
    payment_id: UUID
    version: Version
    status: StatusName
    merchant_id: Annotated[str, Field(description="Whose payment it is.")]
    amount_minor: Amount
    currency: Currency
    reference: Annotated[str, Field(description="The merchant's own.")]
    payment_method: Annotated[str | Absent, Field(description="A token. Gone once the payment is created.")] = None
    notification_url: Annotated[str | Absent, Field(description="Where the merchant wants to be told.")] = None
    initiated_at: Annotated[datetime, Field(description="When it was accepted.")]
    expires_at: Annotated[datetime, Field(description="From then on it is not created at the provider any more.")]
    created: Created | Absent = None
    settled: Settled | Absent = None
    completed: Completed | Absent = None
    cancel_requested: CancelRequested | Absent = None
    failed: Failed | Absent = None
    voided: Voided | Absent = None
    failure_told: FailureTold | Absent = None
    refunds: Annotated[list[Refund] | Absent, Field(description="In the order in which they were requested.")] = None
    disputes: Annotated[list[Dispute] | Absent, Field(description="In the order in which they became known.")] = None
    untold: Annotated[
        list[Untold] | Absent,
        Field(description="What the merchant is still to be told by itself. There while something is."),
    ] = None


class PaymentEventData(_PaymentSoFar):
    """The payment as it was after the event. A field without a value is left out."""

    waiting: Annotated[
        list[TaskName] | Absent,
        Field(description="The steps at which it does not go on by itself, or whose money has to be given back."),
    ] = None


class PaymentAccepted(_PaymentSoFar):
    """The payment as it was accepted. A repeat of the key gets the same."""


class PaymentToCancel(_PaymentSoFar):
    """The payment with the request to cancel in it, or as it was cancelled before."""

    waiting: Annotated[list[TaskName] | Absent, Field(description="Where it does not go on by itself.")] = None


class Wait(Answer):
    """A step that is held up."""

    step: TaskName
    since: Annotated[datetime, Field(description="When the step began; when it was parked.")]
    state: Annotated[
        str,
        Field(
            json_schema_extra=grows("retrying", "ending", "parked"),
            description="`retrying`: it is tried again. `ending`: it is being given up. `parked`: an operator has to "
            "look at it.",
        ),
    ]
    reason: Annotated[str | Absent, Field(json_schema_extra=grows(*Reason), description="Why it is parked.")] = None


class Payment(_PaymentSoFar):
    """The payment as it now is. A field without a value is left out."""

    description: Annotated[str | None, Field(description="Of the request.")]
    metadata: Annotated[dict[str, str], Field(description="Of the request.")]
    ledger: Ledger
    waiting: Annotated[list[Wait] | Absent, Field(description="There while something is held up.")] = None


class TimelineData(Answer):
    """What the event says; which fields it has depends on its type."""

    payment_id: Annotated[UUID | Absent, Field(description="Of payment.initiated.")] = None
    merchant_id: Annotated[str | Absent, Field(description="Of payment.initiated.")] = None
    amount_minor: Amount | Absent = None
    currency: Currency | Absent = None
    payment_method: Annotated[str | Absent, Field(description="Of payment.initiated: a token.")] = None
    reference: Annotated[
        str | None,
        Field(
            description="Of payment.initiated the merchant's; of payment.charged_twice, and for operators of "
            "payment.seen_to, the provider's."
        ),
    ] = None
    expires_at: Annotated[datetime | Absent, Field(description="Of payment.initiated.")] = None
    description: Annotated[str | None, Field(description="Of payment.initiated.")] = None
    metadata: Annotated[dict[str, str] | Absent, Field(description="Of payment.initiated.")] = None
    notification_url: Annotated[str | None, Field(description="Of payment.initiated.")] = None
    provider_payment_id: Annotated[str | Absent, Field(description="Of payment.created.")] = None
    capture_id: Annotated[str | Absent, Field(description="Of payment.settled, payment.captured_late.")] = None
    notification: Annotated[
        str | Absent,
        Field(json_schema_extra=grows(*Notification.__value__.__args__), description="Of payment.completed."),
    ] = None
    reason: Annotated[
        str | Absent,
        Field(
            json_schema_extra=grows(*FailureReason.__value__.__args__, *RefundFailureReason.__value__.__args__),
            description="Of payment.failed, payment.refund_failed.",
        ),
    ] = None
    code: Annotated[
        str | Absent, Field(description="Of payment.failed, payment.refund_failed, payment.dispute_opened.")
    ] = None
    failed_step: Annotated[StepName | Absent, Field(description="Of payment.failed.")] = None
    void_id: Annotated[str | Absent, Field(description="Of payment.voided.")] = None
    refund_id: Annotated[UUID | Absent, Field(description="Of the events of a refund.")] = None
    reason_given: Annotated[str | None, Field(description="Of payment.refund_requested, the merchant's own.")] = None
    provider_refund_id: Annotated[str | Absent, Field(description="Of payment.refunded.")] = None
    dispute_id: Annotated[str | Absent, Field(description="Of the events of a dispute, the provider's.")] = None
    event_id: Annotated[str | Absent, Field(description="Of payment.merchant_told: what was told.")] = None
    opened_at: Annotated[datetime | Absent, Field(description="Of payment.dispute_opened.")] = None
    decided_at: Annotated[datetime | Absent, Field(description="Of payment.dispute_won, payment.dispute_lost.")] = None
    step: Annotated[TaskName | Absent, Field(description="Of what operators did, and of payment.charged_twice.")] = None


class TimelineEvent(Answer):
    """One event of a payment."""

    version: Version
    type: Annotated[str, Field(json_schema_extra=grows(*FORM_NAMED))]
    occurred_at: datetime
    data: TimelineData


class Timeline(Answer):
    """The events of a payment, oldest first."""

    payment_id: UUID
    events: list[TimelineEvent]


# --- health ---


class Health(Answer):
    """The app is alive."""

    status: Annotated[str, Field(json_schema_extra=grows("live"))]
    build: Annotated[str, Field(description="From which build it is.")]


class Readiness(Answer):
    """Each thing that the app cannot work without: `ok`, or the kind of fault that stops it."""

    checks: dict[str, str]


# --- refusals ---


class FieldFault(Answer):
    """What is wrong with one field. Its value is never repeated."""

    field: Annotated[str, Field(description="Its path, with dots; `body` for the whole.")]
    code: Annotated[str, Field(json_schema_extra=grows(*OWN, *(code for code, _ in WORDS.values())))]
    message: Annotated[str, Field(description="For people.")]


class Problem(Answer):
    """A refusal or a fault (RFC 9457). Go by `code`; by `status` where the code is unknown to you."""

    type: Annotated[str, Field(pattern="^urn:regis-pay:problem:[a-z-]+$")]
    title: Annotated[str, Field(description="For people.")]
    status: Annotated[int, Field(ge=400, le=599)]
    code: Annotated[str, Field(json_schema_extra=grows(*STATUS_OF))]
    detail: Annotated[str | Absent, Field(description="For people.")] = None
    errors: Annotated[list[FieldFault] | Absent, Field(description="Every field that is wrong.")] = None


class OpenApiDocument(Answer):
    """An OpenAPI document: this one. What its parts hold is said by OpenAPI."""

    openapi: Annotated[str, Field(pattern=r"^3\.1\.")]
    info: dict[str, Any]
    servers: list[dict[str, Any]]
    tags: list[dict[str, Any]]
    paths: dict[str, dict[str, Any]]
    webhooks: dict[str, dict[str, Any]]
    components: dict[str, dict[str, Any]]
