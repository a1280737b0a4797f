"""Faults that the checks of the doors must see: one each."""

from tests.infra import door_checks as door
from tests.infra.checking import Seed

DEV, PROD, CLOSED, EGRESS = (f"snapshots/{name}.json" for name in ("dev", "prod", "closed", "egress"))
OTHERS = door.no_page_of_another_site_reads_anything
DOORS, TOLD = door.doors_are_as_the_table_says, door.the_app_is_told_how_to_know_its_callers
ASSIGNED, TOKENS = door.callers_are_those_that_entra_id_assigned, door.tokens_are_of_this_tenant_and_for_this_app

SEEDS = [
    Seed(DOORS, DEV, '"/api/health",', '"/api", "/api/health",', "key: /api/ops/anything is open"),
    Seed(DOORS, PROD, '"/api/health",', '"/", "/api/health",', "key: /admin/host/status is open"),
    Seed(
        DOORS, CLOSED, '"/api/health",', '"/api/payments/*", "/api/health",', "entra: /api/payments/{payment_id} is o"
    ),
    Seed(DOORS, PROD, '"/api/payments/*"', '"/api/payments/*/events"', "key: /api/payments/{payment_id}/cancel is s"),
    Seed(DOORS, CLOSED, '"/api/provider/events"', '"/api/provider/event"', "entra: /api/provider/events is shut"),
    Seed(DOORS, EGRESS, '"/api/docs"', '"/api/docs", "/api/desk"', "key: /api/desk opens nothing"),
    Seed(DOORS, DEV, '"/api/docs"', '"/api/ops/payments"', "key: /api/ops/payments is open"),
    Seed(DOORS, PROD, 'requireAuthentication": true', 'requireAuthentication": false', "without a token"),
    Seed(DOORS, CLOSED, '"Return401"', '"AllowAnonymous"', "entra: callers without a token"),
    Seed(DOORS, DEV, '"runtimeVersion": "~1"', '"runtimeVersion": "~1", "enabled": false', "authentication is off"),
    Seed(TOKENS, DEV, "'{0}{1}/v2.0'", "'{0}common/v2.0'", "dev: tokens are of"),
    Seed(TOKENS, PROD, '"clientId": "0', '"clientId": "1', "prod: tokens are of"),
    Seed(TOKENS, CLOSED, '"api://0', '"api://1', "closed: tokens are for"),
    Seed(ASSIGNED, PROD, '"allowedAud', '"defaultAuthorizationPolicy": {}, "allowedAud', "prod: a second list"),
    Seed(
        ASSIGNED,
        CLOSED,
        'REQUIRE_CLIENT_SERVICE_PRINCIPAL",\n              "value": "true"',
        'REQUIRE_CLIENT_SERVICE_PRINCIPAL",\n              "value": "false"',
        "closed: a token that names no principal",
    ),
    Seed(ASSIGNED, DEV, "REQUIRE_CLIENT_SERVICE_PRINCIPAL", "REQUIRE_CLIENT", "dev: a token that names no principal"),
    Seed(
        TOLD,
        CLOSED,
        '"name": "OPS_AUTH",\n              "value": "entra"',
        '"name": "OPS_AUTH",\n              "value": "none"',
        "closed: OPS_AUTH is none",
    ),
    Seed(
        TOLD,
        PROD,
        '"name": "API_AUTH",\n              "value": "key"',
        '"name": "API_AUTH",\n              "value": "entra"',
        "prod: API_AUTH is entra",
    ),
    Seed(TOLD, CLOSED, '"OTEL_SERVICE_NAME"', '"development_principal"', "closed: development_principal is regis-pay"),
    Seed(TOLD, CLOSED, '"merchant-1"', '"another"', "closed: MERCHANT_ID is another"),
    Seed(TOLD, DEV, "shop-1", "shop-2", "dev: MERCHANT_KEYS is "),
    Seed(TOLD, EGRESS, '"OPS_AUTH"', '"OPS_AUTHORITY"', "egress: OPS_AUTH is None"),
    Seed(
        OTHERS,
        PROD,
        '"http20Enabled": true',
        '"http20Enabled": true, "cors": {"allowedOrigins": ["https://evil.example"]}',
        "prod: Microsoft.Web/sites lets pages of ['https://evil.example'] read",
    ),
    Seed(
        OTHERS,
        DEV,
        '"minimalTlsVersion": "Tls12"',
        '"minimalTlsVersion": "Tls12", "cors": [{"AllowedOrigins": "*"}]',
        "dev: Microsoft.DocumentDB/databaseAccounts lets pages of * read",
    ),
]
