"""Faults that the checks of topology and access must see: one each."""

from tests.infra import access_checks as access
from tests.infra import topology_checks as topology
from tests.infra.checking import Seed

MAIN, TOPOLOGY = "main.bicep", "topology.json"
BUS, STORE, SITE = "modules/servicebus.bicep", "modules/cosmos.bicep", "modules/functionapp.bicep"
ACCESS, STORAGE, MONITORING = "modules/access.bicep", "modules/storage.bicep", "modules/monitoring.bicep"
NETWORK = "modules/network.bicep"

OF_TOPOLOGY = [
    Seed(topology.topics_as_in_code, TOPOLOGY, '"payment-voided"', '"payment-void"', "payment-voided: used by code"),
    Seed(topology.topics_as_in_code, TOPOLOGY, '"PT1H"', '"PT10M"', "duplicate detection"),
    Seed(topology.topics_as_in_code, BUS, "for topic in eventTopics:", "for topic in []:", "initiated: used by code"),
    Seed(topology.topics_as_in_code, BUS, "Detection: true", "Detection: false", "duplicate detection"),
    Seed(topology.topics_as_in_code, BUS, "Partitioning: false", "Partitioning: true", "partitioned"),
    Seed(
        topology.subscriptions_as_in_code, TOPOLOGY, '"name": "settle"', '"name": "capture"', "'settle'): used by code"
    ),
    Seed(topology.subscriptions_as_in_code, TOPOLOGY, '"maxDeliveryCount": 10', '"maxDeliveryCount": 1', "Count is 1"),
    Seed(topology.subscriptions_as_in_code, BUS, "Session: false", "Session: true", "requiresSession"),
    Seed(
        topology.subscriptions_as_in_code, BUS, "To: place.forwardDeadLetteredMessagesTo", "To: ''", "MessagesTo is ''"
    ),
    Seed(
        topology.subscriptions_as_in_code, BUS, "Expiration: true", "Expiration: false", "OnMessageExpiration is False"
    ),
    Seed(topology.rules_as_in_code, BUS, "/$Default'", "/step'", "rule <namespace.name>/payment-created/settle/step"),
    Seed(topology.rules_as_in_code, BUS, "sqlExpression: place.rule", "sqlExpression: '1=1'", "1=1"),
    Seed(topology.rules_as_in_code, TOPOLOGY, "sys.To = 'settle'", "sys.To = 'create'", "sys.To = 'create'"),
    Seed(topology.containers_as_in_code, TOPOLOGY, '"name": "leases"', '"name": "lease"', "leases: used by code"),
    Seed(topology.containers_as_in_code, STORE, "indexingMode: 'consistent'", "indexingMode: 'none'", "indexingPolicy"),
    Seed(topology.containers_as_in_code, STORE, "[{ path: '/*' }]", "[]", "events: indexingPolicy"),
    Seed(
        topology.containers_as_in_code,
        STORE,
        "      id: container.name",
        "      defaultTtl: 60\n      id: container.name",
        "Ttl",
    ),
    Seed(topology.containers_as_in_code, STORE, "name: cosmos.database", "name: 'payments'", "database payments"),
    Seed(topology.store_is_safe, STORE, "'Strong'", "'Session'", "Session"),
    Seed(topology.store_is_safe, STORE, "WriteLocations: false", "WriteLocations: true", "MultipleWriteLocations"),
    Seed(topology.store_is_safe, STORE, "type: 'Continuous'", "type: 'Periodic'", "no continuous backup"),
    Seed(
        topology.capacity_follows_its_parameter,
        STORE,
        "serverless ? {} :",
        "serverless ? { throughput: 400 } :",
        "serverless",
    ),
    Seed(
        topology.capacity_follows_its_parameter,
        STORE,
        "? eventsMaxThroughput :",
        "? rowsMaxThroughput :",
        "events: not",
    ),
    Seed(topology.forwards_are_ordered, BUS, "[deadLetterTopics, publishedTopics]", "[]", "wait for deadLetterTopics"),
    Seed(
        topology.forwards_are_ordered,
        BUS,
        "dependsOn: [stepSubscriptions]",
        "dependsOn: []",
        "wait for its subscription",
    ),
    Seed(
        topology.app_comes_last,
        MAIN,
        "  dependsOn: [access]",
        "  dependsOn: []",
        "functionApp: does not wait for access",
    ),
    Seed(
        topology.bus_is_premium_when_private,
        MAIN,
        "privateNetworking ? 'Premium' : serviceBusSku",
        "serviceBusSku",
        "True: 'Sta",
    ),
]

