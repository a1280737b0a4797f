// The whole system: what there is, and in which order. Run by `azd up`, or `az deployment sub create`.
targetScope = 'subscription'

@description('Names the environment, and through it every resource: dev, prod, your own name.')
@minLength(1)
@maxLength(32)
param environmentName string

param location string = deployment().location

// What the app works with
@description('Where the payment provider answers.')
@minLength(1)
param providerBaseUrl string
@minLength(1)
param merchantId string
@description('true: a vault is made, and the setting PROVIDER_API_KEY points at its secret provider-api-key.')
param providerKeyInVault bool = false
@description('Settings that this environment changes, by name; docs/settings.md lists them. No secrets.')
param tuning { *: string } = {}

// Who may call
@description('The app registration in front of the ops functions; infra/register-ops.sh makes one.')
@minLength(36)
@maxLength(36)
param opsClientId string
@description('Object ids of those who may operate.')
@minLength(1)
param opsPrincipalIds string[]
@description('Programs through which they come. The default is the Azure CLI.')
@minLength(1)
param opsApplicationIds string[] = ['04b07795-8ddb-461a-bbee-02f9e1bf7b46']
@allowed(['key', 'entra'])
param apiAuth string = 'key'
@description('The identity that runs the smoke test of a deployment. Empty: none.')
param smokePrincipalId string = ''

// Size
@allowed([512, 2048, 4096])
param instanceMemoryMb int = 512
param maximumInstances int = 40
param httpConcurrency int = 16
param alwaysReady { name: string, instanceCount: int }[] = []
@allowed(['Recreate', 'RollingUpdate'])
param siteUpdateStrategy string = 'Recreate'
@allowed(['serverless', 'autoscale'])
param cosmosCapacity string = 'serverless'
param eventsMaxThroughput int = 4000
param rowsMaxThroughput int = 1000
@allowed(['Continuous7Days', 'Continuous30Days'])
param cosmosBackupTier string = 'Continuous7Days'
@allowed(['Standard', 'Premium'])
param serviceBusSku string = 'Standard'
@allowed([1, 2, 4, 8, 16])
param serviceBusUnits int = 1
param zoneRedundant bool = false

// Rights and network
@allowed(['account', 'database'])
param cosmosRoleScope string = 'account'
param serviceBusOwner bool = true
@description('Data services through private endpoints only; makes the bus Premium.')
param privateNetworking bool = false
param addressPrefix string = '10.60.0.0/16'

// Watching
param alertEmails string[] = []
param logRetentionDays int = 30
param logDailyQuotaGb int = 1
@description('In the currency of the subscription. 0: no budget.')
param monthlyBudget int = 0
@description('The first of the month in which the budget was made, yyyy-MM-01.')
param budgetStart string = ''

// azd gives an empty text for a principal that it does not know: that is nobody, and the module refuses nobody.
var operators = filter(map(opsPrincipalIds, id => trim(id)), id => !empty(id))
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName, application: 'regis-pay' }
var vaultName = 'kv-${token}'
var busSku = privateNetworking ? 'Premium' : serviceBusSku
var providerKey = providerKeyInVault ? { PROVIDER_API_KEY: '@Microsoft.KeyVault(VaultName=${vaultName};SecretName=provider-api-key)' } : {}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-regis-pay-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: { name: 'id-${token}', location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${token}'
    componentName: 'appi-${token}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    zoneRedundant: zoneRedundant
    privateOnly: privateNetworking
  }
}

module cosmos 'modules/cosmos.bicep' = {
  name: 'cosmos'
  scope: group
  params: {
    accountName: 'cosmos-${token}'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    capacity: cosmosCapacity
    eventsMaxThroughput: eventsMaxThroughput
    rowsMaxThroughput: rowsMaxThroughput
    zoneRedundant: zoneRedundant
    backupTier: cosmosBackupTier
    privateOnly: privateNetworking
  }
}

module servicebus 'modules/servicebus.bicep' = {
  name: 'servicebus'
  scope: group
  params: {
    namespaceName: 'bus-${token}'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    sku: busSku
    premiumUnits: serviceBusUnits
    privateOnly: privateNetworking
  }
}

module vault 'modules/vault.bicep' = if (providerKeyInVault) {
  name: 'vault'
  scope: group
  params: { name: vaultName, location: location, tags: tags, workspaceId: monitoring.outputs.workspaceId }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
    addressPrefix: addressPrefix
    targets: { storage: storage.outputs.id, cosmos: cosmos.outputs.id, bus: servicebus.outputs.id }
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    storageAccountName: storage.outputs.name
    serviceBusName: servicebus.outputs.name
    cosmosAccountName: cosmos.outputs.name
    componentName: monitoring.outputs.componentName
    vaultName: providerKeyInVault ? vaultName : ''
    cosmosScope: cosmosRoleScope
    serviceBusOwner: serviceBusOwner
    smokePrincipalId: smokePrincipalId
  }
  dependsOn: [vault]
}

module functionApp 'modules/functionapp.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    planName: 'plan-${token}'
    name: 'func-${token}'
    location: location
    tags: tags
    serviceName: 'app'
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    packagesUrl: storage.outputs.packagesUrl
    componentName: monitoring.outputs.componentName
    blobEndpoint: storage.outputs.blobEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    settings: union(tuning, providerKey, {
      CosmosConnection__accountEndpoint: cosmos.outputs.endpoint
      CosmosConnection__credential: 'managedidentity'
      CosmosConnection__clientId: identity.outputs.clientId
      ServiceBusConnection__fullyQualifiedNamespace: servicebus.outputs.fullyQualifiedNamespace
      ServiceBusConnection__credential: 'managedidentity'
      ServiceBusConnection__clientId: identity.outputs.clientId
      PROVIDER_BASE_URL: providerBaseUrl
      MERCHANT_ID: merchantId
      OPS_CALLER: 'easy-auth'
    })
    instanceMemoryMb: instanceMemoryMb
    maximumInstances: maximumInstances
    httpConcurrency: httpConcurrency
    alwaysReady: alwaysReady
    siteUpdateStrategy: siteUpdateStrategy
    zoneRedundant: zoneRedundant
    subnetId: privateNetworking ? network!.outputs.appSubnetId : ''
    apiAuth: apiAuth
    entraClientId: opsClientId
    entraPrincipalIds: operators
    entraApplicationIds: opsApplicationIds
  }
  dependsOn: [access]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    emails: alertEmails
  }
}

module metricAlerts 'modules/metricalerts.bicep' = {
  name: 'metric-alerts'
  scope: group
  params: {
    tags: tags
    serviceBusId: servicebus.outputs.id
    cosmosAccountId: cosmos.outputs.id
    actionGroupId: alerts.outputs.actionGroupId
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: { location: location, tags: tags, workspaceId: monitoring.outputs.workspaceId }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  name: 'budget'
  scope: group
  params: { amount: monthlyBudget, startDate: budgetStart, emails: alertEmails }
}

output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP_NAME string = functionApp.outputs.name
output SERVICE_APP_NAME string = functionApp.outputs.name
output SERVICE_APP_URL string = functionApp.outputs.url
output COSMOS_ACCOUNT_NAME string = cosmos.outputs.name
output SERVICEBUS_NAMESPACE string = servicebus.outputs.name
output VAULT_NAME string = providerKeyInVault ? vaultName : ''
