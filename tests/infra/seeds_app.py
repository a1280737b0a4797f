"""Faults that the checks of the app, of watching and of the language must see: one each."""

from tests.infra import app_checks as app
from tests.infra import language_checks as language
from tests.infra import watch_checks as watch
from tests.infra.checking import Seed

DEV, PROD, CLOSED = "snapshots/dev.json", "snapshots/prod.json", "snapshots/closed.json"
MAIN, OF_DEV, OF_PROD = "main.bicep", "dev.bicepparam", "prod.bicepparam"
BUS, STORE, STORAGE = "modules/servicebus.bicep", "modules/cosmos.bicep", "modules/storage.bicep"

OF_THE_APP = [
    Seed(app.settings_are_those_of_the_code, DEV, '"MERCHANT_ID"', '"MERCHANT"', "MERCHANT_ID: needed"),
    Seed(app.settings_are_those_of_the_code, PROD, '"MERCHANT_ID"', '"MERCHANT"', "MERCHANT: set, and nobody reads it"),
    Seed(app.settings_are_those_of_the_code, PROD, "Connection__accountEndpoint", "Connection__endpoint", "needed"),
    Seed(app.settings_are_those_of_the_code, DEV, "Storage__clientId", "Storage__client", "clientId: is None"),
    Seed(app.settings_are_those_of_the_code, PROD, '"Direct"', '"Gateway"', "connectionMode: is Gateway"),
    Seed(app.settings_are_those_of_the_code, CLOSED, '"value": "0.1"', '"value": "1"', "SAMPLER_ARG: is 1"),
    Seed(app.settings_are_those_of_the_code, PROD, "name=prod", "name=production", "ATTRIBUTES: is deployment"),
    Seed(
        app.no_setting_is_a_secret,
        PROD,
        '"@Microsoft.KeyVault(VaultName',
        '"sk_live(VaultName',
        "MERCHANT_WEBHOOK_SECRETS",
    ),
    Seed(app.no_setting_is_a_secret, PROD, '"Microsoft.KeyVault/vaults"', '"x/y"', "do not go together"),
    Seed(
        app.no_setting_is_a_secret,
        OF_PROD,
        "param merchantId",
        "param tuning = { PROVIDER_API_KEY: 'x' }\nparam merchantId",
        "prod",
    ),
    Seed(
        app.the_key_is_looked_for_where_the_guide_puts_it,
        PROD,
        "SecretName=provider-api-key",
        "SecretName=key",
        "prod: ",
    ),
    Seed(app.nothing_that_flex_forbids, DEV, '"OPS_AUTH"', '"FUNCTIONS_WORKER_RUNTIME"', "FUNCTIONS"),
    Seed(app.nothing_that_flex_forbids, PROD, '"ftpsState"', '"alwaysOn": true, "ftpsState"', "alwaysOn"),
    Seed(
        app.nothing_that_flex_forbids, DEV, '"CosmosConnection__credential"', '"CosmosConnection"', "CosmosConnection:"
    ),
    Seed(app.runs_as_the_host_needs_it, DEV, '"version": "3.13"', '"version": "3.11"', "3.11"),
    Seed(app.runs_as_the_host_needs_it, PROD, 'Concurrency": 32', 'Concurrency": 1', "concurrency: (100, 1)"),
    Seed(app.runs_as_the_host_needs_it, PROD, "'deployments')]", "'other')]", "package:"),
    Seed(
        app.runs_as_the_host_needs_it, DEV, '"reserved": true', '"reserved": false', "system: ('functionapp,linux', F"
    ),
    Seed(
        app.runs_as_the_host_needs_it, CLOSED, '"functionapp,linux"', '"functionapp"', "system: ('functionapp', True)"
    ),
    Seed(app.runs_as_the_host_needs_it, PROD, 'InstanceCount": 100', 'InstanceCount": 10', "concurrency: (10, 32)"),
    Seed(app.always_ready_are_functions, CLOSED, '"name": "http"', '"name": "https"', "no function for https"),
    Seed(app.always_ready_are_functions, PROD, "function:publish_events", "function:publish_event", "no function for"),
    Seed(app.always_ready_are_functions, PROD, 'instanceCount": 2', 'instanceCount": 1', "not always ready"),
    Seed(
        app.always_ready_are_functions, CLOSED, 'instanceCount": 2', 'instanceCount": 1', "closed: one instance of http"
    ),
    Seed(app.blanks_are_no_entries, CLOSED, '"emailAddress": "', '"emailAddress": " ', "told are"),
    Seed(
        app.one_environment_has_one_spelling, CLOSED, '"name": "rg-regis-pay-closed"', '"name": "rg-Closed"', "group is"
    ),
    Seed(app.one_environment_has_one_spelling, CLOSED, "name=closed", "name=Closed", "telemetry says"),
]

