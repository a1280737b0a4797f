"""What the smoke test is told: where the app is, what opens it, what it pays with, and how long it may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. until: by the monotonic clock, from then on no check is begun; but what was begun has
    its limits, and what was paid is given back.

    key opens the payments' functions, bearer those of operators, and where api_auth is `entra` those of payments too.
    """

    url: str
    expect_build: str | None = None
    provider_url: str | None = None
    api_auth: str = "key"
    key: str | None = None
    bearer: str | None = None
    bus: str | None = None
    bus_token: str | None = None
    notification_url: str | None = None
    payment_method: str = "pm_ok"
    parking_method: str = "pm_invalid"
    voiding_method: str = "pm_settle_declined"
    start_limit_s: float = 300.0
    limit_s: float = 120.0
    until: float | None = None
