"""What Azure asks for what infra/ makes: every price with its source, and every quantity that the cost tables rest on.

US dollars, East US 2, without free grants. No bill was seen. What no price list at hand gave is marked as assumed. Pure
constants: infra/cost.py multiplies.
"""

from dataclasses import dataclass
from decimal import Decimal

HOURS = Decimal(730)
"""Of a month."""

SECONDS = HOURS * 3600
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Number:
    """A price or a quantity, and where it is from. assumed: nobody has measured or published it here."""

    stated: str
    unit: str
    source: str
    assumed: bool = False

    @property
    def value(self) -> Decimal:
        return Decimal(self.stated)

    def __str__(self) -> str:
        return f"{self.stated}{' A' if self.assumed else ''}"


_BUS = "Service Bus pricing, secondary copies, autumn 2026"
_COSMOS = "Azure retail price list, row for East US 2, September 2026"
_RETAIL_CAD = "retail price list, from a row in another currency, autumn 2026"
_FLEX = "Azure Functions pricing, Flex Consumption, autumn 2026"
_LOGS = "monitoringcost.com, Azure Monitor cost 2026"
_NETWORK = "c3x.dev, resource pages of Azure, 2026"
_REMEMBERED = "no price list at hand; check it before you plan"

PRICES = {
    "bus standard": Number("0.0135", "per hour", _BUS),
    "bus call": Number("0.80", "per million, Standard", _BUS),
    "bus premium": Number("0.928", "per unit and hour", _BUS),
    "RU serverless": Number("0.25", "per million", _COSMOS),
    "RU/s": Number("0.008", "per 100 and hour", _RETAIL_CAD),
    "autoscale": Number("1.5", "times the price of RU/s", _RETAIL_CAD),
    "stored events": Number("0.25", "per GB and month", _COSMOS),
    "execution": Number("0.40", "per million", _FLEX),
    "GB-s": Number("0.000026", "on demand", _FLEX),
    "GB-s ready, idle": Number("0.000004", "always ready", _FLEX),
    "log": Number("2.30", "per GB taken in", _LOGS),
    "log kept": Number("0.10", "per GB and month, after 31 days; of the app's own tables, App*, after 90", _LOGS),
    "query alert": Number("1.50", "per rule and month, every five minutes", _REMEMBERED, assumed=True),
    "query alert, a series": Number(
        "0.15", "per time series of a split rule and month, every five minutes", _REMEMBERED, assumed=True
    ),
    "metric alert": Number("0.10", "per time series and month", _REMEMBERED, assumed=True),
    "availability test": Number("0.0006", "per test, from one place", _REMEMBERED, assumed=True),
    "NAT gateway": Number("0.045", "per hour", _NETWORK),
    "NAT data": Number("0.045", "per GB", _NETWORK),
    "public address": Number("0.005", "per hour", _NETWORK),
    "private endpoint": Number("0.01", "per hour", _REMEMBERED, assumed=True),
    "private zone": Number("0.50", "per month", _REMEMBERED, assumed=True),
    "storage account, vault": Number("1", "together, per month", "a package and some leases", assumed=True),
}

_MODEL = "docs/scale.md"
_HOST = "counted under the real host on emulators, November 2026"

QUANTITIES = {
    "seconds of timers a minute": Number(
        "3.2", "s", "1 and 2 a minute, 1 in five minutes; each execution counts as 1 s"
    ),
    "RU of timers": Number("4", "million a month", "what the timers read of an idle store", assumed=True),
    "autoscale at rest": Number("0.1", "of the maximum", "Cosmos DB, autoscale"),
    "RU busy": Number("26.4", "per payment", _MODEL),
    "RU slow": Number("75", "per payment", "the same with feed batches of one"),
    "RU of a row, least": Number("12", "per payment", "the read model, written once", assumed=True),
    "RU of a row, most": Number("45", "per payment", "the read model, replaced four times", assumed=True),
    "bus calls": Number("10", "per payment", _MODEL),
    "executions busy, least": Number("4", "per payment", "functions find several messages when they wake"),
    "executions busy, most": Number("5", "per payment", "the same"),
    "executions merged": Number("1.3", "per payment", "batches of messages; not built", assumed=True),
    "executions slow": Number("12", "per payment, of 1 s", "each is billed for a second"),
    "GB-s busy": Number("0.09", "per payment", "16 at a time in 2 GB"),
    "GB slow": Number("0.5", "of an instance", "instanceMemoryMb 512"),
    "RU of an empty poll": Number("2", "RU", "Microsoft, azure-docs issue 50040, 2020"),
    "partitions' use": Number("0.65", "of their throughput", "docs/scale.md", assumed=True),
    "bus units": Number("4", "Premium units, of 1,000 payments a second", "docs/scale.md"),
    "GB in use": Number(
        "20", "of instances, at 1,000 payments a second", "10 cores at 60 %, docs/scale.md", assumed=True
    ),
    "GB stored": Number("13500", "of 30 days at 1,000 payments a second", "docs/scale.md"),
    "spans": Number("53", "per payment", _HOST),
    "lines": Number("20", "per payment", "one per outcome, and the host's", assumed=True),
    "KB of a span": Number("1", "as Log Analytics counts it", "a row of AppRequests or AppDependencies", assumed=True),
    "KB of a line": Number("0.5", "as Log Analytics counts it", "a row of AppTraces or AppMetrics", assumed=True),
    "polls a second": Number("35", "spans of HTTP calls, idle, two feeds, connectionMode Gateway", _HOST),
    "rows of timers": Number("20", "spans and lines a minute", "three timers", assumed=True),
    "rows of metrics": Number(
        "10", "every 10 s, of each instance that is awake", "gauges, and the host's", assumed=True
    ),
}
