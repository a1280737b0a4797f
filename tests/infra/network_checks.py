"""Checks of the network: what leads into it, what leads out, and what would be refused when made at once.

What would be there is read from the snapshots; in which order it comes, from Bicep, because no snapshot says that.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

from infra.roles import COSMOS_ROLES
from tests.infra.bicep_reader import File
from tests.infra.product import Infra, Product
from tests.infra.snapshot import Snapshot

STORAGE, BUS = "Microsoft.Storage/storageAccounts", "Microsoft.ServiceBus/namespaces"
COSMOS, SITE = "Microsoft.DocumentDB/databaseAccounts", "Microsoft.Web/sites"
ENDPOINT, ZONE = "Microsoft.Network/privateEndpoints", "Microsoft.Network/privateDnsZones"
NETWORK, GATEWAY = "Microsoft.Network/virtualNetworks", "Microsoft.Network/natGateways"

ENDPOINTS = {("blob", STORAGE), ("table", STORAGE), ("Sql", COSMOS), ("namespace", BUS)}
"""The part of the service, and the service."""

OF_STORAGE = "format('privatelink.{}.{{0}}', environment().suffixes.storage)"
ZONES = {
    "blob": OF_STORAGE.format("blob"),
    "table": OF_STORAGE.format("table"),
    "Sql": "privatelink.documents.azure.com",
    "namespace": "privatelink.servicebus.windows.net",
}
"""By the part of the service: where its public name is looked up, as "Private endpoint DNS" of Azure lists them."""

LAST_WITH_A_WAY_OUT = "2025-05-01"
"""Of virtualNetworks. From 2025-07-01 on, subnets of a new network reach nothing outside without a gateway."""

FOR_FLEX = ["Microsoft.App/environments"]

TOPIC = f"{BUS}/topics"
LOCKS_ITS_ACCOUNT = (
    *(ENDPOINT, f"{ENDPOINT}/privateDnsZoneGroups", COSMOS_ROLES, f"{COSMOS}/sqlDatabases/containers"),
    *(TOPIC, f"{TOPIC}/subscriptions", f"{TOPIC}/subscriptions/rules"),
)
"""While one is made, the account that it changes refuses the next: StorageAccountOperationInProgress, or 412. The bus
says Resource Conflict Occurred: https://github.com/Azure/azure-sdk-for-js/issues/6276
"""


def endpoints_lead_to_their_services(infra: Infra, _: Product) -> list[str]:
    """Each part of a service has one, and it leads to that service; no service is open beside it."""
    snapshot = infra.snapshot("closed")
    made = snapshot.of(ENDPOINT)
    found = {(_part(each), _type(_connection(each)["privateLinkServiceId"])) for each in made}
    faults = [f"{group} leads to {target}" for group, target in sorted(found - ENDPOINTS)]
    faults += [f"no endpoint leads from {group} to {target}" for group, target in sorted(ENDPOINTS - found)]
    inside = {each["properties"]["subnet"]["id"] for each in made}
    faults += [f"an endpoint in {subnet}" for subnet in inside if not subnet.endswith("/subnets/private-endpoints")]
    return faults + [f"{kind}: open to the internet" for kind in _open(snapshot)]


def names_resolve_to_the_endpoints(infra: Infra, _: Product) -> list[str]:
    """The public name of each service is found in its zone, and the app's network asks that zone."""
    snapshot = infra.snapshot("closed")
    zones = {zone["id"]: zone["name"].strip("[]") for zone in snapshot.of(ZONE)}
    faults = []
    for endpoint in snapshot.of(ENDPOINT):
        part, into = _part(endpoint), list(_zones_of(snapshot, endpoint))
        if [zones.get(zone) for zone in into] != [ZONES.get(part)]:
            faults.append(f"{part}: its name is put into {into}")
    linked = dict(_links(snapshot))
    faults += [f"{name}: nobody asks this zone" for name in zones.values() if name not in linked]
    (network,) = snapshot.of(NETWORK)
    wanted = {"registrationEnabled": False, "virtualNetwork": {"id": network["id"]}}
    return faults + [f"{zone}: its link is {link}" for zone, link in linked.items() if link != wanted]


