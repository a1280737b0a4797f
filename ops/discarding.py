"""Discard: one dead letter, or every one that a filter finds, after it was said what would happen. Knows no rule."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Sequence

from ops.client import Api, Fault, Json, NotNow
from ops.letters import filters, pages
from ops.many import Outcome, counts, show_summary
from ops.output import Progress, ask, say, show_json
from ops.paths import letter_path

_AT_ONCE = 8


async def discard(api: Api, options: Namespace) -> int:
    """1 when any may not be discarded now. Raises Fault for options that do not go together, NotNow for a no."""
    if options.all == bool(options.letter_id):
        raise Fault("name one dead letter, or use --all, with filters to select some")
    if options.all:
        return await _discard_all(api, options)
    if filters(options):
        raise Fault("filters go with --all: leave them out for one dead letter")
    answer = await _asked(api, options.letter_id, reason=options.reason, dry_run=options.dry_run)
    if options.json:
        show_json({**answer, "dry_run": options.dry_run})
    else:
        word = _word(answer, is_dry=options.dry_run)
        say(f"{word}: {answer['why']}")
    return 0 if answer["discarded"] else 1


async def _discard_all(api: Api, options: Namespace) -> int:
    """Payments go side by side, the letters of one payment one after another."""
    letters = [
        letter async for page in pages(api, {**filters(options), "status": "open"}) for letter in page["dead_letters"]
    ]
    would = await _each(api, letters, options=options, dry_run=True)
    if options.dry_run:
        return _reported(would, options)
    able = [each.letter for each in would if each.word == "would be discarded"]
    _agree(able, would, options=options)
    done = await _each(api, able, options=options, dry_run=False)
    return _reported([*done, *(each for each in would if each.word != "would be discarded")], options)


def _agree(letters: Sequence[Json], would: Sequence[Outcome], *, options: Namespace) -> None:
    if options.yes or not letters:
        return
    if not sys.stdin.isatty():
        raise Fault("nobody can be asked here, and this ends payments: say --yes, or --dry-run to look first")
    show_summary(would, nothing="")
    payments = len({letter["payment_id"] for letter in letters})
    if ask(f"End {payments} payments for {len(letters)} dead letters? [y/N]").strip().lower() not in ("y", "yes"):
        raise NotNow("nothing was discarded")


async def _each(api: Api, letters: Sequence[Json], *, options: Namespace, dry_run: bool) -> list[Outcome]:
    places = asyncio.Semaphore(_AT_ONCE)
    with Progress("looked at" if dry_run else "discarded", total=len(letters)) as progress:

        async def of_one_payment(own: Sequence[Json]) -> list[Outcome]:
            async with places:
                return [await one(letter) for letter in own]

        async def one(letter: Json) -> Outcome:
            try:
                answer = await _asked(api, letter["id"], reason=options.reason, dry_run=dry_run)
            except NotNow as fault:
                answer = {"discarded": False, "why": str(fault)}
            progress.forward(1)
            return Outcome(letter, _word(answer, is_dry=dry_run), answer["why"])

        payments: dict[str, list[Json]] = {}
        for letter in letters:
            payments.setdefault(letter["payment_id"] or letter["id"], []).append(letter)
        found = await asyncio.gather(*map(of_one_payment, payments.values()))
        return [each for own in found for each in own]


async def _asked(api: Api, letter_id: str, *, reason: str, dry_run: bool) -> Json:
    return await api.post(
        f"{letter_path(letter_id)}/discard", {"reason": reason, **({"dry_run": True} if dry_run else {})}
    )


def _word(answer: Json, *, is_dry: bool) -> str:
    if is_dry:
        return "would be discarded" if answer["discarded"] else "would stay"
    return "discarded" if answer["discarded"] else "not discarded"


def _reported(outcomes: Sequence[Outcome], options: Namespace) -> int:
    if options.json:
        results = [{"letter_id": each.letter["id"], "outcome": each.word, "why": each.why} for each in outcomes]
        show_json({"dry_run": options.dry_run, "results": results, "counts": counts(outcomes)})
    else:
        show_summary(outcomes, nothing="nothing to discard: no open dead letter matches")
    return 1 if any(each.word in ("would stay", "not discarded") for each in outcomes) else 0
