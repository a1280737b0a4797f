// Nobody deploys this: dev with fixedEgress, so that a network without private services shows in a snapshot too.
using '../main.bicep'

param environmentName = 'egress'
param providerBaseUrl = readEnvironmentVariable('PROVIDER_BASE_URL')
param merchantId = readEnvironmentVariable('MERCHANT_ID')
param merchantKeys = json(empty(readEnvironmentVariable('MERCHANT_KEYS', '')) ? '{}' : readEnvironmentVariable('MERCHANT_KEYS', ''))
param opsClientId = readEnvironmentVariable('OPS_CLIENT_ID')
param smokePrincipalId = readEnvironmentVariable('SMOKE_PRINCIPAL_ID', '')
param alertEmails = readEnvironmentVariable('ALERT_EMAILS', '')

param fixedEgress = true