OF_WATCHING = [
    Seed(
        watch.queries_name_what_is_emitted, DEV, "regispay.outbox.lag_s", "regispay.outbox.lag", "outbox.lag is not in"
    ),
    Seed(watch.queries_name_what_is_emitted, DEV, "regispay.step.retries", "regispay.retries", "retries is not in"),
    Seed(watch.queries_name_what_is_emitted, PROD, "Properties.step", "Properties.stage", "no attribute stage"),
    Seed(watch.queries_name_what_is_emitted, DEV, "Properties.timer", "Properties.reason", "no attribute reason"),
    Seed(watch.queries_name_what_is_emitted, DEV, "== 'recover.dead_letter_recorded'", "== 'recover.dead'", "dead is"),
    Seed(
        watch.queries_compare_with_values_of_the_code, DEV, "'charged_not_recorded'", "'charged'", "no reason charged"
    ),
    Seed(watch.queries_compare_with_values_of_the_code, DEV, "== 'low'", "== 'lowest'", "no severity lowest"),
    Seed(watch.queries_compare_with_values_of_the_code, DEV, "!= 'store_busy'", "!= 'too_busy'", "no reason too_busy"),
    Seed(
        watch.queries_compare_with_values_of_the_code, DEV, "!= 'smoke_test'", "!= 'smoke_tests'", "reason smoke_tests"
    ),
    Seed(
        watch.everything_that_must_wake_somebody_does,
        DEV,
        "'regispay.topic.refusals'",
        "'regispay.x'",
        "topic.refusals",
    ),
    Seed(
        watch.every_topic_of_ours_is_watched,
        DEV,
        '"payment-failed",\n',
        '"payment-fail",\n',
        "payment-failed: no alert",
    ),
    Seed(watch.every_topic_of_ours_is_watched, PROD, '"payment-failed",\n', '"payment-voided",\n', "voided: not ours"),
    Seed(watch.every_topic_of_ours_is_watched, DEV, '"ActiveMessages"', '"IncomingMessages"', "ActiveMessages"),
    Seed(watch.every_timer_is_watched, DEV, "'sweep_payments'", "'sweep'", "['sweep', 'sweep_payments'] differ"),
    Seed(
        watch.what_happened_is_never_called_resolved,
        DEV,
        '"autoMitigate": false',
        '"autoMitigate": true',
        "dev charged-not-recorded: (True",
    ),
    Seed(watch.what_happened_is_never_called_resolved, PROD, '"PT10M"', '"PT15M"', "prod charged-not-recorded"),
    Seed(
        watch.what_happened_is_never_called_resolved,
        CLOSED,
        '"autoMitigate": true',
        '"autoMitigate": false',
        "closed dead-letters-high-open: (False",
    ),
    Seed(
        watch.what_happened_is_never_called_resolved,
        DEV,
        '"autoMitigate": true,\n        "criteria": {\n          "odata.type"',
        '"autoMitigate": false,\n        "criteria": {\n          "odata.type"',
        "dev broker-dead-letters: never resolved",
    ),
    Seed(
        watch.alert_queries_are_of_a_form_that_alerts_take,
        DEV,
        "join kind=leftanti (AppMetrics",
        "join kind=leftanti (union AppMetrics",
        "step-silent: union",
    ),
    Seed(
        watch.alert_queries_are_of_a_form_that_alerts_take,
        DEV,
        '"query": "AppRequests',
        '"query": "let all = AppRequests',
        "starts with no table",
    ),
    Seed(watch.the_site_is_asked_from_outside, DEV, '"Name": "ready"', '"Name": "steady"', "dev: not watched"),
    Seed(watch.the_site_is_asked_from_outside, PROD, '"Enabled": true', '"Enabled": false', "prod: nobody asks"),
    Seed(watch.the_site_is_asked_from_outside, CLOSED, "/api/health/ready'", "/api/ops'", "closed: asks elsewhere"),
    Seed(watch.the_site_is_asked_from_outside, DEV, 'StatusCode": 200', 'StatusCode": 401', "asks for another answer"),
    Seed(watch.the_site_is_asked_from_outside, PROD, '"hidden-link:', '"link:', "prod: belongs to no component"),
    Seed(watch.the_site_is_asked_from_outside, DEV, '"Frequency": 900', '"Frequency": 1800', "asks less often than"),
    Seed(
        watch.the_site_is_asked_from_outside,
        CLOSED,
        '          {\n            "Id": "us-va-ash-azr"\n          },\n',
        "",
        "closed: one place's own fault",
    ),
    Seed(watch.alerts_reach_somebody, PROD, '"emailReceivers": [', '"emailReceivers": [], "x": [', "tells nobody"),
    Seed(watch.alerts_reach_somebody, PROD, '"actionGroups": [', '"actionGroups": ["x", ', "wakes nobody"),
    Seed(
        watch.alerts_reach_somebody,
        CLOSED,
        '"enabled": true,\n        "scopes"',
        '"enabled": false,\n        "scopes"',
        "nobody",
    ),
    Seed(watch.alerts_reach_somebody, DEV, '"groupShortName"', '"enabled": false, "groupShortName"', "group is off"),
    Seed(watch.alerts_reach_somebody, DEV, "by operation = coalesce(", "by coalesce(", "no column operation"),
    Seed(
        watch.sampled_rows_are_counted_as_items,
        DEV,
        "value = sum(ItemCount) by operation",
        "value = count() by operation",
        "AppRequests",
    ),
    Seed(watch.faults_of_callers_wake_nobody, DEV, "(400 .. 499)", "(400 .. 404)", "4xx wakes"),
    Seed(watch.the_smoke_test_wakes_nobody, DEV, "measured - 1m", "measured - 1h", "no counted"),
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
    Seed(language.modules_are_called_as_declared, MAIN, "    emails: emails\n", "", "alerts: emails is missing"),
    Seed(
        language.modules_are_called_as_declared,
        MAIN,
        "identity.outputs.id\n",
        "identity.outputs.ids\n",
        "no output ids",
    ),
    Seed(language.parameter_files_fit, OF_PROD, "param zoneRedundant", "param zonal", "no parameter zonal"),
    Seed(
        language.parameter_files_fit, "main.parameters.json", '"opsClientId"', '"opsClient"', "opsClientId is missing"
    ),
    Seed(
        language.azd_reads_each_value_by_its_own_name,
        "main.parameters.json",
        "${PRIVATE_NETWORKING=",
        "${FIXED_EGRESS=",
        "privateNetworking is read from FIXED_EGRESS",
    ),
]

SEEDS = [*OF_THE_APP, *OF_WATCHING, *OF_THE_LANGUAGE]
