"""Checks of the function app: settings and scaling. Each gives the faults it finds, in words.

Read from the snapshots, but for what a parameter may be at all.
"""

import re

from infra.snapshots import DUMMIES
from tests.infra.product import ROOT, Infra, Product
from tests.infra.snapshot import last, readable

APP = "modules/functionapp.bicep"
SITE, STORAGE = "Microsoft.Web/sites", "Microsoft.Storage/storageAccounts"
CLIENT_ID = "<Microsoft.ManagedIdentity/userAssignedIdentities.clientId>"
HOST_SETTINGS = {
    "AzureWebJobsStorage__credential": "managedidentity",
    "AzureWebJobsStorage__clientId": CLIENT_ID,
    "AzureWebJobsStorage__blobServiceUri": f"<{STORAGE}.primaryEndpoints.blob>",
    "AzureWebJobsStorage__tableServiceUri": f"<{STORAGE}.primaryEndpoints.table>",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "<Microsoft.Insights/components.ConnectionString>",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": f"ClientId={CLIENT_ID};Authorization=AAD",
    "PYTHON_ENABLE_OPENTELEMETRY": "true",
    "OTEL_SERVICE_NAME": "regis-pay",
    "OTEL_METRIC_EXPORT_INTERVAL": "10000",
    "OTEL_TRACES_SAMPLER": "microsoft.fixed_percentage",
    "AzureFunctionsJobHost__extensions__cosmosDB__connectionMode": "Direct",
    "WEBSITE_AUTH_AAD_REQUIRE_CLIENT_SERVICE_PRINCIPAL": "true",
}
"""What is read by the host, by OpenTelemetry and by Azure's authentication, the same in every environment."""

SAMPLED = {"dev": "1", "prod": "1", "closed": "0.1", "egress": "1"}
"""Of all traces; closed changes it by `tuning`."""

BUS_ADDRESS = "split(replace(<Microsoft.ServiceBus/namespaces.serviceBusEndpoint>, 'https://', ''), ':')[0]"
FORBIDDEN = re.compile(
    r"FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|WEBSITE_RUN_FROM_PACKAGE|WEBSITE_CONTENT\w*|"
    r"SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT|WEBSITE_TIME_ZONE|TZ|"
    r"linuxFxVersion|alwaysOn|healthCheckPath|AZURE_CLIENT_ID|AzureWebJobsStorage|CosmosConnection|ServiceBusConnection"
)
"""What Flex refuses or ignores, and what would be read as a connection string where an identity is meant."""


def settings_are_those_of_the_code(infra: Infra, product: Product) -> list[str]:
    """Everything that the app needs is set, and nothing that neither it nor the host reads."""
    faults = []
    for snapshot in infra.snapshots:
        given, expected = snapshot.settings, _expected(snapshot.name)
        known = product.settings | product.needed_settings | set(expected)
        faults += [f"{name}: needed, and not set" for name in product.needed_settings - set(given)]
        faults += [f"{name}: set, and nobody reads it" for name in set(given) - known]
        faults += [f"{n}: is {given.get(n)}" for n in expected if given.get(n) != expected[n]]
    return faults


IN_VAULT = frozenset({"PROVIDER_API_KEY", "PROVIDER_WEBHOOK_SECRETS", "MERCHANT_WEBHOOK_SECRETS"})


def no_setting_is_a_secret(infra: Infra, product: Product) -> list[str]:
    """A setting that is a secret in code points at the vault. The one exception opens nothing: local auth is off."""
    harmless = "APPLICATIONINSIGHTS_CONNECTION_STRING"
    faults = []
    for snapshot in infra.snapshots:
        for name in product.secret_settings & set(snapshot.settings):
            value = str(snapshot.settings[name])
            if not value.startswith("@Microsoft.KeyVault(") and (name, value) != (harmless, HOST_SETTINGS[harmless]):
                faults.append(f"{name}: holds a secret")
        keys = IN_VAULT & set(snapshot.settings)
        if bool(keys) != bool(snapshot.of("Microsoft.KeyVault/vaults")):
            faults.append(f"{snapshot.name}: the key and the vault do not go together")
    secret = re.compile(r"AccountKey|SharedAccessKey|PROVIDER_API_KEY|whsec_|(?i:password|secret)")
    files = ("main.parameters.json", "dev.bicepparam", "prod.bicepparam")
    return faults + [f"{file}: holds a secret" for file in files if secret.search(infra.text(file))]


def the_key_is_looked_for_where_the_guide_puts_it(infra: Infra, _: Product) -> list[str]:
    """A person puts it into the vault, by hand and by the words of the guide."""
    guide = (ROOT / "docs" / "deploy.md").read_text()
    kept = re.findall(r"(?m)^ +put ([\w-]+) [\w-]+\.(?:txt|json)\b", guide)
    faults = []
    for snapshot in infra.snapshots:
        for vault in snapshot.of("Microsoft.KeyVault/vaults"):
            wanted = {f"@Microsoft.KeyVault(VaultName={vault['name']};SecretName={secret})" for secret in kept}
            found = {snapshot.settings.get(name) for name in IN_VAULT}
            if found != wanted:
                faults.append(f"{snapshot.name}: the keys are not looked for at {', '.join(kept)} in {vault['name']}")
    return faults


