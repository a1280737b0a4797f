"""What the smoke test does with dead letters: finds its own among others, ends them, and looks at their payment.

Standard library only. Knows no way by which a letter comes to be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from infra.smoke_http import TRY_AGAIN, Answer, Api, NotYet, eventually, expect

PATH = "/api/ops/dead-letters"

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Letters:
    """Those of one app."""

    api: Api
    limit_s: float

    def recorded(self, is_ours: Callable[[Json], bool], *, count: int, by: str, of: str = "") -> list[Json]:
        """The open ones that are ours, when so many have been recorded. by: who records them; of: what became them."""

        def ask() -> list[Json]:
            ours = [each for each in self._open() if is_ours(each)]
            if len(ours) < count:
                raise NotYet(f"{len(ours)} of {count}, so {by} did not happen")
            return ours

        return eventually(ask, what=f"{count} recorded dead letters{of}", limit_s=self.limit_s)

    def _open(self) -> list[Json]:
        """Those of all pages."""
        letters: list[Json] = []
        query = {"status": "open"}
        while True:
            answer = self.api.call("GET", f"{PATH}?{urlencode(query)}")
            if answer.status in TRY_AGAIN:
                raise NotYet(str(answer))
            expect(answer.status == 200, "200 for the list of dead letters", came=answer)
            letters += answer.body["dead_letters"]
            if not answer.body["next_page"]:
                return letters
            query["page"] = answer.body["next_page"]

    def message_of(self, letter: Json) -> str | None:
        """None for a letter of a payment, which none of the broker's is."""
        if letter["payment_id"] is not None:
            return None
        return str(self.api.call("GET", f"{PATH}/{letter['id']}").body["message"]["message_id"])

    def discard(self, letter: Json) -> None:
        """409: the provider could not be asked, and nothing was done."""

        def is_done(answer: Answer) -> bool:
            return answer.status not in TRY_AGAIN | {409}

        path, why = f"{PATH}/{letter['id']}/discard", {"reason": "smoke test"}
        answer = self.api.until("POST", path, is_it=is_done, limit_s=self.limit_s, body=why)
        expect(answer.status == 200, "200 for a discard", came=answer)

    def shows(self, letter: Json, status: str) -> None:
        """Waits for it in the row of the payment: what project_payments makes of the feed, and operators look at."""

        def ask() -> None:
            row = self.api.call("GET", f"{PATH}/{letter['id']}").body.get("payment") or {}
            if row.get("status") != status:
                raise NotYet(f"status {row.get('status')} in the row, so project_payments did not happen")

        eventually(ask, what=f"the row of payment {letter['payment_id']}", limit_s=self.limit_s)
