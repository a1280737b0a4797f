"""Checks of alerts and workbook against what the code emits. Each gives the faults it finds, in words."""

import re
from collections.abc import Iterator
from typing import Any

from infra.smoke import REASON
from shared import signals
from shared.domain.reasons import Severity
from tests.infra.product import ROOT, Infra, Product
from tests.infra.snapshot import Snapshot
from tests.infra.workspace import duration

QUERY_RULE, METRIC_RULE = "Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/metricAlerts"
TABLE = re.compile(r"(?=\bApp(?:Metrics|Traces|Requests)\b)")
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
    files = [*ROOT.glob("shared/**/*.py"), ROOT / "infra" / "smoke.py"]  # the smoke test gives a reason of its own
    code = "\n".join(path.read_text() for path in files)
    faults = []
    for name, query in _queries(infra):
        compared = re.findall(r"Properties\.(severity|reason|outcome|step)\) [=!]= '([^']+)'", query)
        faults += [f"{name}: no severity {v}" for k, v in compared if k == "severity" and v not in SEVERITIES]
        faults += [f"{name}: no {k} {v}" for k, v in compared if k != "severity" and f'"{v}"' not in code]
    return faults


def everything_that_must_wake_somebody_does(infra: Infra, _: Product) -> list[str]:
    """What a person has to be told of: one alert for each, as the design lists them."""
    metrics = {signals.DEAD_LETTERS_RECORDED, signals.OUTBOX_LAG_S, signals.PAYMENTS_SWEPT, signals.TOPIC_REFUSALS}
    metrics |= {signals.PAYMENTS_ACCEPTED, signals.PAYMENTS_COMPLETED, signals.STEP_RETRIES, signals.STEP_DURATION_S}
    metrics |= {signals.DEAD_LETTERS_OPEN, signals.PROJECTION_LAG_S, signals.STEPS_OWED, signals.PAYMENTS_NOT_SWEPT}
    words = {"charged_not_recorded", "AppRequests", *(f"severity) == '{s}'" for s in SEVERITIES)}
    faults = []
    for snapshot in infra.snapshots:
        alerts = "\n".join(query for name, query in snapshot.queries if not name.startswith("workbook"))
        faults += [f"{snapshot.name}: no alert on {m}" for m in metrics if f"'regispay.{m}'" not in alerts]
        faults += [f"{snapshot.name}: no alert on {word}" for word in words if word not in alerts]
    return faults


def every_topic_of_ours_is_watched(infra: Infra, product: Product) -> list[str]:
    """The broker's own dead letters: on topics that forward them any, and on every topic one that stays there. Where no
    function of ours listens, what waits or dies is other components', and nobody here can mend it.
    """
    topics = {t["name"]: t for t in infra.topology["serviceBus"]["topics"]}
    targets = {s["forwardDeadLetteredMessagesTo"] for t in topics.values() for s in t["subscriptions"]} - {None}
    ours = {topic for topic, _ in product.subscriptions}
    wanted = {
        ("DeadletteredMessages", "Maximum"): ours - targets,
        ("DeadletteredMessages", "Minimum"): ours,
        ("ActiveMessages", "Minimum"): ours,
        ("ThrottledRequests", "Total"): {"*"},
        ("TotalRequests", "Count"): {"429"},
    }
    faults = []
    for snapshot in infra.snapshots:
        for what, names in wanted.items():
            watched = _watched(snapshot).get(what, set())
            faults += [f"{snapshot.name}: {what} of {each}: no alert" for each in sorted(names - watched)]
            faults += [f"{snapshot.name}: {what} of {each}: not ours" for each in sorted(watched - names)]
    return faults


def every_timer_is_watched(infra: Infra, product: Product) -> list[str]:
    """By name: one that never ticked has left nothing that could be missed."""
    timers = {name for name, function in product.functions.items() if function.trigger["type"] == "timerTrigger"}
    queries = [query for name, query in _queries(infra) if name == "timer-silent"]
    listed = [set(re.findall(r"'(\w+)'", query.partition("dynamic([")[2].partition("]")[0])) for query in queries]
    return [f"timer-silent: {sorted(each ^ timers)} differ" for each in listed or [set()] if each != timers]


