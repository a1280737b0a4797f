// One Flex Consumption plan and the one app on it. Every HTTP function shares a set of instances; the feed, each step
// and each timer have their own. Copy the module call in main.bicep for a second app: it brings its own plan.

param planName string
param name string
param location string
param tags object

@description('What azd looks for: the service of azure.yaml that is deployed here.')
param serviceName string

param identityId string
param identityClientId string
param packagesUrl string

@description('Every app setting that is not the host\'s own. Replaces what the app has.')
param settings object

param componentName string
param blobEndpoint string
param tableEndpoint string

@description('512 is a quarter of a core, 2048 one, 4096 two.')
@allowed([512, 2048, 4096])
param instanceMemoryMb int

@description('For all functions together. 40 is accepted everywhere; some regions take less.')
@minValue(1)
@maxValue(1000)
param maximumInstances int

@description('HTTP requests that one instance takes at a time. Without it a Python app takes one.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int

@description('Items { name: \'http\' or \'function:NAME\', instanceCount: n }: instances that never go away.')
param alwaysReady array

@description('Recreate stops what runs; RollingUpdate drains, where the region has it.')
@allowed(['Recreate', 'RollingUpdate'])
param siteUpdateStrategy string

@description('Instances in several zones. Azure keeps two of every group awake then, and takes no smaller number for one.')
param zoneRedundant bool

@description('A subnet delegated to Microsoft.App/environments. Empty: no network.')
param subnetId string

@description('key: callers of the API show a function key. entra: a token of the tenant as well.')
@allowed(['key', 'entra'])
param apiAuth string

@description('The app registration that tokens are issued for, to those alone who are assigned to it.')
param entraClientId string

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// No exact AzureWebJobsStorage: an exact value would be read as a connection string. The connection string of Application
// Insights is no secret: it names the resource, and with local authentication off it opens nothing.
var hostSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__tableServiceUri: tableEndpoint
  APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  PYTHON_ENABLE_OPENTELEMETRY: 'true'
  // Where no list of principals is checked, the platform would take a token of an app that the tenant does not have.
  WEBSITE_AUTH_AAD_REQUIRE_CLIENT_SERVICE_PRINCIPAL: 'true'
}

// Paths that need no token. Everything else does, and so the ops functions: a forgotten path is closed, not open.
// What is open always: whether it lives, what the API is, and what the provider tells, which the app holds to a signature.
// The console is a page that holds nothing: what it shows it asks for, at paths that are shut.
var openPaths = ['/api/health', '/api/health/*', '/api/openapi.json', '/api/docs', '/api/console', '/api/console/*', '/api/provider/events']
var apiPaths = ['/api/payments', '/api/payments/*']

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': serviceName })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      appSettings: map(items(union(settings, hostSettings)), setting => { name: setting.key, value: setting.value })
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packagesUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMb
        maximumInstanceCount: maximumInstances
        alwaysReady: map(alwaysReady, group => { name: group.name, instanceCount: zoneRedundant ? max(group.instanceCount, 2) : group.instanceCount })
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
      // Azure takes it; the published types do not have it yet.
      #disable-next-line BCP037
      siteUpdateStrategy: { type: siteUpdateStrategy }
    }
  }
}

// Files and code are published with a token of the tenant, never with the app's own name and password.
resource ftpPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'ftp'
  properties: { allow: false }
}

resource scmPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'scm'
  properties: { allow: false }
}

// Tokens are checked before the app is asked. Entra ID gives one to those alone who are assigned to the registration;
// their roles are in it, and the app holds each path to one: docs/decisions/0036.
resource authentication 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true, runtimeVersion: '~1' }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
      excludedPaths: apiAuth == 'entra' ? openPaths : concat(openPaths, apiPaths)
    }
    httpSettings: { requireHttps: true }
    login: { tokenStore: { enabled: false } }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: entraClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: { allowedAudiences: [entraClientId, 'api://${entraClientId}'] }
      }
    }
  }
}

output url string = 'https://${site.properties.defaultHostName}'
