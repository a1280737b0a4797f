"""Faults that the checks of the app, of watching and of the language must see: one each."""

from tests.infra import app_checks as app
from tests.infra import language_checks as language
from tests.infra import watch_checks as watch
from tests.infra.checking import Seed

MAIN, DEV, PROD, WORKBOOK = "main.bicep", "dev.bicepparam", "prod.bicepparam", "workbook.json"
BUS, STORE, SITE = "modules/servicebus.bicep", "modules/cosmos.bicep", "modules/functionapp.bicep"
STORAGE, ALERTS, METRICS = "modules/storage.bicep", "modules/alerts.bicep", "modules/metricalerts.bicep"

OF_THE_APP = [
    Seed(app.settings_are_those_of_the_code, MAIN, "      MERCHANT_ID: merchantId\n", "", "MERCHANT_ID: needed"),
    Seed(app.settings_are_those_of_the_code, MAIN, "MERCHANT_ID:", "MERCHANT:", "MERCHANT: set, and nobody reads it"),
    Seed(
        app.settings_are_those_of_the_code,
        MAIN,
        "CosmosConnection__accountEndpoint",
        "CosmosConnection__endpoint",
        "needed",
    ),
    Seed(
        app.settings_are_those_of_the_code,
        SITE,
        "AzureWebJobsStorage__clientId",
        "AzureWebJobsStorage__client",
        "clientId: is",
    ),
    Seed(app.no_setting_is_a_secret, MAIN, "'@Microsoft.KeyVault(VaultName", "'sk_live(VaultName", "PROVIDER_API_KEY"),
    Seed(
        app.no_setting_is_a_secret,
        PROD,
        "param merchantId",
        "param tuning = { PROVIDER_API_KEY: 'x' }\nparam merchantId",
        "prod",
    ),
    Seed(
        app.nothing_that_flex_forbids,
        SITE,
        "PYTHON_ENABLE",
        "FUNCTIONS_WORKER_RUNTIME: 'python'\n  PYTHON_ENABLE",
        "FUNCTIONS",
    ),
    Seed(app.nothing_that_flex_forbids, SITE, "ftpsState", "alwaysOn: true\n      ftpsState", "alwaysOn"),
    Seed(
        app.nothing_that_flex_forbids,
        MAIN,
        "MERCHANT_ID:",
        "CosmosConnection: 'x'\n      MERCHANT_ID:",
        "CosmosConnection:",
    ),
    Seed(app.runs_as_the_host_needs_it, SITE, "version: '3.13'", "version: '3.11'", "3.11"),
    Seed(app.runs_as_the_host_needs_it, SITE, "Concurrency: httpConcurrency", "Concurrency: 1", "concurrency: 1"),
    Seed(app.always_ready_are_functions, PROD, "function:publish_events", "function:publish_event", "no function for"),
    Seed(app.doors_are_shut, SITE, "'/api/health', ", "'/api', '/api/health', ", "/api/ops/anything is open"),
    Seed(app.doors_are_shut, SITE, "requireAuthentication: true", "requireAuthentication: false", "without a token"),
    Seed(app.doors_are_shut, SITE, "apiAuth == 'entra' ? healthPaths", "apiAuth == 'entra' ? apiPaths", "is shut"),
    Seed(app.operations_are_for_named_people, SITE, "identities: entraPrincipalIds", "identities: []", "people: []"),
    Seed(
        app.operations_are_for_named_people,
        MAIN,
        "@minLength(1)\nparam opsPrincipalIds",
        "param opsPrincipalIds",
        "everybody",
    ),
    Seed(app.blanks_are_no_entries, DEV, "email => trim(email)", "email => email", "dev.bicepparam: a list keeps"),
    Seed(app.blanks_are_no_entries, PROD, "id => !empty(id)", "id => true", "prod.bicepparam: a list keeps"),
    Seed(app.blanks_are_no_entries, MAIN, "PrincipalIds: operators", "PrincipalIds: opsPrincipalIds", "operators are"),
    Seed(app.blanks_are_no_entries, MAIN, "id => trim(id)", "id => id", "operators are"),
    Seed(app.blanks_are_no_entries, MAIN, "id => !empty(id)", "id => true", "operators are"),
]

OF_WATCHING = [
    Seed(
        watch.queries_name_what_is_emitted,
        ALERTS,
        "regispay.outbox.lag_s",
        "regispay.outbox.lag",
        "outbox.lag is not in",
    ),
    Seed(
        watch.queries_name_what_is_emitted, WORKBOOK, "regispay.step.retries", "regispay.retries", "retries is not in"
    ),
    Seed(watch.queries_name_what_is_emitted, ALERTS, "Properties.step", "Properties.stage", "no attribute stage"),
    Seed(
        watch.queries_name_what_is_emitted,
        ALERTS,
        "== 'recover.dead_letter_recorded'",
        "== 'recover.dead'",
        "recover.dead is",
    ),
    Seed(
        watch.queries_compare_with_values_of_the_code,
        ALERTS,
        "== 'charged_not_recorded'",
        "== 'charged'",
        "no reason charged",
    ),
    Seed(watch.queries_compare_with_values_of_the_code, ALERTS, "== 'low'", "== 'lowest'", "no severity lowest"),
    Seed(
        watch.everything_that_must_wake_somebody_does,
        ALERTS,
        "'regispay.payments.swept'",
        "'regispay.x'",
        "payments.swept",
    ),
    Seed(watch.every_topic_is_watched, METRICS, "values: eventTopics", "values: ['payment-created']", "no alert"),
    Seed(watch.every_topic_is_watched, METRICS, "values: forwardTargets", "values: []", "payment-dead-letters"),
    Seed(watch.alerts_reach_somebody, ALERTS, "actionGroups: [operators.id]", "actionGroups: []", "wakes nobody"),
    Seed(watch.alerts_reach_somebody, METRICS, "enabled: true", "enabled: false", "wakes nobody"),
    Seed(
        watch.alerts_reach_somebody, ALERTS, "by operation = OperationName", "by OperationName", "no column operation"
    ),
]

OF_THE_LANGUAGE = [
    Seed(
        language.every_name_is_declared, STORE, "id: container.name", "id: contianer.name", "contianer is not declared"
    ),
    Seed(language.every_name_is_declared, BUS, "${place.topic}", "${plaice.topic}", "plaice is not declared"),
    Seed(language.every_name_is_declared, MAIN, "sku: busSku", "sku: busTier", "busTier is not declared"),
    Seed(
        language.every_name_is_used,
        STORAGE,
        "param location",
        "param leftover string\nparam location",
        "nothing uses leftover",
    ),
    Seed(
        language.modules_are_called_as_declared,
        MAIN,
        "capacity: cosmosCapacity",
        "capcity: cosmosCapacity",
        "no parameter capcity",
    ),
    Seed(language.modules_are_called_as_declared, MAIN, "    emails: alertEmails\n", "", "alerts: emails is missing"),
    Seed(
        language.modules_are_called_as_declared,
        MAIN,
        "identity.outputs.id\n",
        "identity.outputs.ids\n",
        "no output ids",
    ),
    Seed(language.parameter_files_fit, PROD, "param zoneRedundant", "param zonal", "no parameter zonal"),
    Seed(
        language.parameter_files_fit, "main.parameters.json", '"opsClientId"', '"opsClient"', "opsClientId is missing"
    ),
]

SEEDS = [*OF_THE_APP, *OF_WATCHING, *OF_THE_LANGUAGE]
