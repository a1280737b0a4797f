// The whole system: what there is, and in which order. Run by `azd up`, or `az deployment sub create`.
targetScope = 'subscription'

@description('Only at creation. Names the environment, and through it every resource: dev, prod, your own name. Upper case counts as lower.')
@minLength(1)
@maxLength(32)
param environmentName string

// Those that Microsoft's azd templates for Flex Consumption list, without the canary. azd offers these and no other;
// deployment() may be anything, so the compiler is told to leave the default to the deployment, which compares.
@description('Only at creation. A region that has Flex Consumption.')
@allowed([
  'australiaeast'
  'australiasoutheast'
  'brazilsouth'
  'canadacentral'
  'centralindia'
  'centralus'
  'eastasia'
  'eastus'
  'eastus2'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'northcentralus'
  'northeurope'
  'norwayeast'
  'southafricanorth'
  'southcentralus'
  'southeastasia'
  'southindia'
  'spaincentral'
  'swedencentral'
  'uaenorth'
  'uksouth'
  'ukwest'
  'westcentralus'
  'westeurope'
  'westus'
  'westus2'
  'westus3'
])
@metadata({ azd: { type: 'location' } })
param location string = any(deployment().location)

// What the app works with
@description('Where the payment provider answers.')
@minLength(1)
param providerBaseUrl string
@description('Only at creation. Payment ids are derived from it.')
@minLength(1)
param merchantId string
@description('Whose payments a function key opens: sha256 of the key, in hex, and the merchant. Empty: every key means merchantId. Never a key itself.')
param merchantKeys { *: string } = {}
@description('true: a vault is made, and the settings PROVIDER_API_KEY, PROVIDER_WEBHOOK_SECRETS and MERCHANT_WEBHOOK_SECRETS point at its secrets.')
param providerKeyInVault bool = false
@description('Settings that this environment changes, by name; docs/settings.md lists them. No secrets.')
param tuning { *: string } = {}

// Who may call
@description('The app registration in front of the app; infra/register_ops.py makes it, and says who may have a token and with which roles.')
@minLength(36)
@maxLength(36)
param opsClientId string
@description('How the payment routes know their caller. key: by a function key. entra: by a token with a role as well.')
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
@description('Only at creation. An account moves from serverless to autoscale by hand, once, and never back: docs/scale.md.')
@allowed(['serverless', 'autoscale'])
param cosmosCapacity string = 'serverless'
@description('The highest RU/s of the container events, a multiple of 1000; autoscale only.')
param eventsMaxThroughput int = 4000
@description('The highest RU/s of the container payments-by-month, a multiple of 1000; autoscale only.')
param rowsMaxThroughput int = 1000
@allowed(['Continuous7Days', 'Continuous30Days'])
param cosmosBackupTier string = 'Continuous7Days'
@description('Only at creation. Another tier is another namespace.')
@allowed(['Standard', 'Premium'])
param serviceBusSku string = 'Standard'
@allowed([1, 2, 4, 8, 16])
param serviceBusUnits int = 1
@description('Only at creation. Cosmos DB and storage in three zones.')
param zoneRedundant bool = false
@description('The plan in zones too; needs zoneRedundant. Azure then keeps two instances of every group of functions awake, and bills them: docs/decisions/0030.')
param planZoneRedundant bool = false

// Rights and network
@allowed(['account', 'database'])
param cosmosRoleScope string = 'account'
param serviceBusOwner bool = true
@description('Only at creation. Data services through private endpoints only; makes the bus Premium. The way out hangs on one zone: docs/decisions/0023.')
param privateNetworking bool = false
@description('One public address for every call of the app, for a provider that lists who may call. Private networking has it anyway. Its gateway stands in one zone: docs/decisions/0023.')
param fixedEgress bool = false
@description('Only at creation. Of the network, where there is one: a /16 that no peered network uses.')
param addressPrefix string = '10.60.0.0/16'
@description('The data roles on bus and store for whoever deploys, to work against them from a laptop. Not in production.')
param developerRoles bool = false
@description('The event store cannot be deleted until somebody takes the lock away. Needs the right to make locks.')
param lockEventStore bool = false

