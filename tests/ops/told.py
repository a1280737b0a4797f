"""The events of a payment, as the app shows them to operators, one after another."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from tests.ops.scripted import Json

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
AMOUNT_MINOR, CURRENCY = 1250, "EUR"


def at(minutes: float) -> str:
    """So long after noon."""
    return (NOON + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Told:
    """One event a minute, the first one at noon."""

    events: tuple[Json, ...] = ()
    now: float = 0.0

    def then(self, kind: str, **data: Any) -> Self:
        event = {"type": f"payment.{kind}", "occurred_at": at(self.now), "data": data}
        return replace(self, events=(*self.events, event), now=self.now + 1)

    def after(self, minutes: float) -> Self:
        """The next event comes so much later."""
        return replace(self, now=self.now + minutes)

    def settled(self, capture_id: str = "cap_1") -> Self:
        return self.then("settled", capture_id=capture_id)

    def failed(self) -> Self:
        return self.then("failed", reason="declined", code="card_declined", failed_step="settle")

    def captured_late(self, capture_id: str = "cap_1") -> Self:
        return self.then("captured_late", capture_id=capture_id)

    def charged_twice(self, step: str, reference: str) -> Self:
        return self.then("charged_twice", step=step, reference=reference)

    def seen_to(self, reference: str | None = None, *, step: str | None = None) -> Self:
        return self.then(
            "seen_to", **({"step": step} if step else {}), **({"reference": reference} if reference else {})
        )

    def refund_requested(self, refund_id: str = "r1", *, amount_minor: int = 500) -> Self:
        return self.then("refund_requested", refund_id=refund_id, amount_minor=amount_minor, reason_given=None)

    def refunded(self, reference: str = "re_1", *, refund_id: str = "r1") -> Self:
        return self.then("refunded", refund_id=refund_id, provider_refund_id=reference)

    def refund_failed(self, refund_id: str = "r1") -> Self:
        return self.then("refund_failed", refund_id=refund_id, reason="discarded", code="discarded_by_operator")

    def disputed(
        self, dispute_id: str = "dp_1", *, amount_minor: int = AMOUNT_MINOR, opened: float | None = None
    ) -> Self:
        """opened: so many minutes after noon by the provider's clock; else we hear of it at once."""
        opened_at = at(self.now if opened is None else opened)
        return self.then("dispute_opened", dispute_id=dispute_id, amount_minor=amount_minor, opened_at=opened_at)

    def won(self, *, decided: float | None = None) -> Self:
        return self.then("dispute_won", dispute_id="dp_1", decided_at=at(self.now if decided is None else decided))

    def lost(self, *, decided: float | None = None) -> Self:
        return self.then("dispute_lost", dispute_id="dp_1", decided_at=at(self.now if decided is None else decided))


def created() -> Told:
    """Accepted at noon, authorised a minute later."""
    begun = Told().then("initiated", amount_minor=AMOUNT_MINOR, currency=CURRENCY)
    return begun.then("created", provider_payment_id="pp_1")
