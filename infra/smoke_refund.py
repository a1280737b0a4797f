"""What the smoke test does with the money that it took: it asks for it back, and waits until the provider has given it.

Standard library only. Knows no other way by which money moves.
"""

from dataclasses import dataclass

from infra.smoke_http import TRY_AGAIN, Answer, Api, NotYet, eventually, expect
from infra.smoke_letters import Json

DOES_NOT_HAPPEN = "publish_events or refund_payment"
"""The functions that bring a refund on. tests/infra/test_smoke.py holds them to shared/flow.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Of all that a payment took. key: its Idempotency-Key, under which nobody gives the money back a second time."""

    payment_id: str
    key: str

    def __str__(self) -> str:
        return f"POST {self._path} with the Idempotency-Key {self.key} and the body {{}}"

    @property
    def _path(self) -> str:
        return f"/api/payments/{self.payment_id}/refunds"

    def done(self, api: Api, *, limit_s: float) -> str:
        """The id of the refund once it is refunded. Raises SmokeFailed, and names the payment, and the refund if there
        is one."""
        taken = api.until("POST", self._path, is_it=_is_taken, limit_s=limit_s, body={}, key=self.key)
        expect(taken.status == 202, f"202 for the refund of payment {self.payment_id}", came=taken)
        refund_id = str(taken.body["refund_id"])
        what = f"refund {refund_id} of payment {self.payment_id}"
        refund = eventually(lambda: self._ended(api, refund_id), what=what, limit_s=limit_s)
        expect(refund["status"] == "refunded", f"{what} to be refunded", came=refund)
        return refund_id

    def _ended(self, api: Api, refund_id: str) -> Json:
        """Raises NotYet while it is not known what becomes of it."""
        answer = api.call("GET", f"/api/payments/{self.payment_id}")
        if answer.status != 200:
            raise NotYet(str(answer))
        found: list[Json] = [each for each in answer.body.get("refunds", []) if each["refund_id"] == refund_id]
        if not found or found[0]["status"] == "pending":
            raise NotYet(f"pending, so {DOES_NOT_HAPPEN} did not happen; {answer}")
        return found[0]


def _is_taken(answer: Answer) -> bool:
    return answer.status not in TRY_AGAIN
