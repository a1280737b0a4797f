"""Checks of who may do what: roles, local authentication, secrets, network. Each gives its faults, in words.

Read from the snapshots; what no snapshot shows (parameters, what a file says but does not make) is read from Bicep.
"""

import re
from typing import Any

from infra.roles import AZURE_ROLES, COSMOS_ROLES, declarations
from infra.smoke_bus import SUBSCRIPTION, TOPIC
from tests.infra.bicep_values import walk
from tests.infra.product import Infra, Product
from tests.infra.snapshot import readable

ROLE_ASSIGNMENT = re.compile(r"role ?assignments?$", re.IGNORECASE)
STORAGE, BUS = "Microsoft.Storage/storageAccounts", "Microsoft.ServiceBus/namespaces"
COSMOS, COMPONENT = "Microsoft.DocumentDB/databaseAccounts", "Microsoft.Insights/components"
VAULT, SITE = "Microsoft.KeyVault/vaults", "Microsoft.Web/sites"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
PUBLISHING = f"{SITE}/basicPublishingCredentialsPolicies"

APP, DEVELOPER = f"<{IDENTITY}.principalId>", "deployer().objectId"
SMOKE = {"dev": "00000000-0000-0000-0000-000000000006", "closed": "00000000-0000-0000-0000-00000000000c"}
SMOKE["prod"] = SMOKE["egress"] = SMOKE["dev"]

BLOB_OWNER, TABLE_CONTRIBUTOR = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
BUS_OWNER, BUS_RECEIVER = "090c5cfd-751d-490a-894a-3ce6f1109419", "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0"
BUS_SENDER, METRICS_PUBLISHER = "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39", "3913510d-42f4-4e42-8a64-420c390055eb"
SECRETS_USER, COSMOS_CONTRIBUTOR = "4633458b-17de-408a-b874-0445c86b69e6", "00000000-0000-0000-0000-000000000002"

