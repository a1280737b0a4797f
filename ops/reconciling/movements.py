"""What the events of a payment tell of its money: each movement with the provider's reference. Knows no HTTP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ops.client import Json
from ops.reconciling.differences import Kind, Of


class Moved(StrEnum):
    """How money moves, in the words of the settlement file."""

    CAPTURE = "capture"
    REFUND = "refund"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"

    @property
    def of(self) -> Of:
        return Of.DISPUTE if self is Moved.DISPUTE_WON else Of(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that moved, as the stream has it. amount_minor: None when the stream does not say.

    at: of a dispute when it happened, by the provider's clock; else when we heard of it. recorded_at: when we heard of
    it. not_before: it cannot have happened earlier. owed: what the stream itself says has to be put right about it, and
    nobody has. seen_to_at: of a capture, when a person said that it was given back. is_repeat: a dispute was decided as
    before, so between the two it was decided otherwise, which was not heard.
    """

    moved: Moved
    reference: str
    amount_minor: int | None
    currency: str
    at: datetime
    recorded_at: datetime
    not_before: datetime
    owed: Kind | None = None
    seen_to_at: datetime | None = None
    is_repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """reserved_twice: references of second reservations that nobody has seen to. has_failed: the payment has."""

    movements: tuple[Movement, ...] = ()
    reserved_twice: tuple[str, ...] = ()
    has_failed: bool = False

    @property
    def owed(self) -> frozenset[Kind]:
        """All that the stream itself says has to be put right."""
        reserved = {Kind.CHARGED_TWICE} if self.reserved_twice else set()
        return frozenset({each.owed for each in self.movements if each.owed} | reserved)

    @property
    def disputes(self) -> frozenset[str]:
        """Of which anything was heard."""
        return frozenset(each.reference for each in self.movements if each.moved is Moved.DISPUTE)

    @property
    def given_back(self) -> tuple[Movement, ...]:
        """Captures that a person has given back, in the order in which it was said. The refund is in no stream."""
        seen_to = [each for each in self.movements if each.seen_to_at]
        return tuple(sorted(seen_to, key=lambda each: each.seen_to_at or each.at))

    def times(self, moved: Moved) -> int:
        return sum(each.moved is moved for each in self.movements)


def told_by(events: Sequence[Json]) -> Story:
    """events: all of a payment, oldest first, as the app shows them to operators."""
    reader = _Reader(events)
    movements = tuple(reader.movements())
    return Story(movements=movements, reserved_twice=tuple(reader.reserved_twice), has_failed=reader.has_failed)


@dataclass(slots=True)
class _Reader:
    """Goes through the events once; what a person has seen to is known from the start."""

    events: Sequence[Json]
    reserved_twice: list[str] = field(default_factory=list)
    has_failed: bool = False
    _seen_to: dict[str, datetime] = field(default_factory=dict)
    _amount_minor: int | None = None
    _currency: str = ""
    _began_at: datetime | None = None
    _refunds: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    _disputes: dict[str, int] = field(default_factory=dict)
    _decided: dict[str, str] = field(default_factory=dict)
    _captured_minor: int = 0
    _refunded_minor: int = 0

    def movements(self) -> Iterator[Movement]:
        told = [(each["type"], each["data"], datetime.fromisoformat(each["occurred_at"])) for each in self.events]
        self._seen_to = {
            data["reference"]: at for kind, data, at in told if kind == "payment.seen_to" and data.get("reference")
        }
        self.has_failed = any(kind == "payment.failed" for kind, _, _ in told)
        for kind, data, at in told:
            if movement := self._heard(kind, data=data, at=at):
                yield movement

    def _heard(self, kind: str, *, data: Json, at: datetime) -> Movement | None:
        match kind:
            case "payment.initiated":
                self._amount_minor, self._currency, self._began_at = data["amount_minor"], data["currency"], at
            case "payment.created":
                self._began_at = at
            case "payment.settled":
                owed = Kind.CHARGED_BUT_FAILED if self.has_failed else None
                return self._captured(data["capture_id"], at=at, owed=owed)
            case "payment.captured_late":
                return self._captured(data["capture_id"], at=at, owed=Kind.CAPTURED_LATE)
            case "payment.charged_twice":
                return self._second(data["step"], reference=data["reference"], at=at)
            case "payment.refund_requested":
                self._refunds[data["refund_id"]] = (data["amount_minor"], at)
            case "payment.refunded":
                return self._refunded(data, at=at)
            case "payment.dispute_opened" | "payment.dispute_won" | "payment.dispute_lost":
                return self._disputed(kind, data=data, at=at)
        return None

    def _captured(self, reference: str, *, at: datetime, owed: Kind | None) -> Movement:
        if owed is not Kind.CHARGED_TWICE:
            self._captured_minor = self._amount_minor or 0
        return Movement(
            moved=Moved.CAPTURE,
            reference=reference,
            amount_minor=self._amount_minor,
            currency=self._currency,
            at=at,
            recorded_at=at,
            not_before=self._began_at or at,
            owed=None if reference in self._seen_to else owed,
            seen_to_at=self._seen_to.get(reference),
        )

    def _second(self, step: str, *, reference: str, at: datetime) -> Movement | None:
        """A second yes. One to a void harms nobody, and one to a reservation has moved nothing."""
        name, _, refund_id = step.partition(":")
        if name == "refund":
            owed = None if reference in self._seen_to else Kind.REFUNDED_TWICE
            return self._of_refund(refund_id, reference=reference, at=at, owed=owed)
        if name == "create" and reference not in self._seen_to:
            self.reserved_twice.append(reference)
        return self._captured(reference, at=at, owed=Kind.CHARGED_TWICE) if name == "settle" else None

    def _refunded(self, data: Json, *, at: datetime) -> Movement:
        """A yes that comes after its refund had failed may find that its amount was given to another one."""
        amount_minor, _ = self._refunds.get(data["refund_id"], (0, at))
        self._refunded_minor += amount_minor
        owed = Kind.REFUNDED_TOO_MUCH if self._refunded_minor > self._captured_minor else None
        return self._of_refund(data["refund_id"], reference=data["provider_refund_id"], at=at, owed=owed)

    def _of_refund(self, refund_id: str, *, reference: str, at: datetime, owed: Kind | None) -> Movement:
        amount_minor, requested_at = self._refunds.get(refund_id, (None, at))
        return Movement(
            moved=Moved.REFUND,
            reference=reference,
            amount_minor=amount_minor,
            currency=self._currency,
            at=at,
            recorded_at=at,
            not_before=requested_at,
            owed=owed,
        )

    def _disputed(self, kind: str, *, data: Json, at: datetime) -> Movement | None:
        """A loss moves money only when the dispute had been won before: the bank had it already."""
        reference = data["dispute_id"]
        self._disputes.setdefault(reference, data.get("amount_minor", 0))
        before = self._decided.get(reference)
        if kind == "payment.dispute_lost" and before is None:
            self._decided[reference] = kind
            return None
        if kind != "payment.dispute_opened":
            self._decided[reference] = kind
        told_at = data.get("opened_at") or data.get("decided_at")
        happened_at = datetime.fromisoformat(told_at) if told_at else at
        return Movement(
            moved=Moved.DISPUTE_WON if kind == "payment.dispute_won" else Moved.DISPUTE,
            reference=reference,
            amount_minor=self._disputes[reference],
            currency=self._currency,
            at=happened_at,
            recorded_at=at,
            not_before=happened_at,
            is_repeat=kind == before,
        )