// Watching
@description('Whom alerts and the budget tell; with commas.')
param alertEmails string = ''
param logRetentionDays int = 30
param logDailyQuotaGb int = 1
@description('In the currency of the subscription. 0: no budget.')
param monthlyBudget int = 0
@description('Only at creation. The first of the month in which the budget was made, yyyy-MM-01.')
param budgetStart string = ''

var emails = filter(map(split(alertEmails, ','), email => trim(email)), email => !empty(email))
// Names are variables and not outputs of modules: what a deployment would change is then known before it runs.
var environmentKey = toLower(environmentName)
var token = toLower(uniqueString(subscription().id, environmentKey, toLower(location)))
var tags = { 'azd-env-name': environmentName, application: 'regis-pay' }
var storageName = 'st${token}'
var cosmosName = 'cosmos-${token}'
// A namespace does not change its tier: Premium is another one beside it (docs/runbooks.md).
var busName = busSku == 'Premium' ? 'busp-${token}' : 'bus-${token}'
var componentName = 'appi-${token}'
var appName = 'func-${token}'
var vaultName = 'kv-${token}'
var hasNetwork = privateNetworking || fixedEgress
var busSku = privateNetworking ? 'Premium' : serviceBusSku
// What decides which rights the app has. infra/roles.py deletes none unless a snapshot was made with the same words.
var busRight = serviceBusOwner ? 'owner' : 'send-and-receive'
var vaultRight = providerKeyInVault ? 'yes' : 'no'
var rights = 'cosmos=${cosmosRoleScope} bus=${busRight} vault=${vaultRight}'
// Who a caller is, no tuning says: not in other letters either, for the app reads names without regard to case.
var doors = ['API_AUTH', 'DEVELOPMENT_HOSTS', 'DEVELOPMENT_NOTIFICATIONS', 'DEVELOPMENT_PRINCIPAL', 'MERCHANT_ID', 'MERCHANT_KEYS', 'OPS_AUTH']
var tuned = toObject(filter(items(tuning), each => !contains(doors, toUpper(each.key))), each => each.key, each => each.value)
// Whoever gives the key itself has put a secret where many read. A key of the host has 56 characters.
var misread = filter(items(merchantKeys), each => length(each.key) != 64 || empty(each.value) || length(each.value) > 64 || trim(each.value) != each.value)
var inSmallLetters = toObject(items(merchantKeys), each => toLower(each.key), each => each.value)
var keysWanted = 'each name is the sha256 of a function key, 64 hex digits, never the key; each value 1 to 64 characters, no blanks around'
var merchants = empty(misread) ? inSmallLetters : fail('merchantKeys: ${keysWanted}')
var inVault = '@Microsoft.KeyVault(VaultName=${vaultName};SecretName'
var ofVault = {
  PROVIDER_API_KEY: '${inVault}=provider-api-key)'
  PROVIDER_WEBHOOK_SECRETS: '${inVault}=provider-webhook-secrets)'
  MERCHANT_WEBHOOK_SECRETS: '${inVault}=merchant-webhook-secrets)'
}
var providerKey = providerKeyInVault ? ofVault : {}

// docs/decisions/0026: the sampler is Application Insights' own, heeded by the host; the worker follows its parent.
// Direct: the host's polls of the feeds are no HTTP calls then, and so no spans, ninety million a month.
var telemetry = {
  OTEL_SERVICE_NAME: 'regis-pay'
  OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=${environmentKey}'
  OTEL_METRIC_EXPORT_INTERVAL: '10000'
  OTEL_TRACES_SAMPLER: 'microsoft.fixed_percentage'
  OTEL_TRACES_SAMPLER_ARG: '1'
  AzureFunctionsJobHost__extensions__cosmosDB__connectionMode: 'Direct'
}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-regis-pay-${environmentKey}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: { name: 'id-${token}', location: location, tags: union(tags, { rights: rights }) }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${token}'
    componentName: componentName
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
    name: storageName
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
    accountName: cosmosName
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    capacity: cosmosCapacity
    eventsMaxThroughput: eventsMaxThroughput % 1000 == 0 ? eventsMaxThroughput : fail('eventsMaxThroughput: Azure takes multiples of 1000')
    rowsMaxThroughput: rowsMaxThroughput % 1000 == 0 ? rowsMaxThroughput : fail('rowsMaxThroughput: Azure takes multiples of 1000')
    zoneRedundant: zoneRedundant
    backupTier: cosmosBackupTier
    locked: lockEventStore
    privateOnly: privateNetworking
  }
}

