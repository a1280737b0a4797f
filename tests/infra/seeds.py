"""Faults that the checks of topology and access must see: one each.

Most are put into a snapshot, which is what the check reads; test_snapshots.py puts faults into Bicep, and evaluates.
"""

from tests.infra import access_checks as access
from tests.infra import topology_checks as topology
from tests.infra.checking import Seed

DEV, PROD, CLOSED = "snapshots/dev.json", "snapshots/prod.json", "snapshots/closed.json"
MAIN, TOPOLOGY, BUS = "main.bicep", "topology.json", "modules/servicebus.bicep"
MONITORING, STORAGE = "modules/monitoring.bicep", "modules/storage.bicep"

NEXT = '\n      "apiVersion"'
"""Follows the name of a resource, and nothing else that ends alike."""

OF_THE_BUS = [
    Seed(
        topology.topics_as_in_code,
        DEV,
        f'/payment-voided",{NEXT}',
        f'/payment-void",{NEXT}',
        "payment-voided: used by code",
    ),
    Seed(topology.topics_as_in_code, PROD, '"PT1H"', '"PT10M"', "duplicate detection"),
    Seed(topology.topics_as_in_code, PROD, 'namespaces/topics"', 'namespaces/queues"', "letters: used by code"),
    Seed(topology.topics_as_in_code, DEV, 'Detection": true', 'Detection": false', "duplicate detection"),
    Seed(topology.topics_as_in_code, CLOSED, 'Partitioning": false', 'Partitioning": true', "partitioned"),
    Seed(topology.topics_as_in_code, PROD, f'TimeToLive": "{topology.LONGEST}"', 'TimeToLive": "PT1H"', "expire"),
    Seed(topology.subscriptions_as_in_code, DEV, 'd/settle",', 'd/capture",', "'settle'): used by code"),
    Seed(topology.subscriptions_as_in_code, PROD, 'Count": 10', 'Count": 1', "Count is 1"),
    Seed(topology.subscriptions_as_in_code, DEV, 'Session": false', 'Session": true', "requiresSession"),
    Seed(topology.subscriptions_as_in_code, DEV, 'To": "payment-dead-letters"', 'To": ""', "MessagesTo is ''"),
    Seed(topology.subscriptions_as_in_code, CLOSED, 'Expiration": true', 'Expiration": false', "Expiration is False"),
    Seed(topology.rules_as_in_code, DEV, 'settle/$Default",', 'settle/step",', "rule payment-created/settle/step"),
    Seed(topology.rules_as_in_code, PROD, "sys.To IS NULL OR sys.To = 'create'", "1=1", "1=1"),
    Seed(topology.rules_as_in_code, CLOSED, "sys.To = 'settle'", "sys.To = 'create'", "sys.To = 'create'"),
    Seed(topology.forwards_are_ordered, BUS, "[deadLetterTopics, publishedTopics]", "[]", "wait for deadLetterTopics"),
    Seed(topology.forwards_are_ordered, BUS, "dependsOn: [stepSubscriptions]", "dependsOn: []", "for its subscription"),
    Seed(topology.app_comes_last, MAIN, "  dependsOn: [access]", "  dependsOn: []", "does not wait for access"),
    Seed(topology.app_comes_last, MAIN, "[storage, servicebus, cosmos", "[storage, servicebus", "not wait for cosmos"),
    Seed(topology.bus_is_premium_when_private, CLOSED, '"name": "Premium"', '"name": "Standard"', "closed': 'Sta"),
    Seed(topology.bus_is_premium_when_private, CLOSED, '"name": "busp-', '"name": "bus-', "names of the bus"),
]

