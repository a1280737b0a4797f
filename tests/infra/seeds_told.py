"""Faults that the checks of alerts, of what is recorded and of names must see: one each."""

from tests.infra import alert_checks as alert
from tests.infra import naming_checks as naming
from tests.infra import recording_checks as recording
from tests.infra.checking import Seed

DEV, PROD, CLOSED, EGRESS = (f"snapshots/{name}.json" for name in ("dev", "prod", "closed", "egress"))
STORE, MAIN = "modules/cosmos.bicep", "main.bicep"

OF_ALERTS = [
    Seed(
        alert.metric_alerts_wake_when_they_should,
        DEV,
        '"Maximum",\n              "operator": "GreaterThan"',
        '"Maximum",\n              "operator": "LessThan"',
        "dev broker-dead-letters: wakes nobody",
    ),
    Seed(
        alert.metric_alerts_wake_when_they_should,
        PROD,
        '"LessThan",\n              "threshold": 50,',
        '"LessThan",\n              "threshold": 80,',
        "prod site-unreachable: wakes somebody for nothing",
    ),
    Seed(
        alert.metric_alerts_wake_when_they_should,
        CLOSED,
        '"windowSize": "PT30M",\n        "autoMitigate"',
        '"windowSize": "PT1H",\n        "autoMitigate"',
        "closed step-behind: wakes nobody",
    ),
    Seed(
        alert.metric_alerts_wake_when_they_should,
        EGRESS,
        '"timeAggregation": "Minimum"',
        '"timeAggregation": "Maximum"',
        "egress forwarding-stalled: wakes somebody for nothing",
    ),
    Seed(
        alert.metric_alerts_wake_when_they_should,
        DEV,
        '"name": "bus-throttled",\n      "api',
        '"name": "x",\n      "api',
        "nobody has played x",
    ),
    Seed(alert.metric_alerts_look_at_what_is_there, DEV, '"ServerErrors"', '"Errors"', "bus-errors: Errors is not of"),
    Seed(alert.metric_alerts_look_at_what_is_there, PROD, '"StatusCode"', '"Status"', "and not by StatusCode"),
    Seed(
        alert.metric_alerts_look_at_what_is_there,
        CLOSED,
        '"name": "EntityName",\n                  "operator": "Include"',
        '"name": "EntityName",\n                  "operator": "Exclude"',
        "closed broker-dead-letters: by",
    ),
    Seed(alert.query_alerts_are_as_the_tests_play_them, DEV, 'Column": "value"', 'Column": "Value"', "'Value'"),
    Seed(alert.query_alerts_are_as_the_tests_play_them, PROD, '"Maximum"', '"Count"', "('Count', 'value'"),
    Seed(alert.query_alerts_are_as_the_tests_play_them, PROD, '"GreaterThan"', '"LessThan"', "'LessThan'"),
    Seed(alert.query_alerts_are_as_the_tests_play_them, DEV, 'PeriodsToAlert": 1', 'PeriodsToAlert": 2', "Alert': 2"),
    Seed(alert.query_alerts_are_as_the_tests_play_them, CLOSED, '"Include"', '"Exclude"', "splits by ('Exclude', '*')"),
    Seed(
        alert.query_alerts_are_as_the_tests_play_them,
        DEV,
        'Validation": true',
        'Validation": false',
        "no telemetry yet",
    ),
    Seed(alert.the_budget_tells_in_time, CLOSED, '"Forecasted"', '"Actual"', "the budget tells at"),
    Seed(alert.the_budget_tells_in_time, CLOSED, '"threshold": 80,', '"threshold": 800,', "the budget tells at"),
    Seed(alert.the_budget_tells_in_time, CLOSED, '"Owner"', '"Reader"', "of the budget actual80 tells nobody"),
    Seed(alert.the_budget_tells_in_time, CLOSED, '"Monthly"', '"Annually"', "a budget for Annually"),
    Seed(
        alert.the_budget_tells_in_time,
        DEV,
        '"Microsoft.Insights/components"',
        f'"{alert.BUDGET}"',
        "dev: a budget of 0",
    ),
]

