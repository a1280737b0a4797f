// Production: reserved throughput, data in three zones, a publisher that is always awake, thirty days of restore.
// Not set here, because each is a decision of cost: planZoneRedundant, serviceBusSku, privateNetworking, more alwaysReady;
// and siteUpdateStrategy, which not every region has.
using 'main.bicep'

param environmentName = 'prod'
param providerBaseUrl = readEnvironmentVariable('PROVIDER_BASE_URL')
param providerKeyInVault = true
param merchantId = readEnvironmentVariable('MERCHANT_ID')
param opsClientId = readEnvironmentVariable('OPS_CLIENT_ID')
param opsPrincipalIds = filter(map(split(readEnvironmentVariable('OPS_PRINCIPAL_IDS'), ','), id => trim(id)), id => !empty(id))
// The Azure CLI, and whatever else: the client id of the identity that runs the smoke test.
param opsApplicationIds = concat(['04b07795-8ddb-461a-bbee-02f9e1bf7b46'], filter(map(split(readEnvironmentVariable('OPS_APPLICATION_IDS', ''), ','), id => trim(id)), id => !empty(id)))
param smokePrincipalId = readEnvironmentVariable('SMOKE_PRINCIPAL_ID', '')
param alertEmails = readEnvironmentVariable('ALERT_EMAILS', '')

param cosmosCapacity = 'autoscale'
param cosmosBackupTier = 'Continuous30Days'
param zoneRedundant = true
param lockEventStore = true
param instanceMemoryMb = 2048
param maximumInstances = 100
param httpConcurrency = 32
// Two, so that one is there when the platform moves the other. Of groups that are not named here Azure keeps none awake;
// with planZoneRedundant it keeps two of each, which is a bill of its own: docs/decisions/0030.
param alwaysReady = [{ name: 'function:publish_events', instanceCount: 2 }]
param logRetentionDays = 90
param logDailyQuotaGb = -1