def nothing_that_flex_forbids(infra: Infra, _: Product) -> list[str]:
    names = {
        name
        for snapshot in infra.snapshots
        for name in (*snapshot.settings, *snapshot.only(SITE)["properties"]["siteConfig"])
    }
    return [f"{name}: must not be set" for name in names if FORBIDDEN.fullmatch(name)]


def runs_as_the_host_needs_it(infra: Infra, _: Product) -> list[str]:
    """Flex, Linux, Python 3.13, with an HTTP concurrency: without it Python takes one at a time. docs/scale.md."""
    small, large = (40, 16), (100, 32)  # instances, and requests that each takes
    faults = []
    for snapshot in infra.snapshots:
        site, plan = snapshot.only(SITE), snapshot.only("Microsoft.Web/serverfarms")
        config = site["properties"]["functionAppConfig"]
        scale = config["scaleAndConcurrency"]
        size = (scale["maximumInstanceCount"], scale["triggers"]["http"]["perInstanceConcurrency"])
        container = last(snapshot.only(f"{STORAGE}/blobServices/containers")["name"])
        packages = f"<{STORAGE}.primaryEndpoints.blob>{container}"
        found = {
            "sku": (plan["sku"], {"name": "FC1", "tier": "FlexConsumption"}),
            "system": ((site["kind"], plan["properties"].get("reserved")), ("functionapp,linux", True)),
            "runtime": (config["runtime"], {"name": "python", "version": "3.13"}),
            "package": (readable(config["deployment"]["storage"]["value"]), packages),
            "instances and concurrency": (size, large if snapshot.name == "prod" else small),
        }
        faults += [f"{what}: {is_}" for what, (is_, wanted) in found.items() if is_ != wanted]
    return faults


def always_ready_are_functions(infra: Infra, product: Product) -> list[str]:
    """Every group that is kept awake exists. Prod keeps two of the publisher: a plan with zones takes no fewer."""
    known = {"http", *(f"function:{function}" for function in product.functions)}
    ready = {
        snapshot.name: snapshot.only(SITE)["properties"]["functionAppConfig"]["scaleAndConcurrency"]["alwaysReady"]
        for snapshot in infra.snapshots
    }
    faults = [
        f"{name}: no function for {g['name']}"
        for name, groups in ready.items()
        for g in groups
        if g["name"] not in known
    ]
    if ready["prod"] != [{"name": "function:publish_events", "instanceCount": 2}]:
        faults.append("prod: publish_events is not always ready")
    fewer = [group["name"] for group in ready["closed"] if group["instanceCount"] < 2]
    return faults + [f"closed: one instance of {name}, in a plan with zones" for name in fewer]


def blanks_are_no_entries(infra: Infra, _: Product) -> list[str]:
    """Of 'a, b,' the entries are a and b. An entry with a blank is nobody, and its owner hears of nothing."""
    faults = []
    receivers = infra.snapshot("closed").only("Microsoft.Insights/actionGroups")["properties"]["emailReceivers"]
    if [each["emailAddress"] for each in receivers] != ["first@example.org", "second@example.org"]:
        faults.append(f"closed: told are {receivers}")
    return faults


def one_environment_has_one_spelling(infra: Infra, _: Product) -> list[str]:
    """Closed is closed: a capital letter makes no second set of resources."""
    closed = infra.snapshot("closed")
    names = [resource["name"] for resource in closed.of("Microsoft.Resources/resourceGroups")]
    told = closed.settings["OTEL_RESOURCE_ATTRIBUTES"]
    faults = [] if names == ["rg-regis-pay-closed"] else [f"closed: the group is {names}"]
    return faults + ([] if told == "deployment.environment.name=closed" else [f"closed: telemetry says {told}"])


CHECKS = (
    settings_are_those_of_the_code,
    no_setting_is_a_secret,
    the_key_is_looked_for_where_the_guide_puts_it,
    nothing_that_flex_forbids,
    runs_as_the_host_needs_it,
    always_ready_are_functions,
    blanks_are_no_entries,
    one_environment_has_one_spelling,
)


def _expected(name: str) -> dict[str, str]:
    """Every setting of an environment that has to have one certain value."""
    expected = HOST_SETTINGS | {
        "OTEL_TRACES_SAMPLER_ARG": SAMPLED[name],
        "OTEL_RESOURCE_ATTRIBUTES": f"deployment.environment.name={name}",
        "CosmosConnection__accountEndpoint": "<Microsoft.DocumentDB/databaseAccounts.documentEndpoint>",
        "ServiceBusConnection__fullyQualifiedNamespace": BUS_ADDRESS,
        "PROVIDER_BASE_URL": DUMMIES["PROVIDER_BASE_URL"],
    }
    for connection in ("CosmosConnection", "ServiceBusConnection"):
        expected |= {f"{connection}__credential": "managedidentity", f"{connection}__clientId": CLIENT_ID}
    return expected
