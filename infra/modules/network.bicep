// Private endpoints for the data services, and the subnet that the app calls out from. The app itself stays reachable:
// callers are outside. Telemetry goes out over the internet; Azure Monitor's private link is a decision of its own.

param name string
param location string
param tags object
param storageAccountId string
param cosmosAccountId string
param serviceBusId string

@description('A /16 that no peered network uses.')
param addressPrefix string

var appSubnet = 'functions'
var endpointSubnet = 'private-endpoints'
var blobZone = 'privatelink.blob.${environment().suffixes.storage}'
var tableZone = 'privatelink.table.${environment().suffixes.storage}'
// environment() has no suffix for these two.
#disable-next-line no-hardcoded-env-urls
var fixedZones = { cosmos: 'privatelink.documents.azure.com', bus: 'privatelink.servicebus.windows.net' }
var endpoints = [
  { name: 'blob', target: storageAccountId, group: 'blob', zone: blobZone }
  { name: 'table', target: storageAccountId, group: 'table', zone: tableZone }
  { name: 'cosmos', target: cosmosAccountId, group: 'Sql', zone: fixedZones.cosmos }
  { name: 'bus', target: serviceBusId, group: 'namespace', zone: fixedZones.bus }
]

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: appSubnet
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 0)
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: endpointSubnet
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 1)
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for endpoint in endpoints: {
  name: endpoint.zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (endpoint, i) in endpoints: {
  parent: zones[i]
  name: name
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: network.id }
  }
}]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-07-01' = [for endpoint in endpoints: {
  name: 'pe-${endpoint.name}-${name}'
  location: location
  tags: tags
  properties: {
    subnet: { id: '${network.id}/subnets/${endpointSubnet}' }
    privateLinkServiceConnections: [
      {
        name: endpoint.name
        properties: {
          privateLinkServiceId: endpoint.target
          groupIds: [endpoint.group]
        }
      }
    ]
  }
}]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [for (endpoint, i) in endpoints: {
  parent: privateEndpoints[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [{ name: endpoint.name, properties: { privateDnsZoneId: zones[i].id } }]
  }
}]

output appSubnetId string = '${network.id}/subnets/${appSubnet}'
