// Every role that is given, and where. No other file assigns one.
// Deployed before the site: a new role takes minutes to be seen, and the host reads its storage at once.

param principalId string
param storageAccountName string
param serviceBusName string
param cosmosAccountName string
param componentName string

@description('Empty: there is no vault.')
param vaultName string

@description('account or database. Some clients read the account\'s metadata and fail with a database-wide role.')
@allowed(['account', 'database'])
param cosmosScope string

@description('true: Data Owner, which also lets the scale controller count messages. false: send and receive only; scaling estimates.')
param serviceBusOwner bool

@description('Who may send and dead-letter the messages of the smoke test, on the one place where it does. Empty: nobody.')
param smokePrincipalId string

@description('A developer who works against this environment from outside. Empty: nobody.')
param developerPrincipalId string

var database = loadJsonContent('../topology.json').cosmos.database
var role = {
  blobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  tableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  serviceBusDataOwner: '090c5cfd-751d-490a-894a-3ce6f1109419'
  serviceBusDataReceiver: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
  serviceBusDataSender: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  vaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
}
var cosmosDataContributor = '00000000-0000-0000-0000-000000000002'
var roleDefinitions = 'Microsoft.Authorization/roleDefinitions'

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource bus 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = {
  name: serviceBusName
}

// Where infra/smoke_bus.py sends, and lets messages die.
resource smokeTopic 'Microsoft.ServiceBus/namespaces/topics@2026-01-01' existing = {
  parent: bus
  name: 'payment-failed'
}

resource smokeSubscription 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2026-01-01' existing = {
  parent: smokeTopic
  name: 'void'
}

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: cosmosAccountName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = if (!empty(vaultName)) {
  name: vaultName
}

resource hostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storage
  name: guid(storage.id, principalId, role.blobDataOwner)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.blobDataOwner)
  }
}

resource hostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storage
  name: guid(storage.id, principalId, role.tableDataContributor)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.tableDataContributor)
  }
}

resource busOwner 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (serviceBusOwner) {
  scope: bus
  name: guid(bus.id, principalId, role.serviceBusDataOwner)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.serviceBusDataOwner)
  }
}

resource busReceiver 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!serviceBusOwner) {
  scope: bus
  name: guid(bus.id, principalId, role.serviceBusDataReceiver)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.serviceBusDataReceiver)
  }
}

resource busSender 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!serviceBusOwner) {
  scope: bus
  name: guid(bus.id, principalId, role.serviceBusDataSender)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.serviceBusDataSender)
  }
}

resource smokeSender 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(smokePrincipalId)) {
  scope: smokeTopic
  name: guid(smokeTopic.id, smokePrincipalId, role.serviceBusDataSender)
  properties: {
    principalId: smokePrincipalId
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.serviceBusDataSender)
  }
}

resource smokeReceiver 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(smokePrincipalId)) {
  scope: smokeSubscription
  name: guid(smokeSubscription.id, smokePrincipalId, role.serviceBusDataReceiver)
  properties: {
    principalId: smokePrincipalId
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.serviceBusDataReceiver)
  }
}

resource developerBus 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(developerPrincipalId)) {
  scope: bus
  name: guid(bus.id, developerPrincipalId, role.serviceBusDataOwner)
  properties: {
    principalId: developerPrincipalId
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.serviceBusDataOwner)
  }
}

resource telemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: component
  name: guid(component.id, principalId, role.monitoringMetricsPublisher)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.monitoringMetricsPublisher)
  }
}

resource providerKey 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(vaultName)) {
  scope: vault
  name: guid(resourceGroup().id, vaultName, principalId, role.vaultSecretsUser)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, role.vaultSecretsUser)
  }
}

// Cosmos DB has roles of its own. This one reads and writes items; it cannot create a database or a container.
resource events 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = {
  parent: cosmos
  name: guid(cosmos.id, principalId, cosmosDataContributor, cosmosScope)
  properties: {
    principalId: principalId
    roleDefinitionId: '${cosmos.id}/sqlRoleDefinitions/${cosmosDataContributor}'
    scope: cosmosScope == 'account' ? cosmos.id : '${cosmos.id}/dbs/${database}'
  }
}

resource developerEvents 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = if (!empty(developerPrincipalId)) {
  parent: cosmos
  name: guid(cosmos.id, developerPrincipalId, cosmosDataContributor)
  properties: {
    principalId: developerPrincipalId
    roleDefinitionId: '${cosmos.id}/sqlRoleDefinitions/${cosmosDataContributor}'
    scope: cosmos.id
  }
  // One after the other: the account refuses parallel changes of its roles.
  dependsOn: [events]
}
