"""Reconcile: compares the provider's captures with the streams. Changes nothing.

The read model only says where to look: it may lag, and the provider goes on capturing. So each difference is checked in
the payment's stream and at the provider, again and again, and reported if it is still there at the end.
"""

import asyncio
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from ops import payments
from ops.client import Api, Fault, Json
from ops.output import Progress, money, show_json, show_table

AT_A_TIME = 8
_PAGE = 500
_LOOK_AGAIN_S = 1.0


class Kind(StrEnum):
    """What differs."""

    CHARGED_TWICE = "charged_twice"
    CAPTURED_LATE = "captured_late"  # after the payment had failed, and the stream says so
    CHARGED_BUT_FAILED = "charged_but_failed"  # and the stream does not say so
    NOT_RECORDED = "charged_not_recorded"
    NOT_CHARGED = "recorded_not_charged"
    AMOUNT = "amount_differs"
    REFUNDED_NOT_RECORDED = "refunded_not_recorded"
    NOT_REFUNDED = "recorded_not_refunded"


@dataclass(frozen=True, slots=True)
class Side:
    """What the provider or the stream says of a payment. times: how often its money was taken.

    late, second: how often the stream says that it was taken after a failure, or reserved or taken once more.
    given_back: how often a person said of such money that it was given back. refunded_minor: what refunds gave back.
    """

    times: int
    amount_minor: int | None
    currency: str | None
    status: str | None
    late: int = 0
    second: int = 0
    given_back: int = 0
    refunded_minor: int = 0

    @property
    def words(self) -> str:
        taken = f"taken {self.times} times" if self.times > 1 else "taken" if self.times else "not taken"
        refunded = money({"amount_minor": self.refunded_minor, "currency": self.currency})
        back = f"{refunded} given back" if self.refunded_minor else ""
        return " ".join(part for part in (money(asdict(self)), taken, f"({self.status})", back) if part)


