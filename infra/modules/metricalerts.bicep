// Alerts on the metrics of the services themselves: they are there when the app and its telemetry are dead.
// Severity as in alerts.bicep.

param tags object
param serviceBusId string
param cosmosAccountId string
param actionGroupId string

var topics = loadJsonContent('../topology.json').serviceBus.topics
var forwardTargets = map(filter(topics, topic => topic.duplicateDetectionWindow == null), topic => topic.name)
var eventTopics = map(filter(topics, topic => topic.duplicateDetectionWindow != null), topic => topic.name)
var busMetrics = 'Microsoft.ServiceBus/namespaces'
var cosmosMetrics = 'Microsoft.DocumentDB/databaseAccounts'

var metricRules = [
  {
    name: 'broker-dead-letters'
    description: 'The broker itself gave up on a message of a step. It should be forwarded within seconds.'
    severity: 2
    scope: serviceBusId
    namespace: busMetrics
    metric: 'DeadletteredMessages'
    aggregation: 'Maximum'
    threshold: 0
    window: 'PT5M'
    dimension: 'EntityName'
    values: eventTopics
  }
  {
    name: 'forwarding-stalled'
    description: 'Dead letters stay on a topic of a step: forwarding to the dead-letter topic does not work.'
    severity: 1
    scope: serviceBusId
    namespace: busMetrics
    metric: 'DeadletteredMessages'
    aggregation: 'Minimum'
    threshold: 0
    window: 'PT15M'
    dimension: 'EntityName'
    values: eventTopics
  }
  {
    name: 'step-behind'
    description: 'More than a hundred messages have waited on a topic of a step for half an hour: it is slower than they come.'
    severity: 2
    scope: serviceBusId
    namespace: busMetrics
    metric: 'ActiveMessages'
    aggregation: 'Minimum'
    threshold: 100
    window: 'PT30M'
    dimension: 'EntityName'
    values: eventTopics
  }
  {
    name: 'recorder-dead-letters'
    description: 'Dead letters that could not be recorded lie there for five minutes: the timer does not drain them.'
    severity: 0
    scope: serviceBusId
    namespace: busMetrics
    metric: 'DeadletteredMessages'
    aggregation: 'Minimum'
    threshold: 0
    window: 'PT5M'
    dimension: 'EntityName'
    values: forwardTargets
  }
  {
    name: 'recorder-stalled'
    description: 'Dead letters wait to be recorded for a quarter of an hour.'
    severity: 1
    scope: serviceBusId
    namespace: busMetrics
    metric: 'ActiveMessages'
    aggregation: 'Minimum'
    threshold: 0
    window: 'PT15M'
    dimension: 'EntityName'
    values: forwardTargets
  }
  {
    name: 'bus-throttled'
    description: 'The namespace refuses calls: more than its tier carries.'
    severity: 2
    scope: serviceBusId
    namespace: busMetrics
    metric: 'ThrottledRequests'
    aggregation: 'Total'
    threshold: 10
    window: 'PT5M'
    dimension: 'EntityName'
    values: ['*']
  }
  {
    name: 'bus-errors'
    description: 'Service Bus fails on its own side.'
    severity: 2
    scope: serviceBusId
    namespace: busMetrics
    metric: 'ServerErrors'
    aggregation: 'Total'
    threshold: 10
    window: 'PT5M'
    dimension: 'EntityName'
    values: ['*']
  }
  {
    name: 'store-throttled'
    description: 'Cosmos DB answers 429: raise the throughput, or spread the load.'
    severity: 2
    scope: cosmosAccountId
    namespace: cosmosMetrics
    metric: 'TotalRequests'
    aggregation: 'Count'
    threshold: 10
    window: 'PT5M'
    dimension: 'StatusCode'
    values: ['429']
  }
  {
    name: 'store-nearly-full'
    description: 'A physical partition uses more than 90 % of its throughput.'
    severity: 3
    scope: cosmosAccountId
    namespace: cosmosMetrics
    metric: 'NormalizedRUConsumption'
    aggregation: 'Maximum'
    threshold: 90
    window: 'PT15M'
    dimension: 'CollectionName'
    values: ['*']
  }
]

resource metricAlerts 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for rule in metricRules: {
    name: rule.name
    location: 'global'
    tags: tags
    properties: {
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [rule.scope]
      evaluationFrequency: 'PT1M'
      windowSize: rule.window
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.name
            metricNamespace: rule.namespace
            metricName: rule.metric
            timeAggregation: rule.aggregation
            operator: 'GreaterThan'
            threshold: rule.threshold
            dimensions: [{ name: rule.dimension, operator: 'Include', values: rule.values }]
          }
        ]
      }
      actions: [{ actionGroupId: actionGroupId }]
    }
  }
]
