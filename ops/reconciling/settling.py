"""Compares a settlement file with the streams: each payment that it names, and those that it should have named.

A row of the read model holds no references, so each payment of the file is asked for its events, once.
"""

from argparse import Namespace
from collections import defaultdict
from datetime import UTC, datetime

from ops.client import Api, Json
from ops.paths import payment_path
from ops.reconciling.asking import confirmed, settled_rows
from ops.reconciling.differences import Difference
from ops.reconciling.lines import line_differences
from ops.reconciling.movements import Story, told_by
from ops.reconciling.report import Compared
from ops.reconciling.settlement import Line, Period, period_of, read


async def compare(options: Namespace, *, app: Api) -> Compared:
    """Raises Fault; before anything is asked if it is about the file."""
    lines = read(options.settlement)
    period = period_of(lines, since=options.since, until=options.until)
    named: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        named[line.payment_reference].append(line)
    unnamed = [row["id"] async for row in settled_rows(app) if row["id"] not in named and _may_be_in(period, row=row)]

    async def look(payment_id: str) -> list[Difference]:
        story = await _story(payment_id, app=app)
        return list(line_differences(payment_id, lines=named.get(payment_id, ()), story=story, period=period))

    found = await confirmed([*named, *unnamed], look=look, patience=options.patience, older_than=options.older_than)
    covered = [_in_utc(period.since), _in_utc(period.until)]
    return Compared(
        differences=tuple(found),
        counted={"lines": len(lines), "payments": len(named), "since": covered[0], "until": covered[1]},
        words=f"{len(lines)} lines about {len(named)} payments, from {covered[0]} to {covered[1]}",
    )


def _may_be_in(period: Period, *, row: Json) -> bool:
    """Whether its money can have moved in the period: between its first event and its last one."""
    began_at, moved_at = (datetime.fromisoformat(row[name]) for name in ("initiated_at", "moved_at"))
    return began_at < period.until and moved_at >= period.since


async def _story(payment_id: str, *, app: Api) -> Story:
    told = await app.find(f"{payment_path(payment_id)}/events")
    return told_by(told["events"] if told else ())


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
