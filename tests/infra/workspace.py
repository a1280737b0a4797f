"""A workspace of Application Insights in memory: its tables, rows in them, and the queries of infra/ run on these.

Kusto itself is not here: duckdb-kql translates for DuckDB. Knows no alert.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import duckdb_kql
from duckdb_kql import engine

from shared import signals

TABLES = {
    "AppMetrics": "Name VARCHAR, Sum DOUBLE, Max DOUBLE, ItemCount INTEGER",
    "AppTraces": "Message VARCHAR, SeverityLevel INTEGER, ItemCount INTEGER",
    "AppExceptions": "ItemCount INTEGER",
    "AppRequests": "OperationName VARCHAR, ResultCode VARCHAR, Success BOOLEAN, DurationMs DOUBLE, ItemCount INTEGER",
    "Usage": "DataType VARCHAR, Quantity DOUBLE, IsBillable BOOLEAN",
}
"""Those that the queries read, with the columns that they use. TimeGenerated and Properties are in each."""

_DURATION = re.compile(r"PT(\d+)([MH])")


@dataclass(frozen=True)
class Row:
    """minutes_ago: of TimeGenerated."""

    table: str
    minutes_ago: float
    columns: dict[str, Any]
    properties: dict[str, str]


def metric(name: str, minutes_ago: float, *, value: float = 1.0, count: int = 1, **properties: str) -> Row:
    """As the exporter of Azure sends a point: of a histogram, value is the sum. No other point has a maximum."""
    longest = value if name in signals.HISTOGRAMS else None
    columns = {"Name": f"regispay.{name}", "Sum": value, "Max": longest, "ItemCount": count}
    return Row("AppMetrics", minutes_ago, columns, properties)


@dataclass(frozen=True)
class Rule:
    """A query that wakes somebody, as a snapshot has it."""

    resource: dict[str, Any]

    @property
    def window(self) -> timedelta:
        return duration(self.resource["properties"]["windowSize"])

    def fires(self, *rows: Row) -> dict[tuple[str, ...], float]:
        """What is above the threshold, by the values of its dimensions. The query sees its window and no more."""
        (criterion,) = self.resource["properties"]["criteria"]["allOf"]
        within = [row for row in rows if row.minutes_ago * 60 < self.window.total_seconds()]
        names = [dimension["name"] for dimension in criterion["dimensions"]]
        found = run(criterion["query"], *within)
        return {
            tuple(str(each[name]) for name in names): each["value"]
            for each in found
            if each["value"] is not None and each["value"] > criterion["threshold"]
        }


def duration(text: str) -> timedelta:
    """Of ISO 8601, as far as alerts take it."""
    found = _DURATION.fullmatch(text)
    assert found, text
    return timedelta(**{"minutes" if found[2] == "M" else "hours": int(found[1])})


def run(query: str, *rows: Row) -> list[dict[str, Any]]:
    """The rows that the query gives, by its columns."""
    workspace = _workspace()
    now = datetime.now(UTC).replace(tzinfo=None)
    for table in TABLES:
        workspace.sql(f"DELETE FROM {table}")  # noqa: S608 - a constant
    for row in rows:
        values = row.columns | {
            "TimeGenerated": now - timedelta(minutes=row.minutes_ago),
            "Properties": json.dumps(row.properties),
        }
        names, holes = ", ".join(values), ", ".join("?" * len(values))
        workspace.execute(f"INSERT INTO {row.table} ({names}) VALUES ({holes})", list(values.values()))  # noqa: S608
    found = workspace.sql(_translated(query))
    return [dict(zip(found.columns, each, strict=True)) for each in found.fetchall()]


@cache
def _translated(query: str) -> str:
    """For DuckDB, which reads the clock itself whenever it runs."""
    found = duckdb_kql.to_sql(query, schema=engine.schema(_workspace()))
    assert not found.parameters
    return found


@cache
def _workspace() -> Any:
    workspace = duckdb_kql.connect()
    for table, columns in TABLES.items():
        workspace.sql(f"CREATE TABLE {table} (TimeGenerated TIMESTAMP, Properties JSON, {columns})")
    return workspace
