// A small environment: pay per request, scale to zero, little logging. Values that name something come from outside.
using 'main.bicep'

param environmentName = 'dev'
param providerBaseUrl = readEnvironmentVariable('PROVIDER_BASE_URL')
param merchantId = readEnvironmentVariable('MERCHANT_ID')
param merchantKeys = json(empty(readEnvironmentVariable('MERCHANT_KEYS', '')) ? '{}' : readEnvironmentVariable('MERCHANT_KEYS', ''))
param opsClientId = readEnvironmentVariable('OPS_CLIENT_ID')
param smokePrincipalId = readEnvironmentVariable('SMOKE_PRINCIPAL_ID', '')
param alertEmails = readEnvironmentVariable('ALERT_EMAILS', '')
