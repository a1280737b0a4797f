"""Checks of when somebody is told: alerts on metrics are played, and the others are as the tests of their queries play
them. Each gives the faults it finds, in words.

Read from the snapshots. Knows nothing of queries: watch_checks.py does.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.infra.product import Infra, Product
from tests.infra.workspace import duration

QUERY_RULE, METRIC_RULE = "Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/metricAlerts"
BUS, COSMOS = "Microsoft.ServiceBus/namespaces", "Microsoft.DocumentDB/databaseAccounts"
COMPONENT, BUDGET = "Microsoft.Insights/components", "Microsoft.Consumption/budgets"

MEASURED = {
    "DeadletteredMessages": (BUS, "EntityName"),
    "ActiveMessages": (BUS, "EntityName"),
    "ThrottledRequests": (BUS, "EntityName"),
    "ServerErrors": (BUS, "EntityName"),
    "TotalRequests": (COSMOS, "StatusCode"),
    "NormalizedRUConsumption": (COSMOS, "CollectionName"),
    "availabilityResults/availabilityPercentage": (COMPONENT, "availabilityResult/name"),
}
"""Whose metric it is, and by what its series are told apart: as the lists of supported metrics of Azure Monitor say."""


@dataclass(frozen=True)
class Played:
    """What a metric is in each of the last minutes: when that wakes somebody, and when it does not."""

    wakes: Sequence[float]
    leaves: Sequence[float]


PLAYED = {
    # One is enough, though it is forwarded within seconds.
    "broker-dead-letters": Played([1, 0, 0, 0, 0], [0] * 5),
    "forwarding-stalled": Played([1] * 15, [0] + [1] * 14),
    "step-behind": Played([101] * 30, [100] + [500] * 29),
    "recorder-dead-letters": Played([1] * 5, [0, 1, 1, 1, 1]),
    "recorder-stalled": Played([1] * 15, [0] + [1] * 14),
    # Ten are tried again, and nobody notices.
    "bus-throttled": Played([11, 0, 0, 0, 0], [2] * 5),
    "bus-errors": Played([11, 0, 0, 0, 0], [2] * 5),
    "store-throttled": Played([11, 0, 0, 0, 0], [2] * 5),
    "store-nearly-full": Played([91] + [10] * 14, [90] * 15),
    # From one of three places, and from two.
    "site-unreachable": Played([100 / 3] * 15, [200 / 3] * 15),
}
"""By alert, as docs/operations.md tells what it means."""


def metric_alerts_wake_when_they_should(infra: Infra, _: Product) -> list[str]:
    """And leave people alone otherwise. The hour before was calm in the one case, and the worst in the other."""
    faults = []
    for snapshot in infra.snapshots:
        rules = {rule["name"]: rule["properties"] for rule in snapshot.of(METRIC_RULE)}
        faults += [f"{snapshot.name}: nobody has played {name}" for name in rules.keys() ^ PLAYED.keys()]
        for name in rules.keys() & PLAYED.keys():
            faults += [f"{snapshot.name} {name}: {fault}" for fault in _misses(rules[name], PLAYED[name])]
    return faults


def metric_alerts_look_at_what_is_there(infra: Infra, _: Product) -> list[str]:
    """At a metric that the service has, by a dimension that the metric has: Azure refuses others, or finds nothing."""
    faults = []
    for snapshot in infra.snapshots:
        for rule in snapshot.of(METRIC_RULE):
            (criterion,), scopes = rule["properties"]["criteria"]["allOf"], rule["properties"]["scopes"]
            kind, dimension = MEASURED.get(criterion["metricName"], (COMPONENT, "no such metric"))
            dimensions = [(each["name"], each["operator"]) for each in criterion["dimensions"]]
            if (scopes, criterion["metricNamespace"]) != ([snapshot.only(kind)["id"]], kind):
                faults.append(f"{snapshot.name} {rule['name']}: {criterion['metricName']} is not of {scopes}")
            if dimensions != [(dimension, "Include")]:
                faults.append(f"{snapshot.name} {rule['name']}: by {dimensions} and not by {dimension}")
    return faults


def query_alerts_are_as_the_tests_play_them(infra: Infra, _: Product) -> list[str]:
    """As workspace.py does: at one look, one row whose `value` is above the threshold, each series by itself. And Azure
    must not try a query before the first telemetry has made its table.
    """
    once = {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1}
    wanted = ("Maximum", "value", "GreaterThan", once)
    faults = []
    for snapshot in infra.snapshots:
        for rule in snapshot.of(QUERY_RULE):
            (criterion,) = rule["properties"]["criteria"]["allOf"]
            names = ("timeAggregation", "metricMeasureColumn", "operator", "failingPeriods")
            found = tuple(criterion[name] for name in names)
            faults += [] if found == wanted else [f"{snapshot.name} {rule['name']}: {found}"]
            splits = {(each["operator"], *each["values"]) for each in criterion["dimensions"]}
            faults += [f"{snapshot.name} {rule['name']}: splits by {each}" for each in splits - {("Include", "*")}]
            if rule["properties"].get("skipQueryValidation") is not True:
                faults.append(f"{snapshot.name} {rule['name']}: refused where there is no telemetry yet")
    return faults


def the_budget_tells_in_time(infra: Infra, _: Product) -> list[str]:
    """Whoever is told of alerts, and the owners: before the amount is spent, and when it is foreseen to be."""
    faults = [f"{each.name}: a budget of 0" for each in infra.snapshots if each.name != "closed" and each.of(BUDGET)]
    budget = infra.snapshot("closed").only(BUDGET)["properties"]
    notifications = budget["notifications"]
    faults += [f"closed: of the budget {name} tells nobody" for name in notifications if not _told(notifications[name])]
    limits = {each["thresholdType"]: each["threshold"] for each in notifications.values()}
    if not (limits.get("Actual", 100) < 100 and limits.get("Forecasted", 101) <= 100):
        faults.append(f"closed: the budget tells at {limits}")
    return faults + ([] if budget["timeGrain"] == "Monthly" else [f"closed: a budget for {budget['timeGrain']}"])


CHECKS = (
    metric_alerts_wake_when_they_should,
    metric_alerts_look_at_what_is_there,
    query_alerts_are_as_the_tests_play_them,
    the_budget_tells_in_time,
)

AGGREGATED: dict[str, Callable[[Sequence[float]], float]] = {
    "Maximum": max,
    "Minimum": min,
    "Average": lambda minutes: sum(minutes) / len(minutes),
    "Total": sum,
    "Count": sum,
}
"""Count: of a metric that counts, each minute's value is how many there were."""

