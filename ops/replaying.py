"""Replay one dead letter, and look what becomes of it. Knows no HTTP and no rule of replay."""

import asyncio
import time
from argparse import Namespace
from dataclasses import dataclass

from ops.client import Api, Fault, Json
from ops.letters import filters, pages
from ops.output import say, show_json
from ops.paths import letter_path, payment_path
from ops.replaying_many import LEFT, replay_all, words

_LOOK_AGAIN_S = 0.5


async def replay(api: Api, options: Namespace) -> int:
    """1 when anything is left to be done, or a dry run would do something.

    Raises Fault for options that do not go together.
    """
    if options.all == bool(options.letter_id):
        raise Fault("name one dead letter, or use --all, with filters to select some")
    if options.all:
        return await replay_all(api, options)
    if filters(options):
        raise Fault("filters go with --all: leave them out for one dead letter")
    return await _replay_one(api, options)


async def _replay_one(api: Api, options: Namespace) -> int:
    query = {"dry_run": "true"} if options.dry_run else None
    result = await api.post(f"{letter_path(options.letter_id)}/replay", query=query)
    is_sent = result["verdict"] == "replayed" and not options.dry_run
    end = await _wait(api, options, cause=result["cause"]) if is_sent and options.wait is not None else None
    if options.json:
        show_json({"dry_run": options.dry_run, **result, "payment": end.as_json() if end else None})
    else:
        say(f"{words(result['verdict'], is_dry=options.dry_run)}: {result['why']}")
        if end:
            say(end.words)
    is_to_do = options.dry_run and result["verdict"] == "replayed"
    return 1 if is_to_do or result["verdict"] in LEFT or (end and not end.is_good) else 0


# --- what became of one


@dataclass(frozen=True, slots=True)
class _End:
    """Where a payment was when we stopped looking. letter_id: of a death after the replay."""

    payment_id: str
    status: str
    is_done: bool
    letter_id: str | None = None
    reason: str | None = None

    @property
    def is_good(self) -> bool:
        return self.is_done and self.letter_id is None

    @property
    def words(self) -> str:
        if self.letter_id:
            return f"it died again ({self.reason}): dead letter {self.letter_id}"
        if self.is_done:
            return f"payment {self.payment_id} is {self.status}"
        return f"payment {self.payment_id} is still {self.status}: it is being worked on"

    def as_json(self) -> Json:
        return {
            "payment_id": self.payment_id,
            "status": self.status,
            "died_again_as": self.letter_id,
            "reason": self.reason,
        }


async def _wait(api: Api, options: Namespace, *, cause: str) -> _End:
    """Looks until the step is done, its message is dead again, or the patience ends."""
    until = time.monotonic() + options.wait.total_seconds()
    while True:
        end = await _look(api, await api.get(letter_path(options.letter_id)), cause=cause)
        if end.letter_id or end.is_done or time.monotonic() >= until:
            return end
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _look(api: Api, letter: Json, *, cause: str) -> _End:
    """The new death first: a payment whose notification could not be delivered rests too."""
    payment_id = letter["payment_id"]
    payment = await api.get(payment_path(payment_id))
    is_done = letter["status"] == "closed"
    async for page in pages(api, {"payment_id": payment_id, "status": "open"}):
        for other in page["dead_letters"]:
            if (other["step"], other["cause"]) == (letter["step"], cause):
                return _End(payment_id, payment["status"], is_done, other["id"], other["reason"])
    return _End(payment_id, payment["status"], is_done)
