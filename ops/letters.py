"""Dead letters: count them, show one, drain the recorder's own queue. Knows no HTTP."""

from argparse import Namespace
from collections.abc import AsyncIterator
from datetime import timedelta

from ops.client import Api, Fault, Json
from ops.output import Progress, age, say, show_body, show_fields, show_json, show_table, show_times
from ops.paths import LETTERS, letter_path, payment_path
from terminal.money import money

PAGE = 200
_CURSOR = ("next_page", "page")
_LOUDEST = ("high", "normal", "low")
_TELLING = ("step", "reason", "code", "notification")
"""What of an event's facts stands in its one line."""
_WOULD = {"replayed": "would send it again", "nothing_to_do": "would do nothing", "cannot": "is not possible"}


def filters(options: Namespace) -> dict[str, str]:
    """The filters of list and replay, by their names in the API."""
    older: timedelta | None = options.older_than
    given = {
        "step": options.step,
        "reason": options.died_of,
        "severity": options.severity,
        "payment_id": options.payment,
        "like": options.like,
        "recorded_from": options.since.isoformat() if options.since else None,
        "older_than_s": f"{older.total_seconds():g}" if older else None,
    }
    return {name: value for name, value in given.items() if value is not None}


async def pages(api: Api, query: dict[str, str], *, limit: int = PAGE) -> AsyncIterator[Json]:
    """The dead letters that the query finds; a page holds at most PAGE."""
    async for page in api.pages(LETTERS, {**query, "limit": str(min(limit, PAGE))}, cursor=_CURSOR):
        yield page


def amount(letter: Json) -> str:
    """What it is about: the payment, or a refund of it. `?`: of a refund whose amount an older letter does not have."""
    known = letter if letter.get("currency") else letter.get("payment") or {}
    of_payment = money(known)
    if letter["step"] != "refund" or not of_payment:
        return of_payment
    refund_minor = letter.get("refund_minor")
    own = money({"amount_minor": refund_minor, "currency": known["currency"]}) if refund_minor else "?"
    return f"{own} of {of_payment}"


def gravity(letter: Json) -> tuple[int, str]:
    """To sort by: the gravest first, of those as grave the oldest."""
    return loudness(letter["severity"]), letter["recorded_at"]


def loudness(severity: str) -> int:
    """The gravest is 0. A word that this command does not know goes before what can wait."""
    return _LOUDEST.index(severity) if severity in _LOUDEST else 1


async def summarize(api: Api, options: Namespace) -> int:
    """1 when any is open."""
    found: list[Json] = []
    with Progress("read") as progress:
        async for page in pages(api, filters(options) | {"status": "open"}):
            found += page["dead_letters"]
            if page["next_page"] is not None:
                progress.forward(len(page["dead_letters"]))
    groups: dict[tuple[str, str, str], list[Json]] = {}
    for letter in found:
        groups.setdefault((letter["severity"], letter["step"], letter["reason"]), []).append(letter)
    rows = [_group(key, groups[key]) for key in sorted(groups, key=lambda key: (loudness(key[0]), key[1:]))]
    if options.json:
        show_json({"groups": rows, "open": len(found)})
    elif not found:
        say(f"no dead letters that are open{' and match these filters' if filters(options) else ''}")
    else:
        show_table([_shown(row) for row in rows])
        say(_whose(found))
    return 1 if found else 0


def _whose(found: list[Json]) -> str:
    payments = len({letter["payment_id"] for letter in found} - {None})
    nobodys = sum(letter["payment_id"] is None for letter in found)
    none = f", {nobodys} of no payment that is known" if nobodys else ""
    return f"{len(found)} open, of {payments} payment{'' if payments == 1 else 's'}{none}"