OF_THE_STORE = [
    Seed(topology.containers_as_in_code, DEV, f'/leases",{NEXT}', f'/lease",{NEXT}', "leases: used by code"),
    Seed(topology.containers_as_in_code, DEV, 'Mode": "consistent"', 'Mode": "none"', "indexingPolicy"),
    Seed(topology.containers_as_in_code, TOPOLOGY, '["/paymentId/?"]', "[]", "events: indexingPolicy"),
    Seed(topology.containers_as_in_code, PROD, '"id": "events"', '"defaultTtl": 60, "id": "events"', "Ttl"),
    Seed(topology.containers_as_in_code, DEV, f'/regis-pay",{NEXT}', f'/payments",{NEXT}', "database payments"),
    Seed(topology.store_is_safe, PROD, '"Strong"', '"Session"', "Session"),
    Seed(topology.store_is_safe, DEV, 'WriteLocations": false', 'WriteLocations": true', "MultipleWriteLocations"),
    Seed(topology.store_is_safe, CLOSED, '"Continuous"', '"Periodic"', "no continuous backup"),
    Seed(topology.production_cannot_be_deleted_by_mistake, PROD, '"CanNotDelete"', '"ReadOnly"', "ReadOnly"),
    Seed(topology.production_cannot_be_deleted_by_mistake, PROD, 'Authorization/locks"', 'x/y"', "has the locks []"),
    Seed(
        topology.production_cannot_be_deleted_by_mistake,
        CLOSED,
        "/providers/Microsoft.Authorization/locks",
        "/sqlDatabases/regis-pay/providers/Microsoft.Authorization/locks",
        "has the locks [('/sqlDatabases",
    ),
    Seed(
        topology.what_is_deleted_can_be_brought_back,
        DEV,
        '"days": 7',
        '"days": 1',
        "deleteRetentionPolicy is {'enabled",
    ),
    Seed(
        topology.what_is_deleted_can_be_brought_back, PROD, '"containerDelete', '"delete', "containerDeleteRetentionPol"
    ),
    Seed(topology.capacity_follows_its_parameter, DEV, '"options": {}', '"options": {"throughput": 400}', "serverless"),
    Seed(topology.capacity_follows_its_parameter, PROD, 'Throughput": 4000', 'Throughput": 1000', "events: not"),
    Seed(topology.capacity_follows_its_parameter, DEV, "EnableServerless", "EnableTable", "capabilities"),
    Seed(
        topology.zones_and_backups_are_as_decided, PROD, 'ZoneRedundant": true', 'ZoneRedundant": false', "prod: store"
    ),
    Seed(topology.zones_and_backups_are_as_decided, PROD, '"Standard_ZRS"', '"Standard_LRS"', "prod: storage is"),
    Seed(topology.zones_and_backups_are_as_decided, PROD, '"zoneRedundant": false', '"zoneRedundant": true', "plan is"),
    Seed(
        topology.zones_and_backups_are_as_decided, CLOSED, '"zoneRedundant": true', '"zoneRedundant": false', "plan is"
    ),
    Seed(topology.zones_and_backups_are_as_decided, PROD, "Continuous30Days", "Continuous7Days", "prod: backup is"),
]

