"""Checks of what is recorded, where it goes and for how long. Each gives the faults it finds, in words.

Read from the snapshots.
"""

import json
from typing import Any

from tests.infra.product import Infra, Product
from tests.infra.snapshot import Snapshot

WORKSPACE, COMPONENT = "Microsoft.OperationalInsights/workspaces", "Microsoft.Insights/components"
DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings"
QUERY_RULE, WORKBOOK = "Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/workbooks"

RECORDED = {
    "Microsoft.Storage/storageAccounts/blobServices": "StorageDelete",
    "Microsoft.DocumentDB/databaseAccounts": "ControlPlaneRequests",
    "Microsoft.ServiceBus/namespaces": "OperationalLogs",
    "Microsoft.KeyVault/vaults": "audit",
}
"""By service: the log that says who changed or deleted something. A row for each read would cost more than payments."""


def what_is_done_to_services_is_recorded(infra: Infra, _: Product) -> list[str]:
    """Who deleted a package or read the provider's key can be found out afterwards; nothing else is paid for."""
    faults = []
    for snapshot in infra.snapshots:
        for kind, wanted in RECORDED.items():
            for service in snapshot.of(kind):
                logs = [log for setting in _settings(snapshot, service) for log in setting["properties"]["logs"]]
                found = [log.get("category", log.get("categoryGroup")) for log in logs if log["enabled"]]
                faults += [] if found == [wanted] else [f"{snapshot.name}: of {kind} is recorded: {found}"]
    return faults


def all_of_it_goes_to_one_workspace(infra: Infra, _: Product) -> list[str]:
    """What the app tells and what the services do; and there alerts and workbook look for it."""
    faults = []
    for snapshot in infra.snapshots:
        workspace, component = snapshot.only(WORKSPACE)["id"], snapshot.only(COMPONENT)["properties"]
        places = {
            "the component": (component.get("WorkspaceResourceId"), component.get("IngestionMode")),
            "the workbook": (snapshot.only(WORKBOOK)["properties"]["sourceId"], "LogAnalytics"),
        }
        for setting in snapshot.of(DIAGNOSTICS):
            places[setting["id"]] = (setting["properties"].get("workspaceId"), "LogAnalytics")
        for rule in snapshot.of(QUERY_RULE):
            (places[rule["name"]],) = [(scope, "LogAnalytics") for scope in rule["properties"]["scopes"]]
        wanted = (workspace, "LogAnalytics")
        faults += [f"{snapshot.name}: {what} is at {place[0]}" for what, place in places.items() if place != wanted]
    return faults


def logs_are_kept_as_decided(infra: Infra, _: Product) -> list[str]:
    """Production keeps what the app sends for as long as that costs nothing, and no day of it ends early: alerts would
    be blind until the next. Elsewhere an error in a loop costs a GB a day and no more.
    """
    small, large = (30, 1), (90, -1)  # days, and GB a day
    faults = []
    for snapshot in infra.snapshots:
        properties = snapshot.only(WORKSPACE)["properties"]
        found = (properties["retentionInDays"], properties["workspaceCapping"]["dailyQuotaGb"])
        if found != (large if snapshot.name == "prod" else small):
            faults.append(f"{snapshot.name}: days and GB a day are {found}")
    return faults


def metrics_are_not_copied(infra: Infra, _: Product) -> list[str]:
    """Alerts and workbook read the metrics of services where they are; a copy is a row a minute that is paid for."""
    return [
        f"{snapshot.name}: {setting['id'].split('/')[-5]} copies its metrics"
        for snapshot in infra.snapshots
        for setting in snapshot.of(DIAGNOSTICS)
        if setting["properties"].get("metrics")
    ]


def charts_show_their_service(infra: Infra, _: Product) -> list[str]:
    """A chart of metrics asks the one service that has them."""
    faults = []
    for snapshot in infra.snapshots:
        ids = {resource["type"].lower(): resource["id"] for resource in snapshot.resources}
        for item in json.loads(snapshot.only(WORKBOOK)["properties"]["serializedData"])["items"]:
            asked = item["content"].get("resourceIds")
            if asked and asked != [ids.get(item["content"]["resourceType"])]:
                faults.append(f"{snapshot.name}: {item['name']} asks {asked}")
    return faults


CHECKS = (
    what_is_done_to_services_is_recorded,
    all_of_it_goes_to_one_workspace,
    logs_are_kept_as_decided,
    metrics_are_not_copied,
    charts_show_their_service,
)


def _settings(snapshot: Snapshot, service: dict[str, Any]) -> list[dict[str, Any]]:
    """What a service records. A child of it has settings of its own."""
    inside = f"{service['id']}/providers/{DIAGNOSTICS}/"
    return [setting for setting in snapshot.of(DIAGNOSTICS) if setting["id"].startswith(inside)]
