// The topics, subscriptions and rules of topology.json, in the order that forwarding needs: a forward is refused while
// its target does not exist. A topic without duplicate detection is the target: the same dead letter may die twice.

param namespaceName string
param location string
param tags object
param workspaceId string

@description('Premium: private endpoints, reserved units, from about 50 payments a second. Standard: everything else.')
@allowed(['Standard', 'Premium'])
param sku string

@description('Messaging units; Premium only.')
@allowed([1, 2, 4, 8, 16])
param premiumUnits int

@description('Reachable through a private endpoint only; needs Premium.')
param privateOnly bool

var topics = loadJsonContent('../topology.json').serviceBus.topics
var forwardTargets = filter(topics, topic => topic.duplicateDetectionWindow == null)
var eventTopics = filter(topics, topic => topic.duplicateDetectionWindow != null)
var placesByTopic = map(topics, topic => map(topic.subscriptions, place => union(place, { topic: topic.name })))
var places = flatten(placesByTopic)
// Of other components, docs/events.md. What nobody reads goes, or it would fill the topic; what cannot be read stays.
type externalSubscription = { topic: string, name: string, lockDuration: string?, maxDeliveryCount: int?, timeToLive: string? }
var externals externalSubscription[] = loadJsonContent('../topology.json').serviceBus.externalSubscriptions
var longest = 'P10675199DT2H48M5.4775807S'

resource namespace 'Microsoft.ServiceBus/namespaces@2026-01-01' = {
  name: namespaceName
  location: location
  tags: tags
  sku: sku == 'Premium' ? { name: 'Premium', tier: 'Premium', capacity: premiumUnits } : { name: 'Standard', tier: 'Standard' }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: privateOnly ? 'Disabled' : 'Enabled'
  }
}

@batchSize(1)
resource deadLetterTopics 'Microsoft.ServiceBus/namespaces/topics@2026-01-01' = [
  for topic in forwardTargets: {
    parent: namespace
    name: topic.name
    properties: {
      requiresDuplicateDetection: false
      enablePartitioning: false
      defaultMessageTimeToLive: longest
    }
  }
]

@batchSize(1)
resource publishedTopics 'Microsoft.ServiceBus/namespaces/topics@2026-01-01' = [
  for topic in eventTopics: {
    parent: namespace
    name: topic.name
    properties: {
      requiresDuplicateDetection: true
      duplicateDetectionHistoryTimeWindow: topic.duplicateDetectionWindow
      enablePartitioning: false
      defaultMessageTimeToLive: longest
    }
    dependsOn: [deadLetterTopics]
  }
]

@batchSize(1)
resource stepSubscriptions 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2026-01-01' = [
  for place in places: {
    // Its parent is in one of two loops, so it is named and not pointed at.
    name: '${namespace.name}/${place.topic}/${place.name}'
    properties: {
      requiresSession: false
      lockDuration: place.lockDuration
      maxDeliveryCount: place.maxDeliveryCount
      defaultMessageTimeToLive: longest
      deadLetteringOnMessageExpiration: true
      deadLetteringOnFilterEvaluationExceptions: true
      forwardDeadLetteredMessagesTo: place.forwardDeadLetteredMessagesTo
    }
    dependsOn: [deadLetterTopics, publishedTopics]
  }
]

// Named $Default, so that it replaces the match-all rule that every new subscription starts with.
@batchSize(1)
resource rules 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2026-01-01' = [
  for place in places: {
    name: '${namespace.name}/${place.topic}/${place.name}/$Default'
    properties: {
      filterType: 'SqlFilter'
      sqlFilter: { sqlExpression: place.rule }
    }
    dependsOn: [stepSubscriptions]
  }
]

@batchSize(1)
resource externalSubscriptions 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2026-01-01' = [
  for place in externals: {
    name: '${namespace.name}/${place.topic}/${place.name}'
    properties: {
      requiresSession: false
      lockDuration: place.?lockDuration ?? 'PT1M'
      maxDeliveryCount: place.?maxDeliveryCount ?? 10
      defaultMessageTimeToLive: place.?timeToLive ?? 'P14D'
      deadLetteringOnMessageExpiration: false
      deadLetteringOnFilterEvaluationExceptions: true
    }
    dependsOn: [publishedTopics]
  }
]

@batchSize(1)
resource externalRules 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2026-01-01' = [
  for place in externals: {
    name: '${namespace.name}/${place.topic}/${place.name}/$Default'
    properties: {
      filterType: 'SqlFilter'
      sqlFilter: { sqlExpression: 'sys.To IS NULL' }
    }
    dependsOn: [externalSubscriptions]
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'OperationalLogs', enabled: true }]
  }
}

output id string = namespace.id
output fullyQualifiedNamespace string = split(replace(namespace.properties.serviceBusEndpoint, 'https://', ''), ':')[0]