OF_ACCESS = [
    Seed(
        access.roles_are_the_intended_ones, DEV, "roleDefinitions/b7e6dc6d", "roleDefinitions/b7e6dc6e", "not intended"
    ),
    Seed(access.roles_are_the_intended_ones, PROD, "Id('/subscriptions/", "Id('/subscription/", "not intended"),
    Seed(access.roles_are_the_intended_ones, DEV, '000006",\n', '000007",\n', "dev: intended, and not given"),
    Seed(
        access.roles_are_the_intended_ones, PROD, "/subscriptions/void/providers", "/providers", "prod: given, and not"
    ),
    Seed(
        access.roles_are_the_intended_ones,
        CLOSED,
        f"roleDefinitions/{access.BUS_RECEIVER}",
        f"roleDefinitions/{access.BUS_SENDER}",
        "given twice",
    ),
    Seed(access.roles_are_the_intended_ones, CLOSED, '/dbs/regis-pay"', '"', "closed: given, and not intended"),
    Seed(access.roles_are_the_intended_ones, PROD, 'Authorization/roleAssignments"', 'x/y"', "prod: intended, and not"),
    Seed(
        access.roles_are_the_intended_ones,
        PROD,
        '"principalId": "[reference(',
        '"principalId": "[somebody(',
        "prod: given, and not intended",
    ),
    Seed(
        access.roles_are_given_to_whom_azure_may_not_know_yet,
        DEV,
        '"principalType": "ServicePrincipal"',
        '"principalType": "User"',
        f"dev: {access.BLOB_OWNER} for a User",
    ),
    Seed(
        access.roles_are_given_to_whom_azure_may_not_know_yet,
        CLOSED,
        '"principalId": "[deployer().objectId]"',
        '"principalId": "[deployer().objectId]", "principalType": "User"',
        "closed: ",
    ),
    Seed(
        access.a_role_has_a_name_of_its_own,
        DEV,
        f".principalId, '{access.BLOB_OWNER}')]\",{NEXT}",
        f".clientId, '{access.BLOB_OWNER}')]\",{NEXT}",
        f"dev: {access.BLOB_OWNER} has a name that another could have",
    ),
    Seed(
        access.a_role_has_a_name_of_its_own,
        PROD,
        f"'{access.TABLE_CONTRIBUTOR}')]\",\n      \"api",
        "'x')]\",\n      \"api",
        f"prod: {access.TABLE_CONTRIBUTOR}",
    ),
    Seed(
        access.roles_come_from_one_file,
        STORAGE,
        "resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {",
        "resource audit 'Microsoft.Authorization/roleAssignments@2022-04-01' = {",
        "storage.bicep assigns a role",
    ),
    Seed(access.the_app_alone_holds_the_roles, DEV, '"UserAssigned"', '"SystemAssigned"', "dev: the app runs as"),
    Seed(access.the_app_alone_holds_the_roles, PROD, 'ReferenceIdentity": "/', 'ReferenceIdentity": "', "as another"),
    Seed(access.the_app_alone_holds_the_roles, DEV, 'IdentityResourceId": "/', 'IdentityResourceId": "', "package is"),
    Seed(
        access.developers_have_no_roles_unless_asked_for,
        PROD,
        '"principalId": "00000000-0000-0000-0000-000000000006"',
        '"principalId": "[deployer().objectId]"',
        "prod: roles for whoever deploys",
    ),
    Seed(access.no_local_authentication, DEV, 'KeyAccess": false', 'KeyAccess": true', "allowSharedKeyAccess"),
    Seed(access.no_local_authentication, PROD, 'disableLocalAuth": true', 'disableLocalAuth": false', "LocalAuth"),
    Seed(
        access.no_local_authentication, DEV, 'DisableLocalAuth": true', 'DisableLocalAuth": false', "DisableLocalAuth"
    ),
    Seed(access.no_local_authentication, CLOSED, '"minTlsVersion": "1.2"', '"minTlsVersion": "1.0"', "minTlsVersion"),
    Seed(access.no_local_authentication, PROD, 'scmMinTlsVersion": "1.2"', 'scmMinTlsVersion": "1.0"', "scmMinTls"),
    Seed(
        access.no_local_authentication, CLOSED, 'PurgeProtection": true', 'PurgeProtection": false', "PurgeProtection"
    ),
    Seed(access.no_local_authentication, PROD, '"allow": false', '"allow": true', "allow is True"),
    Seed(
        access.no_local_authentication,
        DEV,
        '"Microsoft.Storage/storageAccounts"',
        '"Microsoft.Cache/redis"',
        "nobody has said whether Microsoft.Cache/redis",
    ),
    Seed(access.no_local_authentication, DEV, 'namespaces/topics"', 'namespaces/AuthorizationRules"', "makes a key"),
    Seed(access.nobody_publishes_with_a_password, PROD, f'/scm",{NEXT}', f'/s",{NEXT}', "prod: stated of"),
    Seed(
        access.no_secret_is_read_or_given_out,
        BUS,
        "output id string = namespace.id",
        "output busKey string = namespace.listKeys().primaryKey",
        "listKeys",
    ),
    Seed(
        access.no_secret_is_read_or_given_out,
        MONITORING,
        "output workspaceId string = workspace.id",
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

SEEDS = [*OF_THE_BUS, *OF_THE_STORE, *OF_ACCESS]
