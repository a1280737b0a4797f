"""Checks of who may do what: roles, local authentication, secrets, endpoints. Each gives its faults, in words."""

import re
from typing import Any

from tests.infra.bicep_reader import File
from tests.infra.bicep_values import Unknown, walk
from tests.infra.product import Infra, Product

ACCESS = "modules/access.bicep"
ROLES = "Microsoft.Authorization/roleDefinitions/"
COSMOS_ROLES = "<cosmos.id>/sqlRoleDefinitions/"
STORAGE, BUS = "Microsoft.Storage/storageAccounts", "Microsoft.ServiceBus/namespaces"
COSMOS, COMPONENT = "Microsoft.DocumentDB/databaseAccounts", "Microsoft.Insights/components"
VAULT = "Microsoft.KeyVault/vaults"

INTENDED = {
    # what on, which role, for whom, when
    (STORAGE, f"{ROLES}b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "principalId", "True"),
    (STORAGE, f"{ROLES}0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3", "principalId", "True"),
    (BUS, f"{ROLES}090c5cfd-751d-490a-894a-3ce6f1109419", "principalId", "<serviceBusOwner>"),
    (BUS, f"{ROLES}4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0", "principalId", "<not of <serviceBusOwner>>"),
    (BUS, f"{ROLES}69a216fc-b8fb-44d8-bc22-1f3c2cd27a39", "principalId", "<not of <serviceBusOwner>>"),
    (BUS, f"{ROLES}69a216fc-b8fb-44d8-bc22-1f3c2cd27a39", "smokePrincipalId", "<not of <empty(<smokePrincipalId>)>>"),
    (BUS, f"{ROLES}4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0", "smokePrincipalId", "<not of <empty(<smokePrincipalId>)>>"),
    (COMPONENT, f"{ROLES}3913510d-42f4-4e42-8a64-420c390055eb", "principalId", "True"),
    (VAULT, f"{ROLES}4633458b-17de-408a-b874-0445c86b69e6", "principalId", "<not of <empty(<vaultName>)>>"),
    (COSMOS, f"{COSMOS_ROLES}00000000-0000-0000-0000-000000000002", "principalId", "True"),
}

LOCKED: dict[str, dict[str, Any]] = {
    STORAGE: {
        "allowSharedKeyAccess": False,
        "allowBlobPublicAccess": False,
        "isLocalUserEnabled": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    },
    BUS: {"disableLocalAuth": True, "minimumTlsVersion": "1.2"},
    COSMOS: {"disableLocalAuth": True, "disableKeyBasedMetadataWriteAccess": True, "minimalTlsVersion": "Tls12"},
    COMPONENT: {"DisableLocalAuth": True},
    "Microsoft.OperationalInsights/workspaces": {"features.disableLocalAuth": True},
    VAULT: {"enableRbacAuthorization": True, "enableSoftDelete": True, "enablePurgeProtection": True},
    "Microsoft.Web/sites": {"httpsOnly": True, "siteConfig.minTlsVersion": "1.2", "siteConfig.ftpsState": "Disabled"},
}
"""Every service that has keys or passwords of its own, and the properties that switch them off."""

WITHOUT_KEYS = (
    "Microsoft.Authorization/",
    "Microsoft.Consumption/",
    "Microsoft.Insights/",
    "Microsoft.ManagedIdentity/",
    "Microsoft.Network/",
    "Microsoft.Resources/",
    "Microsoft.Web/serverfarms",
)
NETWORK = "modules/network.bicep"
ENDPOINTS = {
    # the part of the service, and the service
    ("blob", "<targets.storage>"),
    ("table", "<targets.storage>"),
    ("Sql", "<targets.cosmos>"),
    ("namespace", "<targets.bus>"),
}
LAST_WITH_A_WAY_OUT = "2025-05-01"
"""Of virtualNetworks. From 2025-07-01 on, subnets of a new network reach nothing outside without a gateway."""

SECRET = re.compile(r"list(Keys|\w*Secrets|Credentials|\w*Sas)\b|AccountKey=|SharedAccessKey=|password", re.IGNORECASE)
SECRET_NAME = re.compile(r"key$|secret|password|token$|connection_?string|credential", re.IGNORECASE)


def roles_are_the_intended_ones(infra: Infra, _: Product) -> list[str]:
    """No role more, none less, none wider, none for anybody else."""
    given = {_grant(infra.file(ACCESS), r) for r in infra.file(ACCESS).resources if "oleAssignments" in r.type}
    faults = [f"given, and not intended: {grant}" for grant in given - INTENDED]
    faults += [f"intended, and not given: {grant}" for grant in INTENDED - given]
    return faults + [
        f"{name} assigns a role"
        for name, r in infra.resources
        if "ole" in r.type and "Assignments" in r.type and name != ACCESS
    ]


def cosmos_role_is_as_wide_as_its_parameter(infra: Infra, _: Product) -> list[str]:
    faults = []
    for width, wanted in (("account", "<cosmos.id>"), ("database", "<cosmos.id>/dbs/regis-pay")):
        (role,) = [r for r in infra.file(ACCESS, cosmosScope=width).resources if "sqlRole" in r.type]
        scope = str(role.body["properties"]["scope"]).replace("<<", "<").replace(">>", ">")
        faults += [] if scope == wanted else [f"cosmosScope {width}: the scope is {scope}"]
    if infra.file("main.bicep").modules()["access"]["params"]["cosmosScope"] != "account":
        faults.append("the default is not the account")
    return faults


def the_app_alone_holds_the_roles(infra: Infra, _: Product) -> list[str]:
    """The roles are given to the app's identity, and the app runs as that identity."""
    modules = infra.file("main.bicep").modules()
    given = modules["access"]["params"]["principalId"]
    faults = [] if given == Unknown("identity.outputs.principalId") else [f"roles are given to {given}"]
    (site,) = [r for r in infra.file("modules/functionapp.bicep").resources if r.type == "Microsoft.Web/sites"]
    if site.body["identity"] != {"type": "UserAssigned", "userAssignedIdentities": {"<identityId>": {}}}:
        faults.append(f"the app runs as {site.body['identity']}")
    if modules["functionApp"]["params"]["identityId"] != Unknown("identity.outputs.id"):
        faults.append("the app runs as another identity")
    return faults


def no_local_authentication(infra: Infra, _: Product) -> list[str]:
    """On no service; a service that is new here has to be looked at first."""
    faults = []
    for name, resource in infra.resources:
        wanted = LOCKED.get(resource.type)
        leaves = dict(walk(resource.body.get("properties", {})))
        if wanted is not None:
            faults += [
                f"{name} {resource.symbol}: {key} is {leaves.get(key)}"
                for key in wanted
                if leaves.get(key) != wanted[key]
            ]
        elif not resource.type.startswith((*WITHOUT_KEYS, *(f"{known}/" for known in LOCKED))):
            faults.append(f"{name} {resource.symbol}: nobody has said whether {resource.type} has keys of its own")
        if "uthorizationRules" in resource.type:
            faults.append(f"{name} {resource.symbol}: makes a key")
    return faults


def no_secret_is_read_or_given_out(infra: Infra, _: Product) -> list[str]:
    """Keys are read nowhere, and no output or parameter is one."""
    faults = []
    for name, file in infra.files.items():
        code = re.sub(r"(?m)//.*$", "", file.text)
        faults += [f"{name}: {found[0]}" for found in SECRET.finditer(code)]
        faults += [
            f"{name}: parameter {p} is a secret" for p, node in file.tree.get("parameters", {}).items() if _secure(node)
        ]
        for output, value in file.outputs.items():
            if SECRET_NAME.search(output) or SECRET_NAME.search(str(value).strip("<>")):
                faults.append(f"{name}: output {output} is a secret")
    return faults


def endpoints_lead_to_their_services(infra: Infra, _: Product) -> list[str]:
    """Each part of a service has one, and it leads to that service and not to another."""
    made = [
        r.body["properties"] for r in infra.file(NETWORK).resources if r.type == "Microsoft.Network/privateEndpoints"
    ]
    connections = [each["properties"] for body in made for each in body["privateLinkServiceConnections"]]
    found = {(group, str(each["privateLinkServiceId"])) for each in connections for group in each["groupIds"]}
    faults = [f"{group} leads to {target}" for group, target in sorted(found - ENDPOINTS)]
    faults += [f"no endpoint leads from {group} to {target}" for group, target in sorted(ENDPOINTS - found)]
    targets = infra.file("main.bicep").modules()["network"]["params"]["targets"]
    services = {"storage": "storage", "cosmos": "cosmos", "bus": "servicebus"}
    wanted = {target: Unknown(f"{service}.outputs.id") for target, service in services.items()}
    return faults + [
        f"target {target} is {targets.get(target)}" for target in wanted if targets.get(target) != wanted[target]
    ]


def the_network_keeps_its_way_out(infra: Infra, _: Product) -> list[str]:
    used = re.findall(r"'Microsoft\.Network/virtualNetworks(?:/subnets)?@([\w-]+)'", infra.text(NETWORK))
    faults = [] if used else [f"{NETWORK} makes no network"]
    return faults + [
        f"virtualNetworks at {version}: nothing outside is reached" for version in used if version > LAST_WITH_A_WAY_OUT
    ]


def _secure(node: dict[str, Any]) -> bool:
    return any(decorator["type"] == "secure" for decorator in node["decorators"])


def _grant(file: File, resource: Any) -> tuple[str, str, str, str]:
    on = resource.body.get("scope", resource.body.get("parent"))
    existing = file.tree["resources"].get(getattr(on, "text", ""), {"type": f"{on}"})
    properties = resource.body["properties"]
    role, holder = str(properties["roleDefinitionId"]), properties["principalId"]
    return existing["type"], role, getattr(holder, "text", str(holder)), str(resource.condition)


CHECKS = (
    roles_are_the_intended_ones,
    cosmos_role_is_as_wide_as_its_parameter,
    the_app_alone_holds_the_roles,
    no_local_authentication,
    no_secret_is_read_or_given_out,
    endpoints_lead_to_their_services,
    the_network_keeps_its_way_out,
)