def the_network_keeps_its_way_out(infra: Infra, _: Product) -> list[str]:
    """Whatever the app calls sees one address that does not change, and the app can call at all."""
    return [f"{name}: {fault}" for name in ("closed", "egress") for fault in _without_a_way_out(infra.snapshot(name))]


def subnets_lie_apart_and_hold_the_app(infra: Infra, _: Product) -> list[str]:
    """Azure refuses subnets that overlap. Below a /27 a Flex app finds no room for its instances."""
    faults = []
    for name in ("closed", "egress"):
        (network,) = infra.snapshot(name).of(NETWORK)
        (space,) = network["properties"]["addressSpace"]["addressPrefixes"]
        parts = {each["name"]: IPv4Network(each["properties"]["addressPrefix"]) for each in _subnets(network)}
        faults += [f"{name}: {a} and {b} overlap" for a, b in combinations(parts, 2) if parts[a].overlaps(parts[b])]
        faults += [f"{name}: {a} is outside" for a in parts if not parts[a].subnet_of(IPv4Network(space))]
        faults += [f"{name}: the app has no room in {parts['functions']}"] if parts["functions"].prefixlen > 27 else []
    return faults


def who_is_not_private_lets_the_app_in(infra: Infra, _: Product) -> list[str]:
    """An app without private endpoints comes over the internet, and storage has a second door there."""
    faults = []
    for snapshot in infra.snapshots:
        if snapshot.name != "closed":
            shut = sorted({STORAGE, COSMOS, BUS} - set(_open(snapshot)))
            faults += [f"{snapshot.name}: {kind} lets nobody in" for kind in shut]
            rule = snapshot.only(STORAGE)["properties"]["networkAcls"]["defaultAction"]
            faults += [] if rule == "Allow" else [f"{snapshot.name}: {STORAGE} lets nobody in, by its rule {rule}"]
    return faults


def a_fixed_address_needs_no_private_service(infra: Infra, _: Product) -> list[str]:
    """Who only wants the address pays for no endpoint and no Premium bus."""
    egress = infra.snapshot("egress")
    faults = [] if egress.of(GATEWAY) else ["fixedEgress makes no gateway"]
    faults += [f"fixedEgress makes {kind}" for kind in (ENDPOINT, ZONE) if egress.of(kind)]
    sku = egress.only(BUS)["sku"]["name"]
    return faults + ([] if sku == "Standard" else [f"fixedEgress makes the bus {sku}"])


def changes_of_one_account_wait_for_each_other(infra: Infra, _: Product) -> list[str]:
    """An account that is being changed refuses the next change, now and then, and the first deployment ends with it."""
    main, faults = infra.file("main.bicep"), []
    for name, file in infra.files.items():
        faults += [f"{name}: {symbol} is made all at once" for symbol in _all_at_once(file)]
        for one, other in combinations(_locking(file, (COSMOS_ROLES,)), 2):
            if not _ordered(file, one, other):
                faults.append(f"{name}: {one} and {other} are made at once")
    records = infra.file("modules/network.bicep").tree["resources"]["records"]["config"]["config"]
    if "privateEndpoints" not in records.get("dependsOn", records.get("depends_on", [])):
        faults.append("modules/network.bicep: a record is made while an endpoint is")
    if not _ordered(main, "network", "access"):
        faults.append("main.bicep: network and access are made at once")
    return faults


CHECKS = (
    endpoints_lead_to_their_services,
    names_resolve_to_the_endpoints,
    the_network_keeps_its_way_out,
    subnets_lie_apart_and_hold_the_app,
    who_is_not_private_lets_the_app_in,
    a_fixed_address_needs_no_private_service,
    changes_of_one_account_wait_for_each_other,
)


def _connection(endpoint: dict[str, Any]) -> dict[str, Any]:
    (found,) = endpoint["properties"]["privateLinkServiceConnections"]
    return dict(found["properties"])


