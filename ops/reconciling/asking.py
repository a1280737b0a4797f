"""Asks for many payments at a time, and again while there are differences. Knows not what is compared."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

from ops import payments
from ops.client import Api, Fault, Json
from ops.output import Progress
from ops.reconciling.differences import Difference, found

AT_A_TIME = 8
LOOK_AGAIN_S = 1.0
_STRIDE = 100
"""So many payments are one step of the progress."""

type Look = Callable[[str], Awaitable[list[Difference]]]


async def confirmed(
    payment_ids: Iterable[str], *, look: Look, patience: timedelta, older_than: timedelta
) -> list[Difference]:
    """What still differs when the patience is over. What agrees once is not asked about again."""
    until = time.monotonic() + patience.total_seconds()
    differences = await _looked_at(sorted(payment_ids), look=look)
    while time.monotonic() < until:
        listed = found(differences, older_than=older_than, now=datetime.now(UTC)).listed
        again = {each.payment_id for each in listed}
        if not again:
            break
        await asyncio.sleep(min(LOOK_AGAIN_S, patience.total_seconds()))
        kept = [each for each in differences if each.payment_id not in again]
        differences = kept + await _looked_at(sorted(again), look=look)
    return differences


async def _looked_at(payment_ids: list[str], *, look: Look) -> list[Difference]:
    """A few at a time. What is still to do is a list of ids, however many there are."""
    differences: list[Difference] = []
    left, done = iter(payment_ids), 0
    with Progress("payments looked at", total=len(payment_ids)) as progress:

        async def work() -> None:
            nonlocal done
            for payment_id in left:
                differences.extend(await look(payment_id))
                done += 1
                if done % _STRIDE == 0:
                    progress.forward(_STRIDE)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_A_TIME):
                group.create_task(work())
        progress.forward(done % _STRIDE)
    return differences


async def settled_rows(app: Api) -> AsyncIterator[Json]:
    """The rows of the read model whose money is recorded as taken. Raises Fault while it is not whole."""
    with Progress("payments read from the read model") as progress:
        async for page in payments.pages(app, {"settled": "true"}):
            if page.get("as_of", "") is None:
                raise Fault("the read model is still being filled: what is missing in it would not be seen yet")
            for row in page["payments"]:
                yield row
            progress.forward(len(page["payments"]))
