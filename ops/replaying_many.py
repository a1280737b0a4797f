"""Replay every dead letter that a filter finds, side by side or at a rate, and say once what became of them.

Knows no HTTP and no rule of replay.
"""

import asyncio
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from ops.client import Api, Fault, Json, fault_of
from ops.letters import PAGE, filters, pages
from ops.many import NOT_BEGUN, NOT_KNOWN, Account, Outcome, counts, show_fault, show_summary
from ops.output import Progress, say, show_json
from ops.paths import LETTERS, letter_path

_WOULD = "would be replayed"
LEFT = frozenset({"cannot", "failed", "left out", NOT_BEGUN, NOT_KNOWN, _WOULD})
"""Words after which something is left to do."""
_BURST_S = 1.0  # a page is what may be replayed in this time, so that the rate is kept and Ctrl-C ends it soon
_LOOK_AGAIN_S = 0.5
_SO_OFTEN_AT = 50
"""A look lists every letter. Of more of them the next look is later in proportion: a thousand would burden the app."""
_NO_LONGER_OPEN = "no longer open"
_ALREADY = "dealt with since it was listed, by somebody else or by a request that had to be repeated"


@dataclass(slots=True)
class _Run:
    """What was asked for and answered so far.

    wanted: the body of the requests. results: as the app gave them, by letter. ends: what became of each that was
    replayed, as far as it is known.
    """

    options: Namespace
    wanted: Json
    account: Account
    results: dict[str, Json] = field(default_factory=dict)
    ends: dict[str, Outcome] = field(default_factory=dict)

    @property
    def waits(self) -> dict[str, str]:
        """The cause of each step that was started again, by letter."""
        return {each: result["cause"] for each, result in self.results.items() if result["verdict"] == "replayed"}

    @property
    def under_way(self) -> list[Json]:
        """What a request may be about: the app goes through the letters in the order of the list."""
        return self.account.rest[: self.wanted["limit"]]

    def take(self, results: Sequence[Json]) -> None:
        """A letter that was not listed was being recorded just then."""
        letters = self.account.by_id
        for each in results:
            letter = letters.get(each["letter_id"]) or _unlisted(each["letter_id"])
            self.results[each["letter_id"]] = each
            self.account.note(Outcome(letter, words(each["verdict"], is_dry=self.options.dry_run), each["why"]))


def _unlisted(letter_id: str) -> Json:
    return {"id": letter_id, "step": "-", "reason": "-", "payment_id": None}


def words(verdict: str, *, is_dry: bool) -> str:
    """A verdict, for people."""
    return _WOULD if is_dry and verdict == "replayed" else verdict.replace("_", " ")


async def replay_all(api: Api, options: Namespace) -> int:
    """Counts first, then goes through what was counted. What dies again meanwhile is not replayed again.

    1 when something is left to do, 2 after a fault; what was done until then is said all the same, also after Ctrl-C.
    """
    run = await _counted(api, options)
    try:
        await _replay(api, run)
        if options.wait is not None and not options.dry_run and run.account.fault is None:
            await _wait(api, run)
    except asyncio.CancelledError:  # Ctrl-C
        _report(run)
        raise
    code = _report(run)
    return show_fault(run.account.fault) or code


async def _replay(api: Api, run: _Run) -> None:
    """A page after another; after one that failed none is asked for."""
    options, page = run.options, None
    with Progress("looked at" if options.dry_run else "replayed", total=len(run.account.letters)) as progress:
        while True:
            started = time.monotonic()
            try:
                answer = await api.post(f"{LETTERS}/replay", {**run.wanted, **({"page": page} if page else {})})
                run.take(answer["results"])
                page = answer["next_page"]
            except asyncio.CancelledError:
                run.account.begin(run.under_way)
                raise
            except Exception as exc:  # noqa: BLE001 - whatever it is, what was done before it must be told
                run.account.fail(run.under_way, fault_of(exc))
                return
            progress.forward(len(answer["results"]))
            if page is None:
                break
            await _at_the_rate(answer, started=started, options=options)
    for letter in run.account.rest:
        run.account.note(Outcome(letter, _NO_LONGER_OPEN, _ALREADY))
    await _looked_up(api, run)


