// A small environment: pay per request, scale to zero, little logging. Values that name something come from outside.
using 'main.bicep'

param environmentName = 'dev'
param providerBaseUrl = readEnvironmentVariable('PROVIDER_BASE_URL')
param merchantId = readEnvironmentVariable('MERCHANT_ID')
param opsClientId = readEnvironmentVariable('OPS_CLIENT_ID')
param opsPrincipalIds = split(readEnvironmentVariable('OPS_PRINCIPAL_IDS'), ',')
param smokePrincipalId = readEnvironmentVariable('SMOKE_PRINCIPAL_ID', '')
