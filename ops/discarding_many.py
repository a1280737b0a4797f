"""Discard every dead letter that a filter finds, after it was said what would happen. Knows no HTTP.

Money and letters of high severity are no by-catch: a discard that notes money as given back, or ends what nobody has
looked at, has to be asked for by the reason.
"""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Sequence

from ops.client import Api, Fault, Json, NotNow, fault_of
from ops.letters import filters, pages
from ops.many import NOT_BEGUN, NOT_KNOWN, Account, Outcome, counts, show_fault, show_summary
from ops.output import Progress, ask, show_json
from ops.paths import letter_path
from ops.words import MONEY_TO_GIVE_BACK, REASONS

_AT_ONCE = 8
_WOULD, _LEFT_OUT = "would be discarded", "left out"
_TO_DO = frozenset({_WOULD, _LEFT_OUT, "would stay", "not discarded", NOT_BEGUN, NOT_KNOWN})
"""Words after which something is left to do."""


async def discard_all(api: Api, options: Namespace) -> int:
    """Looks at each first. Payments go side by side, the letters of one payment one after another.

    1 when something is left to do, 2 after a fault; what was done until then is said all the same, also after Ctrl-C.
    Raises Fault for a wish that may be a mistake, NotNow for a no.
    """
    _check(options)
    letters = [
        letter async for page in pages(api, {**filters(options), "status": "open"}) for letter in page["dead_letters"]
    ]
    left = [Outcome(each, _LEFT_OUT, why) for each in letters if (why := _why_left_out(each, options))]
    looked = Account([each for each in letters if not _why_left_out(each, options)])
    done = Account([])
    try:
        await _each(api, looked, options=options, dry_run=True)
        if not options.dry_run and looked.fault is None:
            _agree([*looked.outcomes, *left], options=options)
            done = Account([each.letter for each in looked.outcomes if each.word == _WOULD])
            await _each(api, done, options=options, dry_run=False)
    except asyncio.CancelledError:  # Ctrl-C
        _reported(done, looked, left=left, options=options)
        raise
    code = _reported(done, looked, left=left, options=options)
    return show_fault(looked.fault or done.fault) or code


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


async def _each(api: Api, account: Account, *, options: Namespace, dry_run: bool) -> None:
    """After one that failed no other is begun."""
    places = asyncio.Semaphore(_AT_ONCE)
    payments: dict[str, list[Json]] = {}
    for letter in account.letters:
        payments.setdefault(letter["payment_id"] or letter["id"], []).append(letter)
    with Progress("looked at" if dry_run else "discarded", total=len(account.letters)) as progress:

        async def of_one_payment(own: Sequence[Json]) -> None:
            async with places:
                for letter in own:
                    if account.fault is None:
                        await _one(api, letter, account=account, options=options, dry_run=dry_run)
                        progress.forward(1)

        async with asyncio.TaskGroup() as group:
            for own in payments.values():
                group.create_task(of_one_payment(own))


async def _one(api: Api, letter: Json, *, account: Account, options: Namespace, dry_run: bool) -> None:
    if not dry_run:
        account.begin([letter])
    try:
        answer = await asked_for(api, letter["id"], reason=options.reason, dry_run=dry_run)
        word = word_of(answer, is_dry=dry_run)
        account.note(Outcome(letter, word, answer["why"], comes_to=answer["comes_to"], money=answer["money"]))
    except NotNow as fault:
        account.note(Outcome(letter, word_of({"discarded": False}, is_dry=dry_run), str(fault), comes_to="keep"))
    except Exception as exc:  # noqa: BLE001 - whatever it is, what was done before it must be told
        account.fail([letter], fault_of(exc))


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


def _reported(done: Account, looked: Account, *, left: Sequence[Outcome], options: Namespace) -> int:
    is_done = {each["id"] for each in done.letters}
    outcomes = [*done.outcomes, *(each for each in looked.outcomes if each.letter["id"] not in is_done), *left]
    if options.json:
        show_json({"dry_run": options.dry_run, "results": list(map(_as_json, outcomes)), "counts": counts(outcomes)})
    else:
        show_summary(outcomes, nothing="nothing to discard: no open dead letter matches")
    return 1 if any(each.word in _TO_DO and each.comes_to != "nothing" for each in outcomes) else 0


def _as_json(outcome: Outcome) -> Json:
    return {
        "letter_id": outcome.letter["id"],
        "outcome": outcome.word,
        "why": outcome.why,
        "comes_to": outcome.comes_to,
        "money": outcome.money,
    }
