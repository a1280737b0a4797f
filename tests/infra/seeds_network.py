"""Faults that the checks of the network must see: one each."""

from tests.infra import network_checks as network
from tests.infra.checking import Seed

CLOSED, EGRESS, DEV = "snapshots/closed.json", "snapshots/egress.json", "snapshots/dev.json"
MAIN, ACCESS, BUS, NETWORK = "main.bicep", "modules/access.bicep", "modules/servicebus.bicep", "modules/network.bicep"

NEXT = '\n      "apiVersion"'
"""Follows the name of a resource, and nothing else that ends alike."""

SEEDS = [
    Seed(
        network.endpoints_lead_to_their_services,
        CLOSED,
        'Id": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-regis-pay-closed/providers/'
        "Microsoft.ServiceBus/namespaces/",
        'Id": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-regis-pay-closed/providers/'
        "Microsoft.DocumentDB/databaseAccounts/",
        "namespace leads to Microsoft.DocumentDB/databaseAccounts",
    ),
    Seed(
        network.endpoints_lead_to_their_services,
        CLOSED,
        '              "table"\n',
        '              "blob"\n',
        "no endpoint leads from table to Microsoft.Storage/storageAccounts",
    ),
    Seed(
        network.endpoints_lead_to_their_services, CLOSED, 'Access": "Disabled"', 'Access": "Enabled"', "to the internet"
    ),
    Seed(network.endpoints_lead_to_their_services, CLOSED, '/private-endpoints"', '/functions"', "an endpoint in"),
    Seed(
        network.names_resolve_to_the_endpoints,
        CLOSED,
        'privatelink.documents.azure.com"\n            }',
        'privatelink.servicebus.windows.net"\n            }',
        "Sql: its name is put into",
    ),
    Seed(
        network.names_resolve_to_the_endpoints,
        CLOSED,
        '"Microsoft.Network/privateEndpoints/privateDnsZoneGroups"',
        '"x/y"',
        "blob: its name is put into []",
    ),
    Seed(
        network.names_resolve_to_the_endpoints,
        CLOSED,
        '"Microsoft.Network/privateDnsZones/virtualNetworkLinks"',
        '"x/y"',
        "nobody asks this zone",
    ),
    Seed(network.names_resolve_to_the_endpoints, CLOSED, 'registrationEnabled": false', 'x": false', "its link is"),
    Seed(
        network.names_resolve_to_the_endpoints,
        CLOSED,
        f'"name": "privatelink.servicebus.windows.net",{NEXT}',
        f'"name": "privatelink.servicebus.net",{NEXT}',
        "namespace: its name is put into",
    ),
    Seed(
        network.the_network_keeps_its_way_out,
        CLOSED,
        '/virtualNetworks",\n      "name": "vnet-f37p5ten7oalw",\n      "apiVersion": "2025-05-01"',
        '/virtualNetworks",\n      "name": "vnet-f37p5ten7oalw",\n      "apiVersion": "2025-07-01"',
        "at 2025-07-01",
    ),
    Seed(
        network.the_network_keeps_its_way_out, EGRESS, 'Network/virtualNetworks"', 'x/y"', "egress: no network is made"
    ),
    Seed(network.the_network_keeps_its_way_out, CLOSED, '"natGateway"', '"gateway"', "no fixed public address"),
    Seed(network.the_network_keeps_its_way_out, EGRESS, '"Static"', '"Dynamic"', "egress: the app has no fixed public"),
    Seed(network.the_network_keeps_its_way_out, CLOSED, '/subnets/functions"', '/subnets/x"', "calls out from"),
    Seed(
        network.the_network_keeps_its_way_out, EGRESS, '"Microsoft.App/', '"Microsoft.Web/', "egress: the app's subnet"
    ),
    Seed(network.the_network_keeps_its_way_out, CLOSED, '"name": "Standard"', '"name": "Basic"', "no fixed public"),
    Seed(network.subnets_lie_apart_and_hold_the_app, CLOSED, '"10.60.1.0/24"', '"10.60.0.0/25"', "overlap"),
    Seed(network.subnets_lie_apart_and_hold_the_app, EGRESS, '"10.60.0.0/24"', '"10.60.0.0/28"', "has no room in"),
    Seed(
        network.subnets_lie_apart_and_hold_the_app, CLOSED, '"10.60.1.0/24"', '"10.61.1.0/24"', "endpoints is outside"
    ),
    Seed(
        network.who_is_not_private_lets_the_app_in, DEV, 'Action": "Allow"', 'Action": "Deny"', "dev: Microsoft.Storage"
    ),
    Seed(
        network.who_is_not_private_lets_the_app_in, EGRESS, 'Access": "Enabled"', 'Access": "Disabled"', "lets nobody"
    ),
    Seed(network.a_fixed_address_needs_no_private_service, EGRESS, 'Network/natGateways"', 'x/y"', "makes no gateway"),
    Seed(
        network.a_fixed_address_needs_no_private_service,
        EGRESS,
        'Network/publicIPAddresses"',
        'Network/privateEndpoints"',
        "makes Microsoft.Network/privateEndpoints",
    ),
    Seed(
        network.a_fixed_address_needs_no_private_service, EGRESS, '"name": "Standard",', '"name": "Premium",', "Premium"
    ),
    Seed(
        network.changes_of_one_account_wait_for_each_other,
        NETWORK,
        "@batchSize(1)\nresource privateEndpoints",
        "resource privateEndpoints",
        "privateEndpoints is made all at once",
    ),
    Seed(
        network.changes_of_one_account_wait_for_each_other,
        NETWORK,
        "@batchSize(1)\nresource records",
        "@batchSize(2)\nresource records",
        "records is made all at once",
    ),
    Seed(
        network.changes_of_one_account_wait_for_each_other,
        BUS,
        "@batchSize(1)\nresource stepSubscriptions",
        "resource stepSubscriptions",
        "stepSubscriptions is made all at once",
    ),
    Seed(
        network.changes_of_one_account_wait_for_each_other,
        NETWORK,
        "    dependsOn: [privateEndpoints]\n",
        "",
        "a record is made while an endpoint is",
    ),
    Seed(
        network.changes_of_one_account_wait_for_each_other,
        ACCESS,
        "  dependsOn: [events]\n",
        "",
        "access.bicep: events and developerEvents are made at once",
    ),
    Seed(
        network.changes_of_one_account_wait_for_each_other, MAIN, "vault, network]", "vault]", "network and access are"
    ),
]
