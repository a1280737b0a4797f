"""One payment whole, or what there is of one whose events cannot be read. Knows no HTTP."""

import re
import shlex
from argparse import Namespace

from ops import letters
from ops.client import Api, Broken, Fault, Json, NotThere
from ops.output import age, say, show_fields, show_json, show_table, show_times
from ops.paths import PAYMENTS, can_be_id, payment_path
from ops.payments import lateness, row_words
from terminal.money import money

_BEGIN = re.compile("[0-9a-fA-F]{8}[0-9a-fA-F-]{0,27}")
"""What an id of a payment may begin with, as it stands on a screen or in a picture."""


async def show_payment(api: Api, options: Namespace) -> int:
    """1 when one of its dead letters is open, when it cannot be read, or when several have the reference: a list."""
    payment_id = options.payment_id
    if not payment_id:
        raise Fault("name a payment by its id, or by the merchant's own reference: this is neither")
    try:
        payment = await api.find(payment_path(payment_id)) if can_be_id(payment_id) else None
        if payment is None:
            found = await api.get(PAYMENTS, {"reference": payment_id, "limit": "50"})
            is_begin = not found["payments"] and _BEGIN.fullmatch(payment_id) is not None
            if is_begin:
                found = await api.get(PAYMENTS, {"payment_id": payment_id.lower(), "limit": "50"})
            if len(found["payments"]) != 1:
                return _none_or_several(found, options, is_begin=is_begin)
            payment_id = found["payments"][0]["id"]
            payment = await api.get(payment_path(payment_id))
        return await _whole(api, payment, options=options)
    except Broken as fault:
        return await _unread(api, payment_id, why=str(fault), options=options)


async def _whole(api: Api, payment: Json, *, options: Namespace) -> int:
    path = payment_path(payment["payment_id"])
    notices = await api.find(f"{path}/notifications") or {"notifications": []}
    told = (await api.get(f"{path}/events"))["events"]
    found = await _letters(api, payment["payment_id"])
    if options.json:
        show_json({**payment, "events": told, "dead_letters": found, **notices})
    else:
        _show_whole(payment, told=told, found=found, notices=notices["notifications"])
    return 1 if any(letter["status"] == "open" for letter in found) else 0


async def _unread(api: Api, payment_id: str, *, why: str, options: Namespace) -> int:
    """What the read model and the dead letters say of it."""
    row = next(iter((await api.get(PAYMENTS, {"payment_id": payment_id.lower(), "limit": "1"}))["payments"]), None)
    found = await _letters(api, payment_id.lower())
    if options.json:
        show_json({"payment_id": payment_id, "row": row, "events": None, "events_unread": why, "dead_letters": found})
        return 1
    known = row or {}
    show_fields(
        {
            "payment": payment_id,
            "events": f"cannot be read ({why})",
            "status": f"{row['status']}, as the read model has it" if row else "not in the read model",
            "owes": known.get("owes"),
            "amount": money(known),
            "reference": known.get("reference"),
            "merchant": known.get("merchant_id"),
            "moved": f"{row['moved_at']} ({age(row['moved_at'])} ago)" if row else None,
        }
    )
    _show_letters(found)
    return 1


async def _letters(api: Api, payment_id: str) -> list[Json]:
    pages = letters.pages(api, {"payment_id": payment_id})
    return [letter async for page in pages for letter in page["dead_letters"]]


def _show_letters(found: list[Json]) -> None:
    show_times(
        "dead letters",
        [(each["recorded_at"], f"{each['id']} {each['status']}: {each['step']} {each['reason']}") for each in found],
    )


def _none_or_several(found: Json, options: Namespace, *, is_begin: bool) -> int:
    """Raises NotThere for none. is_begin: none has the reference, and these have ids that begin like it."""
    rows, more, late = found["payments"], found["next_page"] is not None, lateness(found["as_of"])
    if not rows:
        nothing = f"no payment has the id or the reference {options.payment_id}"
        raise NotThere(f"{nothing}; {late}" if late else nothing)
    if options.json:
        show_json({"payments": rows, "more": more, "as_of": found["as_of"]})
        return 1
    show_table([row_words(row, with_merchant=True) for row in rows])
    number = f"the first {len(rows)} of more" if more else str(len(rows))
    if is_begin:
        say(f"the ids of {number} payments begin like this: give more of it")
        return 1
    say(f"{number} payments have this reference: name one by its id")
    if more:
        say(f"every one: payments --reference {shlex.quote(options.payment_id)} --all")
    if late:
        say(late)
    return 1


def _notice(notice: Json) -> tuple[str, str]:
    tries = notice["attempts"]
    last = tries[-1] if tries else None
    answer = f", last {last.get('status_code') or last.get('failure')} at {last['at'][:19]}Z" if last else ""
    return notice["occurred_at"], f"{notice['type']} {notice['state']}: {len(tries)} attempts{answer}"


def _show_whole(payment: Json, *, told: list[Json], found: list[Json], notices: list[Json]) -> None:
    failed = payment.get("failed") or {}
    show_fields(
        {
            "payment": payment["payment_id"],
            "status": payment["status"],
            "failed": " ".join(filter(None, (failed.get("reason"), failed.get("code")))),
            "amount": money(payment),
            "of it": _went_back(payment["ledger"], currency=payment["currency"]),
            "reference": payment["reference"],
            "merchant": payment["merchant_id"],
            "initiated": f"{payment['initiated_at']} ({age(payment['initiated_at'])} ago)",
        }
    )
    show_times("waiting", [_waiting(wait) for wait in payment.get("waiting", ())])
    show_times("refunds", [_refund(each, currency=payment["currency"]) for each in payment.get("refunds", ())])
    show_times("disputes", [_dispute(each, currency=payment["currency"]) for each in payment.get("disputes", ())])
    show_times("notifications", [_notice(each) for each in notices])
    show_times("events", [letters.event_words(event) for event in told])
    _show_letters(found)


def _waiting(wait: Json) -> tuple[str, str]:
    return wait["since"], " ".join(filter(None, (wait["step"], wait["state"], wait.get("reason"))))


def _went_back(ledger: Json, *, currency: str) -> str:
    """Empty while all of it is as it was taken."""
    parts = {"refunded": "given back", "refunding": "being given back", "disputed": "taken back by banks"}
    moved = {words: ledger[f"{name}_minor"] for name, words in parts.items() if ledger[f"{name}_minor"]}
    amounts = {**moved, "left": ledger["net_minor"]} if moved else {}
    return ", ".join(
        f"{money({'amount_minor': each, 'currency': currency})} {words}" for words, each in amounts.items()
    )


def _refund(refund: Json, *, currency: str) -> tuple[str, str]:
    code = (refund.get("failed") or {}).get("code")
    words = (money({**refund, "currency": currency}), refund["status"], code, refund["refund_id"])
    return refund["requested_at"], " ".join(filter(None, words))


def _dispute(dispute: Json, *, currency: str) -> tuple[str, str]:
    words = (money({**dispute, "currency": currency}), dispute["status"], dispute["code"], dispute["dispute_id"])
    return dispute["opened_at"], " ".join(words)