def _part(endpoint: dict[str, Any]) -> str:
    (group,) = _connection(endpoint)["groupIds"]
    return str(group)


def _type(resource_id: str) -> str:
    return "/".join(resource_id.rsplit("/providers/", 1)[-1].split("/")[:2])


def _open(snapshot: Snapshot) -> list[str]:
    access = {kind: snapshot.only(kind)["properties"]["publicNetworkAccess"] for kind in (STORAGE, COSMOS, BUS)}
    return [kind for kind, said in access.items() if said != "Disabled"]


def _zones_of(snapshot: Snapshot, endpoint: dict[str, Any]) -> Iterator[str]:
    for group in snapshot.of(f"{ENDPOINT}/privateDnsZoneGroups"):
        if group["name"].startswith(f"{endpoint['name']}/"):
            yield from (each["properties"]["privateDnsZoneId"] for each in group["properties"]["privateDnsZoneConfigs"])


def _links(snapshot: Snapshot) -> Iterator[tuple[str, dict[str, Any]]]:
    """By the zone that it is in: a link."""
    for link in snapshot.of(f"{ZONE}/virtualNetworkLinks"):
        made = re.fullmatch(r"\[format\('\{0\}/\{1\}', (.*), '[^']*'\)\]", link["name"])
        yield made[1] if made else link["name"].split("/")[0], link["properties"]


def _without_a_way_out(snapshot: Snapshot) -> list[str]:
    networks = snapshot.of(NETWORK)
    faults = [] if networks else ["no network is made"]
    for network in networks:
        if network["apiVersion"] > LAST_WITH_A_WAY_OUT:
            faults.append(f"virtualNetworks at {network['apiVersion']}: nothing outside is reached")
        subnets = {subnet["name"]: subnet["properties"] for subnet in _subnets(network)}
        used = snapshot.only(SITE)["properties"]["virtualNetworkSubnetId"]
        if used != f"{network['id']}/subnets/functions":
            faults.append(f"the app calls out from {used}")
        if _delegated(subnets["functions"]) != FOR_FLEX:
            faults.append(f"the app's subnet is delegated to {_delegated(subnets['functions'])}")
        if _address_of(snapshot, subnets["functions"]) != ("Static", "Standard"):
            faults.append("the app has no fixed public address")
    return faults


def _delegated(subnet: dict[str, Any]) -> list[str]:
    return [each["properties"]["serviceName"] for each in subnet.get("delegations", [])]


def _subnets(network: dict[str, Any]) -> list[dict[str, Any]]:
    return list(network["properties"]["subnets"])


def _address_of(snapshot: Snapshot, subnet: dict[str, Any]) -> tuple[str, str] | None:
    """How the public address is given that calls from a subnet come from, and its tier: a gateway takes no other. None
    when there is none.
    """
    gateways = {r["id"]: r["properties"]["publicIpAddresses"] for r in snapshot.of(GATEWAY)}
    addresses = {
        r["id"]: (r["properties"]["publicIPAllocationMethod"], r["sku"]["name"])
        for r in snapshot.of("Microsoft.Network/publicIPAddresses")
    }
    given = [addresses.get(each["id"]) for each in gateways.get(subnet.get("natGateway", {}).get("id"), [])]
    return given[0] if given else None


def _locking(file: File, kinds: Iterable[str]) -> list[str]:
    return [symbol for symbol, node in file.tree.get("resources", {}).items() if node["type"] in kinds]


def _all_at_once(file: File) -> list[str]:
    """Loops whose turns would change one account together."""
    return [
        symbol
        for symbol in _locking(file, LOCKS_ITS_ACCOUNT)
        if "loop_type" in file.tree["resources"][symbol]["config"]
        and {"type": "batchSize", "argument": 1} not in file.tree["resources"][symbol]["decorators"]
    ]


def _ordered(file: File, one: str, other: str) -> bool:
    return one in file.before(other) or other in file.before(one)
