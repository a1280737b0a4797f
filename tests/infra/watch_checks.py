"""Checks of alerts and workbook against what the code emits. Each gives the faults it finds, in words."""

import json
import re
from collections.abc import Iterator
from typing import Any

from shared import signals
from shared.domain.reasons import Severity
from tests.infra.product import ROOT, Infra, Product

METRIC = re.compile(r"'regispay\.([\w.]+)'")
LOG_EVENT = re.compile(r"(?:event_name\) == |Message startswith )'([^']+)'")
ATTRIBUTE = re.compile(r"Properties\.(\w+)")
SEVERITIES = set(Severity)
LOGGED = {"event_name"}  # the adapter puts it there


def queries_name_what_is_emitted(infra: Infra, product: Product) -> list[str]:
    """Each metric, log event and attribute in a query is one that shipped code really sends."""
    return [fault for name, query in _queries(infra) for fault in _faults(name, query, product=product)]


def queries_compare_with_values_of_the_code(infra: Infra, _: Product) -> list[str]:
    """A severity or reason that nothing ever has would keep an alert silent for ever."""
    code = "\n".join(path.read_text() for path in ROOT.glob("shared/**/*.py"))
    faults = []
    for name, query in _queries(infra):
        compared = re.findall(r"Properties\.(severity|reason)\) == '([^']+)'", query)
        faults += [f"{name}: no severity {v}" for k, v in compared if k == "severity" and v not in SEVERITIES]
        faults += [f"{name}: no reason {v}" for k, v in compared if k == "reason" and f'"{v}"' not in code]
    return faults


def everything_that_must_wake_somebody_does(infra: Infra, _: Product) -> list[str]:
    """What a person has to be told of: one alert for each, as the design lists them."""
    alerts = "\n".join(query for name, query in _queries(infra) if not name.startswith("workbook"))
    metrics = {signals.DEAD_LETTERS_RECORDED, signals.OUTBOX_LAG_S, signals.PAYMENTS_SWEPT, signals.TOPIC_REFUSALS}
    metrics |= {signals.PAYMENTS_ACCEPTED, signals.PAYMENTS_COMPLETED, signals.STEP_RETRIES}
    faults = [f"no alert on {metric}" for metric in metrics if f"'regispay.{metric}'" not in alerts]
    words = {"charged_not_recorded", "AppRequests", *(f"severity) == '{s}'" for s in SEVERITIES)}
    return faults + [f"no alert on {word}" for word in words if word not in alerts]


def every_topic_is_watched(infra: Infra, product: Product) -> list[str]:
    """The broker's own dead letters: on topics that forward them any, and on every topic one that stays there."""
    watched: dict[tuple[str, str], set[str]] = {}
    for rule in _metric_criteria(infra):
        names = {value for dimension in rule["dimensions"] for value in dimension["values"]}
        watched.setdefault((rule["metricName"], rule["timeAggregation"]), set()).update(names)
    topics = {t["name"]: t for t in infra.topology["serviceBus"]["topics"]}
    targets = {s["forwardDeadLetteredMessagesTo"] for t in topics.values() for s in t["subscriptions"]} - {None}
    wanted = {
        ("DeadletteredMessages", "Maximum"): product.topics - targets,
        ("DeadletteredMessages", "Minimum"): product.topics,
        ("ActiveMessages", "Minimum"): targets,
        ("ThrottledRequests", "Total"): {"*"},
        ("TotalRequests", "Count"): {"429"},
    }
    return [
        f"{what} of {sorted(names - watched.get(what, set()))}: no alert"
        for what, names in wanted.items()
        if not names <= watched.get(what, set())
    ]


def alerts_reach_somebody(infra: Infra, _: Product) -> list[str]:
    """Every alert is on and calls the action group; its query gives the column that is compared."""
    faults = []
    for name, resource in infra.resources:
        if not resource.type.endswith(("scheduledQueryRules", "metricAlerts")):
            continue
        properties = resource.body["properties"]
        called = str(properties["actions"])
        if properties["enabled"] is not True or not ("operators.id" in called or "actionGroupId" in called):
            faults.append(f"{name} {resource.body['name']}: wakes nobody")
        for criterion in properties["criteria"]["allOf"]:
            if "query" in criterion and not re.search(r"\bvalue = ", criterion["query"]):
                faults.append(f"{name} {resource.body['name']}: no column value")
            faults += _ungrouped(resource.body["name"], criterion)
    return faults


CHECKS = (
    queries_name_what_is_emitted,
    queries_compare_with_values_of_the_code,
    everything_that_must_wake_somebody_does,
    every_topic_is_watched,
    alerts_reach_somebody,
)


def _queries(infra: Infra) -> Iterator[tuple[str, str]]:
    for _, resource in infra.resources:
        if resource.type.endswith("scheduledQueryRules"):
            for criterion in resource.body["properties"]["criteria"]["allOf"]:
                yield str(resource.body["name"]), criterion["query"]
    for item in json.loads(infra.text("workbook.json"))["items"]:
        if "query" in item["content"]:
            yield f"workbook: {item['name']}", item["content"]["query"]


def _faults(name: str, query: str, *, product: Product) -> Iterator[str]:
    metrics, events = set(METRIC.findall(query)), set(LOG_EVENT.findall(query))
    known = signals.COUNTERS | signals.GAUGES | signals.HISTOGRAMS | signals.LOG_EVENTS
    for used in metrics | events:
        if used not in known:
            yield f"{name}: {used} is not in signals.py"
        elif used not in product.emitted:
            yield f"{name}: nothing emits {used}"
    for metric in metrics & set(product.emitted):
        missing = set(ATTRIBUTE.findall(query)) - product.emitted[metric] - LOGGED
        if "*" not in product.emitted[metric]:
            yield from (f"{name}: {metric} has no attribute {attribute}" for attribute in missing)


def _metric_criteria(infra: Infra) -> Iterator[dict[str, Any]]:
    for _, resource in infra.resources:
        if resource.type.endswith("metricAlerts"):
            yield from resource.body["properties"]["criteria"]["allOf"]


def _ungrouped(name: str, criterion: dict[str, Any]) -> list[str]:
    """A dimension that the query does not give a column for."""
    query = criterion.get("query", "")
    dimensions = [dimension["name"] for dimension in criterion["dimensions"]] if query else []
    return [f"{name}: no column {d}" for d in dimensions if not re.search(rf"\b{d} = ", query)]
