"""The facts that are stored, in the past tense. Knows no JSON and no storage.

These are storage contracts: a type or field name that was once stored must stay readable. Add, never rename. If a shape
must change, shared/codec/facts.py has to read the old one too. The files in tests/golden prove what can be read.

tells: PaymentFailureTold or PaymentMerchantTold follows once the merchant knows. False in streams that are older than
that, and of a payment without a notification_url.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.domain.money import Money

FIRST_PROVIDER_API = "regis"
"""What streams mean that are older than a second provider: they name none."""

type FailureReason = Literal["declined", "expired", "discarded", "cancelled"]
type RefundFailureReason = Literal["declined", "discarded"]
type Notification = Literal["delivered", "undelivered", "not_wanted"]
type ResumeTo = Literal["finish", "end"]
type ResumedBy = Literal["replay", "discard", "sweep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentInitiated:
    """A merchant asked for a payment. From `expires_at` on, the provider is no longer told to create it.

    `request_fingerprint` identifies the request's content: it tells a repeat from another request under the same key.
    provider_api: the provider that was to create it, as PROVIDER_API names it.
    """

    occurred_at: datetime
    payment_id: str
    merchant_id: str
    amount: Money
    payment_method: str
    reference: str
    request_fingerprint: str
    expires_at: datetime
    description: str | None
    metadata: Mapping[str, str]
    notification_url: str | None
    provider_api: str = FIRST_PROVIDER_API


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCreated:
    """The provider has authorised the payment: money is reserved, not taken. provider_api: which one it was."""

    occurred_at: datetime
    provider_payment_id: str
    provider_api: str = FIRST_PROVIDER_API


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSettled:
    """The provider has captured the money: goods may be shipped."""

    occurred_at: datetime
    capture_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCompleted:
    """Nothing is left to do: the merchant has been told, wanted not to be, or could not be reached."""

    occurred_at: datetime
    notification: Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed:
    """No money will be taken. `code` is the provider's own where it declined; `failed_step` is where it ended."""

    occurred_at: datetime
    reason: FailureReason
    code: str
    failed_step: str
    tells: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCancelRequested:
    """The merchant wants the payment to end before its money is taken. Whether it does is the provider's to say."""

    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentVoided:
    """The provider has released the reserved money of a payment that has failed or was cancelled."""

    occurred_at: datetime
    void_id: str
    tells: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRefundRequested:
    """The merchant gives back some of the money, or all. The amount is reserved from now on.

    refund_id: stands for the merchant's key. request_fingerprint: as in PaymentInitiated. reason_given: the
    merchant's own word.
    """

    occurred_at: datetime
    refund_id: str
    amount_minor: int
    request_fingerprint: str
    reason_given: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRefunded:
    """The provider has given the money of one refund back."""

    occurred_at: datetime
    refund_id: str
    provider_refund_id: str
    tells: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRefundFailed:
    """The money of one refund will not be given back by it: its amount is free again."""

    occurred_at: datetime
    refund_id: str
    reason: RefundFailureReason
    code: str
    tells: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDisputeOpened:
    """The cardholder's bank has taken money back, and the provider says so. It is the provider's until it is decided.

    code: why, in the provider's own word. opened_at: by the provider's clock. capture_id: whose money it is, if the
    provider says so; of a charge that was made twice it may be the other one's.
    """

    occurred_at: datetime
    dispute_id: str
    amount_minor: int
    code: str
    opened_at: datetime
    capture_id: str | None = None
    tells: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDisputeWon:
    """The bank gives the disputed money back. decided_at: by the provider's clock; a later decision may differ."""

    occurred_at: datetime
    dispute_id: str
    decided_at: datetime
    tells: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDisputeLost:
    """The bank keeps the disputed money. decided_at: by the provider's clock; a later decision may differ."""

    occurred_at: datetime
    dispute_id: str
    decided_at: datetime
    tells: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailureTold:
    """The merchant knows that the payment has failed."""

    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMerchantTold:
    """The merchant knows of this NoticeEvent."""

    occurred_at: datetime
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCapturedLate:
    """The provider took the money of a payment that had failed. It has to be given back; nothing may be shipped."""

    occurred_at: datetime
    capture_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentChargedTwice:
    """The provider said yes to a step once more, under another reference.

    After `create` and `settle` money is reserved or taken twice, and a person has to give it back. After a refund it
    was given back twice, and a person has to get it again. A second void harms nobody and is only noted.
    """

    occurred_at: datetime
    step: str
    reference: str


# --- what happened after something broke; docs/architecture.md, "Recovery" ---


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentParked:
    """A step waits for a person. cause: the event whose message died; letter_id: the dead letter that tells of it."""

    occurred_at: datetime
    step: str
    cause: str
    reason: str
    severity: str
    letter_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentResumed:
    """A step is started again, to finish it or to end it without doing it.

    replaces: the cause that it takes over from; messages of that one do nothing any more. starter: the business event
    that the step began with. action: makes this resumption unlike any other, so that of two at once one knows that it
    lost. heard: the provider's yes was heard and its reference was not kept, so nothing may be sent any more.
    """

    occurred_at: datetime
    step: str
    replaces: str
    starter: str
    to: ResumeTo
    by: ResumedBy
    who: str
    why: str
    action: str
    letter_id: str | None = None
    heard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSeenTo:
    """A person has ended what no step can: a step that is given up, or money of `reference` that was given back."""

    occurred_at: datetime
    step: str | None
    reference: str | None
    who: str
    why: str


type BusinessEvent = (
    PaymentInitiated
    | PaymentCreated
    | PaymentSettled
    | PaymentCompleted
    | PaymentCancelRequested
    | PaymentFailed
    | PaymentVoided
    | PaymentRefundRequested
    | PaymentRefunded
    | PaymentRefundFailed
    | PaymentDisputeOpened
    | PaymentDisputeWon
    | PaymentDisputeLost
)
"""What other components are told of."""

type RefundEvent = PaymentRefundRequested | PaymentRefunded | PaymentRefundFailed
type DisputeEvent = PaymentDisputeOpened | PaymentDisputeWon | PaymentDisputeLost
type NoticeEvent = PaymentVoided | PaymentRefunded | PaymentRefundFailed | DisputeEvent
"""Of each the merchant is told by itself, whatever else the payment owes."""

type InnerEvent = (
    PaymentFailureTold
    | PaymentMerchantTold
    | PaymentCapturedLate
    | PaymentChargedTwice
    | PaymentParked
    | PaymentResumed
    | PaymentSeenTo
)

type Event = BusinessEvent | InnerEvent
