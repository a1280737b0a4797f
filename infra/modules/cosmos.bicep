// The event store. Which containers there are stands in topology.json; the app may not create any.
// Strong consistency and one write region: a conditional create is the concurrency check, and holds only there.

param accountName string
param location string
param tags object
param workspaceId string

@description('serverless: pay per request. autoscale: reserved throughput that follows the load.')
@allowed(['serverless', 'autoscale'])
param capacity string

@description('The highest RU/s of the container events, a multiple of 1000; autoscale only.')
@minValue(1000)
param eventsMaxThroughput int

@description('The highest RU/s of the container payments-by-month, the read model, a multiple of 1000; autoscale only.')
@minValue(1000)
param rowsMaxThroughput int

@description('Copies in three zones. Not every region has capacity for it.')
param zoneRedundant bool

@description('How far back a restore may go.')
@allowed(['Continuous7Days', 'Continuous30Days'])
param backupTier string

@description('Reachable through a private endpoint only.')
param privateOnly bool

@description('Neither the account nor a container or a role of it can be deleted while the lock is there.')
param locked bool

var cosmos = loadJsonContent('../topology.json').cosmos
var eventStore = 'events'
var readModel = 'payments-by-month'
var smallest = 1000
var serverless = capacity == 'serverless'

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' = {
  name: accountName
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: privateOnly ? 'Disabled' : 'Enabled'
    consistencyPolicy: { defaultConsistencyLevel: 'Strong' }
    enableMultipleWriteLocations: false
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: zoneRedundant
      }
    ]
    capabilities: serverless ? [{ name: 'EnableServerless' }] : []
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: { tier: backupTier }
    }
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-10-15' = {
  parent: account
  name: cosmos.database
  properties: {
    resource: { id: cosmos.database }
  }
}

// One after the other: the account refuses parallel changes of its containers now and then.
@batchSize(1)
resource containers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-10-15' = [
  for container in cosmos.containers: {
    parent: database
    name: container.name
    properties: {
      options: serverless ? {} : { autoscaleSettings: { maxThroughput: container.name == eventStore ? eventsMaxThroughput : container.name == readModel ? rowsMaxThroughput : smallest } }
      resource: union(contains(container, 'defaultTtl') ? { defaultTtl: container.defaultTtl } : {}, {
        id: container.name
        partitionKey: {
          kind: 'Hash'
          version: 2
          paths: [container.partitionKey]
        }
        // Opt-in: a term that nobody queries costs 0.2 RU of every write. The root path must stand in one of the lists.
        indexingPolicy: {
          automatic: true
          indexingMode: 'consistent'
          includedPaths: map(container.indexed, path => { path: path })
          excludedPaths: contains(container.indexed, '/*') ? [{ path: '/"_etag"/?' }] : [{ path: '/*' }]
        }
      })
    }
  }
]

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (locked) {
  scope: account
  name: 'event-store'
  properties: {
    level: 'CanNotDelete'
    notes: 'The events are the only record of what was paid. docs/decisions/0028 says how to take this lock away.'
  }
}

// Requests per item (DataPlaneRequests) would cost more than the payments: switch it on for an investigation only. Metrics
// are shown and watched where they are; a copy in the workspace would be paid for every minute.
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [{ category: 'ControlPlaneRequests', enabled: true }]
  }
}

output id string = account.id
output endpoint string = account.properties.documentEndpoint
