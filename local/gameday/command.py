"""`python -m local gameday`: a platform of its own, all scenarios, one report. Knows the command line only."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import aiohttp

from local.datafolder import FolderUnusable, owned, reset
from local.foreground import until_told_to_stop
from local.gameday.day import Day, Outcome, play
from local.gameday.faults import SCENARIOS, Field, Scenario
from local.gameday.judge import findings
from local.gameday.report import report
from local.gameday.shop import NotAnswered, Shop
from local.processes import NotReady, ServiceDied
from local.steering import steered
from local.supervisor import running_platform
from terminal.text import printable

QUICK = {
    "FRESH_S": "4",
    "SWEEP_SCHEDULE": "*/5 * * * * *",
    "SWEEP_MARGIN_S": "1",
}
"""A laptop's day has minutes: what stands still is looked for every 5 s, and after seconds instead of an hour."""
WITHOUT_SWEEP = {"AzureWebJobs.sweep_payments.Disabled": "true"}
_LIMIT = aiohttp.ClientTimeout(total=10)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when nothing was lost or done twice and all was in time, 1 when not, 2 when it cannot begin."""
    words = "Hurts a platform of its own, one fault after another, and measures what becomes of its payments."
    parser = argparse.ArgumentParser(prog="python -m local gameday", description=words)
    parser.add_argument("--data", type=Path, default=Path(".local/gameday"), help="forgotten first (%(default)s)")
    parser.add_argument("--report", type=Path, help="the HTML page; else gameday.html in the data folder")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--only", choices=names, action="append", help="this scenario; may be given more than once")
    parser.add_argument("--without-sweep", action="store_true", help="to see the day fail: what stands still stays so")
    given = parser.parse_args(arguments)
    chosen = [scenario for scenario in SCENARIOS if not given.only or scenario.name in given.only]
    page: Path = given.report or given.data / "gameday.html"
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.touch()
        page.unlink()  # an old one beside a day that was broken off would be taken for its own
    except OSError as fault:
        print(f"{page} cannot be written ({fault.strerror}): choose another with --report", file=sys.stderr)
        return 2
    try:
        return asyncio.run(until_told_to_stop(_told(given.data, chosen, page=page, has_sweep=not given.without_sweep)))
    except (FolderUnusable, ServiceDied, NotReady) as fault:
        print(printable(str(fault)), file=sys.stderr)
        return 2


async def _day(data: Path, scenarios: Sequence[Scenario], *, has_sweep: bool) -> Day:
    with owned(data):
        reset(data)
    began = datetime.now(UTC)
    run = partial(running_platform, data=data)
    environment = QUICK if has_sweep else QUICK | WITHOUT_SWEEP
    async with (
        steered(run, environment=environment) as keeper,
        aiohttp.ClientSession(timeout=_LIMIT, connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        shop = Shop(http, keeper.platform.url, keeper.platform.provider_url)
        outcomes = []
        for scenario in scenarios:
            print(f"{scenario.name}: {scenario.title} ...", flush=True)
            outcomes.append(await play(scenario, field=Field(http, keeper), shop=shop))
            print(_line(outcomes[-1]), flush=True)
        found = [each for outcome in outcomes for each in outcome.findings()]
        found += await _judged(shop)
    return Day(began, outcomes, findings=found, payments=len(shop.ordered))


async def _judged(shop: Shop) -> list[str]:
    """What cannot be judged is a finding too."""
    try:
        return await findings(shop)
    except (NotAnswered, aiohttp.ClientError, TimeoutError) as fault:
        return [f"the day could not be judged: {fault!r}"]


async def _told(data: Path, scenarios: Sequence[Scenario], *, page: Path, has_sweep: bool) -> int:
    """The exit code."""
    day = await _day(data, scenarios, has_sweep=has_sweep)
    page.write_text(report(day))  # noqa: ASYNC240 - the day is over
    for each in day.findings:
        print(printable(f"found: {each}"), file=sys.stderr)
    print(f"{day.payments} payments, {len(day.findings)} findings; the report: {page}")
    return 1 if day.findings else 0


def _line(outcome: Outcome) -> str:
    seen, well = outcome.seen_after_s, outcome.well_after_s
    sign = f"seen after {seen:.1f} s ({outcome.first_sign})" if seen is not None else "never seen"
    return f"  {outcome.payments} payments, {sign}, {'never well' if well is None else f'well after {well:.1f} s'}"
