"""The provider's words: a call, an answer, and the records it keeps.

Knows no rule and no protocol.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from local.provider.store import Record
from local.provider.tokens import DisputeStatus, Operation


class Status(StrEnum):
    """Where a payment stands."""

    AUTHORISED = "authorised"
    CAPTURED = "captured"
    VOIDED = "voided"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Call:
    """One request that wants something done. Fields that the operation does not take are None."""

    operation: Operation
    request_id: str
    payment_reference: str
    fingerprint: str
    provider_payment_id: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    payment_method: str | None = None
    refund_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller is told, and whether it gets to hear it."""

    status_code: int
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)
    hold_s: float | None = None
    """Not None: say nothing for that long, then cut the connection."""

    @property
    def is_definite(self) -> bool:
        """Whether repeating the request could end in another way: a 5xx could, and so could "later" (408, 425, 429)."""
        return self.status_code < 500 and self.status_code not in {408, 425, 429}


def refusal(status_code: int, code: str, *, message: str) -> Answer:
    later = {"Retry-After": "1"} if status_code in {429, 503} else {}
    return Answer(status_code, {"code": code, "message": message}, later)


@dataclass(slots=True)
class Payment:
    """A payment as the provider knows it."""

    provider_payment_id: str
    payment_reference: str
    amount_minor: int
    currency: str
    payment_method: str
    status: Status
    created_at: str
    code: str | None = None
    capture_id: str | None = None
    void_id: str | None = None
    refunds: list[Record] = field(default_factory=list)
    dispute_due_at: str | None = None
    """When the dispute that this payment method brings opens or, once it has, is decided; None: nothing is to come."""

    @property
    def refunded_minor(self) -> int:
        return sum(int(str(each["amount_minor"])) for each in self.refunds if each["status"] == "refunded")

    def as_json(self) -> Record:
        """As it is told and listed: a code or an id that does not exist is left out, and refunds before a capture."""
        hidden = {
            *("payment_method", "created_at", "dispute_due_at"),
            *(() if self.status is Status.CAPTURED else ("refunds",)),
        }
        return {name: value for name, value in asdict(self).items() if name not in hidden and value is not None}


@dataclass(slots=True)
class Dispute:
    """What a cardholder's bank takes back of a captured payment, and may give back."""

    dispute_id: str
    payment_reference: str
    provider_payment_id: str
    capture_id: str
    amount_minor: int
    currency: str
    reason: str
    status: DisputeStatus
    opened_at: str
    decided_at: str | None = None

    @property
    def withdrawn_minor(self) -> int:
        """What the merchant is without."""
        return 0 if self.status is DisputeStatus.WON else self.amount_minor

    def as_json(self) -> Record:
        """As it is told and listed: without `decided_at` before it is decided."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(slots=True)
class Charge:
    """What happened for one of the merchant's payments, over all its requests: what tests of "charged once" read."""

    payment_id: str
    amount_minor: int | None = None
    currency: str | None = None
    times_charged: int = 0
    requests: int = 0
    asks: int = 0
    voided: bool = False
    refunded_minor: int = 0
    times_refunded: dict[str, int] = field(default_factory=dict)
    """By the merchant's refund reference."""
    disputed_minor: int = 0
    """What open and lost disputes have withdrawn."""
    captured_at: str | None = None
    refunded_at: str | None = None
    disputed_at: str | None = None
    """When money moved last; not listed before it did."""
    status: str | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    timed_out: list[str] = field(default_factory=list)

    def as_json(self) -> Record:
        unknown = {name for name in ("captured_at", "refunded_at", "disputed_at") if getattr(self, name) is None}
        hidden = {"attempts", "timed_out", *unknown}
        return {name: value for name, value in asdict(self).items() if name not in hidden}


@dataclass(frozen=True, slots=True)
class Remembered:
    """The definite answer to a request id."""

    request_id: str
    fingerprint: str
    payment_reference: str
    status_code: int
    answer: Record
    answered_at: str


def fingerprint(path: str, body: object) -> str:
    """Equal for requests that ask for the same, however their JSON is spelt."""
    canonical = json.dumps([path, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
