// Nobody deploys this: dev with every switch turned, so that the committed snapshots show what each of them makes.
using '../main.bicep'

param environmentName = 'Closed'
param providerBaseUrl = readEnvironmentVariable('PROVIDER_BASE_URL')
param providerKeyInVault = true
param merchantId = readEnvironmentVariable('MERCHANT_ID')
param opsClientId = readEnvironmentVariable('OPS_CLIENT_ID')
param opsPrincipalIds = ['', ' 00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b ', ' ']
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
// The last two are not for tuning to change: what is set must stay as it is.
param tuning = { OTEL_TRACES_SAMPLER_ARG: '0.1', OPS_CALLER: 'nobody', PYTHON_ENABLE_OPENTELEMETRY: 'false' }
param monthlyBudget = 50
param budgetStart = '2026-11-01'