def _group(key: tuple[str, str, str], letters: list[Json]) -> Json:
    severity, step, reason = key
    times = sorted(letter["recorded_at"] for letter in letters)
    sums: dict[str, int] = {}
    for letter in {each["payment_id"]: each for each in letters if each.get("currency")}.values():
        sums[letter["currency"]] = sums.get(letter["currency"], 0) + letter["amount_minor"]
    return {
        "severity": severity,
        "step": step,
        "reason": reason,
        "letters": len(letters),
        "oldest": times[0],
        "newest": times[-1],
        "payments_worth": [{"amount_minor": each, "currency": currency} for currency, each in sorted(sums.items())],
    }


def _shown(group: Json) -> dict[str, str]:
    return {
        "LETTERS": str(group["letters"]),
        "STEP": group["step"],
        "REASON": group["reason"],
        "SEVERITY": group["severity"],
        "OLDEST": age(group["oldest"]),
        "NEWEST": age(group["newest"]),
        "PAYMENTS WORTH": ", ".join(map(money, group["payments_worth"])) or "-",
    }


async def show_letter(api: Api, options: Namespace) -> int:
    """1 when it is open."""
    letter = await api.get(letter_path(options.letter_id))
    payment_id = letter["payment_id"]
    events, unread = await events_of(api, payment_id) if payment_id else (None, None)
    if options.json:
        show_json({**letter, "events": events, **({"events_unread": unread} if unread else {})})
    else:
        _show(letter, events or [], unread=unread)
    return 1 if letter["status"] == "open" else 0


async def events_of(api: Api, payment_id: str) -> tuple[list[Json] | None, str | None]:
    """The events of a payment, None when there are none; or why they cannot be read."""
    try:
        found = await api.find(f"{payment_path(payment_id)}/events")
    except Fault as fault:  # what else is known is shown all the same
        return None, str(fault)
    return (found["events"] if found else None), None


def _show(letter: Json, events: list[Json], *, unread: str | None) -> None:
    message, would = letter["message"], letter["replay_would"]
    show_fields(
        {
            "dead letter": letter["id"],
            "status": letter["status"],
            "recorded": f"{letter['recorded_at']} ({age(letter['recorded_at'])} ago)",
            "severity": letter["severity"],
            "step": f"{letter['step']} ({letter['source']})",
            "reason": letter["reason"],
            "description": letter["description"],
            "message": f"{message['message_id']} (attempt {message['attempt'] + 1}, "
            f"delivery {message['delivery_count']})",
            "payment": letter["payment_id"],
            "amount": amount(letter),
            "reference": (letter["payment"] or {}).get("reference"),
            "a replay now": f"{_WOULD[would['verdict']]}: {would['why']}" if would else None,
            "events": f"cannot be read ({unread})" if unread else None,
        }
    )
    show_times("events of the payment", [event_words(each) for each in events])
    show_times("attempts", [(each["at"], f"{each['code']}: {each['answer']}") for each in message.get("tries", ())])
    show_times(
        "history", [(each["at"], f"{each['action']} by {each['by']}: {each['note']}") for each in letter["history"]]
    )
    show_body(message["body"])


def event_words(event: Json) -> tuple[str, str]:
    """When an event of a payment occurred, and what it says in one line."""
    named = {name: value for name, value in event["data"].items() if name in _TELLING}
    return event["occurred_at"], " ".join([event["type"], *(f"{name}={value}" for name, value in named.items())])


async def drain_recorder(api: Api, options: Namespace) -> int:
    """0 when the queue is empty. Raises Fault when nothing in it can be recorded."""
    recorded = 0
    with Progress("recorded") as progress:
        while True:
            answer = await api.post(f"{LETTERS}/drain")
            recorded += answer["recorded"]
            progress.forward(answer["recorded"])
            if not answer["more"]:
                break
            if not answer["recorded"]:
                raise Fault("the queue holds messages and none could be recorded: look at the app's log")
    if options.json:
        show_json({"recorded": recorded})
    else:
        say(f"{recorded} dead letters were recorded" if recorded else "nothing was waiting to be recorded")
    return 0
