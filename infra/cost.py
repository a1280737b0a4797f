"""Works out the cost tables of the documents from prices.py and from what the committed snapshots make.

`python infra/cost.py` compares them with what stands in the documents between `<!-- cost: NAME -->` and
`<!-- /cost -->`; with `--write` it writes them there. Imports nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.cost_model import (
    GROUPS,
    LEAST_IN_ZONES,
    Made,
    at_rest,
    both,
    logged_at_rest_gb,
    logged_gb,
    per_million,
    polled_gb,
    price,
    quantity,
    total,
)
from infra.prices import HOURS, MILLION, PRICES, QUANTITIES, SECONDS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("docs/deploy.md", "docs/scale.md")
HOW = "python infra/cost.py --write"

_TABLE = re.compile(r"(<!-- cost: ([\w ]+) -->\n)(.*?)(<!-- /cost -->)", re.DOTALL)
type Row = tuple[str, ...]


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}" if amount < 100 else f"{amount:,.0f}"


def _span(pair: tuple[Decimal, Decimal]) -> str:
    return _money(pair[0]) if pair[0] == pair[1] else f"{_money(pair[0])} to {_money(pair[1])}"


def rest_table(made: Mapping[str, Made]) -> list[Row]:
    columns = [at_rest(made["dev"]), at_rest(made["prod"]), at_rest(made["prod"].with_a_plan_in_zones())]
    rows = [(what, *(_money(column[what]) for column in columns)) for what in columns[0]]
    together = [f"**{_money(sum(column.values(), Decimal()))}**" for column in columns]
    return [("a month, no payment", "dev", "prod", "prod, planZoneRedundant"), *rows, ("**together**", *together)]


def payments_table(_: Mapping[str, Made]) -> list[Row]:
    busy, slow = per_million(busy=True), per_million(busy=False)
    rows = [(what, _span(busy[what]), _span(slow[what])) for what in busy]
    together = (f"**{_span(total(busy))}**", f"**{_span(total(slow))}**")
    return [("a million payments", "busy", "low traffic, 512 MB"), *rows, ("**together**", *together)]


def telemetry_table(made: Mapping[str, Made]) -> list[Row]:
    """What sampling and the way of polling come to, in a month."""
    environments = {
        "dev": made["dev"],
        "prod": made["prod"],
        "prod, planZoneRedundant": made["prod"].with_a_plan_in_zones(),
    }
    rows = [(f"at rest, {name}", logged_at_rest_gb(each)) for name, each in environments.items()]
    rows += [("the feeds' polls, if they were HTTP calls (Gateway)", polled_gb())]
    for payments, ratio in product((Decimal(100_000), MILLION), (Decimal(1), Decimal("0.1"))):
        rows += [(f"{payments:,} payments, ratio {ratio}", logged_gb(payments, ratio=ratio))]
    return [("a month", "GB", "dollars"), *((what, f"{gb:.1f}", _money(gb * price("log"))) for what, gb in rows)]


def switches_table(made: Mapping[str, Made]) -> list[Row]:
    """What a month of the dearer switches adds."""
    closed = made["closed"]
    endpoints = len(closed.all("Microsoft.Network/privateEndpoints"))
    zones = len(closed.all("Microsoft.Network/privateDnsZones"))
    address = (price("NAT gateway") + price("public address")) * HOURS
    private = (
        closed.bus - made["dev"].bus + endpoints * price("private endpoint") * HOURS + zones * price("private zone")
    )
    ready = closed.instance_gb * SECONDS * price("GB-s ready, idle")
    prod, in_zones = (sum(at_rest(each).values()) for each in (made["prod"], made["prod"].with_a_plan_in_zones()))
    groups = f"in prod: {LEAST_IN_ZONES} instances of each of {len(GROUPS)} groups, and what they tell (A)"
    return [
        ("switch", "what it adds", "dollars a month"),
        ("fixedEgress", f"a NAT gateway and its address; {PRICES['NAT data']} per GB beside", _money(address)),
        (
            "privateNetworking",
            f"the same, a Premium unit instead of Standard, {endpoints} endpoints, {zones} zones (A)",
            _money(private + address),
        ),
        ("alwaysReady", "each instance of 512 MB, idle", _money(ready)),
        ("planZoneRedundant", groups, _money(Decimal(in_zones - prod))),
    ]


def thousand_table(_: Mapping[str, Made]) -> list[Row]:
    """A month at 1,000 payments a second."""
    payments = 1000 * SECONDS
    store = 1000 * quantity("RU busy") / quantity("partitions' use") / 100 * price("RU/s") * HOURS
    runs = [
        payments / MILLION * quantity(name) * price("execution")
        for name in ("executions merged", "executions busy, least")
    ]
    costs = {
        "Cosmos DB, provisioned": both(store),
        f"bus, {QUANTITIES['bus units']} Premium units": both(quantity("bus units") * price("bus premium") * HOURS),
        "instances (A)": both(quantity("GB in use") * SECONDS * price("GB-s")),
        "executions": (runs[0], runs[1]),
    }
    beside = {
        "stored events of 30 days": quantity("GB stored") * price("stored events"),
        "telemetry, one trace in a hundred (A)": logged_gb(payments, ratio=Decimal("0.01")) * price("log"),
    }
    low, high = total(costs)
    each = f"**{_span((low / payments * MILLION, high / payments * MILLION))}**"
    return [
        ("1,000 payments a second", "dollars a month"),
        *((what, _span(cost)) for what, cost in costs.items()),
        ("**together, per million payments**", each),
        *((f"beside: {what}", _money(cost)) for what, cost in beside.items()),
    ]


def latency_table(_: Mapping[str, Made]) -> list[Row]:
    """What a month of being quick costs while nothing happens."""
    polls = [
        (ms, quantity("RU of an empty poll") * 1000 / ms * SECONDS / MILLION * price("RU serverless"))
        for ms in (100, 1000, 5000)
    ]
    ready = [(gb, Decimal(gb) * SECONDS * price("GB-s ready, idle")) for gb in ("0.5", "2")]
    return [
        ("at rest", "dollars a month"),
        *((f"a feed polled every {ms} ms, per partition, serverless", _money(cost)) for ms, cost in polls),
        *((f"one instance of {gb} GB always ready", _money(cost)) for gb, cost in ready),
    ]


def prices_table(_: Mapping[str, Made]) -> list[Row]:
    return [
        ("price", "US dollars", "unit", "source"),
        *((name, str(each), each.unit, each.source) for name, each in PRICES.items()),
    ]


def quantities_table(_: Mapping[str, Made]) -> list[Row]:
    return [
        ("quantity", "value", "unit", "source"),
        *((name, str(each), each.unit, each.source) for name, each in QUANTITIES.items()),
    ]


TABLES: dict[str, Callable[[Mapping[str, Made]], list[Row]]] = {
    "at rest": rest_table,
    "per million": payments_table,
    "telemetry": telemetry_table,
    "switches": switches_table,
    "thousand a second": thousand_table,
    "latency": latency_table,
    "prices": prices_table,
    "quantities": quantities_table,
}


def markdown(rows: list[Row]) -> str:
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def written(text: str, made: Mapping[str, Made]) -> str:
    """A document with its tables worked out anew. Raises KeyError for a table that nobody knows."""
    return _TABLE.sub(lambda found: found[1] + markdown(TABLES[found[2]](made)) + found[4], text)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python infra/cost.py", description="The cost tables of the documents.")
    parser.add_argument("--write", action="store_true", help="write them, instead of comparing")
    parser.add_argument("root", type=Path, nargs="?", default=ROOT)
    options = parser.parse_args(arguments)
    folder = options.root / "infra" / "snapshots"
    made = {name: Made(json.loads((folder / f"{name}.json").read_text())) for name in ("dev", "prod", "closed")}
    differing = 0
    for name in DOCUMENTS:
        text = (options.root / name).read_text()
        anew = written(text, made)
        differing += anew != text
        if options.write:
            (options.root / name).write_text(anew)
        elif anew != text:
            print(f"FAILED  {name}: its cost tables are not what prices and snapshots come to: {HOW}", file=sys.stderr)
    return 1 if differing and not options.write else 0


if __name__ == "__main__":
    sys.exit(main())