module servicebus 'modules/servicebus.bicep' = {
  name: 'servicebus'
  scope: group
  params: {
    namespaceName: busName
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

module network 'modules/network.bicep' = if (hasNetwork) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
    addressPrefix: addressPrefix
    privateOnly: privateNetworking
    targets: { storage: storage.outputs.id, cosmos: cosmos.outputs.id, bus: servicebus.outputs.id }
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  scope: group
  params: {
    // Part of the assignments' names: an identity that was made anew gets its own. So what-if cannot know these names.
    #disable-next-line what-if-short-circuiting
    principalId: identity.outputs.principalId
    storageAccountName: storageName
    serviceBusName: busName
    cosmosAccountName: cosmosName
    componentName: componentName
    vaultName: providerKeyInVault ? vaultName : ''
    cosmosScope: cosmosRoleScope
    serviceBusOwner: serviceBusOwner
    smokePrincipalId: smokePrincipalId
    developerPrincipalId: developerRoles ? deployer().objectId : ''
  }
  // After the network: an endpoint and a role of Cosmos DB each lock the account that they change.
  dependsOn: [storage, servicebus, cosmos, monitoring, vault, network]
}

module functionApp 'modules/functionapp.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    planName: 'plan-${token}'
    name: appName
    location: location
    tags: tags
    serviceName: 'app'
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    packagesUrl: storage.outputs.packagesUrl
    componentName: componentName
    blobEndpoint: storage.outputs.blobEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    settings: union(telemetry, tuned, providerKey, {
      CosmosConnection__accountEndpoint: cosmos.outputs.endpoint
      CosmosConnection__credential: 'managedidentity'
      CosmosConnection__clientId: identity.outputs.clientId
      ServiceBusConnection__fullyQualifiedNamespace: servicebus.outputs.fullyQualifiedNamespace
      ServiceBusConnection__credential: 'managedidentity'
      ServiceBusConnection__clientId: identity.outputs.clientId
      PROVIDER_BASE_URL: providerBaseUrl
      MERCHANT_ID: merchantId
      MERCHANT_KEYS: string(merchants)
      API_AUTH: apiAuth
      OPS_AUTH: 'entra'
    })
    instanceMemoryMb: instanceMemoryMb
    maximumInstances: maximumInstances
    httpConcurrency: httpConcurrency
    alwaysReady: alwaysReady
    siteUpdateStrategy: siteUpdateStrategy
    zoneRedundant: planZoneRedundant && !zoneRedundant ? fail('planZoneRedundant needs zoneRedundant: the host keeps its state in that storage') : planZoneRedundant
    subnetId: hasNetwork ? network!.outputs.appSubnetId : ''
    apiAuth: apiAuth
    entraClientId: opsClientId
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
    emails: emails
  }
}

module metricAlerts 'modules/metricalerts.bicep' = {
  name: 'metric-alerts'
  scope: group
  params: {
    location: location
    tags: tags
    serviceBusId: servicebus.outputs.id
    cosmosAccountId: cosmos.outputs.id
    componentName: componentName
    actionGroupId: alerts.outputs.actionGroupId
    url: functionApp.outputs.url
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    cosmosAccountId: cosmos.outputs.id
    serviceBusId: servicebus.outputs.id
  }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  name: 'budget'
  scope: group
  params: { amount: monthlyBudget, startDate: empty(budgetStart) ? fail('monthlyBudget needs budgetStart, yyyy-MM-01') : budgetStart, emails: emails }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP_NAME string = appName
output SERVICE_APP_NAME string = appName
output SERVICE_APP_URL string = functionApp.outputs.url
output SERVICEBUS_NAMESPACE string = busName
output VAULT_NAME string = providerKeyInVault ? vaultName : ''
@description('What a provider that lists its callers has to list.')
output EGRESS_ADDRESS string = hasNetwork ? network!.outputs.egressAddress : ''
