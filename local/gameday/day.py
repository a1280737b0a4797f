"""Runs the scenarios one after another on a platform, and measures how long each was not seen and not over.

Knows no fault and no page.
"""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from local.gameday.faults import Field, Scenario
from local.gameday.shop import EVERY_S, NotAnswered, Shop
from local.gameday.watch import Look, Watch

BEFORE_S = 3.0
"""Payments that are under way when the fault comes."""


@dataclass(slots=True)
class Outcome:
    """What became of one scenario; times in seconds since it began, None where it never came."""

    scenario: Scenario
    hurt_at_s: float
    healed_at_s: float
    seen_at_s: float | None = None
    first_sign: str | None = None
    well_at_s: float | None = None
    payments: int = 0
    troubles: list[str] = field(default_factory=list)
    """What kept the day itself from being played as it is written."""
    looks: list[Look] = field(default_factory=list)

    @property
    def seen_after_s(self) -> float | None:
        return None if self.seen_at_s is None else self.seen_at_s - self.hurt_at_s

    @property
    def well_after_s(self) -> float | None:
        return None if self.well_at_s is None else self.well_at_s - self.healed_at_s

    def findings(self) -> list[str]:
        """What was not in time, and what was not tried at all."""
        name, limits = self.scenario.name, self.scenario
        seen, well = self.seen_after_s, self.well_after_s
        found = [f"{name}: {trouble}" for trouble in self.troubles]
        if not self.payments:
            found.append(f"{name}: no order was accepted, so nothing was tried")
        if seen is None or seen > limits.seen_within_s:
            found.append(f"{name}: seen {_after(seen)}, and not within {limits.seen_within_s:g} s")
        if well is None or well > limits.well_within_s:
            found.append(f"{name}: all was well {_after(well)}, and not within {limits.well_within_s:g} s")
        return found


@dataclass(frozen=True, slots=True)
class Day:
    """All of it. findings: what must not be; without any the day was good. payments: how many were accepted."""

    began: datetime
    outcomes: Sequence[Outcome]
    findings: Sequence[str]
    payments: int


def _after(seconds: float | None) -> str:
    return "never" if seconds is None else f"after {seconds:.1f} s"


async def play(scenario: Scenario, *, field: Field, shop: Shop) -> Outcome:
    """Hurts, heals, looks, and plays the operator when it is over. Returns when all is well or past its limit."""
    watch = Watch(shop, scenario.name)
    ordering = asyncio.create_task(shop.order_all_the_time(scenario.name))
    try:
        outcome = await _played(scenario, field=field, watch=watch, ordering=ordering)
    finally:
        await _ended(ordering)
    outcome.payments, outcome.looks = len(shop.of(scenario.name)), watch.looks
    if not ordering.cancelled() and (fault := ordering.exception()):
        outcome.troubles.append(f"the merchant could not order: {fault!r}")
    outcome.seen_at_s, outcome.first_sign = _first_new_sign(watch.looks, hurt_at_s=outcome.hurt_at_s)
    return outcome


async def _played(scenario: Scenario, *, field: Field, watch: Watch, ordering: asyncio.Task[None]) -> Outcome:
    await _looking(watch, BEFORE_S)
    hurt_at_s = watch.now_s()
    async with asyncio.TaskGroup() as hurting:
        hurt = hurting.create_task(_tried(scenario.hurts(field)))
        while not hurt.done():
            await _looking(watch, EVERY_S)
    await _looking(watch, scenario.hold_s)
    ordering.cancel()
    healed = await _tried(scenario.heals(field))
    outcome = Outcome(scenario, hurt_at_s, watch.now_s(), troubles=[*hurt.result(), *healed])
    outcome.well_at_s = await _until_well(watch, ordering, limit_s=scenario.well_within_s)
    return outcome


def _first_new_sign(looks: Sequence[Look], *, hurt_at_s: float) -> tuple[float | None, str | None]:
    """When, and which. What was to be seen before the fault is none of it, such as letters of the one before."""
    old = next((set(look.signs) for look in reversed(looks) if look.at_s <= hurt_at_s), set())
    new = ((look.at_s, sign) for look in looks if look.at_s > hurt_at_s for sign in look.signs if sign not in old)
    return next(new, (None, None))


async def _tried(doing: Coroutine[None, None, None]) -> list[str]:
    """Why it could not be done. Whatever that is, it is a finding, and no reason to lose the rest of the day."""
    try:
        await doing
    except Exception as fault:  # noqa: BLE001 - see above
        return [f"it could not be done: {fault!r}"]
    return []


async def _looking(watch: Watch, duration_s: float) -> None:
    until_s = time.monotonic() + duration_s
    while time.monotonic() < until_s:
        await watch.look()
        await asyncio.sleep(max(0.0, min(EVERY_S, until_s - time.monotonic())))


async def _until_well(watch: Watch, ordering: asyncio.Task[None], *, limit_s: float) -> float | None:
    """When all orders were accepted, nothing was under way and nothing wrong; None when that did not come in time.

    It is waited for a little beyond the limit, so that the report can say by how much.
    """
    until_s = watch.now_s() + 1.5 * limit_s
    while watch.now_s() < until_s:
        look = await watch.look()
        if ordering.done() and not look.under_way and not look.signs:
            return look.at_s
        with contextlib.suppress(NotAnswered):
            await watch.shop.look_after(look.letters)
        await asyncio.sleep(EVERY_S)
    return None


async def _ended(ordering: asyncio.Task[None]) -> None:
    """Those orders that nobody has taken until now are given up."""
    ordering.cancel()
    await asyncio.wait([ordering], timeout=5)