EVERYWHERE = {(STORAGE, BLOB_OWNER, APP), (STORAGE, TABLE_CONTRIBUTOR, APP), (COMPONENT, METRICS_PUBLISHER, APP)}
FOR_SMOKE = {
    (f"{BUS}/topics/{TOPIC}", BUS_SENDER),
    (f"{BUS}/topics/{TOPIC}/subscriptions/{SUBSCRIPTION}", BUS_RECEIVER),
}
WIDE = {(BUS, BUS_OWNER, APP), (COSMOS, COSMOS_CONTRIBUTOR, APP)}
NARROW = {(BUS, BUS_RECEIVER, APP), (BUS, BUS_SENDER, APP), (f"{COSMOS}/dbs/regis-pay", COSMOS_CONTRIBUTOR, APP)}
DEVELOPERS = {(BUS, BUS_OWNER, DEVELOPER), (COSMOS, COSMOS_CONTRIBUTOR, DEVELOPER)}
FOR_THE_KEY = {(VAULT, SECRETS_USER, APP)}
INTENDED = {
    # what on, which role, for whom; beside that, the smoke test sends and receives at one place
    "dev": EVERYWHERE | WIDE,
    "egress": EVERYWHERE | WIDE,
    "prod": EVERYWHERE | WIDE | FOR_THE_KEY,
    "closed": EVERYWHERE | NARROW | FOR_THE_KEY | DEVELOPERS,
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
    SITE: {
        "httpsOnly": True,
        "siteConfig.minTlsVersion": "1.2",
        "siteConfig.scmMinTlsVersion": "1.2",
        "siteConfig.ftpsState": "Disabled",
    },
    PUBLISHING: {"allow": False},
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
SECRET = re.compile(r"list(Keys|\w*Secrets|Credentials|\w*Sas)\b|AccountKey=|SharedAccessKey=|password", re.IGNORECASE)
SECRET_NAME = re.compile(r"key$|secret|password|token$|connection_?string|credential", re.IGNORECASE)


def roles_are_the_intended_ones(infra: Infra, _: Product) -> list[str]:
    """No role more, none less, none wider, none for anybody else; the app's for the identity that it runs as."""
    faults = []
    for snapshot in infra.snapshots:
        smoke = {(on, role, SMOKE[snapshot.name]) for on, role in FOR_SMOKE}
        intended = {(on.lower(), role, whom) for on, role, whom in INTENDED[snapshot.name] | smoke}
        assigned = {"predictedResources": snapshot.resources}
        given = [(_place(right.scope), right.role, readable(holder)) for holder, right in declarations(assigned)]
        faults += [f"{snapshot.name}: given, and not intended: {grant}" for grant in set(given) - intended]
        faults += [f"{snapshot.name}: intended, and not given: {grant}" for grant in intended - set(given)]
        faults += [f"{snapshot.name}: given twice: {grant}" for grant in set(given) if given.count(grant) > 1]
    return faults


def roles_are_given_to_whom_azure_may_not_know_yet(infra: Infra, _: Product) -> list[str]:
    """An identity is known some minutes after it was made; until then only its type lets a role be given to it:
    PrincipalNotFound. Of the others it is not known here whether they are people or programs.
    """
    faults = []
    for snapshot in infra.snapshots:
        for assigned in snapshot.of(AZURE_ROLES):
            properties = assigned["properties"]
            wanted = "ServicePrincipal" if readable(properties["principalId"]) == APP else None
            if properties.get("principalType") != wanted:
                faults.append(f"{snapshot.name}: {_role(properties)} for a {properties.get('principalType')}")
    return faults


def a_role_has_a_name_of_its_own(infra: Infra, _: Product) -> list[str]:
    """Made of whom and what it is for. Azure refuses to give a name to another holder, and an identity that was deleted
    and made anew is another: RoleAssignmentUpdateNotPermitted.
    """
    faults = []
    for snapshot in infra.snapshots:
        for assigned in (*snapshot.of(AZURE_ROLES), *snapshot.of(COSMOS_ROLES)):
            holder, role = assigned["properties"]["principalId"].strip("[]"), _role(assigned["properties"])
            if "(" in holder and not (holder in assigned["name"] and f"'{role}'" in assigned["name"]):
                faults.append(f"{snapshot.name}: {role} has a name that another could have")
    return faults


def roles_come_from_one_file(infra: Infra, _: Product) -> list[str]:
    """So that whoever looks for them looks in one place."""
    assigning = {name for name, r in infra.resources if ROLE_ASSIGNMENT.search(r.type)}
    return [f"{name} assigns a role" for name in sorted(assigning - {"modules/access.bicep"})]


def the_app_alone_holds_the_roles(infra: Infra, _: Product) -> list[str]:
    """It runs as the one identity that there is, and fetches its key and its package as that identity too."""
    faults = []
    for snapshot in infra.snapshots:
        identity, site = snapshot.only(IDENTITY)["id"], snapshot.only(SITE)
        if site["identity"] != {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}:
            faults.append(f"{snapshot.name}: the app runs as {site['identity']}")
        if site["properties"]["keyVaultReferenceIdentity"] != identity:
            faults.append(f"{snapshot.name}: the app's key is fetched as another identity")
        reads = site["properties"]["functionAppConfig"]["deployment"]["storage"]["authentication"]
        if reads != {"type": "UserAssignedIdentity", "userAssignedIdentityResourceId": identity}:
            faults.append(f"{snapshot.name}: the app's package is read as another identity")
    return faults


def developers_have_no_roles_unless_asked_for(infra: Infra, _: Product) -> list[str]:
    """A switch that is off: nobody's laptop reads the payments of production."""
    holders = {
        snapshot.name: {holder for holder, _ in declarations({"predictedResources": snapshot.resources})}
        for snapshot in infra.snapshots
    }
    without = [name for name in holders if name != "closed"]
    return [f"{name}: roles for whoever deploys" for name in without if f"[{DEVELOPER}]" in holders[name]]


def no_local_authentication(infra: Infra, _: Product) -> list[str]:
    """On no service; a service that is new here has to be looked at first."""
    return [f"{each.name} {fault}" for each in infra.snapshots for r in each.resources for fault in _unlocked(r)]


def nobody_publishes_with_a_password(infra: Infra, _: Product) -> list[str]:
    """Neither files nor code: both ways are stated."""
    stated = {each.name: sorted(r["name"].split("/")[1] for r in each.of(PUBLISHING)) for each in infra.snapshots}
    return [f"{name}: stated of {ways}" for name, ways in stated.items() if ways != ["ftp", "scm"]]


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


CHECKS = (
    roles_are_the_intended_ones,
    roles_are_given_to_whom_azure_may_not_know_yet,
    a_role_has_a_name_of_its_own,
    roles_come_from_one_file,
    the_app_alone_holds_the_roles,
    developers_have_no_roles_unless_asked_for,
    no_local_authentication,
    nobody_publishes_with_a_password,
    no_secret_is_read_or_given_out,
)


def _unlocked(resource: dict[str, Any]) -> list[str]:
    kind, wanted = resource["type"], LOCKED.get(resource["type"])
    if wanted is not None:
        leaves = dict(walk(resource.get("properties", {})))
        return [f"{kind}: {key} is {leaves.get(key)}" for key in wanted if leaves.get(key) != wanted[key]]
    if "uthorizationRules" in kind:
        return [f"{kind}: makes a key"]
    known = kind == COSMOS_ROLES or kind.startswith((*WITHOUT_KEYS, *(f"{each}/" for each in LOCKED)))
    return [] if known else [f"nobody has said whether {kind} has keys of its own"]


def _place(scope: str) -> str:
    """A scope without the names that hold a hash: a type, and what is named inside it."""
    return re.sub(r"^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/([^/]+/[^/]+)/[^/]+", r"\1", scope).lower()


def _role(properties: dict[str, Any]) -> str:
    return str(properties["roleDefinitionId"]).rsplit("/", 1)[-1]


def _secure(node: dict[str, Any]) -> bool:
    return any(decorator["type"] == "secure" for decorator in node["decorators"])
