"""The payments of the read model as a list. Knows no HTTP."""

from argparse import Namespace
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from ops.client import Api, Json
from ops.output import Progress, age, say, show_json, show_table
from ops.paths import PAYMENTS
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
    show_table([row_words(row, with_merchant=has_several) for row in rows])
    if not rows:
        say("no payments match these filters" if filters(options) else "no payments")
    if more:
        say(f"the first {len(rows)} are shown; --all shows every one")
    if late := lateness(as_of):
        say(late)


def lateness(as_of: str | None) -> str:
    """Why a list may lack payments; empty when it does not."""
    if as_of is None:
        return "the read model is being filled: this is not all that there is"
    if (datetime.now(UTC) - datetime.fromisoformat(as_of)).total_seconds() > _BEHIND_S:
        return f"the read model is behind: this is whole as of {age(as_of)} ago"
    return ""


def row_words(row: Json, *, with_merchant: bool) -> dict[str, str]:
    """A row for people."""
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
