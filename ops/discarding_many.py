"""Discard every dead letter that a filter finds, after it was said what would happen. Knows no HTTP.

Money and letters of high severity are no by-catch: a discard that notes money as given back, or ends what nobody has
looked at, has to be asked for by the reason.
"""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Sequence

from ops.client import Api, Fault, Json, NotNow
from ops.letters import filters, pages
from ops.many import Outcome, counts, show_summary
from ops.output import Progress, ask, show_json
from ops.paths import letter_path
from ops.words import MONEY_TO_GIVE_BACK, REASONS

_AT_ONCE = 8
_WOULD, _LEFT_OUT = "would be discarded", "left out"
_TO_DO = frozenset({_WOULD, _LEFT_OUT, "would stay", "not discarded"})
"""Words after which something is left to do."""


async def discard_all(api: Api, options: Namespace) -> int:
    """Looks at each first. Payments go side by side, the letters of one payment one after another.

    1 when something is left to do. Raises Fault for a wish that may be a mistake, NotNow for a no.
    """
    _check(options)
    letters = [
        letter async for page in pages(api, {**filters(options), "status": "open"}) for letter in page["dead_letters"]
    ]
    left = [Outcome(each, _LEFT_OUT, why) for each in letters if (why := _why_left_out(each, options))]
    named = [each for each in letters if not _why_left_out(each, options)]
    would = [*await _each(api, named, options=options, dry_run=True), *left]
    if options.dry_run:
        return _reported(would, options)
    able = [each.letter for each in would if each.word == _WOULD]
    _agree(would, options=options)
    done = await _each(api, able, options=options, dry_run=False)
    return _reported([*done, *(each for each in would if each.word != _WOULD)], options)


def _check(options: Namespace) -> None:
    if (word := options.reason.strip()) in REASONS:
        raise Fault(f"{word} is a filter: --died-of {word}, and say why in --reason")
    if options.yes and not options.dry_run and not filters(options):
        raise Fault("--all --yes without a filter is whatever is open: name what is meant, or leave --yes out")


def _why_left_out(letter: Json, options: Namespace) -> str:
    """Empty where the letter is meant."""
    reason = letter["reason"]
    if reason == options.died_of:
        return ""
    if reason in MONEY_TO_GIVE_BACK:
        return f"it would say that money was given back: do that first, then --died-of {reason}"
    if letter["severity"] != "high":
        return ""
    by_reason = f"--died-of {reason}" if reason in REASONS else "its id"
    return f"money may be wrong: look at it, then discard by {by_reason}"


def _agree(would: Sequence[Outcome], *, options: Namespace) -> None:
    """The question is about what comes of it. Raises NotNow for a no, Fault where nobody can be asked."""
    able = [each for each in would if each.word == _WOULD]
    if options.yes or not able:
        return
    if not sys.stdin.isatty():
        raise Fault("nobody can be asked here, and this ends payments: say --yes, or --dry-run to look first")
    show_summary(would, nothing="", out=sys.stderr)
    if ask(f"{_question(able)} [y/N]").strip().lower() not in ("y", "yes"):
        raise NotNow("nothing was discarded")


def _question(able: Sequence[Outcome]) -> str:
    ended = {each.letter["payment_id"] for each in able if each.comes_to == "end"} - {None}
    noted = sum(each.comes_to == "note" for each in able)
    closed = sum(each.comes_to not in ("end", "note") for each in able)
    parts = [
        f"end {_number(len(ended), 'payment')}" if ended else "",
        f"note {_number(noted, 'sum')} as given back" if noted else "",
        f"close {_number(closed, 'letter')} that no payment waits for" if closed else "",
    ]
    first, *others = filter(None, parts)
    return f"{' and '.join([first.capitalize(), *others])}?"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


async def _each(api: Api, letters: Sequence[Json], *, options: Namespace, dry_run: bool) -> list[Outcome]:
    places = asyncio.Semaphore(_AT_ONCE)
    with Progress("looked at" if dry_run else "discarded", total=len(letters)) as progress:

        async def of_one_payment(own: Sequence[Json]) -> list[Outcome]:
            async with places:
                return [await one(letter) for letter in own]

        async def one(letter: Json) -> Outcome:
            try:
                answer = await asked_for(api, letter["id"], reason=options.reason, dry_run=dry_run)
            except NotNow as fault:
                answer = {"discarded": False, "why": str(fault), "comes_to": "keep", "money": None}
            progress.forward(1)
            return Outcome(
                letter,
                word_of(answer, is_dry=dry_run),
                answer["why"],
                comes_to=answer["comes_to"],
                money=answer["money"],
            )

        payments: dict[str, list[Json]] = {}
        for letter in letters:
            payments.setdefault(letter["payment_id"] or letter["id"], []).append(letter)
        found = await asyncio.gather(*map(of_one_payment, payments.values()))
        return [each for own in found for each in own]


async def asked_for(api: Api, letter_id: str, *, reason: str, dry_run: bool) -> Json:
    """The app's answer to the discard of one letter. Raises Fault, NotNow, NotThere."""
    return await api.post(
        f"{letter_path(letter_id)}/discard", {"reason": reason, **({"dry_run": True} if dry_run else {})}
    )


def word_of(answer: Json, *, is_dry: bool) -> str:
    """An answer, for people."""
    if is_dry:
        return _WOULD if answer["discarded"] else "would stay"
    return "discarded" if answer["discarded"] else "not discarded"


def _reported(outcomes: Sequence[Outcome], options: Namespace) -> int:
    if options.json:
        results = [
            {
                "letter_id": each.letter["id"],
                "outcome": each.word,
                "why": each.why,
                "comes_to": each.comes_to,
                "money": each.money,
            }
            for each in outcomes
        ]
        show_json({"dry_run": options.dry_run, "results": results, "counts": counts(outcomes)})
    else:
        show_summary(outcomes, nothing="nothing to discard: no open dead letter matches")
    return 1 if any(each.word in _TO_DO for each in outcomes) else 0
