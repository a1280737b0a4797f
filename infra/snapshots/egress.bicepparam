// Nobody deploys this: dev with fixedEgress, so that a network without private services shows in a snapshot too.
using '../main.bicep'

param environmentName = 'egress'
param providerBaseUrl = readEnvironmentVariable('PROVIDER_BASE_URL')
param merchantId = readEnvironmentVariable('MERCHANT_ID')
param opsClientId = readEnvironmentVariable('OPS_CLIENT_ID')
param opsPrincipalIds = filter(map(split(readEnvironmentVariable('OPS_PRINCIPAL_IDS'), ','), id => trim(id)), id => !empty(id))
// The Azure CLI, and whatever else: the client id of the identity that runs the smoke test.
param opsApplicationIds = concat(['04b07795-8ddb-461a-bbee-02f9e1bf7b46'], filter(map(split(readEnvironmentVariable('OPS_APPLICATION_IDS', ''), ','), id => trim(id)), id => !empty(id)))
param smokePrincipalId = readEnvironmentVariable('SMOKE_PRINCIPAL_ID', '')
param alertEmails = readEnvironmentVariable('ALERT_EMAILS', '')

param fixedEgress = true
