"""Checks of the doors of the app: who comes in without a token, whose token is taken, and who the app thinks it has.

Read from the snapshots. Must not know what a function does.
"""

from collections.abc import Iterator
from typing import Any

from infra.snapshots import DUMMIES, TENANT
from tests.infra.product import Infra, Product
from tests.infra.snapshot import Snapshot

OPEN, WITH_A_KEY, SHUT = "open", "open with apiAuth=key", "shut"
DOORS = {
    "/api/health": OPEN,
    "/api/health/ready": OPEN,
    "/api/openapi.json": OPEN,
    "/api/docs": OPEN,
    "/api/console": OPEN,
    "/api/console/{*path}": OPEN,
    "/api/provider/events": OPEN,
    "/api/payments": WITH_A_KEY,
    "/api/payments/{payment_id}": WITH_A_KEY,
    "/api/payments/{payment_id}/events": WITH_A_KEY,
    "/api/payments/{payment_id}/notifications": WITH_A_KEY,
    "/api/payments/{payment_id}/notifications/{notification_id}/resend": WITH_A_KEY,
    "/api/payments/{payment_id}/cancel": WITH_A_KEY,
    "/api/payments/{payment_id}/refunds": WITH_A_KEY,
    "/api/ops/payments": SHUT,
    "/api/ops/payments/{payment_id}": SHUT,
    "/api/ops/payments/{payment_id}/events": SHUT,
    "/api/ops/payments/{payment_id}/notifications": SHUT,
    "/api/ops/payments/{payment_id}/notifications/{notification_id}/resend": SHUT,
    "/api/ops/payments/{payment_id}/erase": SHUT,
    "/api/ops/flow": SHUT,
    "/api/ops/me": SHUT,
    "/api/ops/dead-letters/summary": SHUT,
    "/api/ops/dead-letters": SHUT,
    "/api/ops/dead-letters/replay": SHUT,
    "/api/ops/dead-letters/drain": SHUT,
    "/api/ops/dead-letters/{letter_id}": SHUT,
    "/api/ops/dead-letters/{letter_id}/replay": SHUT,
    "/api/ops/dead-letters/{letter_id}/discard": SHUT,
    "/api/ops/anything": SHUT,
    "/api/payment": SHUT,
    "/api/healthy": SHUT,
    "/api/consoles": SHUT,
    "/admin/host/status": SHUT,
    "/runtime/webhooks/anything": SHUT,
    "/": SHUT,
}
"""By path, what Azure lets in without a token; it cannot tell methods apart. Who adds a route decides here, and opens
it in modules/functionapp.bicep. A path of no route is one that must not come to be open by the way."""

OURS = (
    "API_AUTH",
    "DEVELOPMENT_HOSTS",
    "DEVELOPMENT_NOTIFICATIONS",
    "DEVELOPMENT_PRINCIPAL",
    "MERCHANT_ID",
    "MERCHANT_KEYS",
    "OPS_AUTH",
)
"""Settings that say who a caller is: set by main.bicep, or by nobody."""

SITE = "Microsoft.Web/sites"


def doors_are_as_the_table_says(infra: Infra, product: Product) -> list[str]:
    """No token, no operation; every route is in the table, and nothing is open for no route."""
    routes = product.routes.items()
    faults = [f"{name} at {path}: nobody has said whether it is open" for name, path in routes if path not in DOORS]
    for snapshot in infra.snapshots:
        mode, body = _mode(snapshot), _authentication(snapshot)
        validation = body["globalValidation"]
        if (validation["requireAuthentication"], validation["unauthenticatedClientAction"]) != (True, "Return401"):
            faults.append(f"{mode}: callers without a token are let in")
        if not (body["platform"]["enabled"] and body["identityProviders"]["azureActiveDirectory"]["enabled"]):
            faults.append(f"{mode}: authentication is off")
        excluded = validation["excludedPaths"]
        for path, door in DOORS.items():
            wanted = door == OPEN or (door == WITH_A_KEY and mode == "key")
            if wanted and not any(_names(each, path) for each in excluded):
                faults.append(f"{mode}: {path} is shut")
            if not wanted and any(_covers(each, path) for each in excluded):
                faults.append(f"{mode}: {path} is open")
        idle = [each for each in excluded if not any(_covers(each, path) for path in DOORS)]
        faults += [f"{mode}: {each} opens nothing" for each in idle]
    return faults


