"""Which tokens of a payment provider the check of a deployment pays with, and whose they are.

Those of the local provider mean nothing to another one, or something else. So they stand in only where the provider is
known to be the local one. Standard library only.
"""

import os
from typing import NamedTuple
from urllib.parse import urlsplit

LOCAL_TOKENS = {"SMOKE_PAYMENT_METHOD": "pm_ok", "SMOKE_PARKING_METHOD": "pm_invalid"}
LOCAL_VOIDING = "pm_settle_declined"

TUNNEL = ".devtunnels.ms"
"""By such an address docs/deploy.md makes the local provider reachable from Azure."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SAID_SO = "PROVIDER_IS_LOCAL"


def given(name: str) -> str:
    return os.environ.get(name, "").strip()


def is_local_provider() -> bool:
    """The address says so, or a person does. In production neither counts: there the tokens have to be set."""
    host = urlsplit(given("PROVIDER_BASE_URL")).hostname or ""
    if given("AZURE_ENV_NAME").lower().startswith("prod"):
        return False
    return given(SAID_SO).lower() == "true" or host in LOOPBACK or host.endswith(TUNNEL)


def to_be_set() -> list[str]:
    """The names that only a person can fill."""
    return [] if is_local_provider() else list(LOCAL_TOKENS)


class Methods(NamedTuple):
    """One that completes, one that is our fault, one that is reserved and then declined (empty: not tried)."""

    payment: str
    parking: str
    voiding: str


def methods() -> Methods:
    """Those that are set, else those of the local provider where it is the local one."""
    local = LOCAL_TOKENS if is_local_provider() else {}
    payment, parking = (given(name) or local.get(name, "") for name in LOCAL_TOKENS)
    voiding = LOCAL_VOIDING if local and not given("SMOKE_PAYMENT_METHOD") else ""
    return Methods(payment, parking, given("SMOKE_VOIDING_METHOD") or voiding)
