// What wakes a person. Metric and log names are those of shared/signals.py; docs/operations.md says what to do for each.
// Severity: 0 money may be wrong, 1 payments stand still, 2 somebody must look today, 3 worth knowing.

param location string
param tags object
param workspaceId string
param emails array

// Fires when a row of the query has value > threshold; one alert per combination of the dimensions. A row arrives up to
// three minutes late, and is looked for every five: a window shorter than ten minutes would miss some.
// tellsEach: what happened is told and nothing is called resolved, since a letter stays open; actions then rest for ten
// minutes, in a window of fifteen, so that each is mailed at least once. The others tell of a state, until it ends.
// No union, no search, a table first: Microsoft supports no others in alerts (Optimize log search alert queries).
var queryRules = [
  {
    name: 'charged-not-recorded'
    description: 'The provider was charged and the fact could not be stored. Compare with the provider, then replay.'
    severity: 0
    window: 'PT15M'
    threshold: 0
    tellsEach: true
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
    window: 'PT15M'
    threshold: 0
    tellsEach: true
    dimensions: ['step', 'reason']
    query: '''
AppMetrics
| where Name == 'regispay.dead_letters.recorded'
| where tostring(Properties.severity) == 'high'
| summarize value = sum(Sum) by step = tostring(Properties.step), reason = tostring(Properties.reason)
'''
  }
  {
    name: 'dead-letters-high-open'
    description: 'Dead letters of high severity are open. It ends when the last one is dealt with.'
    severity: 0
    window: 'PT1H'
    threshold: 0
    tellsEach: false
    dimensions: ['step', 'reason']
    // As last measured, within the hour: a measure that stops must not look like letters that were dealt with.
    query: '''
AppMetrics
| where Name == 'regispay.dead_letters.open'
| where tostring(Properties.severity) == 'high'
| summarize arg_max(TimeGenerated, Sum) by step = tostring(Properties.step), reason = tostring(Properties.reason)
| project step, reason, value = Sum
'''
  }
  {
    name: 'dead-letters-normal'
    description: 'Payments were parked more than five minutes ago and still wait for an operator.'
    severity: 2
    window: 'PT15M'
    threshold: 0
    tellsEach: false
    dimensions: ['step', 'reason']
    // The smoke test of a deployment discards its own within a minute, mostly between two measurements, and so wakes nobody:
    // what the last round did not measure as open is not, unless that round came before the letter.
    query: '''
AppMetrics
| where Name == 'regispay.dead_letters.recorded' and TimeGenerated < ago(5m)
| where tostring(Properties.severity) == 'normal' and tostring(Properties.reason) != 'smoke_test'
| summarize recorded = sum(Sum), latest = max(TimeGenerated) by step = tostring(Properties.step), reason = tostring(Properties.reason)
| join kind=leftouter (AppMetrics | where Name == 'regispay.dead_letters.open' | where tostring(Properties.severity) == 'normal' | summarize arg_max(TimeGenerated, Sum) by step = tostring(Properties.step), reason = tostring(Properties.reason) | project step, reason, waiting = Sum, counted = TimeGenerated) on step, reason
| extend measured = toscalar(AppMetrics | where Name == 'regispay.outbox.lag_s' | summarize max(TimeGenerated))
| where isnull(measured) or measured < latest or (waiting > 0 and counted > measured - 1m)
| summarize value = max(recorded) by step, reason
'''
  }
  {
    name: 'dead-letters-low'
    description: 'Merchants could not be told that a payment has ended.'
    severity: 3
    window: 'PT1H'
    threshold: 0
    tellsEach: false
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
    window: 'PT15M'
    threshold: 0
    tellsEach: true
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
    window: 'PT10M'
    threshold: 60
    tellsEach: false
    dimensions: []
    query: '''
AppMetrics
| where Name == 'regispay.outbox.lag_s'
| summarize value = max(Sum)
'''
  }
  {
    name: 'projection-lag'
    description: 'The read model has not moved for more than five minutes although events wait. Lists are old, and the sweep sees too little.'
    severity: 2
    window: 'PT10M'
    threshold: 300
    tellsEach: false
    dimensions: []
    query: '''
AppMetrics
| where Name == 'regispay.projection.lag_s'
| summarize value = max(Sum)
'''
  }
  {
    name: 'topic-refuses'
    description: 'One topic refuses while others take. Its events become dead letters: mend the topic, then replay them.'
    severity: 1
    window: 'PT15M'
    threshold: 0
    tellsEach: false
    dimensions: ['topic']
    query: '''
AppMetrics
| where Name == 'regispay.topic.refusals'
| summarize value = sum(Sum) by topic = tostring(Properties.topic)
'''
  }
  {
    name: 'provider-contradicts'
    description: 'The provider tells what cannot be: of no payment here, of a dispute that it denies or that fits not; or no secret knows it.'
    severity: 2
    window: 'PT15M'
    threshold: 0
    tellsEach: false
    dimensions: ['outcome']
    query: '''
AppMetrics
| where Name == 'regispay.provider.news'
| where tostring(Properties.outcome) in ('payment_not_found', 'dispute_not_confirmed', 'dispute_misfit', 'news_unreadable', 'provider_not_known')
| summarize value = sum(Sum) by outcome = tostring(Properties.outcome)
'''
  }
  {
    name: 'provider-unheard'
    description: 'For six hours nothing that the provider tells could be heard: it does not answer questions, or signs with another secret.'
    severity: 2
    window: 'PT6H'
    threshold: 2
    tellsEach: false
    dimensions: []
    query: '''
AppMetrics
| where Name == 'regispay.provider.news'
| extend outcome = tostring(Properties.outcome)
| summarize heard = sumif(Sum, outcome in ('recorded', 'known')), unheard = sumif(Sum, outcome in ('provider_silent', 'provider_behind', 'signature_refused'))
| extend value = iff(heard == 0, unheard, 0.0)
'''
  }
  {
    name: 'backlog-unmeasured'
    description: 'No measurement of the outbox for 15 minutes: the timer or all telemetry is down, so other alerts may be blind.'
    severity: 1
    window: 'PT15M'
    threshold: 0
    tellsEach: false
    dimensions: []
    // A gauge is told when it was set, and not again: shared/adapters/exporters.py.
    query: '''
AppMetrics
| where Name == 'regispay.outbox.lag_s'
| summarize measured = count()
| extend value = iff(measured == 0, 1, 0)
'''
  }
  {
    name: 'timer-silent'
    description: 'A timer has not come to its end for half an hour: its function is off, or fails each time.'
    severity: 2
    window: 'PT30M'
    threshold: 0
    tellsEach: false
    dimensions: ['timer']
    query: '''
AppMetrics
| where Name == 'regispay.timer.ticks'
| summarize ticked = make_set(tostring(Properties.timer))
| extend timer = dynamic(['drain_recorder', 'measure_backlog', 'sweep_payments'])
| mv-expand timer to typeof(string)
| where not(set_has_element(ticked, timer))
| summarize value = count() by timer
'''
  }
  {
    name: 'accepted-none-completed'
    description: 'Payments were accepted in the last half hour and did not fail, and none was completed.'
    severity: 1
    window: 'PT30M'
    threshold: 0
    tellsEach: false
    dimensions: []
    // Cause and effect are told by different processes, each every ten seconds. A cause is looked for well inside the
    // window, or its edge could fall between the two.
    query: '''
AppMetrics
| where Name in ('regispay.payments.accepted', 'regispay.payments.completed', 'regispay.payments.failed')
| summarize accepted = sumif(Sum, Name == 'regispay.payments.accepted' and TimeGenerated between (ago(28m) .. ago(10m))), completed = sumif(Sum, Name == 'regispay.payments.completed'), failed = sumif(Sum, Name == 'regispay.payments.failed')
| extend value = iff(accepted > failed and completed == 0, 1, 0)
'''
  }
  {
    name: 'step-silent'
    description: 'Payments wait for a step, and for half an hour it did not try once: what wakes it is dead.'
    severity: 1
    window: 'PT30M'
    threshold: 0
    tellsEach: false
    dimensions: ['step']
    // What a payment waits for is counted by the read model, which may be a few minutes late: ten minutes at the start of
    // the window are for attempts alone.
    query: '''
AppMetrics
| where Name == 'regispay.steps.owed' and TimeGenerated between (ago(20m) .. ago(10m))
| summarize due = sum(Sum) by step = tostring(Properties.step)
| join kind=leftanti (AppMetrics | where Name == 'regispay.step.duration_s' | summarize attempts = sum(ItemCount) by step = tostring(Properties.step)) on step
| summarize value = max(due) by step
'''
  }
  {
    name: 'payments-swept'
    description: 'The sweeper found payments that had stopped. Something between the steps loses messages.'
    severity: 2
    window: 'PT15M'
    threshold: 0
    tellsEach: false
    dimensions: ['step']
    query: '''
AppMetrics
| where Name == 'regispay.payments.swept'
| summarize value = sum(Sum) by step = tostring(Properties.step)
'''
  }
  {
    name: 'payments-not-swept'
    description: 'A payment stands still and could not be started again.'
    severity: 2
    window: 'PT15M'
    threshold: 0
    tellsEach: false
    dimensions: ['reason']
    // A busy store has an alert of its own, and the next round goes on in five minutes.
    query: '''
AppMetrics
| where Name == 'regispay.payments.not_swept'
| where tostring(Properties.reason) != 'store_busy'
| summarize value = sum(Sum) by reason = tostring(Properties.reason)
'''
  }
  {
    name: 'retries'
    description: 'Many retries of one step: the provider, the merchant or the store is in trouble.'
    severity: 2
    window: 'PT15M'
    threshold: 100
    tellsEach: false
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
    tellsEach: false
    dimensions: ['operation']
    // An answer of 4xx is the caller's fault. What is no HTTP has no code, or 0. A row stands for ItemCount that were sampled.
    // All functions of Service Bus share one OperationName; the host says in faas.name which one it was.
    query: '''
AppRequests
| where Success == false and coalesce(toint(ResultCode), 0) !between (400 .. 499)
| summarize value = sum(ItemCount) by operation = coalesce(tostring(Properties['faas.name']), OperationName)
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
      autoMitigate: !rule.tellsEach
      muteActionsDuration: rule.tellsEach ? 'PT10M' : null
      actions: { actionGroups: [operators.id] }
    }
  }
]

output actionGroupId string = operators.id
