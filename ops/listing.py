"""The list of dead letters, the gravest first, however many there are. Knows no HTTP."""

import sys
from argparse import Namespace

from ops.client import Api, Json
from ops.letters import PAGE, amount, filters, gravity, pages
from ops.output import Progress, age, say, show_json, show_table


async def list_letters(api: Api, options: Namespace) -> int:
    """1 when any that is shown is open."""
    query = filters(options) | ({} if options.status == "any" else {"status": options.status})
    found, more = await _first(api, query, limit=None if options.all else options.limit)
    hidden = 0
    if more:
        found, hidden = await _gravest(api, query, first=found, limit=options.limit)
    found.sort(key=gravity)
    if options.json:
        show_json({"dead_letters": found, "more": more, "high_not_shown": hidden})
    elif options.ids:
        for letter in found:
            say(letter["id"])
    else:
        _show(found, options)
    if more and not options.json:
        grave = f", {hidden} of severity high are not" if hidden else ""
        cut = f"the first {len(found)} are shown{grave}; --all shows every one"
        say(cut, out=sys.stderr if options.ids else None)
    return 1 if any(letter["status"] == "open" for letter in found) else 0


def _show(found: list[Json], options: Namespace) -> None:
    if found:
        show_table([_row(letter, with_status=options.status == "any") for letter in found])
        return
    which = "" if options.status == "any" else f" that are {options.status}"
    matching = " and match these filters" if filters(options) else ""  # a typo must not look like good news
    say(f"no dead letters{which}{matching}")


async def _first(api: Api, query: dict[str, str], *, limit: int | None) -> tuple[list[Json], bool]:
    """At most `limit`, as the app has them, and whether there are more."""
    found: list[Json] = []
    with Progress("read") as progress:
        async for page in pages(api, query, limit=PAGE if limit is None else limit):
            found += page["dead_letters"]
            if limit is not None and len(found) >= limit:
                return found[:limit], len(found) > limit or page["next_page"] is not None
            if page["next_page"] is not None:
                progress.forward(len(page["dead_letters"]))
    return found, False


async def _gravest(api: Api, query: dict[str, str], *, first: list[Json], limit: int) -> tuple[list[Json], int]:
    """The gravest of more than `limit`, the oldest of them first, and how many of severity high there are besides.

    first: those that the app has first. It knows no order by severity, so each is asked for by itself.
    """
    wanted = query.get("severity", "high")
    if wanted != "high":
        return first, 0
    high, _ = await _first(api, {**query, "severity": "high"}, limit=None)
    found = sorted(high, key=gravity)[:limit]
    for severity in () if "severity" in query else ("normal", "low"):
        if len(found) < limit:
            others, _ = await _first(api, {**query, "severity": severity}, limit=limit - len(found))
            found += others
    return found, len(high) - min(len(high), limit)


def _row(letter: Json, *, with_status: bool) -> dict[str, str]:
    return {
        "ID": letter["id"],
        "AGE": age(letter["recorded_at"]),
        "STEP": letter["step"],
        "REASON": letter["reason"],
        **({"STATUS": letter["status"]} if with_status else {}),
        "SEVERITY": letter["severity"],
        "AMOUNT": amount(letter),
        "REFERENCE": letter.get("reference", "-"),
        "PAYMENT": letter["payment_id"] or "-",
        "DESCRIPTION": letter["description"],
    }
