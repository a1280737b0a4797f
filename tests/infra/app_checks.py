"""Checks of the function app: settings, scaling, the doors. Each gives the faults it finds, in words."""

import re
from typing import Any

from tests.infra.product import Infra, Product

APP = "modules/functionapp.bicep"
HOST_SETTINGS = {
    "AzureWebJobsStorage__credential": "managedidentity",
    "AzureWebJobsStorage__clientId": "<identityClientId>",
    "AzureWebJobsStorage__blobServiceUri": "<blobEndpoint>",
    "AzureWebJobsStorage__tableServiceUri": "<tableEndpoint>",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "ClientId=<identityClientId>;Authorization=AAD",
    "PYTHON_ENABLE_OPENTELEMETRY": "true",
}
TRIMMED = re.compile(r"filter\(map\(split\([^)]*\), ','\), (\w+) => trim\(\1\)\), (\w+) => !empty\(\2\)\)")
FORBIDDEN = re.compile(
    r"FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|WEBSITE_RUN_FROM_PACKAGE|WEBSITE_CONTENT\w*|"
    r"SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT|WEBSITE_TIME_ZONE|TZ|"
    r"linuxFxVersion|alwaysOn|healthCheckPath|AZURE_CLIENT_ID|AzureWebJobsStorage|CosmosConnection|ServiceBusConnection"
)
"""What Flex refuses or ignores, and what would be read as a connection string where an identity is meant."""


def settings_are_those_of_the_code(infra: Infra, product: Product) -> list[str]:
    """Everything that the app needs is set, and nothing that neither it nor the host reads."""
    given = app_settings(infra)
    known = product.settings | product.needed_settings | set(HOST_SETTINGS)
    faults = [f"{name}: needed, and not set" for name in product.needed_settings - set(given)]
    faults += [f"{name}: set, and nobody reads it" for name in set(given) - known]
    expected = {
        **HOST_SETTINGS,
        "CosmosConnection__accountEndpoint": "<cosmos.outputs.endpoint>",
        "ServiceBusConnection__fullyQualifiedNamespace": "<servicebus.outputs.fullyQualifiedNamespace>",
        "PROVIDER_BASE_URL": "<providerBaseUrl>",
        "MERCHANT_ID": "<merchantId>",
        "OPS_CALLER": "easy-auth",
    }
    for connection in ("CosmosConnection", "ServiceBusConnection"):
        expected[f"{connection}__credential"] = "managedidentity"
        expected[f"{connection}__clientId"] = "<identity.outputs.clientId>"
    return faults + [f"{n}: is {given.get(n)}" for n in expected if str(given.get(n)) != expected[n]]


def no_setting_is_a_secret(infra: Infra, product: Product) -> list[str]:
    """A setting that is a secret in code points at the vault. The one exception opens nothing: local auth is off."""
    given = app_settings(infra, providerKeyInVault=True)
    harmless = {"APPLICATIONINSIGHTS_CONNECTION_STRING": "<component.properties.ConnectionString>"}
    faults = []
    for name in product.secret_settings & set(given):
        value = str(given[name])
        if not value.startswith("@Microsoft.KeyVault(") and value != harmless.get(name):
            faults.append(f"{name}: holds a secret")
    secret = re.compile(r"AccountKey|SharedAccessKey|PROVIDER_API_KEY|(?i:password|secret)")
    files = ("main.parameters.json", "dev.bicepparam", "prod.bicepparam")
    return faults + [f"{file}: holds a secret" for file in files if secret.search(infra.text(file))]


def nothing_that_flex_forbids(infra: Infra, _: Product) -> list[str]:
    site = _body(infra, "Microsoft.Web/sites")["properties"]
    names = {*app_settings(infra), *site["siteConfig"]}
    return [f"{name}: must not be set" for name in names if FORBIDDEN.fullmatch(name)]


def runs_as_the_host_needs_it(infra: Infra, _: Product) -> list[str]:
    """Flex, Python 3.13, deployed by identity, with an HTTP concurrency: without it Python takes one at a time."""
    plan, site = _body(infra, "Microsoft.Web/serverfarms"), _body(infra, "Microsoft.Web/sites")
    config = site["properties"]["functionAppConfig"]
    storage = config["deployment"]["storage"]
    scale = config["scaleAndConcurrency"]
    found = {
        "sku": (plan["sku"], {"name": "FC1", "tier": "FlexConsumption"}),
        "runtime": (config["runtime"], {"name": "python", "version": "3.13"}),
        "package": (str(storage["value"]), "<packagesUrl>"),
        "deployment": (storage["authentication"]["type"], "UserAssignedIdentity"),
        "concurrency": (str(scale["triggers"]["http"]["perInstanceConcurrency"]), "<httpConcurrency>"),
        "always ready": (str(scale["alwaysReady"]), "<alwaysReady>"),
    }
    return [f"{what}: {is_}" for what, (is_, wanted) in found.items() if is_ != wanted]


