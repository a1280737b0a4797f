"""The payments of the read model, as a list. Knows no HTTP."""

from argparse import Namespace
from collections.abc import AsyncIterator
from urllib.parse import quote

from ops.client import Api, Json
from ops.output import Progress, age, money, show_json, show_table

PAYMENTS = "/api/ops/payments"
PAGE = 500


def path_of(payment_id: str) -> str:
    """The path of one payment, whosever it is."""
    return f"{PAYMENTS}/{quote(payment_id, safe='')}"


async def pages(api: Api, query: dict[str, str], *, limit: int = PAGE) -> AsyncIterator[Json]:
    """The rows that the query finds; a page holds at most PAGE."""
    async for page in api.pages(PAYMENTS, {**query, "limit": str(min(limit, PAGE))}, cursor=("next_page", "page")):
        yield page


async def list_payments(api: Api, options: Namespace) -> int:
    """Always 0: a list of payments asks for nothing."""
    query = {"settled": "true" if options.settled == "yes" else "false"} if options.settled else {}
    limit = None if options.all else options.limit
    rows: list[Json] = []
    more = False
    with Progress("read") as progress:
        async for page in pages(api, query, limit=limit or PAGE):
            rows += page["payments"]
            more = page["next_page"] is not None
            if limit and len(rows) >= limit:
                break
            if more:
                progress.forward(len(page["payments"]))
    more, rows = more or bool(limit and len(rows) > limit), rows[:limit]
    _show(rows, more=more, options=options)
    return 0


def _show(rows: list[Json], *, more: bool, options: Namespace) -> None:
    if options.json:
        show_json({"payments": rows, "more": more})
        return
    show_table([_row(row) for row in rows])
    if not rows:
        print("no payments")
    if more:
        print(f"the first {len(rows)} are shown; --all shows every one")


def _row(row: Json) -> dict[str, str]:
    return {
        "PAYMENT": row["id"],
        "STATUS": row["status"],
        "OWES": row["owes"] or "-",
        "MOVED": f"{age(row['moved_at'])} ago",
        "AMOUNT": money(row),
        "SWEEPS": str(row["sweeps"]),
        "REFERENCE": row["reference"],
    }