async def _looked_up(api: Api, run: _Run) -> None:
    """What is not known of the letters that were not listed."""
    for outcome in run.account.outcomes:
        if outcome.letter == _unlisted(outcome.letter["id"]):
            with suppress(Fault):  # then there is its id
                letter = await api.find(letter_path(outcome.letter["id"])) or outcome.letter
                run.account.note(replace(outcome, letter=letter))


async def _counted(api: Api, options: Namespace) -> _Run:
    """What is there now, and the body of the requests, fixed to that."""
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
        **({"at_once": min(options.at_once, PAGE)} if options.at_once else {}),
    }
    return _Run(options, wanted, Account([*letters.values()]))


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


async def _wait(api: Api, run: _Run) -> None:
    """Looks what became of each that was replayed, until all is known or the patience ends."""
    waits, letters = run.waits, run.account.by_id
    until = time.monotonic() + run.options.wait.total_seconds()
    with Progress("at rest", total=len(waits)) as progress:
        while True:
            before = len(run.ends)
            try:
                closed, died = await _seen(api, run.wanted)
            except Exception as exc:  # noqa: BLE001 - whatever it is, what was replayed must be told
                run.account.fault = fault_of(exc)
                return
            for letter_id, cause in waits.items():
                letter = letters[letter_id]
                if again := died.get((letter["step"], cause)):
                    why = f"{again['reason']}: {again['description']}"
                    run.ends[letter_id] = Outcome(letter, "died again", why, died_again_as=again["id"])
                elif letter_id in closed:
                    run.ends[letter_id] = Outcome(letter, "done", "its step is done")
            progress.forward(len(run.ends) - before)
            left_s = until - time.monotonic()
            if len(run.ends) == len(waits) or left_s <= 0:
                return
            await asyncio.sleep(min(left_s, _LOOK_AGAIN_S * max(1.0, len(waits) / _SO_OFTEN_AT)))


async def _seen(api: Api, wanted: Json) -> tuple[set[str], dict[tuple[str, str], Json]]:
    """Which of the letters are closed by now, and what has died since they were listed, by step and cause."""
    own = {name: str(value) for name, value in wanted.items() if name not in ("dry_run", "limit")}
    since = {"recorded_from": own["recorded_before"], "status": "open"}
    closed = {each["id"] async for page in pages(api, {**own, "status": "closed"}) for each in page["dead_letters"]}
    died = [each async for page in pages(api, since) for each in page["dead_letters"]]
    return closed, {(each["step"], each["cause"]): each for each in died}


def _report(run: _Run) -> int:
    options, outcomes = run.options, run.account.outcomes
    is_waited = options.wait is not None and not options.dry_run
    ends = _ends(run) if is_waited else {}
    if options.json:
        _report_json(run, ends, is_waited=is_waited)
    else:
        show_summary(outcomes, nothing="nothing to replay: no open dead letter matches")
        if ends:
            say("")
            show_summary([*ends.values()], nothing="")
    is_left = any(each.word in LEFT for each in outcomes) or any(each.word != "done" for each in ends.values())
    return 1 if is_left else 0


def _ends(run: _Run) -> dict[str, Outcome]:
    """Of each that was replayed, by letter."""
    letters, fault = run.account.by_id, run.account.fault
    why = f"it could not be looked at: {fault}" if fault else "it is being worked on"
    return {each: run.ends.get(each) or Outcome(letters[each], "under way", why) for each in run.waits}


def _report_json(run: _Run, ends: Mapping[str, Outcome], *, is_waited: bool) -> None:
    shown = [
        {**_result(each, run), **(_became(ends[each.letter["id"]]) if each.letter["id"] in ends else {})}
        for each in run.account.outcomes
    ]
    counted = {"counts": dict(Counter(each["verdict"] for each in shown))}
    became = {"became": counts(ends.values())} if is_waited else {}
    show_json({"dry_run": run.options.dry_run, "results": shown, **counted, **became})


def _result(outcome: Outcome, run: _Run) -> Json:
    letter_id = outcome.letter["id"]
    unanswered = {"letter_id": letter_id, "verdict": outcome.word.replace(" ", "_"), "why": outcome.why, "cause": None}
    return run.results.get(letter_id, unanswered)


def _became(end: Outcome) -> Json:
    return {"became": end.word, "why": end.why, "died_again_as": end.died_again_as}