def tokens_are_of_this_tenant_and_for_this_app(infra: Infra, _: Product) -> list[str]:
    """By another issuer or for another audience, somebody else's users would come in, or nobody would."""
    ops = DUMMIES["OPS_CLIENT_ID"]
    issuer = f"[format('{{0}}{{1}}/v2.0', environment().authentication.loginEndpoint, '{TENANT}')]"
    faults = []
    for snapshot in infra.snapshots:
        provider = _authentication(snapshot)["identityProviders"]["azureActiveDirectory"]
        if provider["registration"] != {"clientId": ops, "openIdIssuer": issuer}:
            faults.append(f"{snapshot.name}: tokens are of {provider['registration']}")
        if set(provider["validation"]["allowedAudiences"]) != {ops, f"api://{ops}"}:
            faults.append(f"{snapshot.name}: tokens are for {provider['validation']['allowedAudiences']}")
    return faults


def callers_are_those_that_entra_id_assigned(infra: Infra, _: Product) -> list[str]:
    """One list of who may call, and it is that of the registration. Where the platform has no list of principals, it
    takes tokens that name none (without `oid`), unless a setting says otherwise."""
    needed = "WEBSITE_AUTH_AAD_REQUIRE_CLIENT_SERVICE_PRINCIPAL"
    faults = []
    for snapshot in infra.snapshots:
        validation = _authentication(snapshot)["identityProviders"]["azureActiveDirectory"]["validation"]
        if "defaultAuthorizationPolicy" in validation:
            faults.append(f"{snapshot.name}: a second list of who may call: {validation['defaultAuthorizationPolicy']}")
        if snapshot.settings.get(needed) != "true":
            faults.append(f"{snapshot.name}: a token that names no principal is taken")
    return faults


def the_app_is_told_how_to_know_its_callers(infra: Infra, _: Product) -> list[str]:
    """As the door stands, so the app believes: behind a token the token's words, elsewhere the key. Closed tries to
    change it by `tuning`, in capitals and without."""
    faults = []
    for snapshot in infra.snapshots:
        expected = {
            "API_AUTH": _mode(snapshot),
            "MERCHANT_ID": DUMMIES["MERCHANT_ID"],
            "MERCHANT_KEYS": DUMMIES["MERCHANT_KEYS"].replace(" ", ""),
            "OPS_AUTH": "entra",
        }
        found = {name: text for name, text in snapshot.settings.items() if name.upper() in OURS}
        differing = expected.keys() ^ found.keys() | {name for name in found if found[name] != expected.get(name)}
        faults += [f"{snapshot.name}: {name} is {found.get(name)}" for name in differing]
    return faults


def no_page_of_another_site_reads_anything(infra: Infra, _: Product) -> list[str]:
    """The app lists no origin that may, nor do the stores. Names are read without regard to case, as Azure does."""
    return [
        f"{snapshot.name}: {resource['type']} lets pages of {origins} read"
        for snapshot in infra.snapshots
        for resource in snapshot.resources
        for origins in _origins(resource)
    ]


CHECKS = (
    doors_are_as_the_table_says,
    tokens_are_of_this_tenant_and_for_this_app,
    callers_are_those_that_entra_id_assigned,
    the_app_is_told_how_to_know_its_callers,
    no_page_of_another_site_reads_anything,
)


def _mode(snapshot: Snapshot) -> str:
    return "entra" if snapshot.name == "closed" else "key"


def _authentication(snapshot: Snapshot) -> dict[str, Any]:
    found: dict[str, Any] = snapshot.only(f"{SITE}/config")["properties"]
    return found


def _origins(found: Any) -> Iterator[Any]:
    if isinstance(found, list):
        for each in found:
            yield from _origins(each)
    if isinstance(found, dict):
        for name, value in found.items():
            if name.lower() == "allowedorigins" and value:
                yield value
            yield from _origins(value)


def _names(excluded: str, path: str) -> bool:
    """As narrowly as the platform might read it: this path, or with a star at the end what is below it."""
    return path == excluded or (excluded.endswith("/*") and path.startswith(excluded[:-1]))


def _covers(excluded: str, path: str) -> bool:
    """As widely as the platform might read it: a path opens everything below it, with or without a star."""
    prefix = excluded.removesuffix("*").removesuffix("/")
    return path == prefix or path.startswith(f"{prefix}/")
