// The one page to look at: the payment funnel, lag, retries, dead letters, what costs money.

param location string
param tags object
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'payments')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Regis Pay: payments'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('../workbook.json')
  }
}