def what_happened_is_never_called_resolved(infra: Infra, _: Product) -> list[str]:
    """A letter stays open when its row has left the window. Actions rest for less than the window lasts, or one that
    comes in between would not be told. What is a state is called resolved when it has ended.
    """
    faults = []
    for snapshot in infra.snapshots:
        for rule in snapshot.of(QUERY_RULE):
            properties = rule["properties"]
            is_state = f"'regispay.{signals.DEAD_LETTERS_OPEN}'" in properties["criteria"]["allOf"][0]["query"]
            told = (properties["autoMitigate"], properties.get("muteActionsDuration"), properties["windowSize"])
            each = properties["severity"] == 0 and not is_state
            if told[:2] != (True, None) if not each else told != (False, "PT10M", "PT15M"):
                faults.append(f"{snapshot.name} {rule['name']}: {told}")
        states = {rule["name"]: rule["properties"].get("autoMitigate") for rule in snapshot.of(METRIC_RULE)}
        faults += [f"{snapshot.name} {name}: never resolved" for name, ends in states.items() if ends is not True]
    return faults


def alert_queries_are_of_a_form_that_alerts_take(infra: Infra, _: Product) -> list[str]:
    """Microsoft: queries of alert rules start with a table; search and union are not supported in them."""
    alerts = [(name, query) for name, query in _queries(infra) if not name.startswith("workbook")]
    return [f"{name}: starts with no table" for name, query in alerts if not re.match(r"\s*App[A-Z]", query)] + [
        f"{name}: {word}" for name, query in alerts for word in re.findall(r"\b(?:union|search)\b", query)
    ]


def the_site_is_asked_from_outside(infra: Infra, _: Product) -> list[str]:
    """What the platform refuses never comes to the app. Whoever asks must be let in without a token."""
    faults = []
    for snapshot in infra.snapshots:
        made = snapshot.only("Microsoft.Insights/webtests")
        test, (rule,) = made["properties"], [r for r in snapshot.of(METRIC_RULE) if r["name"] == "site-unreachable"]
        (watched,) = rule["properties"]["criteria"]["allOf"][0]["dimensions"]
        window_s = duration(rule["properties"]["windowSize"]).total_seconds()
        component = snapshot.only("Microsoft.Insights/components")["id"]
        found = {
            "not watched": watched["values"] == [test["Name"]],
            "nobody asks": test["Enabled"],
            "asks elsewhere": "/api/health/ready'" in test["Request"]["RequestUrl"],
            "asks for another answer": test["ValidationRules"]["ExpectedHttpStatusCode"] == 200,
            "one place's own fault wakes somebody": len(test["Locations"]) >= 3,
            "asks less often than the alert looks back": test["Frequency"] <= window_s,
            "belongs to no component": f"hidden-link:{component}" in made.get("tags", {}),
        }
        faults += [f"{snapshot.name}: {fault}" for fault, is_well in found.items() if not is_well]
    return faults


def alerts_reach_somebody(infra: Infra, _: Product) -> list[str]:
    """Every alert is on and calls the action group; its query gives the column that is compared."""
    faults = []
    for snapshot in infra.snapshots:
        group = snapshot.only("Microsoft.Insights/actionGroups")
        faults += [] if group["properties"]["enabled"] is True else [f"{snapshot.name}: the action group is off"]
        faults += [] if group["properties"]["emailReceivers"] else [f"{snapshot.name}: the action group tells nobody"]
        for rule in [*snapshot.of(QUERY_RULE), *snapshot.of(METRIC_RULE)]:
            properties = rule["properties"]
            called = properties["actions"]
            if properties["enabled"] is not True or called not in (
                {"actionGroups": [group["id"]]},
                [{"actionGroupId": group["id"]}],
            ):
                faults.append(f"{snapshot.name} {rule['name']}: wakes nobody")
            for criterion in properties["criteria"]["allOf"]:
                if "query" in criterion and not re.search(r"\bvalue = ", criterion["query"]):
                    faults.append(f"{rule['name']}: no column value")
                faults += _ungrouped(rule["name"], criterion)
    return faults


