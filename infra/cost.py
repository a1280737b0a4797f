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
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.prices import HOURS, MILLION, PRICES, QUANTITIES, SECONDS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("docs/deploy.md", "docs/scale.md")
HOW = "python infra/cost.py --write"

_TABLE = re.compile(r"(<!-- cost: ([\w ]+) -->\n)(.*?)(<!-- /cost -->)", re.DOTALL)
_GB = Decimal(1_000_000)
"""KB in one, as Log Analytics counts."""

type Row = tuple[str, ...]


class Made:
    """What one environment makes, as far as it costs something."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        self._resources: list[dict[str, Any]] = snapshot["predictedResources"]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [resource for resource in self._resources if resource["type"] == kind]

    @property
    def bus(self) -> Decimal:
        """A month of the namespace."""
        (sku,) = [resource["sku"] for resource in self.all("Microsoft.ServiceBus/namespaces")]
        per_hour = _p("bus premium") * sku["capacity"] if sku["name"] == "Premium" else _p("bus standard")
        return per_hour * HOURS

    @property
    def throughput(self) -> int:
        """The highest RU/s of all containers together; 0 on a serverless account."""
        options = [each["properties"]["options"] for each in self.all(f"{_ACCOUNT}/sqlDatabases/containers")]
        return sum(each["autoscaleSettings"]["maxThroughput"] for each in options if each)

    @property
    def store(self) -> Decimal:
        """A month of the account at rest."""
        if not self.throughput:
            return _q("RU of timers") * _p("RU serverless")
        return self.throughput * _q("autoscale at rest") / 100 * _p("RU/s") * _p("autoscale") * HOURS

    @property
    def instance_gb(self) -> Decimal:
        return Decimal(self._scale["instanceMemoryMB"]) / 1024

    @property
    def ready(self) -> int:
        """Instances that never go away."""
        return sum(each["instanceCount"] for each in self._scale["alwaysReady"])

    @property
    def _scale(self) -> dict[str, Any]:
        (site,) = self.all("Microsoft.Web/sites")
        scale: dict[str, Any] = site["properties"]["functionAppConfig"]["scaleAndConcurrency"]
        return scale

    @property
    def queries(self) -> int:
        return len(self.all("Microsoft.Insights/scheduledQueryRules"))

    @property
    def series(self) -> int:
        """Time series that metric alerts look at. `*` is every topic of the bus, or every container of the store."""
        return sum(
            self._every(rule) if "*" in dimension["values"] else len(dimension["values"])
            for rule in self.all("Microsoft.Insights/metricAlerts")
            for criterion in rule["properties"]["criteria"]["allOf"]
            for dimension in criterion["dimensions"]
        )

    def _every(self, rule: dict[str, Any]) -> int:
        on_bus = "/Microsoft.ServiceBus/" in rule["properties"]["scopes"][0]
        return len(
            self.all("Microsoft.ServiceBus/namespaces/topics" if on_bus else f"{_ACCOUNT}/sqlDatabases/containers")
        )


_ACCOUNT = "Microsoft.DocumentDB/databaseAccounts"


def _p(name: str) -> Decimal:
    return PRICES[name].value


def _q(name: str) -> Decimal:
    return QUANTITIES[name].value


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}" if amount < 100 else f"{amount:,.0f}"


def logged_at_rest_gb() -> Decimal:
    """Of a month, no payment: timers and metrics. The polls of the feeds make no spans: connectionMode Direct."""
    rows = _q("rows of timers") * HOURS * 60 * _q("KB of a span")
    metrics = _q("rows of metrics") * SECONDS / 10 * _q("KB of a line")
    return (rows + metrics) / _GB


def logged_gb(payments: Decimal, *, ratio: Decimal) -> Decimal:
    """Traces are sampled by the ratio; lines and metrics are not."""
    return payments * (_q("spans") * _q("KB of a span") * ratio + _q("lines") * _q("KB of a line")) / _GB


def polled_gb() -> Decimal:
    """What the polls of the feeds would log in a month with connectionMode Gateway."""
    return _q("polls a second") * SECONDS * _q("KB of a span") / _GB


def at_rest(made: Made) -> dict[str, Decimal]:
    """A month without a payment, by what is paid for."""
    seconds = _q("seconds of timers a minute") * HOURS * 60
    return {
        f"Service Bus, {PRICES['bus standard']} an hour": made.bus,
        "Cosmos DB: what timers read, or a tenth of the autoscale maximum": made.store,
        f"timers: {QUANTITIES['seconds of timers a minute']} s a minute": seconds * made.instance_gb * _p("GB-s"),
        "always ready, idle": made.ready * made.instance_gb * SECONDS * _p("GB-s ready, idle"),
        f"alerts: {made.queries} queries at {PRICES['query alert']}": made.queries * _p("query alert"),
        f"alerts: {made.series} time series of metrics at {PRICES['metric alert']}": made.series * _p("metric alert"),
        f"telemetry, {logged_at_rest_gb():.1f} GB (A)": logged_at_rest_gb() * _p("log"),
        "storage account, vault (A)": _p("storage account, vault"),
    }


def per_million(*, busy: bool) -> dict[str, tuple[Decimal, Decimal]]:
    """A million payments on serverless, from and to. Without what is there at rest."""
    rows = ("RU of a row, least" if busy else "RU of a row, most", "RU of a row, most")
    runs = ("executions busy, least", "executions busy, most") if busy else ("executions slow", "executions slow")
    gb_s = _q("GB-s busy") if busy else _q("executions slow") * _q("GB slow")
    store, telemetry = _q("RU busy" if busy else "RU slow"), logged_gb(MILLION, ratio=Decimal(1)) * _p("log")
    return {
        "accept and advance, RU": _both(store * _p("RU serverless")),
        "the read model, RU (A)": (_q(rows[0]) * _p("RU serverless"), _q(rows[1]) * _p("RU serverless")),
        "bus calls": _both(_q("bus calls") * _p("bus call")),
        "executions": (_q(runs[0]) * _p("execution"), _q(runs[1]) * _p("execution")),
        "GB-s": _both(gb_s * MILLION * _p("GB-s")),
        "telemetry, nothing sampled (A)": _both(telemetry),
    }


def _both(amount: Decimal) -> tuple[Decimal, Decimal]:
    return amount, amount


def _span(pair: tuple[Decimal, Decimal]) -> str:
    return _money(pair[0]) if pair[0] == pair[1] else f"{_money(pair[0])} to {_money(pair[1])}"


def _sum(pairs: Mapping[str, tuple[Decimal, Decimal]]) -> tuple[Decimal, Decimal]:
    return sum((low for low, _ in pairs.values()), Decimal()), sum((high for _, high in pairs.values()), Decimal())


def rest_table(made: Mapping[str, Made]) -> list[Row]:
    dev, prod = at_rest(made["dev"]), at_rest(made["prod"])
    rows = [(what, _money(dev[what]), _money(prod[what])) for what in dev]
    together = [f"**{_money(sum(each.values(), Decimal()))}**" for each in (dev, prod)]
    return [("a month, no payment", "dev", "prod"), *rows, ("**together**", *together)]


def payments_table(_: Mapping[str, Made]) -> list[Row]:
    busy, slow = per_million(busy=True), per_million(busy=False)
    rows = [(what, _span(busy[what]), _span(slow[what])) for what in busy]
    together = (f"**{_span(_sum(busy))}**", f"**{_span(_sum(slow))}**")
    return [("a million payments", "busy", "low traffic, 512 MB"), *rows, ("**together**", *together)]


def telemetry_table(_: Mapping[str, Made]) -> list[Row]:
    """What sampling and the way of polling come to, in a month."""
    rows = [("at rest", logged_at_rest_gb()), ("the feeds' polls, if they were HTTP calls (Gateway)", polled_gb())]
    for payments, ratio in product((Decimal(100_000), MILLION), (Decimal(1), Decimal("0.1"))):
        rows += [(f"{payments:,} payments, ratio {ratio}", logged_gb(payments, ratio=ratio))]
    return [("a month", "GB", "dollars"), *((what, f"{gb:.1f}", _money(gb * _p("log"))) for what, gb in rows)]


def switches_table(made: Mapping[str, Made]) -> list[Row]:
    """What a month of the dearer switches adds."""
    closed = made["closed"]
    endpoints = len(closed.all("Microsoft.Network/privateEndpoints"))
    zones = len(closed.all("Microsoft.Network/privateDnsZones"))
    address = (_p("NAT gateway") + _p("public address")) * HOURS
    private = closed.bus - made["dev"].bus + endpoints * _p("private endpoint") * HOURS + zones * _p("private zone")
    ready = closed.instance_gb * SECONDS * _p("GB-s ready, idle")
    return [
        ("switch", "what it adds", "dollars a month"),
        ("fixedEgress", f"a NAT gateway and its address; {PRICES['NAT data']} per GB beside", _money(address)),
        (
            "privateNetworking",
            f"the same, a Premium unit instead of Standard, {endpoints} endpoints, {zones} zones (A)",
            _money(private + address),
        ),
        ("alwaysReady", "each instance of 512 MB, idle", _money(ready)),
    ]


def prices_table(_: Mapping[str, Made]) -> list[Row]:
    return [
        ("price", "US dollars", "unit", "source"),
        *((name, str(price), price.unit, price.source) for name, price in PRICES.items()),
    ]


def quantities_table(_: Mapping[str, Made]) -> list[Row]:
    return [
        ("quantity", "value", "unit", "source"),
        *((name, str(number), number.unit, number.source) for name, number in QUANTITIES.items()),
    ]


TABLES: dict[str, Callable[[Mapping[str, Made]], list[Row]]] = {
    "at rest": rest_table,
    "per million": payments_table,
    "telemetry": telemetry_table,
    "switches": switches_table,
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