_FAILED = frozenset({"failed", "voided"})
NOTHING = Side(0, None, None, "unknown")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not agree."""

    kind: Kind
    payment_id: str
    provider: Side
    stream: Side


def charge_of(charge: Json) -> Side:
    """As the provider lists it."""
    return Side(
        charge["times_charged"],
        charge.get("amount_minor"),
        charge.get("currency"),
        charge.get("status"),
        refunded_minor=charge.get("refunded_minor", 0),
    )


def row_of(row: Json) -> Side:
    """As the read model has it."""
    return Side(
        int(row["settled"]),
        row["amount_minor"],
        row["currency"],
        row["status"],
        refunded_minor=row.get("refunded_minor", 0),
    )


def stream_of(payment: Json, events: Sequence[Json] = ()) -> Side:
    """As the app folds the stream. events: of a payment that may hold more than its state shows."""
    late = sum(event["type"] == "payment.captured_late" for event in events)
    second = [event["data"]["step"] for event in events if event["type"] == "payment.charged_twice"]
    given_back = sum(event["type"] == "payment.seen_to" and "step" not in event["data"] for event in events)
    return Side(
        int("settled" in payment) + late + second.count("settle"),
        payment["amount_minor"],
        payment["currency"],
        payment["status"],
        late=late,
        second=second.count("settle") + second.count("create"),
        given_back=given_back,
        refunded_minor=payment.get("ledger", {}).get("refunded_minor", 0),
    )


def differences(payment_id: str, *, provider: Side, stream: Side) -> Iterator[Difference]:
    """What does not agree, or agrees and has to be given back. Amounts matter only where money was taken."""
    more, is_owed_back = provider.times > stream.times, stream.late + stream.second > stream.given_back
    has_failed = stream.status in _FAILED
    kinds = {
        Kind.CHARGED_TWICE: (more and stream.times > 0)
        or (more and provider.times > 1)
        or (is_owed_back and stream.second > 0),
        Kind.CAPTURED_LATE: is_owed_back and stream.late > 0,
        Kind.CHARGED_BUT_FAILED: has_failed
        and (more or stream.times > stream.late + stream.second + stream.given_back),
        Kind.NOT_RECORDED: more and not stream.times and not has_failed,
        Kind.NOT_CHARGED: provider.times < stream.times,
        Kind.AMOUNT: bool(provider.times and stream.times)
        and (provider.amount_minor, provider.currency) != (stream.amount_minor, stream.currency),
        Kind.REFUNDED_NOT_RECORDED: provider.refunded_minor > stream.refunded_minor,
        Kind.NOT_REFUNDED: provider.refunded_minor < stream.refunded_minor,
    }
    return (Difference(kind, payment_id, provider, stream) for kind, differs in kinds.items() if differs)


async def reconcile(options: Namespace, *, app: Api, provider: Api) -> int:
    """1 when there is a difference."""
    charges = await _charges(provider)
    rows = await _rows(app)
    taken = sum(bool(charge.times) for charge in charges.values())
    suspects = sorted(
        payment_id
        for payment_id in charges.keys() | rows.keys()
        if any(
            differences(
                payment_id,
                provider=charges.get(payment_id, NOTHING),
                stream=rows.get(payment_id, NOTHING),
            )
        )
    )
    found = await _confirmed(suspects, app=app, provider=provider, patience_s=options.patience.total_seconds())
    _report(found, counted={"captures": taken, "recorded": len(rows)}, options=options)
    return 1 if found else 0


async def _charges(provider: Api) -> dict[str, Side]:
    charges: dict[str, Side] = {}
    with Progress("payments read from the provider") as progress:
        async for page in provider.pages("/charges", {"limit": str(_PAGE)}, cursor=("next_after", "after")):
            charges |= {charge["payment_id"]: charge_of(charge) for charge in page["charges"]}
            progress.forward(len(page["charges"]))
    return charges


async def _rows(app: Api) -> dict[str, Side]:
    """Those whose money is recorded as taken."""
    rows: dict[str, Side] = {}
    with Progress("payments read from the read model") as progress:
        async for page in payments.pages(app, {"settled": "true"}):
            if page.get("as_of", "") is None:
                raise Fault("the read model is still being filled: what is missing in it would not be seen yet")
            rows |= {row["id"]: row_of(row) for row in page["payments"]}
            progress.forward(len(page["payments"]))
    return rows


async def _confirmed(suspects: list[str], *, app: Api, provider: Api, patience_s: float) -> list[Difference]:
    """What still differs when the patience is over. What agrees once is not asked about again."""
    until = time.monotonic() + patience_s
    found = await _looked_at(suspects, app=app, provider=provider)
    while found and time.monotonic() < until:
        await asyncio.sleep(min(_LOOK_AGAIN_S, patience_s))
        found = await _looked_at({difference.payment_id for difference in found}, app=app, provider=provider)
    return found


async def _looked_at(payment_ids: Iterable[str], *, app: Api, provider: Api) -> list[Difference]:
    wanted = sorted(payment_ids)
    places = asyncio.Semaphore(AT_A_TIME)
    with Progress("differences looked at", total=len(wanted)) as progress:

        async def look(payment_id: str) -> list[Difference]:
            async with places:
                charge = await provider.find(f"/charges/{quote(payment_id, safe='')}")
                payment = await app.find(payments.path_of(payment_id))
                told = await app.find(f"{payments.path_of(payment_id)}/events")
            progress.forward(1)
            return list(
                differences(
                    payment_id,
                    provider=charge_of(charge) if charge else NOTHING,
                    stream=stream_of(payment, told["events"] if told else ()) if payment else NOTHING,
                )
            )

        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(look(payment_id)) for payment_id in wanted]
    return [difference for look in looks for difference in look.result()]


def _report(found: list[Difference], *, counted: dict[str, int], options: Namespace) -> None:
    if options.json:
        document: dict[str, Any] = {**counted, "differences": [asdict(difference) for difference in found]}
        show_json(document)
        return
    print(f"{counted['captures']} payments captured by the provider, {counted['recorded']} recorded as captured")
    show_table(
        [
            {
                "PAYMENT": difference.payment_id,
                "DIFFERENCE": difference.kind.value,
                "PROVIDER": difference.provider.words,
                "STREAM": difference.stream.words,
            }
            for difference in found
        ]
    )
    print(f"{len(found)} differences" if found else "no difference")
