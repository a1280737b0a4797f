"""What a month of an environment costs, worked out from prices.py and from what a committed snapshot makes.

Knows no document: infra/cost.py writes the tables. Imports nothing of the app.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from infra.prices import HOURS, MILLION, PRICES, QUANTITIES, SECONDS

_ACCOUNT = "Microsoft.DocumentDB/databaseAccounts"
_PLAN = "Microsoft.Web/serverfarms"
_GB = Decimal(1_000_000)
"""KB in one, as Log Analytics counts."""

GROUPS = (
    "http",
    "function:publish_events",
    "function:project_payments",
    "function:create_payment",
    "function:settle_payment",
    "function:notify_merchant",
    "function:notify_merchant_of_event",
    "function:notify_merchant_of_failure",
    "function:cancel_payment",
    "function:refund_payment",
    "function:void_payment",
    "function:record_dead_letter",
    "function:drain_recorder",
    "function:measure_backlog",
    "function:sweep_payments",
)
"""What Flex Consumption scales by itself, as its documentation counts: all of HTTP, and each other function. The
product's triggers decide: tests/infra/test_cost.py compares."""

LEAST_IN_ZONES = 2
""""Reliability in Azure Functions", 2026-02: a plan with zones keeps two always-ready instances of each group, however
many are configured, and they are billed as such."""


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
        per_hour = price("bus premium") * sku["capacity"] if sku["name"] == "Premium" else price("bus standard")
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
            return quantity("RU of timers") * price("RU serverless")
        return self.throughput * quantity("autoscale at rest") / 100 * price("RU/s") * price("autoscale") * HOURS

    @property
    def instance_gb(self) -> Decimal:
        return Decimal(self._scale["instanceMemoryMB"]) / 1024

    @property
    def in_zones(self) -> bool:
        """The plan, not the data."""
        return any(plan["properties"]["zoneRedundant"] for plan in self.all(_PLAN))

    def with_a_plan_in_zones(self) -> "Made":
        """The same environment, with planZoneRedundant."""
        plans = [{**plan, "properties": {**plan["properties"], "zoneRedundant": True}} for plan in self.all(_PLAN)]
        return Made({"predictedResources": [each for each in self._resources if each["type"] != _PLAN] + plans})

    @property
    def ready(self) -> int:
        """Instances that never go away."""
        configured = {each["name"]: int(each["instanceCount"]) for each in self._scale["alwaysReady"]}
        if not self.in_zones:
            return sum(configured.values())
        return sum(max(LEAST_IN_ZONES, configured.get(group, 0)) for group in GROUPS)

    @property
    def awake(self) -> int:
        """Instances that tell of themselves while nothing happens: those, and the one that timers wake."""
        return self.ready if self.in_zones else self.ready + 1

    @property
    def _scale(self) -> dict[str, Any]:
        (site,) = self.all("Microsoft.Web/sites")
        scale: dict[str, Any] = site["properties"]["functionAppConfig"]["scaleAndConcurrency"]
        return scale

    @property
    def queries(self) -> int:
        return len(self.all("Microsoft.Insights/scheduledQueryRules"))

    @property
    def split(self) -> int:
        """Queries whose alerts are one per value of a dimension: each series that such a query finds costs."""
        criteria = [
            each["properties"]["criteria"]["allOf"] for each in self.all("Microsoft.Insights/scheduledQueryRules")
        ]
        return sum(any(each["dimensions"] for each in found) for found in criteria)

    @property
    def availability_tests(self) -> Decimal:
        """In a month, from all places together."""
        tests = [each["properties"] for each in self.all("Microsoft.Insights/webtests")]
        return sum((len(each["Locations"]) * SECONDS / each["Frequency"] for each in tests), Decimal())

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


def price(name: str) -> Decimal:
    return PRICES[name].value


def quantity(name: str) -> Decimal:
    return QUANTITIES[name].value


def logged_at_rest_gb(made: Made) -> Decimal:
    """Of a month, no payment: timers and metrics. The polls of the feeds make no spans: connectionMode Direct."""
    rows = quantity("rows of timers") * HOURS * 60 * quantity("KB of a span")
    metrics = made.awake * quantity("rows of metrics") * SECONDS / 10 * quantity("KB of a line")
    return (rows + metrics) / _GB


def logged_gb(payments: Decimal, *, ratio: Decimal) -> Decimal:
    """Traces are sampled by the ratio; lines and metrics are not."""
    return (
        payments
        * (quantity("spans") * quantity("KB of a span") * ratio + quantity("lines") * quantity("KB of a line"))
        / _GB
    )


def polled_gb() -> Decimal:
    """What the polls of the feeds would log in a month with connectionMode Gateway."""
    return quantity("polls a second") * SECONDS * quantity("KB of a span") / _GB


def at_rest(made: Made) -> dict[str, Decimal]:
    """A month without a payment, by what is paid for."""
    seconds = quantity("seconds of timers a minute") * HOURS * 60
    return {
        f"Service Bus, {PRICES['bus standard']} an hour": made.bus,
        "Cosmos DB: what timers read, or a tenth of the autoscale maximum": made.store,
        f"timers: {QUANTITIES['seconds of timers a minute']} s a minute": seconds * made.instance_gb * price("GB-s"),
        "always ready, idle": made.ready * made.instance_gb * SECONDS * price("GB-s ready, idle"),
        f"alerts: {made.queries} queries at {PRICES['query alert']}": made.queries * price("query alert"),
        f"alerts: series that {made.split} of these find, none now, at {PRICES['query alert, a series']}": Decimal(),
        f"alerts: {made.series} time series of metrics at {PRICES['metric alert']}": made.series
        * price("metric alert"),
        f"alerts: {made.availability_tests:,.0f} availability tests at {PRICES['availability test']}": (
            made.availability_tests * price("availability test")
        ),
        "telemetry of timers and of instances that are awake (A)": logged_at_rest_gb(made) * price("log"),
        "storage account, vault (A)": price("storage account, vault"),
    }


def per_million(*, busy: bool) -> dict[str, tuple[Decimal, Decimal]]:
    """A million payments on serverless, from and to. Without what is there at rest."""
    rows = ("RU of a row, least" if busy else "RU of a row, most", "RU of a row, most")
    runs = ("executions busy, least", "executions busy, most") if busy else ("executions slow", "executions slow")
    gb_s = quantity("GB-s busy") if busy else quantity("executions slow") * quantity("GB slow")
    store, telemetry = quantity("RU busy" if busy else "RU slow"), logged_gb(MILLION, ratio=Decimal(1)) * price("log")
    return {
        "accept and advance, RU": both(store * price("RU serverless")),
        "the read model, RU (A)": (
            quantity(rows[0]) * price("RU serverless"),
            quantity(rows[1]) * price("RU serverless"),
        ),
        "bus calls": both(quantity("bus calls") * price("bus call")),
        "executions": (quantity(runs[0]) * price("execution"), quantity(runs[1]) * price("execution")),
        "GB-s": both(gb_s * MILLION * price("GB-s")),
        "telemetry, nothing sampled (A)": both(telemetry),
    }


def both(amount: Decimal) -> tuple[Decimal, Decimal]:
    """From and to, where there is no range."""
    return amount, amount


def total(pairs: Mapping[str, tuple[Decimal, Decimal]]) -> tuple[Decimal, Decimal]:
    return sum((low for low, _ in pairs.values()), Decimal()), sum((high for _, high in pairs.values()), Decimal())
