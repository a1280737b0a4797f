"""The sums of a payment as the provider and the stream have them, and what does not agree. Knows no HTTP."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ops.client import Json
from ops.reconciling.differences import MEANING, Difference, Kind, Of, Type
from ops.reconciling.movements import Moved, Story, told_by
from terminal.money import money


@dataclass(frozen=True, slots=True)
class Side:
    """What the provider or the stream says of a payment. times: how often its money was taken.

    refunded_minor, disputed_minor: what was given back, and what banks have taken back. seen_to_minor: what a person
    says to have given back beyond that; how much of it was a refund, only the provider knows. owed: what the stream
    itself says has to be put right, and nobody has. at: when such money moved last.
    """

    times: int
    amount_minor: int | None
    currency: str | None
    status: str | None
    refunded_minor: int = 0
    disputed_minor: int = 0
    seen_to_minor: int = 0
    owed: frozenset[Kind] = frozenset()
    at: Mapping[Of, datetime] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """For people."""
        taken = f"taken {self.times} times" if self.times > 1 else "taken" if self.times else "not taken"
        back = f"{self._money(self.refunded_minor)} given back" if self.refunded_minor else ""
        seen_to = f"{self._money(self.seen_to_minor)} seen to" if self.seen_to_minor else ""
        disputed = f"{self._money(self.disputed_minor)} disputed" if self.disputed_minor else ""
        said = (self._money(self.amount_minor), taken, f"({self.status})", back, seen_to, disputed)
        return " ".join(part for part in said if part)

    def as_json(self) -> Json:
        """For programs."""
        return {
            "times": self.times,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "status": self.status,
            "refunded_minor": self.refunded_minor,
            "disputed_minor": self.disputed_minor,
            "seen_to_minor": self.seen_to_minor,
        }

    def _money(self, amount_minor: int | None) -> str:
        return money({"amount_minor": amount_minor, "currency": self.currency})


_FAILED = frozenset({"failed", "voided"})
NOTHING = Side(0, None, None, "unknown")
_TIMES = {Of.CAPTURE: "captured_at", Of.REFUND: "refunded_at", Of.DISPUTE: "disputed_at"}


def charge_of(charge: Json) -> Side:
    """As the provider lists it. Times are there if it knows them."""
    return Side(
        charge["times_charged"],
        charge.get("amount_minor"),
        charge.get("currency"),
        charge.get("status"),
        refunded_minor=charge.get("refunded_minor", 0),
        disputed_minor=charge.get("disputed_minor", 0),
        at={of: datetime.fromisoformat(charge[name]) for of, name in _TIMES.items() if charge.get(name)},
    )


def row_of(row: Json) -> Side:
    """As the read model has it. It does not know whether somebody has seen to what is owed: the stream does."""
    refunded_minor = row.get("refunded_minor", 0)
    owed = {
        Kind.CHARGED_TWICE: row.get("charged_twice", False),
        Kind.CAPTURED_LATE: row.get("captured_late", False),
        Kind.CHARGED_BUT_FAILED: row["settled"] and row["status"] in _FAILED,
        Kind.REFUNDED_TOO_MUCH: refunded_minor > row["amount_minor"],
    }
    return Side(
        int(row["settled"]),
        row["amount_minor"],
        row["currency"],
        row["status"],
        refunded_minor=refunded_minor,
        disputed_minor=row.get("disputed_minor", 0),
        owed=frozenset(kind for kind, is_owed in owed.items() if is_owed),
    )


def stream_of(payment: Json, events: Sequence[Json] = ()) -> Side:
    """As the app folds the stream. events: of a payment that may hold more than its state shows."""
    story, ledger = told_by(events), payment.get("ledger", {})
    settled = next((each for each in events if each["type"] == "payment.settled"), None)
    more = story.times(Moved.CAPTURE) - int(settled is not None)
    return Side(
        int("settled" in payment) + more,
        payment["amount_minor"],
        payment["currency"],
        payment["status"],
        refunded_minor=ledger.get("refunded_minor", 0) + _refunded_again_minor(story, events),
        disputed_minor=_withdrawn_minor(payment),
        seen_to_minor=sum(each.amount_minor or 0 for each in story.given_back),
        owed=story.owed,
        at={each.moved.of: each.at for each in story.movements} | _began(payment, story),
    )


def _withdrawn_minor(payment: Json) -> int:
    """What banks have of all its captures, as the provider adds it up; the ledger is about one of them."""
    return sum(each["amount_minor"] for each in payment.get("disputes", ()) if each["status"] != "won")


def _refunded_again_minor(story: Story, events: Sequence[Json]) -> int:
    """What second payments of the same refund gave back; the ledger counts each refund once."""
    counted = {each["data"]["provider_refund_id"] for each in events if each["type"] == "payment.refunded"}
    again = (each for each in story.movements if each.moved is Moved.REFUND and each.reference not in counted)
    return sum(each.amount_minor or 0 for each in again)


def _began(payment: Json, story: Story) -> dict[Of, datetime]:
    """Money is not taken before its payment begins: so old it is at most, if nobody knows better."""
    is_known = story.times(Moved.CAPTURE) > 0 or "initiated_at" not in payment
    return {} if is_known else {Of.CAPTURE: datetime.fromisoformat(payment["initiated_at"])}


def differences(payment_id: str, *, provider: Side, stream: Side) -> Iterator[Difference]:
    """What does not agree, or agrees and has to be put right. Amounts matter only where money was taken."""
    more, has_failed = provider.times > stream.times, stream.status in _FAILED
    kinds = {
        Kind.CHARGED_TWICE: more and (stream.times > 0 or provider.times > 1),
        Kind.CAPTURED_LATE: False,
        Kind.CHARGED_BUT_FAILED: has_failed and more,
        Kind.NOT_RECORDED: more and not stream.times and not has_failed,
        Kind.NOT_CHARGED: provider.times < stream.times,
        Kind.AMOUNT: bool(provider.times and stream.times)
        and (provider.amount_minor, provider.currency) != (stream.amount_minor, stream.currency),
        Kind.REFUNDED_NOT_RECORDED: provider.refunded_minor > stream.refunded_minor + stream.seen_to_minor,
        Kind.NOT_REFUNDED: provider.refunded_minor < stream.refunded_minor,
        Kind.REFUNDED_TWICE: False,
        Kind.REFUNDED_TOO_MUCH: False,
        Kind.DISPUTED_NOT_RECORDED: provider.disputed_minor > stream.disputed_minor,
        Kind.NOT_DISPUTED: provider.disputed_minor < stream.disputed_minor,
    }
    for kind, differs in kinds.items():
        if differs or kind in stream.owed:
            since = _since(kind, provider=provider, stream=stream)
            yield Difference(kind=kind, payment_id=payment_id, provider=provider, stream=stream, since=since)


def _since(kind: Kind, *, provider: Side, stream: Side) -> datetime | None:
    """As the side says that has it, of the money that moved last."""
    sort, of = MEANING[kind]
    if sort is Type.MISSING_THERE:
        return stream.at.get(of)
    knows = sort is not Type.MISSING_HERE or of is Of.CAPTURE  # else the stream's last one is another one
    return provider.at.get(of) or (stream.at.get(of) if knows else None)
