#!/bin/sh
# Makes the Entra app registration that stands in front of the ops functions, once per environment, and tells azd its id.
# Run by `azd up` before anything is provisioned; by hand: AZURE_ENV_NAME=dev sh infra/register-ops.sh
# Needs the Azure CLI, signed in by someone who may register apps. Nothing secret is made: no password, no certificate.
set -eu

if [ -n "${OPS_CLIENT_ID:-}" ]; then
    echo "The ops functions use the app registration $OPS_CLIENT_ID."
    exit 0
fi

name="regis-pay-ops-$AZURE_ENV_NAME"
azure_cli=04b07795-8ddb-461a-bbee-02f9e1bf7b46
scope=6f1d2b52-0f0e-4c1a-9a57-3d1a6f5a7c11 # any GUID: it only has to be unique within the registration

client_id=$(az ad app list --display-name "$name" --query "[0].appId" --output tsv)
if [ -z "$client_id" ]; then
    client_id=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId --output tsv)
fi
if [ -z "$(az ad sp list --filter "appId eq '$client_id'" --query "[0].id" --output tsv)" ]; then
    az ad sp create --id "$client_id" --output none
fi

# Two steps: an app can be trusted with a scope only once the scope is there.
graph="https://graph.microsoft.com/v1.0/applications(appId='$client_id')"
operate="{\"id\":\"$scope\",\"value\":\"operate\",\"type\":\"User\",\"isEnabled\":true,\"adminConsentDisplayName\":\"Operate payments\",\"adminConsentDescription\":\"List, replay and discard dead letters.\"}"
az rest --method PATCH --url "$graph" --output none --body \
    "{\"identifierUris\":[\"api://$client_id\"],\"api\":{\"requestedAccessTokenVersion\":2,\"oauth2PermissionScopes\":[$operate]}}"
az rest --method PATCH --url "$graph" --output none --body \
    "{\"api\":{\"preAuthorizedApplications\":[{\"appId\":\"$azure_cli\",\"delegatedPermissionIds\":[\"$scope\"]}]}}"

if command -v azd >/dev/null 2>&1; then
    azd env set OPS_CLIENT_ID "$client_id"
fi
echo "OPS_CLIENT_ID=$client_id"
