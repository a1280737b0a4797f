// The subnet that the app calls out from, with one public address, and, where data services are private, their endpoints.
// The app itself stays reachable: callers are outside. Telemetry goes out over the internet; Azure Monitor's private link
// is a decision of its own.

param name string
param location string
param tags object

@description('Endpoints are made; otherwise the network has the way out and nothing else.')
param privateOnly bool

@description('The ids of what gets an endpoint.')
param targets { storage: string, cosmos: string, bus: string }

@description('A /16 that no peered network uses.')
param addressPrefix string

var appSubnet = 'functions'
var endpointSubnet = 'private-endpoints'
var blobZone = 'privatelink.blob.${environment().suffixes.storage}'
var tableZone = 'privatelink.table.${environment().suffixes.storage}'
// environment() has no suffix for these two.
var fixedZones = { cosmos: 'privatelink.documents.azure.com', bus: 'privatelink.servicebus.windows.net' }
var all = [
  { name: 'blob', target: targets.storage, group: 'blob', zone: blobZone }
  { name: 'table', target: targets.storage, group: 'table', zone: tableZone }
  { name: 'cosmos', target: targets.cosmos, group: 'Sql', zone: fixedZones.cosmos }
  { name: 'bus', target: targets.bus, group: 'namespace', zone: fixedZones.bus }
]
var endpoints = privateOnly ? all : []

resource address 'Microsoft.Network/publicIPAddresses@2025-05-01' = {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static', publicIPAddressVersion: 'IPv4' }
}

// In one zone, which Azure chooses: StandardV2, which spans them, is not to be had for a subnet that is delegated to
// Microsoft.App. docs/decisions/0023 says what that costs.
resource gateway 'Microsoft.Network/natGateways@2025-05-01' = {
  name: 'nat-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIpAddresses: [{ id: address.id }] }
}

// Not above 2025-05-01: from 2025-07-01 on, the subnets of a new network reach nothing outside without a gateway of their own.
resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
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
          natGateway: { id: gateway.id }
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

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for endpoint in endpoints: {
    name: endpoint.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (endpoint, i) in endpoints: {
    parent: zones[i]
    name: name
    location: 'global'
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: network.id }
    }
  }
]

// One after the other: two of them lead to the storage account, which takes one change at a time and refuses a second.
@batchSize(1)
resource privateEndpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [
  for endpoint in endpoints: {
    name: 'pe-${endpoint.name}-${name}'
    location: location
    tags: tags
    properties: {
      subnet: { id: '${network.id}/subnets/${endpointSubnet}' }
      privateLinkServiceConnections: [
        {
          name: endpoint.name
          properties: {
            // An id, and typed as one of targets: a name that is not there is a fault. The rule sees the loop only.
            #disable-next-line use-resource-id-functions
            privateLinkServiceId: endpoint.target
            groupIds: [endpoint.group]
          }
        }
      ]
    }
  }
]

@batchSize(1)
resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [
  for (endpoint, i) in endpoints: {
    parent: privateEndpoints[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [{ name: endpoint.name, properties: { privateDnsZoneId: zones[i].id } }]
    }
    dependsOn: [privateEndpoints]
  }
]

output appSubnetId string = '${network.id}/subnets/${appSubnet}'
output egressAddress string = address.properties.ipAddress
