"""What the smoke test does with the money that it took: it asks for it back, and waits until the provider has given it.

Standard library only. Knows no other way by which money moves.
"""

from dataclasses import dataclass

from infra.smoke_http import TRY_AGAIN, Answer, Api, NotYet, SmokeFailed, eventually, expect
from infra.smoke_letters import Json

DOES_NOT_HAPPEN = "publish_events or refund_payment"
"""The functions that bring a refund on. tests/infra/test_smoke.py holds them to shared/flow.py."""

TOOK_NOTHING = frozenset({"failed", "voided"})
"""A payment in one of these was not settled, and will not be."""

SEE_TO_IT = (
    "`python -m ops list` shows why; mend that and replay its letter (docs/operations.md): the same refund then goes on"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Of all that a payment took. key: its Idempotency-Key, under which nobody gives the money back a second time."""

    payment_id: str
    key: str

    def __str__(self) -> str:
        return f"POST {self._path} with the Idempotency-Key {self.key} and the body {{}}"

    @property
    def anew(self) -> "Refund":
        """Another one, for when this has failed: under its own key nothing happens any more."""
        return Refund(payment_id=self.payment_id, key=f"{self.key}-again")

    @property
    def _path(self) -> str:
        return f"/api/payments/{self.payment_id}/refunds"

    def done(self, api: Api, *, limit_s: float) -> str:
        """What came of it, once the provider has given the money back, or the payment has ended without taking any.

        limit_s: for the request, and again for its end. Raises SmokeFailed, and names the payment, and the refund if
        there is one.
        """
        refund_id = eventually(lambda: self._requested(api), what=f"POST {self._path}", limit_s=limit_s)
        if refund_id is None:
            return f"payment {self.payment_id} has taken nothing that could be given back"
        what = f"refund {refund_id} of payment {self.payment_id}"
        refund = eventually(lambda: self._ended(api, refund_id), what=what, limit_s=limit_s)
        if refund["status"] != "refunded":
            do = f"ask the provider to give it back, or {self.anew}: under the key of this one nothing happens any more"
            raise SmokeFailed(f"expected {what} to be refunded; came {refund}", do=do)
        return f"payment {self.payment_id} given back, refund {refund_id}"

    def _requested(self, api: Api) -> str | None:
        """The id of the refund; None where there is nothing to give back. Raises NotYet until it is known."""
        answer = api.call("POST", self._path, body={}, key=self.key)
        if answer.status in TRY_AGAIN:
            raise NotYet(str(answer))
        if answer.status == 409 and answer.body.get("code") == "not_settled":
            self._is_over(api)
            return None
        expect(answer.status == 202, f"202 for the refund of payment {self.payment_id}", came=answer)
        return str(answer.body["refund_id"])

    def _is_over(self, api: Api) -> None:
        """Raises NotYet while the payment may still be settled."""
        answer = self._payment(api)
        if answer.body["status"] not in TOOK_NOTHING:
            raise NotYet(f"the payment is not settled; {answer}")

    def _ended(self, api: Api, refund_id: str) -> Json:
        """Raises NotYet while it is not known what becomes of it, SmokeFailed where that is a person's to say."""
        answer = self._payment(api)
        held: Json = next(
            (each for each in answer.body.get("waiting", []) if each["step"] == f"refund:{refund_id}"), {}
        )
        if held.get("state") == "parked":
            what = f"refund {refund_id} of payment {self.payment_id} is parked: {held.get('reason')}"
            raise SmokeFailed(what, do=SEE_TO_IT)
        found: list[Json] = [each for each in answer.body.get("refunds", []) if each["refund_id"] == refund_id]
        if not found or found[0]["status"] == "pending":
            why = f"{held['state']} since {held['since']}" if held else f"so {DOES_NOT_HAPPEN} did not happen"
            raise NotYet(f"pending, {why}; {answer}")
        return found[0]

    def _payment(self, api: Api) -> Answer:
        answer = api.call("GET", f"/api/payments/{self.payment_id}")
        if answer.status != 200:
            raise NotYet(str(answer))
        return answer
