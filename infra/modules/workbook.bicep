// The one page to look at: the payment funnel, lag, retries, dead letters, what costs money.

param location string
param tags object
param workspaceId string
param cosmosAccountId string
param serviceBusId string

// The services' own metrics are shown from where they are, and not copied into the workspace for it.
var page = loadTextContent('../workbook.json')

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'payments')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Regis Pay: payments'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: replace(replace(page, '<cosmos>', cosmosAccountId), '<bus>', serviceBusId)
  }
}
