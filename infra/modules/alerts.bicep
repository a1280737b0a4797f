// What wakes a person. Metric and log names are those of shared/signals.py; docs/operations.md says what to do for each.
// Severity: 0 money may be wrong, 1 payments stand still, 2 somebody must look today, 3 worth knowing.

param location string
param tags object
param workspaceId string
param emails array

// Fires when a row of the query has value > threshold; one alert per combination of the dimensions.
var queryRules = [
  {
    name: 'charged-not-recorded'
    description: 'The provider was charged and the fact could not be stored. Compare with the provider, then replay.'
    severity: 0
    window: 'PT5M'
    threshold: 0
    dimensions: ['step']
    query: '''
AppMetrics
| where Name in ('regispay.messages.parked', 'regispay.dead_letters.recorded')
| where tostring(Properties.reason) == 'charged_not_recorded'
| summarize value = sum(Sum) by step = tostring(Properties.step)
'''
  }
  {
    name: 'dead-letters-high'
    description: 'A dead letter of high severity: nobody knows where the money is.'
    severity: 0
    window: 'PT5M'
    threshold: 0
    dimensions: ['step', 'reason']
    query: '''
AppMetrics
| where Name == 'regispay.dead_letters.recorded'
| where tostring(Properties.severity) == 'high'
| summarize value = sum(Sum) by step = tostring(Properties.step), reason = tostring(Properties.reason)
'''
  }
  {
    name: 'dead-letters-normal'
    description: 'Payments were parked more than five minutes ago and still wait for an operator.'
    severity: 2
    window: 'PT15M'
    threshold: 0
    dimensions: ['step', 'reason']
    // The smoke test of a deployment discards its own within a minute, and so wakes nobody.
    query: '''
let open = AppMetrics
| where Name == 'regispay.dead_letters.open'
| summarize arg_max(TimeGenerated, Sum) by step = tostring(Properties.step), reason = tostring(Properties.reason)
| project step, reason, waiting = Sum;
AppMetrics
| where Name == 'regispay.dead_letters.recorded' and TimeGenerated < ago(5m)
| where tostring(Properties.severity) == 'normal' and tostring(Properties.reason) != 'smoke_test'
| summarize recorded = sum(Sum) by step = tostring(Properties.step), reason = tostring(Properties.reason)
| join kind=leftouter open on step, reason
| where coalesce(waiting, 1.0) > 0
| summarize value = max(recorded) by step, reason
'''
  }
  {
    name: 'dead-letters-low'
    description: 'Merchants could not be told that a payment has ended.'
    severity: 3
    window: 'PT1H'
    threshold: 0
    dimensions: ['step']
    query: '''
AppMetrics
| where Name == 'regispay.dead_letters.recorded'
| where tostring(Properties.severity) == 'low'
| summarize value = sum(Sum) by step = tostring(Properties.step)
'''
  }
  {
    name: 'dead-letter-logged'
    description: 'A dead letter was logged as critical. The second way to know, should metrics not arrive.'
    severity: 0
    window: 'PT5M'
    threshold: 0
    dimensions: []
    query: '''
AppTraces
| where SeverityLevel >= 4
| where tostring(Properties.event_name) == 'recover.dead_letter_recorded' or Message startswith 'recover.dead_letter_recorded'
| summarize value = sum(ItemCount)
'''
  }
  {
    name: 'outbox-lag'
    description: 'The publisher has not moved for more than a minute although events wait. Payments stand still.'
    severity: 1
    window: 'PT5M'
    threshold: 60
    dimensions: []
    query: '''
AppMetrics
| where Name == 'regispay.outbox.lag_s'
| summarize value = max(Sum)
'''
  }
  {
    name: 'topic-refuses'
    description: 'One topic refuses while others take. Its events become dead letters: mend the topic, then replay them.'
    severity: 1
    window: 'PT5M'
    threshold: 0
    dimensions: ['topic']
    query: '''
AppMetrics
| where Name == 'regispay.topic.refusals'
| summarize value = sum(Sum) by topic = tostring(Properties.topic)
'''
  }
  {
    name: 'backlog-unmeasured'
    description: 'No measurement of the outbox for 15 minutes: the timer or all telemetry is down, so other alerts may be blind.'
    severity: 1
    window: 'PT15M'
    threshold: 0
    dimensions: []
    query: '''
AppMetrics
| where Name == 'regispay.outbox.lag_s'
| summarize measured = count()
| extend value = iff(measured == 0, 1, 0)
'''
  }
  {
    name: 'accepted-none-completed'
    description: 'Payments were accepted in the last half hour and did not fail, and none was completed.'
    severity: 1
    window: 'PT30M'
    threshold: 0
    dimensions: []
    query: '''
AppMetrics
| where Name in ('regispay.payments.accepted', 'regispay.payments.completed', 'regispay.payments.failed')
| summarize accepted = sumif(Sum, Name == 'regispay.payments.accepted' and TimeGenerated < ago(5m)), completed = sumif(Sum, Name == 'regispay.payments.completed'), failed = sumif(Sum, Name == 'regispay.payments.failed')
| extend value = iff(accepted > failed and completed == 0, 1, 0)
'''
  }
  {
    name: 'step-silent'
    description: 'A step had work for half an hour and did not try once, while others work: what wakes it is dead.'
    severity: 1
    window: 'PT30M'
    threshold: 0
    dimensions: ['step']
    // What calls for a step is what the step before has recorded, less the payments that failed. Nothing counts what calls
    // for a void: payments-swept sees it.
    query: '''
let failed = toscalar(AppMetrics | where Name == 'regispay.payments.failed' | summarize sum(Sum));
let tried = AppMetrics
| where Name == 'regispay.step.duration_s'
| summarize attempts = sum(ItemCount), recorded = sumif(ItemCount, tostring(Properties.outcome) == 'recorded' and TimeGenerated < ago(10m)) by step = tostring(Properties.step);
union
  (AppMetrics | where Name == 'regispay.payments.accepted' and TimeGenerated < ago(10m) | summarize due = sum(Sum) | extend step = 'create'),
  (tried | where step == 'create' | project due = recorded - coalesce(failed, 0.0), step = 'settle'),
  (tried | where step == 'settle' | project due = recorded - coalesce(failed, 0.0), step = 'notify'),
  (AppMetrics | where Name == 'regispay.payments.failed' and TimeGenerated < ago(10m) | summarize due = sum(Sum) | extend step = 'notify_failure')
| where due > 0
| join kind=leftanti tried on step
| summarize value = max(due) by step
'''
  }
  {
    name: 'payments-swept'
    description: 'The sweeper found payments that had stopped. Something between the steps loses messages.'
    severity: 2
    window: 'PT15M'
    threshold: 0
    dimensions: ['step']
    query: '''
AppMetrics
| where Name == 'regispay.payments.swept'
| summarize value = sum(Sum) by step = tostring(Properties.step)
'''
  }
  {
    name: 'retries'
    description: 'Many retries of one step: the provider, the merchant or the store is in trouble.'
    severity: 2
    window: 'PT15M'
    threshold: 100
    dimensions: ['step', 'reason']
    query: '''
AppMetrics
| where Name == 'regispay.step.retries'
| summarize value = sum(Sum) by step = tostring(Properties.step), reason = tostring(Properties.reason)
'''
  }
  {
    name: 'executions-failing'
    description: 'A function fails again and again: the last line of defence is at work.'
    severity: 2
    window: 'PT15M'
    threshold: 10
    dimensions: ['operation']
    // An answer of 4xx is the caller's fault. What is no HTTP has no code, or 0. A row stands for ItemCount that were sampled.
    query: '''
AppRequests
| where Success == false and coalesce(toint(ResultCode), 0) !between (400 .. 499)
| summarize value = sum(ItemCount) by operation = OperationName
'''
  }
]

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'operators'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'regispay'
    emailReceivers: map(emails, email => { name: email, emailAddress: email, useCommonAlertSchema: true })
  }
}

resource queryAlerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in queryRules: {
    name: rule.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Regis Pay: ${rule.name}'
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT5M'
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Maximum'
            metricMeasureColumn: 'value'
            operator: 'GreaterThan'
            threshold: rule.threshold
            dimensions: map(rule.dimensions, dimension => { name: dimension, operator: 'Include', values: ['*'] })
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      // A new environment has no telemetry yet, and so no table that the query could be checked against.
      skipQueryValidation: true
      autoMitigate: true
      actions: { actionGroups: [operators.id] }
    }
  }
]

output actionGroupId string = operators.id
