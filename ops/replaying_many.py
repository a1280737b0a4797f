"""Replay every dead letter that a filter finds, side by side or at a rate, and say once what became of them.

Knows no HTTP and no rule of replay.
"""

import asyncio
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from ops.client import Api, Fault, Json
from ops.letters import PAGE, filters, pages
from ops.many import Outcome, counts, show_summary
from ops.output import Progress, say, show_json
from ops.paths import LETTERS, letter_path

LEFT = frozenset({"cannot", "failed"})
_BURST_S = 1.0  # a page is what may be replayed in this time, so that the rate is kept and Ctrl-C ends it soon
_LOOK_AGAIN_S = 0.5

type Letters = Mapping[str, Json]


def words(verdict: str, *, is_dry: bool) -> str:
    """A verdict, for people."""
    return "would be replayed" if is_dry and verdict == "replayed" else verdict.replace("_", " ")


async def replay_all(api: Api, options: Namespace) -> int:
    """Counts first, then goes through what was counted. What dies again meanwhile is not replayed again."""
    wanted, letters = await _counted(api, options)
    results: list[Json] = []
    with Progress("looked at" if options.dry_run else "replayed", total=len(letters)) as progress:
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
    letters |= await _unlisted(api, results, letters=letters)
    outcomes = [_outcome(each, letters, options=options) for each in results]
    ends: list[Outcome] = []
    if options.wait is not None and not options.dry_run:
        patience_s = options.wait.total_seconds()
        ends = await _ends(api, results, wanted=wanted, letters=letters, patience_s=patience_s)
    _report(results, outcomes, ends=ends, options=options)
    is_left = any(result["verdict"] in LEFT for result in results) or any(each.word != "done" for each in ends)
    return 1 if is_left else 0


async def _unlisted(api: Api, results: Sequence[Json], *, letters: Letters) -> dict[str, Json]:
    """What a replay found and the list before did not: it was being recorded just then. Of one that is gone, the id."""
    ids = [each["letter_id"] for each in results if each["letter_id"] not in letters]
    return {
        each: await api.find(letter_path(each)) or {"id": each, "step": "-", "reason": "-", "payment_id": None}
        for each in ids
    }


def _outcome(result: Json, letters: Letters, *, options: Namespace) -> Outcome:
    letter = letters[result["letter_id"]]
    return Outcome(letter, words(result["verdict"], is_dry=options.dry_run), result["why"])


async def _counted(api: Api, options: Namespace) -> tuple[Json, dict[str, Json]]:
    """The body of the requests, fixed to what is there now, and the letters by id."""
    query = {**filters(options), "status": "open"}
    letters: dict[str, Json] = {}
    as_of = None
    async for page in pages(api, query):
        letters |= {letter["id"]: letter for letter in page["dead_letters"]}
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
        "limit": _page_size(options),
    }
    return wanted, letters


def _page_size(options: Namespace) -> int:
    """Small enough for the rate, and for Ctrl-C to end it soon."""
    if options.dry_run:
        return PAGE
    return max(1, min(PAGE, int(options.rate * _BURST_S))) if options.rate else PAGE


async def _at_the_rate(answer: Json, *, started: float, options: Namespace) -> None:
    """The app replays a page at once. The next one begins when the rate lets it."""
    if options.dry_run or not options.rate:
        return
    sent = sum(result["verdict"] == "replayed" for result in answer["results"])
    await asyncio.sleep(max(0.0, started + sent / options.rate - time.monotonic()))


async def _ends(
    api: Api, results: Sequence[Json], *, wanted: Json, letters: Letters, patience_s: float
) -> list[Outcome]:
    """What became of each that was replayed, as far as it is known when the patience ends."""
    waits = {each["letter_id"]: each["cause"] for each in results if each["verdict"] == "replayed"}
    known: dict[str, Outcome] = {}
    until = time.monotonic() + patience_s
    with Progress("at rest", total=len(waits)) as progress:
        while True:
            before = len(known)
            closed, died = await _seen(api, wanted)
            for letter_id, cause in waits.items():
                letter = letters[letter_id]
                if again := died.get((letter["step"], cause)):
                    known[letter_id] = Outcome(letter, "died again", f"{again['reason']}: {again['description']}")
                elif letter_id in closed:
                    known[letter_id] = Outcome(letter, "done", "its step is done")
            progress.forward(len(known) - before)
            if len(known) == len(waits) or time.monotonic() >= until:
                break
            await asyncio.sleep(_LOOK_AGAIN_S)
    under_way = [Outcome(letters[each], "under way", "it is being worked on") for each in waits if each not in known]
    return [*known.values(), *under_way]


async def _seen(api: Api, wanted: Json) -> tuple[set[str], dict[tuple[str, str], Json]]:
    """Which of the letters are closed by now, and what has died since they were listed, by step and cause."""
    own = {name: str(value) for name, value in wanted.items() if name not in ("dry_run", "limit")}
    since = {"recorded_from": own["recorded_before"], "status": "open"}
    closed = {each["id"] async for page in pages(api, {**own, "status": "closed"}) for each in page["dead_letters"]}
    died = [each async for page in pages(api, since) for each in page["dead_letters"]]
    return closed, {(each["step"], each["cause"]): each for each in died}


def _report(
    results: Sequence[Json],
    outcomes: Sequence[Outcome],
    *,
    ends: Sequence[Outcome],
    options: Namespace,
) -> None:
    if options.json:
        verdicts = Counter(result["verdict"] for result in results)
        became = {each.letter["id"]: {"became": each.word, "why": each.why} for each in ends}
        shown = [{**result, **became.get(result["letter_id"], {})} for result in results]
        counted = {"counts": dict(verdicts), "became": counts(ends)} if options.wait else {"counts": dict(verdicts)}
        show_json({"dry_run": options.dry_run, "results": shown, **counted})
        return
    show_summary(outcomes, nothing="nothing to replay: no open dead letter matches")
    if ends:
        say("")
        show_summary(ends, nothing="")
