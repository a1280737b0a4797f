"""Checks of how what is made is found again: outputs, tags, places. Each gives the faults it finds, in words.

Read from the snapshots; that no region is written down, from Bicep, because a snapshot has one region everywhere.
"""

import re

from infra.snapshots import TENANT
from tests.infra.product import Infra, Product
from tests.infra.snapshot import Snapshot, readable

GROUP, SITE = "Microsoft.Resources/resourceGroups", "Microsoft.Web/sites"
ADDRESS, BUS, VAULT = (
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.ServiceBus/namespaces",
    "Microsoft.KeyVault/vaults",
)


def outputs_name_what_is_made(infra: Infra, _: Product) -> list[str]:
    """Whoever deploys code, asks for a key or tears down goes by them, and would do it to something else."""
    faults = []
    for snapshot in infra.snapshots:
        given, wanted = {name: readable(value) for name, value in snapshot.outputs.items()}, _named(snapshot)
        faults += [
            f"{snapshot.name}: output {name} is {given.get(name)}"
            for name in sorted(given.keys() | wanted.keys())
            if given.get(name) != wanted.get(name)
        ]
    return faults


def everything_says_whose_it_is(infra: Infra, _: Product) -> list[str]:
    """azd finds the group by the environment's name as it was given, and the site by its service; a bill is split by
    both tags. What is inside another is told by that.
    """
    service = infra.file("main.bicep").modules()["functionApp"]["params"]["serviceName"]  # test_azd.py: of azure.yaml
    faults = []
    for snapshot in infra.snapshots:
        name = {"closed": "Closed"}.get(snapshot.name, snapshot.name)
        everywhere = {"azd-env-name": name, "application": "regis-pay"}
        for resource in snapshot.resources:
            wanted = everywhere | ({"azd-service-name": service} if resource["type"] == SITE else {})
            is_inside = "location" not in resource or resource["type"].count("/") > 1
            if not is_inside and not wanted.items() <= resource.get("tags", {}).items():
                faults.append(f"{snapshot.name}: {resource['type']} {resource['name']} has the tags of nobody")
    return faults


def no_region_is_written_down(infra: Infra, _: Product) -> list[str]:
    """But where all are listed: what is in another region than its group is paid for twice, and is lost with either."""
    (listed,) = re.findall(r"@allowed\(\[\n((?:  '\w+'\n){9,})\]\)", infra.text("main.bicep"))
    regions = set(re.findall(r"\w+", listed))
    return [
        f"{name}: {word} is written down"
        for name, file in infra.files.items()
        for word in re.findall(r"'(\w+)'", file.text.replace(listed, ""))
        if word in regions
    ]


def nothing_is_made_twice(infra: Infra, _: Product) -> list[str]:
    """Two of one id are one, or a conflict: whichever comes second decides."""
    faults = []
    for snapshot in infra.snapshots:
        ids = [resource["id"].lower() for resource in snapshot.resources]
        faults += [f"{snapshot.name}: made twice: {each}" for each in sorted(set(ids)) if ids.count(each) > 1]
    return faults


CHECKS = (outputs_name_what_is_made, everything_says_whose_it_is, no_region_is_written_down, nothing_is_made_twice)


def _named(snapshot: Snapshot) -> dict[str, str]:
    """Each output, and what it has to say. The address of a site cannot be put together from its name."""
    group, site = snapshot.only(GROUP), snapshot.only(SITE)["name"]
    return {
        "AZURE_LOCATION": group["location"],
        "AZURE_TENANT_ID": TENANT,
        "AZURE_RESOURCE_GROUP": group["name"],
        "AZURE_FUNCTION_APP_NAME": site,
        "SERVICE_APP_NAME": site,
        "SERVICE_APP_URL": f"https://<{SITE}.defaultHostName>",
        "SERVICEBUS_NAMESPACE": snapshot.only(BUS)["name"],
        "VAULT_NAME": "".join(vault["name"] for vault in snapshot.of(VAULT)),
        "EGRESS_ADDRESS": f"<{ADDRESS}.ipAddress>" if snapshot.of(ADDRESS) else "",
    }