def sampled_rows_are_counted_as_items(infra: Infra, _: Product) -> list[str]:
    """A row of a request or a log line stands for ItemCount of them once anything is sampled."""
    return [
        f"{name}: counts rows of {part.split()[0]}"
        for name, query in _queries(infra)
        for part in _parts(query)
        if part.startswith(("AppRequests", "AppTraces")) and re.search(r"\bcount\(\)", part)
    ]


def faults_of_callers_wake_nobody(infra: Infra, _: Product) -> list[str]:
    """Whoever tries paths on the internet gets 404 by the dozen; a request without a code is a message or a timer."""
    wanted = "coalesce(toint(ResultCode), 0) !between (400 .. 499)"
    found = [query for name, query in _queries(infra) if name == "executions-failing"]
    return [] if all(wanted in query for query in found) else ["executions-failing: an answer of 4xx wakes somebody"]


def the_smoke_test_wakes_nobody(infra: Infra, _: Product) -> list[str]:
    """It parks a payment and kills messages at each deployment, and discards the letters at once."""
    words = (
        f"reason) != '{REASON}'",
        "'regispay.dead_letters.open'",
        "TimeGenerated < ago(5m)",
        "counted > measured - 1m",
    )
    found = [query for name, query in _queries(infra) if name == "dead-letters-normal"]
    return [f"dead-letters-normal: no {word}" for query in found for word in words if word not in query]


CHECKS = (
    queries_name_what_is_emitted,
    queries_compare_with_values_of_the_code,
    everything_that_must_wake_somebody_does,
    every_topic_of_ours_is_watched,
    every_timer_is_watched,
    what_happened_is_never_called_resolved,
    alert_queries_are_of_a_form_that_alerts_take,
    the_site_is_asked_from_outside,
    alerts_reach_somebody,
    sampled_rows_are_counted_as_items,
    faults_of_callers_wake_nobody,
    the_smoke_test_wakes_nobody,
)


def _queries(infra: Infra) -> Iterator[tuple[str, str]]:
    """Of every environment; where they do not differ, once."""
    yield from dict.fromkeys(query for snapshot in infra.snapshots for query in snapshot.queries)


def _parts(query: str) -> list[str]:
    """A query by the tables that it reads, each with what is done to its rows."""
    return [part for part in TABLE.split(query) if part.strip()]


def _faults(name: str, query: str, *, product: Product) -> Iterator[str]:
    known = signals.COUNTERS | signals.GAUGES | signals.HISTOGRAMS | signals.LOG_EVENTS
    for part in _parts(query):
        metrics, events = set(METRIC.findall(part)), set(LOG_EVENT.findall(part))
        for used in metrics | events:
            if used not in known:
                yield f"{name}: {used} is not in signals.py"
            elif used not in product.emitted:
                yield f"{name}: nothing emits {used}"
        for metric in metrics & set(product.emitted):
            missing = set(ATTRIBUTE.findall(part)) - product.emitted[metric] - LOGGED
            if "*" not in product.emitted[metric]:
                yield from (f"{name}: {metric} has no attribute {attribute}" for attribute in missing)


def _watched(snapshot: Snapshot) -> dict[tuple[str, str], set[str]]:
    """By metric and how it is aggregated: the names that an alert looks at."""
    watched: dict[tuple[str, str], set[str]] = {}
    for rule in snapshot.of(METRIC_RULE):
        for criterion in rule["properties"]["criteria"]["allOf"]:
            names = {value for dimension in criterion["dimensions"] for value in dimension["values"]}
            watched.setdefault((criterion["metricName"], criterion["timeAggregation"]), set()).update(names)
    return watched


def _ungrouped(name: str, criterion: dict[str, Any]) -> list[str]:
    """A dimension that the query does not give a column for."""
    query = criterion.get("query", "")
    dimensions = [dimension["name"] for dimension in criterion["dimensions"]] if query else []
    return [f"{name}: no column {d}" for d in dimensions if not re.search(rf"\b{d} = ", query)]