COMPARED: dict[str, Callable[[float, float], bool]] = {"GreaterThan": operator.gt, "LessThan": operator.lt}


def _misses(rule: dict[str, Any], played: Played) -> Iterator[str]:
    calm, worst = played.leaves[0], max(played.wakes) if _is_above(rule) else min(played.wakes)
    if not _fires(rule, [calm] * 60 + [*played.wakes]):
        yield "wakes nobody"
    if _fires(rule, [worst] * 60 + [*played.leaves]):
        yield "wakes somebody for nothing"


def _is_above(rule: dict[str, Any]) -> bool:
    return bool(rule["criteria"]["allOf"][0]["operator"] == "GreaterThan")


def _fires(rule: dict[str, Any], minutes: Sequence[float]) -> bool:
    """At its next look."""
    (criterion,) = rule["criteria"]["allOf"]
    window = int(duration(rule["windowSize"]).total_seconds() // 60)
    found = AGGREGATED[criterion["timeAggregation"]](minutes[-window:])
    return COMPARED[criterion["operator"]](found, criterion["threshold"])


def _told(notification: dict[str, Any]) -> bool:
    people = ["first@example.org", "second@example.org"]
    said = (notification["enabled"], notification["operator"], notification["contactEmails"])
    return said == (True, "GreaterThanOrEqualTo", people) and "Owner" in notification.get("contactRoles", [])