OF_RECORDING = [
    Seed(
        recording.what_is_done_to_services_is_recorded,
        DEV,
        '"category": "StorageDelete",\n            "enabled": true',
        '"category": "StorageDelete",\n            "enabled": false',
        "blobServices is recorded: []",
    ),
    Seed(recording.what_is_done_to_services_is_recorded, PROD, '"ControlPlane', '"DataPlane', "['DataPlaneRequests']"),
    Seed(
        recording.what_is_done_to_services_is_recorded,
        CLOSED,
        '"categoryGroup": "audit"',
        '"categoryGroup": "allLogs"',
        "vaults is recorded: ['allLogs']",
    ),
    Seed(recording.all_of_it_goes_to_one_workspace, DEV, '"WorkspaceResourceId"', '"Workspace"', "the component is at"),
    Seed(recording.all_of_it_goes_to_one_workspace, PROD, '"sourceId": "', '"sourceId": "/x', "the workbook is at /x"),
    Seed(recording.all_of_it_goes_to_one_workspace, CLOSED, '"workspaceId": "', '"workspaceId": "/x', "is at /x"),
    Seed(
        recording.all_of_it_goes_to_one_workspace,
        EGRESS,
        '"scopes": [\n          "',
        '"scopes": [\n          "/x',
        "egress: charged-not-recorded is at /x",
    ),
    Seed(recording.logs_are_kept_as_decided, PROD, '"dailyQuotaGb": -1', '"dailyQuotaGb": 1', "are (90, 1)"),
    Seed(recording.logs_are_kept_as_decided, DEV, '"retentionInDays": 30', '"retentionInDays": 730', "are (730, 1)"),
    Seed(
        recording.metrics_are_not_copied,
        PROD,
        '"logAnalyticsDestinationType"',
        '"metrics": [{"category": "AllMetrics", "enabled": true}], "logAnalyticsDestinationType"',
        "prod: cosmos-",
    ),
    Seed(
        recording.charts_show_their_service,
        DEV,
        '\\"microsoft.documentdb/databaseaccounts\\",\\n        \\"metricScope',
        '\\"microsoft.servicebus/namespaces\\",\\n        \\"metricScope',
        "dev: Request units asks",
    ),
]

OF_NAMES = [
    Seed(naming.outputs_name_what_is_made, DEV, '_NAMESPACE": "bus-', '_NAMESPACE": "appi-', "SERVICEBUS_NAMESPACE is"),
    Seed(naming.outputs_name_what_is_made, PROD, '"VAULT_NAME": "kv-', '"VAULT_NAME": "', "output VAULT_NAME is"),
    Seed(naming.outputs_name_what_is_made, EGRESS, '"EGRESS_ADDRESS": "[', '"EGRESS_ADDRESS": "', "EGRESS_ADDRESS is"),
    Seed(naming.outputs_name_what_is_made, DEV, '"AZURE_LOCATION"', '"LOCATION"', "output AZURE_LOCATION is None"),
    Seed(
        naming.outputs_name_what_is_made,
        CLOSED,
        '"SERVICE_APP_URL": "[format(\'https://{0}\', reference(',
        '"SERVICE_APP_URL": "[format(\'https://{0}.azurewebsites.net\', site(',
        "SERVICE_APP_URL is",
    ),
    Seed(naming.everything_says_whose_it_is, DEV, '"azd-service-name"', '"service"', "Web/sites func-"),
    Seed(naming.everything_says_whose_it_is, PROD, '"azd-env-name"', '"azd-env"', "resourceGroups rg-regis-pay-prod"),
    Seed(naming.everything_says_whose_it_is, CLOSED, '"application": "regis-pay"', '"application": "x"', "of nobody"),
    Seed(naming.no_region_is_written_down, STORE, "locationName: location", "locationName: 'westeurope'", "westeurope"),
    Seed(
        naming.no_region_is_written_down,
        MAIN,
        "params: { name: vaultName, location: location,",
        "params: { name: vaultName, location: 'northeurope',",
        "main.bicep: northeurope",
    ),
    Seed(
        naming.nothing_is_made_twice,
        DEV,
        "'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'))]",
        "'0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'))]",
        "dev: made twice: [extensionresourceid(",
    ),
]

SEEDS = [*OF_ALERTS, *OF_RECORDING, *OF_NAMES]
