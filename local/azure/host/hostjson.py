"""host.json, as far as the local host obeys it. Must not know the app's functions.

What the local host would get wrong unnoticed is refused by name. The rest (extension bundle, scaling) is ignored, and
COVERAGE.md says so.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.azure.host.errors import WITHOUT_IT, CannotStart

_DEFAULT_TIMEOUT_S = 1800.0
_TIMESPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2}(?:\.\d{1,7})?)$")
_OLD_SERVICE_BUS_KEYS = {"messageHandlerOptions", "sessionHandlerOptions", "batchOptions"}
# Read in the extension's ServiceBusOptions; those that the local host has no use for (sessions, batches) are allowed.
_SERVICE_BUS_KEYS = {
    "prefetchCount", "autoCompleteMessages", "maxAutoLockRenewalDuration", "maxConcurrentCalls",
    "clientRetryOptions", "transportType", "webProxy", "maxConcurrentSessions", "maxConcurrentCallsPerSession",
    "maxMessageBatchSize", "minMessageBatchSize", "maxBatchWaitTime", "sessionIdleTimeout",
    "enableCrossEntityTransactions",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServiceBusOptions:
    """Defaults as in version 5 of the Service Bus extension."""

    prefetch_count: int = 0
    auto_complete: bool = True
    lock_renewal_s: float = 300.0
    max_concurrent_calls: int = field(default_factory=lambda: 16 * (os.cpu_count() or 1))


@dataclass(frozen=True, slots=True)
class HostOptions:
    route_prefix: str = "api"
    service_bus: ServiceBusOptions = field(default_factory=ServiceBusOptions)
    function_timeout_s: float | None = _DEFAULT_TIMEOUT_S
    """None: without end."""
    has_telemetry: bool = False
    """telemetryMode OpenTelemetry."""
    log_levels: Mapping[str, str] = field(default_factory=dict)


def read_host_json(app: Path) -> HostOptions:
    """The options in the app folder's host.json; it must exist and be version 2.0, as in Azure."""
    path = app / "host.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as exc:
        raise CannotStart(f'{path} is missing: a function app needs one, at least {{"version": "2.0"}}') from exc
    except ValueError as exc:
        raise CannotStart(f"{path} is not JSON ({exc}): correct it") from exc
    if not isinstance(content, dict) or content.get("version") != "2.0":
        raise CannotStart(f'{path} does not say "version": "2.0": add it', there="starts")
    if "retry" in content:
        raise CannotStart(
            f"{path}: retry for all functions is not implemented: use @retry on the function that needs it",
            there="starts",
        )
    extensions = content.get("extensions") or {}
    return HostOptions(
        route_prefix=str((extensions.get("http") or {}).get("routePrefix", "api")).strip("/"),
        service_bus=_service_bus(extensions.get("serviceBus") or {}, path),
        function_timeout_s=_timeout(content, where=str(path)),
        has_telemetry=str(content.get("telemetryMode", "")).casefold() == "opentelemetry",
        log_levels=(content.get("logging") or {}).get("logLevel") or {},
    )


def _timeout(content: dict[str, Any], *, where: str) -> float | None:
    if content.get("functionTimeout") == "-1":
        return None
    try:
        return _seconds(content, "functionTimeout", default=_DEFAULT_TIMEOUT_S, where=where)
    except CannotStart as fault:
        raise CannotStart(str(fault), there="answers 503 to everything") from fault


def _service_bus(section: dict[str, Any], path: Path) -> ServiceBusOptions:
    where = f"{path}: extensions.serviceBus"
    for key in section:
        if key in _OLD_SERVICE_BUS_KEYS:
            raise CannotStart(f"{where}.{key} belongs to version 2 of the extension and is ignored in Azure: remove it")
        if key not in _SERVICE_BUS_KEYS:
            raise CannotStart(
                f"{where}.{key} is not a setting of the Service Bus extension: correct or remove it", there="starts"
            )
    default = ServiceBusOptions()
    return ServiceBusOptions(
        prefetch_count=_whole(section, "prefetchCount", default=default.prefetch_count, least=0, where=where),
        auto_complete=_truth(section, "autoCompleteMessages", default=default.auto_complete, where=where),
        lock_renewal_s=_seconds(section, "maxAutoLockRenewalDuration", default=default.lock_renewal_s, where=where),
        max_concurrent_calls=_whole(
            section, "maxConcurrentCalls", default=default.max_concurrent_calls, least=1, where=where
        ),
    )


def _whole(section: dict[str, Any], key: str, *, default: int, least: int, where: str) -> int:
    value = section.get(key, default)
    if type(value) is not int or value < least:
        raise CannotStart(f"{where}.{key} is {value!r}: it must be a whole number, {least} or more", there=WITHOUT_IT)
    return value


def _truth(section: dict[str, Any], key: str, *, default: bool, where: str) -> bool:
    value = section.get(key, default)
    if not isinstance(value, bool):
        raise CannotStart(f"{where}.{key} is {value!r}: it must be true or false")
    return value


def _seconds(section: dict[str, Any], key: str, *, default: float, where: str) -> float:
    """Seconds in a .NET TimeSpan such as `00:05:00` or `1.00:00:00`."""
    if key not in section:
        return default
    match = _TIMESPAN.match(section[key]) if isinstance(section[key], str) else None
    if match is None:
        raise CannotStart(f"{where}.{key} is {section[key]!r}: it must be a time span such as 00:05:00")
    days, hours, minutes, seconds = match.groups()
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
