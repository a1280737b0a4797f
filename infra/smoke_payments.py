"""What the smoke test does with a payment: sends it until it is accepted, and waits until it rests.

Standard library only. Knows no merchant and no dead letter.
"""

from collections.abc import Collection
from dataclasses import dataclass

from infra.smoke_http import TRY_AGAIN, Answer, Api, NotYet, SmokeFailed, eventually, expect
from infra.smoke_letters import Json

PATH = "/api/payments"

AT_REST = frozenset({"completed", "failed", "voided"})
DOES_NOT_HAPPEN = {
    "initiated": "publish_events or create_payment",
    "created": "publish_events or settle_payment",
    "settled": "publish_events or notify_merchant",
    "failed": "publish_events or void_payment",
}
"""The functions that bring a payment on from each status. tests/infra/test_smoke.py holds them to shared/flow.py."""

TOLD = "payment.failure_told"


@dataclass(frozen=True, slots=True)
class Payments:
    """Those of one app. limit_s: for each wait."""

    api: Api
    limit_s: float

    def accepted(self, order: Json, *, key: str) -> Answer:
        """Sends until it is accepted: that is what the key is for."""

        def is_taken(answer: Answer) -> bool:
            return answer.status not in TRY_AGAIN

        taken = self.api.until("POST", PATH, is_it=is_taken, limit_s=self.limit_s, body=order, key=key)
        expect(taken.status == 202, "202 for a payment", came=taken)
        return taken

    def rests(self, payment_id: str, wanted: str, *, at_rest: Collection[str] = AT_REST, do: str = "") -> None:
        """Waits until the payment rests, and expects the status; do: if it is another. If it stands still, says which
        step did not happen."""

        def ask() -> Answer:
            answer = self.api.call("GET", f"{PATH}/{payment_id}")
            if answer.status != 200:
                raise NotYet(str(answer))
            status = answer.body["status"]
            if status not in at_rest:
                raise NotYet(f"{status}, so {DOES_NOT_HAPPEN.get(status, 'a step')} did not happen; {answer}")
            return answer

        answer = eventually(ask, what=f"GET {PATH}/{payment_id}", limit_s=self.limit_s)
        if answer.body["status"] != wanted:
            raise SmokeFailed(f"expected payment {payment_id} {wanted}; came {answer}", do=do)

    def told_of_failure(self, payment_id: str) -> None:
        """Waits until the merchant was."""

        def ask() -> None:
            if TOLD not in self.api.call("GET", f"{PATH}/{payment_id}/events").text:
                raise NotYet("notify_merchant_of_failure did not happen")

        eventually(ask, what=f"{TOLD} of payment {payment_id}", limit_s=self.limit_s)
