// Alerts on the metrics of the services themselves: they are there when the app and its telemetry are dead.
// Severity as in alerts.bicep.

param location string
param tags object
param serviceBusId string
param cosmosAccountId string
param componentName string
param actionGroupId string

@description('The address of the app.')
param url string

// The bus measures topics and no subscriptions. On a topic without a step of ours, only other components can be behind.
var topics = loadJsonContent('../topology.json').serviceBus.topics
var ours = filter(topics, topic => !empty(topic.subscriptions))
var forwardTargets = map(filter(ours, topic => topic.duplicateDetectionWindow == null), topic => topic.name)
var eventTopics = map(filter(ours, topic => topic.duplicateDetectionWindow != null), topic => topic.name)
var componentMetrics = 'Microsoft.Insights/components'
var busMetrics = 'Microsoft.ServiceBus/namespaces'
var readinessTest = 'ready'
var testedFrom = ['emea-nl-ams-azr', 'us-va-ash-azr', 'apac-sg-sin-azr']
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
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT5M'
    dimension: 'EntityName'
    values: eventTopics
  }
  {
    name: 'forwarding-stalled'
    description: 'Dead letters stay on a topic of a step: forwarding does not work, or another component leaves its own there.'
    severity: 1
    scope: serviceBusId
    namespace: busMetrics
    metric: 'DeadletteredMessages'
    aggregation: 'Minimum'
    operator: 'GreaterThan'
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
    operator: 'GreaterThan'
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
    operator: 'GreaterThan'
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
    operator: 'GreaterThan'
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
    operator: 'GreaterThan'
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
    operator: 'GreaterThan'
    threshold: 10
    window: 'PT5M'
    dimension: 'EntityName'
    values: ['*']
  }
  {
    name: 'site-unreachable'
    description: 'From outside the app does not answer that it is ready, while its timers may well go on. Nobody can pay.'
    severity: 1
    scope: component.id
    namespace: componentMetrics
    metric: 'availabilityResults/availabilityPercentage'
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: 50
    window: 'PT15M'
    dimension: 'availabilityResult/name'
    values: [readinessTest]
  }
  {
    name: 'store-throttled'
    description: 'Cosmos DB answers 429: raise the throughput, or spread the load.'
    severity: 2
    scope: cosmosAccountId
    namespace: cosmosMetrics
    metric: 'TotalRequests'
    aggregation: 'Count'
    operator: 'GreaterThan'
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
    operator: 'GreaterThan'
    threshold: 90
    window: 'PT15M'
    dimension: 'CollectionName'
    values: ['*']
  }
]

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// Three places, each every quarter of an hour: what is refused before the app is asked leaves no trace in the app.
resource readiness 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'ready-${componentName}'
  location: location
  tags: union(tags, { 'hidden-link:${component.id}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: 'ready-${componentName}'
    Name: readinessTest
    Enabled: true
    Kind: 'standard'
    Frequency: 900
    Timeout: 60
    RetryEnabled: true
    Locations: map(testedFrom, place => { Id: place })
    Request: { RequestUrl: '${url}/api/health/ready', HttpVerb: 'GET', ParseDependentRequests: false }
    ValidationRules: { ExpectedHttpStatusCode: 200, SSLCheck: true, SSLCertRemainingLifetimeCheck: 7 }
  }
}

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
            operator: rule.operator
            threshold: rule.threshold
            dimensions: [{ name: rule.dimension, operator: 'Include', values: rule.values }]
          }
        ]
      }
      actions: [{ actionGroupId: actionGroupId }]
    }
  }
]