OF_ACCESS = [
    Seed(access.roles_are_the_intended_ones, ACCESS, "b7e6dc6d", "b7e6dc6e", "given, and not intended"),
    Seed(access.roles_are_the_intended_ones, ACCESS, "  scope: bus\n", "  scope: storage\n", "given, and not intended"),
    Seed(access.roles_are_the_intended_ones, ACCESS, "  scope: component\n", "", "intended, and not given"),
    Seed(access.roles_are_the_intended_ones, ACCESS, "= if (serviceBusOwner) {", "= {", "'True')"),
    Seed(
        access.roles_are_the_intended_ones,
        STORAGE,
        "resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {",
        "resource audit 'Microsoft.Authorization/roleAssignments@2022-04-01' = {",
        "storage.bicep assigns a role",
    ),
    Seed(
        access.cosmos_role_is_as_wide_as_its_parameter,
        ACCESS,
        "/dbs/${database}'",
        "/dbs/other'",
        "scope is <cosmos.id>/dbs/o",
    ),
    Seed(access.cosmos_role_is_as_wide_as_its_parameter, MAIN, "string = 'account'", "string = 'database'", "default"),
    Seed(
        access.the_app_alone_holds_the_roles,
        MAIN,
        "principalId: identity.outputs.principalId",
        "principalId: opsClientId",
        "given to",
    ),
    Seed(access.the_app_alone_holds_the_roles, SITE, "type: 'UserAssigned'", "type: 'SystemAssigned'", "runs as"),
    Seed(
        access.no_local_authentication,
        STORAGE,
        "SharedKeyAccess: false",
        "SharedKeyAccess: true",
        "allowSharedKeyAccess",
    ),
    Seed(
        access.no_local_authentication, STORE, "disableLocalAuth: true", "disableLocalAuth: false", "disableLocalAuth"
    ),
    Seed(access.no_local_authentication, BUS, "    disableLocalAuth: true\n", "", "disableLocalAuth is None"),
    Seed(
        access.no_local_authentication,
        MONITORING,
        "DisableLocalAuth: true",
        "DisableLocalAuth: false",
        "DisableLocalAuth",
    ),
    Seed(
        access.no_local_authentication,
        MONITORING,
        "disableLocalAuth: true",
        "disableLocalAuth: false",
        "disableLocalAuth",
    ),
    Seed(access.no_local_authentication, SITE, "minTlsVersion: '1.2'", "minTlsVersion: '1.0'", "minTlsVersion"),
    Seed(
        access.no_local_authentication,
        STORAGE,
        "Microsoft.Storage/storageAccounts@",
        "Microsoft.Cache/redis@",
        "nobody has said",
    ),
    Seed(
        access.no_secret_is_read_or_given_out,
        BUS,
        "output name string = namespace.name",
        "output busKey string = namespace.listKeys().primaryKey",
        "listKeys",
    ),
    Seed(
        access.no_secret_is_read_or_given_out,
        MONITORING,
        "output componentName string = component.name",
        "output telemetry string = component.properties.ConnectionString",
        "output telemetry is a secret",
    ),
    Seed(
        access.no_secret_is_read_or_given_out,
        MAIN,
        "param merchantId",
        "@secure()\nparam merchantId",
        "merchantId is a secret",
    ),
]

OF_THE_NETWORK = [
    Seed(
        access.endpoints_lead_to_their_services,
        NETWORK,
        "target: targets.bus",
        "target: targets.cosmos",
        "namespace leads to <targets.cosmos>",
    ),
    Seed(
        access.endpoints_lead_to_their_services,
        NETWORK,
        "group: 'table'",
        "group: 'blob'",
        "no endpoint leads from table to <targets.storage>",
    ),
    Seed(
        access.endpoints_lead_to_their_services,
        MAIN,
        "bus: servicebus.outputs.id",
        "bus: cosmos.outputs.id",
        "target bus is <cosmos.outputs.id>",
    ),
    Seed(
        access.the_network_keeps_its_way_out,
        NETWORK,
        "virtualNetworks@2025-05-01",
        "virtualNetworks@2025-07-01",
        "at 2025-07-01",
    ),
    Seed(access.the_network_keeps_its_way_out, NETWORK, "virtualNetworks@", "natGateways@", "makes no network"),
]

SEEDS = [*OF_TOPOLOGY, *OF_ACCESS, *OF_THE_NETWORK]
