// Production: reserved throughput, data in three zones, a publisher that is always awake, thirty days of restore.
// Not set here, because each is a decision of cost: planZoneRedundant, serviceBusSku, privateNetworking, more alwaysReady;
// and siteUpdateStrategy, which not every region has.
using 'main.bicep'

param environmentName = 'prod'
param providerBaseUrl = readEnvironmentVariable('PROVIDER_BASE_URL')
param providerKeyInVault = true
param merchantId = readEnvironmentVariable('MERCHANT_ID')
param merchantKeys = json(empty(readEnvironmentVariable('MERCHANT_KEYS', '')) ? '{}' : readEnvironmentVariable('MERCHANT_KEYS', ''))
param opsClientId = readEnvironmentVariable('OPS_CLIENT_ID')
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
