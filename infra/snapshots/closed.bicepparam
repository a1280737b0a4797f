// Nobody deploys this: dev with every switch turned, so that the committed snapshots show what each of them makes.
using '../main.bicep'

param environmentName = 'Closed'
param providerBaseUrl = readEnvironmentVariable('PROVIDER_BASE_URL')
param providerKeyInVault = true
param merchantId = readEnvironmentVariable('MERCHANT_ID')
param merchantKeys = json(empty(readEnvironmentVariable('MERCHANT_KEYS', '')) ? '{}' : readEnvironmentVariable('MERCHANT_KEYS', ''))
param opsClientId = readEnvironmentVariable('OPS_CLIENT_ID')
param apiAuth = 'entra'
param smokePrincipalId = '00000000-0000-0000-0000-00000000000c'
param alertEmails = ' first@example.org,, second@example.org, '

param cosmosRoleScope = 'database'
param serviceBusOwner = false
param developerRoles = true
param privateNetworking = true
param zoneRedundant = true
param planZoneRedundant = true
param lockEventStore = true
param siteUpdateStrategy = 'RollingUpdate'
param alwaysReady = [{ name: 'http', instanceCount: 1 }]
// All but the first are not for tuning to change: what is set must stay as it is, and nobody comes in without a token.
param tuning = {
  OTEL_TRACES_SAMPLER_ARG: '0.1'
  OPS_AUTH: 'none'
  ops_auth: 'none'
  API_AUTH: 'key'
  MERCHANT_ID: 'another'
  Merchant_Keys: '{}'
  DEVELOPMENT_PRINCIPAL: 'anyone'
  development_principal: 'anyone'
  DEVELOPMENT_HOSTS: 'example.org'
  PYTHON_ENABLE_OPENTELEMETRY: 'false'
  WEBSITE_AUTH_AAD_REQUIRE_CLIENT_SERVICE_PRINCIPAL: 'false'
}
param monthlyBudget = 50
param budgetStart = '2026-11-01'
