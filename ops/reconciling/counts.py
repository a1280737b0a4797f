"""Compares the sums of each payment: the provider's list, the read model, and where they differ the stream.

The read model only says where to look: it may lag, and the provider goes on capturing.
"""

from argparse import Namespace
from urllib.parse import quote

from ops.client import Api
from ops.output import Progress
from ops.paths import payment_path
from ops.reconciling.asking import confirmed, settled_rows
from ops.reconciling.differences import Difference
from ops.reconciling.report import Compared
from ops.reconciling.sides import NOTHING, Side, charge_of, differences, row_of, stream_of

_PAGE = 500


async def compare(options: Namespace, *, app: Api, provider: Api) -> Compared:
    """Raises Fault."""
    charges = await _charges(provider)
    rows = {row["id"]: row_of(row) async for row in settled_rows(app)}
    suspects = [each for each in charges.keys() | rows.keys() if _is_suspect(each, charges=charges, rows=rows)]

    async def look(payment_id: str) -> list[Difference]:
        return await _look(payment_id, app=app, provider=provider)

    found = await confirmed(suspects, look=look, patience=options.patience, older_than=options.older_than)
    captures = sum(bool(charge.times) for charge in charges.values())
    return Compared(
        differences=tuple(found),
        counted={"captures": captures, "recorded": len(rows)},
        words=f"{captures} payments captured by the provider, {len(rows)} recorded as captured",
    )


async def _charges(provider: Api) -> dict[str, Side]:
    charges: dict[str, Side] = {}
    with Progress("payments read from the provider") as progress:
        async for page in provider.pages("/charges", {"limit": str(_PAGE)}, cursor=("next_after", "after")):
            charges |= {charge["payment_id"]: charge_of(charge) for charge in page["charges"]}
            progress.forward(len(page["charges"]))
    return charges


def _is_suspect(payment_id: str, *, charges: dict[str, Side], rows: dict[str, Side]) -> bool:
    """Disputes are looked at in any case: they are few, and a row may be wrong in the way in which the provider is."""
    provider, stream = charges.get(payment_id, NOTHING), rows.get(payment_id, NOTHING)
    is_disputed = bool(provider.disputed_minor or stream.disputed_minor)
    return is_disputed or any(differences(payment_id, provider=provider, stream=stream))


async def _look(payment_id: str, *, app: Api, provider: Api) -> list[Difference]:
    charge = await provider.find(f"/charges/{quote(payment_id, safe='')}")
    payment = await app.find(payment_path(payment_id))
    told = await app.find(f"{payment_path(payment_id)}/events")
    stream = stream_of(payment, told["events"] if told else ()) if payment else NOTHING
    return list(differences(payment_id, provider=charge_of(charge) if charge else NOTHING, stream=stream))
