"""Replay: one dead letter, or every one that a filter finds, at a rate. Knows no HTTP and no rule of replay."""

import asyncio
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.client import Api, Fault, Json
from ops.letters import PAGE, filters, pages
from ops.output import Progress, say, show_json, show_table
from ops.paths import LETTERS, letter_path, payment_path

_LEFT = frozenset({"cannot", "failed"})
_BURST_S = 1.0  # a page is what may be replayed in this time, so that the rate is kept and Ctrl-C ends it soon
_LOOK_AGAIN_S = 0.5


async def replay(api: Api, options: Namespace) -> int:
    """1 when anything is left to be done. Raises Fault for options that do not go together."""
    if options.all == bool(options.letter_id):
        raise Fault("name one dead letter, or use --all, with filters to select some")
    if options.all:
        return await _replay_all(api, options)
    if options.step or options.reason or options.payment or options.older_than:
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
        say(f"{_words(result['verdict'], is_dry=options.dry_run)}: {result['why']}")
        if end:
            say(end.words)
    return 1 if result["verdict"] in _LEFT or (end and not end.is_good) else 0


def _words(verdict: str, *, is_dry: bool) -> str:
    return "would be replayed" if is_dry and verdict == "replayed" else verdict.replace("_", " ")


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


# --- many


async def _replay_all(api: Api, options: Namespace) -> int:
    """Counts first, then goes through what was counted. What dies again meanwhile is not replayed again."""
    wanted, total = await _counted(api, options)
    results: list[Json] = []
    with Progress("looked at" if options.dry_run else "replayed", total=total) as progress:
        page: str | None = None
        while True:
            started = time.monotonic()
            answer = await api.post(f"{LETTERS}/replay", {**wanted, **({"page": page} if page else {})})
            results += answer["results"]
            progress.forward(len(answer["results"]))
            page = answer["next_page"]
            if page is None:
                break
            await _at_the_rate(answer, started=started, options=options)
    _report(results, options)
    return 1 if any(result["verdict"] in _LEFT for result in results) else 0


async def _counted(api: Api, options: Namespace) -> tuple[Json, int]:
    """The body of the requests, fixed to what is there now, and how many that is."""
    query = {**filters(options), "status": "open"}
    total, as_of = 0, None
    async for page in pages(api, query):
        total += len(page["dead_letters"])
        as_of = as_of or page["as_of"]
    if as_of is None:
        raise Fault("the app's list has no `as_of` time: the app is older than this command")
    before = datetime.fromisoformat(as_of) - options.older_than if options.older_than else as_of
    del query["status"]
    query.pop("older_than_s", None)
    wanted: Json = {
        **query,
        "recorded_before": before if isinstance(before, str) else before.isoformat(),
        "dry_run": options.dry_run,
        "limit": PAGE if options.dry_run else max(1, min(PAGE, int(options.rate * _BURST_S))),
    }
    return wanted, total


async def _at_the_rate(answer: Json, *, started: float, options: Namespace) -> None:
    """The app replays a page at once. The next one begins when the rate lets it."""
    if options.dry_run:
        return
    sent = sum(result["verdict"] == "replayed" for result in answer["results"])
    await asyncio.sleep(max(0.0, started + sent / options.rate - time.monotonic()))


def _report(results: Sequence[Json], options: Namespace) -> None:
    counts = Counter(result["verdict"] for result in results)
    if options.json:
        show_json({"dry_run": options.dry_run, "results": results, "counts": dict(counts)})
        return
    shown = results if options.dry_run else [result for result in results if result["verdict"] != "replayed"]
    show_table(
        [
            {
                "ID": result["letter_id"],
                "VERDICT": _words(result["verdict"], is_dry=options.dry_run),
                "WHY": result["why"],
            }
            for result in shown
        ]
    )
    counted = [f"{number} {_words(verdict, is_dry=options.dry_run)}" for verdict, number in counts.items()]
    say(", ".join(counted) or "nothing to replay: no open dead letter matches")
