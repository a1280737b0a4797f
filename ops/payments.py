"""The payments of the read model as a list, and one payment whole. Knows no HTTP."""

from argparse import Namespace
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from ops import letters
from ops.client import Api, Json, NotThere
from ops.output import Progress, age, say, show_fields, show_json, show_table, show_times
from ops.paths import PAYMENTS, payment_path
from terminal.money import money

PAGE = 500
_BEHIND_S = 60.0
"""A list that is older than this says so; the app measures once a minute."""


async def pages(api: Api, query: dict[str, str], *, limit: int = PAGE) -> AsyncIterator[Json]:
    """The rows that the query finds, newest first; a page holds at most PAGE."""
    async for page in api.pages(PAYMENTS, {**query, "limit": str(min(limit, PAGE))}, cursor=("next_page", "page")):
        yield page


def filters(options: Namespace) -> dict[str, str]:
    """The filters of the list, by their names in the API."""
    settled = {"yes": "true", "no": "false", None: None}[options.settled]
    since = options.since.isoformat() if options.since else None
    given = {
        "status": options.status,
        "reference": options.reference,
        "owes": options.owes,
        "settled": settled,
        "initiated_from": since,
    }
    return {name: value for name, value in given.items() if value is not None}


async def list_payments(api: Api, options: Namespace) -> int:
    """Always 0: a list of payments asks for nothing."""
    limit = None if options.all else options.limit
    rows: list[Json] = []
    more, as_of = False, None
    with Progress("read") as progress:
        async for page in pages(api, filters(options), limit=limit or PAGE):
            rows += page["payments"]
            more, as_of = page["next_page"] is not None, page["as_of"]
            if limit and len(rows) >= limit:
                break
            if more:
                progress.forward(len(page["payments"]))
    more, rows = more or bool(limit and len(rows) > limit), rows[:limit]
    _show(rows, more=more, as_of=as_of, options=options)
    return 0


def _show(rows: list[Json], *, more: bool, as_of: str | None, options: Namespace) -> None:
    if options.json:
        show_json({"payments": rows, "more": more, "as_of": as_of})
        return
    has_several = len({row["merchant_id"] for row in rows}) > 1
    show_table([_row(row, with_merchant=has_several) for row in rows])
    if not rows:
        say("no payments match these filters" if filters(options) else "no payments")
    if more:
        say(f"the first {len(rows)} are shown; --all shows every one")
    if as_of is None:
        say("the read model is being filled: this is not all that there is")
    elif (datetime.now(UTC) - datetime.fromisoformat(as_of)).total_seconds() > _BEHIND_S:
        say(f"the read model is behind: this is whole as of {age(as_of)} ago")


def _row(row: Json, *, with_merchant: bool) -> dict[str, str]:
    return {
        "PAYMENT": row["id"],
        "STATUS": row["status"],
        "OWES": row["owes"] or "-",
        "BEGAN": f"{age(row['initiated_at'])} ago",
        "MOVED": f"{age(row['moved_at'])} ago",
        "AMOUNT": money(row),
        **({"MERCHANT": row["merchant_id"] or "-"} if with_merchant else {}),
        "REFERENCE": row["reference"],
    }


async def show_payment(api: Api, options: Namespace) -> int:
    """1 when one of its dead letters is open, or when several payments have the reference: they are listed."""
    payment = await api.find(payment_path(options.payment_id))
    if payment is None:
        rows = (await api.get(PAYMENTS, {"reference": options.payment_id, "limit": "50"}))["payments"]
        if len(rows) != 1:
            return _none_or_several(rows, options)
        payment = await api.get(payment_path(rows[0]["id"]))
    path = payment_path(payment["payment_id"])
    notices = await api.find(f"{path}/notifications") or {"notifications": []}
    told = (await api.get(f"{path}/events"))["events"]
    found: list[Json] = []
    async for page in letters.pages(api, {"payment_id": payment["payment_id"]}):
        found += page["dead_letters"]
    if options.json:
        show_json({**payment, "events": told, "dead_letters": found, **notices})
    else:
        _show_whole(payment, told=told, found=found, notices=notices["notifications"])
    return 1 if any(letter["status"] == "open" for letter in found) else 0


def _none_or_several(rows: list[Json], options: Namespace) -> int:
    """Raises NotThere when no payment has the reference."""
    if not rows:
        raise NotThere(f"no payment has the id or the reference {options.payment_id}")
    if options.json:
        show_json({"payments": rows})
        return 1
    show_table([_row(row, with_merchant=True) for row in rows])
    say(f"{len(rows)} payments have this reference: name one by its id")
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
    show_times(
        "dead letters",
        [(each["recorded_at"], f"{each['id']} {each['status']}: {each['step']} {each['reason']}") for each in found],
    )


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