def always_ready_are_functions(infra: Infra, product: Product) -> list[str]:
    """Every group that is kept awake exists; prod keeps the publisher awake."""
    texts = {path.name: path.read_text() for path in infra.folder.glob("**/*.bicep*")}
    faults = []
    for name, text in texts.items():
        groups = set(re.findall(r"\bname:\s*'((?:function:|http\b|durable\b|blob\b)[\w:]*)',\s*instanceCount", text))
        known = {"http", *(f"function:{function}" for function in product.functions)}
        faults += [f"{name}: no function for {group}" for group in groups - known]
    if "name: 'function:publish_events', instanceCount" not in texts["prod.bicepparam"]:
        faults.append("prod.bicepparam: publish_events is not always ready")
    return faults


def doors_are_shut(infra: Infra, product: Product) -> list[str]:
    """No token, no operation; health is open; the API is open to function keys only when the parameter says so."""
    faults = []
    for api_auth in ("key", "entra"):
        body = _body(infra, "Microsoft.Web/sites/config", apiAuth=api_auth)["properties"]
        validation = body["globalValidation"]
        if (validation["requireAuthentication"], validation["unauthenticatedClientAction"]) != (True, "Return401"):
            faults.append(f"{api_auth}: callers without a token are let in")
        if not (body["platform"]["enabled"] and body["identityProviders"]["azureActiveDirectory"]["enabled"]):
            faults.append(f"{api_auth}: authentication is off")
        for name, path in {**product.routes, "any": "/api/ops/anything", "host": "/admin/host/status"}.items():
            is_open = any(_covers(excluded, path) for excluded in validation["excludedPaths"])
            if is_open != _should_be_open(path, api_auth):
                faults.append(f"{api_auth}: {name} at {path} is {'open' if is_open else 'shut'}")
    return faults


def operations_are_for_named_people(infra: Infra, _: Product) -> list[str]:
    """A token of the tenant is not enough: the policy lists people and programs, and neither list may be empty."""
    body = _body(infra, "Microsoft.Web/sites/config")["properties"]
    policy = body["identityProviders"]["azureActiveDirectory"]["validation"]["defaultAuthorizationPolicy"]
    lists = {"people": policy["allowedPrincipals"]["identities"], "programs": policy["allowedApplications"]}
    faults = [f"{who}: {value}" for who, value in lists.items() if not str(value).startswith("<entra")]
    for file, names in (
        (APP, ("entraPrincipalIds", "entraApplicationIds")),
        ("main.bicep", ("opsPrincipalIds", "opsApplicationIds")),
    ):
        for name in names:
            decorators = infra.file(file).tree["parameters"][name]["decorators"]
            if {"type": "min_length", "argument": 1} not in decorators:
                faults.append(f"{file}: {name} may be empty, and then everybody is let in")
    return faults


def blanks_are_no_entries(infra: Infra, _: Product) -> list[str]:
    """Of 'a, b,' the entries are a and b. An entry with a blank is nobody, and its owner is locked out unseen."""
    faults = []
    for name in ("dev.bicepparam", "prod.bicepparam"):
        text = infra.text(name)
        if len(TRIMMED.findall(text)) != text.count("split("):
            faults.append(f"{name}: a list keeps blanks or empty entries")
    main = infra.file("main.bicep", opsPrincipalIds=["", " a", "b ", " "]).modules()
    operators = main["functionApp"]["params"]["entraPrincipalIds"]
    return faults + ([] if operators == ["a", "b"] else [f"main.bicep: operators are {operators}"])


def app_settings(infra: Infra, **parameters: Any) -> dict[str, Any]:
    """Every app setting with its value."""
    settings = infra.file("main.bicep", **parameters).modules()["functionApp"]["params"]["settings"]
    given = _body(infra, "Microsoft.Web/sites", settings=settings)["properties"]["siteConfig"]["appSettings"]
    return {setting["name"]: setting["value"] for setting in given}


def _body(infra: Infra, kind: str, **parameters: Any) -> dict[str, Any]:
    (found,) = [r for r in infra.file(APP, **{"settings": {}, **parameters}).resources if r.type == kind]
    return found.body


def _covers(excluded: str, path: str) -> bool:
    """As widely as the platform might read it: a path opens everything below it, with or without a star."""
    prefix = excluded.removesuffix("*").removesuffix("/")
    return path == prefix or path.startswith(f"{prefix}/")


def _should_be_open(path: str, api_auth: str) -> bool:
    return path.startswith("/api/health") or (path.startswith("/api/payments") and api_auth == "key")


CHECKS = (
    settings_are_those_of_the_code,
    no_setting_is_a_secret,
    nothing_that_flex_forbids,
    runs_as_the_host_needs_it,
    always_ready_are_functions,
    doors_are_shut,
    operations_are_for_named_people,
    blanks_are_no_entries,
)
