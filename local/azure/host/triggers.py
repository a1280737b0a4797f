"""The app's triggers as its decorators declare them, and every reason not to start. Must not know how they fire.

Refused by name: what Azure accepts but loses payments by (a feed without endless retries), and everything that the
local host does not implement.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.azure.host.errors import WITHOUT_IT, WITHOUT_ITS_ROUTE, CannotStart
from local.azure.host.hostjson import HostOptions
from local.azure.host.ncrontab import Schedule, parse
from local.azure.host.retry import RetryPolicy
from local.azure.host.routes import Route, parse_route
from local.azure.host.settings import Connection, Settings
from local.azure.host.worker import Binding, Function


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    function: Function
    route: Route
    methods: frozenset[str]
    """Empty: every method."""
    auth_level: str


@dataclass(frozen=True, slots=True)
class FeedTrigger:
    function: Function
    connection: Connection
    database: str
    container: str
    lease_connection: Connection
    lease_database: str
    lease_container: str
    lease_prefix: str
    create_leases: bool
    poll_delay_s: float
    acquire_interval_s: float
    renew_interval_s: float
    expiration_interval_s: float
    max_items: int | None
    retry: RetryPolicy


@dataclass(frozen=True, slots=True)
class BusTrigger:
    function: Function
    connection: Connection
    queue: str | None
    topic: str | None
    subscription: str | None
    auto_complete: bool
    binary: bool

    @property
    def entity(self) -> str:
        return self.queue or f"{self.topic}/{self.subscription}"


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    function: Function
    schedule: Schedule
    is_monitored: bool
    """Whether the host remembers when it fired: not for a schedule of less than a minute, whatever the app says."""
    run_on_startup: bool
    retry: RetryPolicy | None


@dataclass(frozen=True, slots=True)
class Triggers:
    functions: tuple[Function, ...]
    http: tuple[HttpTrigger, ...]
    feeds: tuple[FeedTrigger, ...]
    bus: tuple[BusTrigger, ...]
    timers: tuple[TimerTrigger, ...]


# Every key a decorator may give, per trigger; a key outside is refused.
_COMMON = {"type", "direction", "name", "dataType"}
_KEYS = {
    "httpTrigger": {"route", "methods", "authLevel", "webHookType"},
    "timerTrigger": {"schedule", "runOnStartup", "useMonitor"},
    "serviceBusTrigger": {
        "connection", "queueName", "topicName", "subscriptionName", "autoCompleteMessages", "accessRights",
        "isSessionsEnabled", "cardinality",
    },
    "cosmosDBTrigger": {
        "connection", "databaseName", "containerName", "leaseConnection", "leaseDatabaseName", "leaseContainerName",
        "createLeaseContainerIfNotExists", "leaseContainerPrefix", "feedPollDelay", "leaseAcquireInterval",
        "leaseExpirationInterval", "leaseRenewInterval", "maxItemsPerInvocation", "startFromBeginning",
        "leasesContainerThroughput", "preferredLocations", "changeFeedMode",
    },
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z][\w-]{0,126}")
_RETRIED = {"cosmosDBTrigger", "timerTrigger"}


def read_triggers(functions: Sequence[Function], *, settings: Settings, options: HostOptions) -> Triggers:
    """Sort the functions by what fires them. Raises `CannotStart` at the first that the local host will not run."""
    by_type: dict[str, list[Function]] = {kind: [] for kind in _KEYS}
    enabled = [function for function in functions if not settings.disables(function.name)]
    for function in enabled:
        by_type[_checked(function)].append(function)
    triggers = Triggers(
        functions=tuple(enabled),
        http=tuple(_http(f, options) for f in by_type["httpTrigger"]),
        feeds=tuple(_feed(f, settings) for f in by_type["cosmosDBTrigger"]),
        bus=tuple(_bus(f, settings, options=options) for f in by_type["serviceBusTrigger"]),
        timers=tuple(_timer(f, settings) for f in by_type["timerTrigger"]),
    )
    _check_routes(triggers.http)
    _check_lease_prefixes(triggers.feeds)
    return triggers


def _checked(function: Function) -> str:
    """The type of the function's trigger, once it is known that all it declares is implemented."""
    if not _NAME.fullmatch(function.name):
        raise CannotStart(
            f"the function name {function.name} has more than letters, digits, - and _ after a letter: change it",
            there=WITHOUT_ITS_ROUTE,
        )
    kinds = [str(b["type"]) for b in function.bindings if str(b["type"]).endswith("Trigger")]
    if len(kinds) != 1:
        raise CannotStart(f"{function.name}: it has {len(kinds)} triggers: a function has exactly one")
    kind = kinds[0]
    if kind not in _KEYS:
        raise CannotStart(f"{function.name}: {kind} is not implemented by the local host; it fires {', '.join(_KEYS)}")
    for binding in function.bindings:
        if binding is not function.trigger and (binding["type"], binding["name"]) != ("http", "$return"):
            raise CannotStart(
                f"{function.name}: the binding type {binding['type']} is not implemented by the local host"
            )
    if unknown := sorted(set(function.trigger) - _KEYS[kind] - _COMMON):
        raise CannotStart(f"{function.name}: {kind} has no argument {unknown[0]} that the local host knows: remove it")
    if function.retry and kind not in _RETRIED:
        raise CannotStart(f"{function.name}: @retry is not supported on a {kind}: remove it", there="starts")
    return kind


def _http(function: Function, options: HostOptions) -> HttpTrigger:
    trigger = function.trigger
    own = str(trigger.get("route", function.name)).strip("/")
    if own.split("/")[0].casefold() == "admin":
        fault = f"{function.name}: the route '{own}' is below admin, which is the host's own: change it"
        raise CannotStart(fault, there=WITHOUT_ITS_ROUTE)
    template = "/".join(part for part in (options.route_prefix, own) if part)
    return HttpTrigger(
        function=function,
        route=parse_route(template, where=function.name),
        methods=frozenset(str(m).upper() for m in trigger.get("methods") or ()),
        auth_level=str(trigger.get("authLevel", "FUNCTION")).upper(),
    )


def _feed(function: Function, settings: Settings) -> FeedTrigger:
    text = _Texts(function, settings)
    trigger = function.trigger
    if function.retry is None or not function.retry.is_endless:
        raise CannotStart(
            f"{function.name}: a cosmosDBTrigger without an endless retry policy loses the batch that fails:"
            ' add @retry(strategy="exponential_backoff", max_retry_count="-1", ...)'
        )
    if trigger.get("startFromBeginning") is not True:
        raise CannotStart(
            f"{function.name}: without start_from_beginning=True a cosmosDBTrigger never sees what was written before"
            " its first lease: add it"
        )
    if trigger.get("changeFeedMode", "LatestVersion") != "LatestVersion":
        raise CannotStart(f"{function.name}: the local host implements only the changeFeedMode LatestVersion")
    connection = text.connection("connection", default="CosmosDB", endpoint_key="accountEndpoint")
    database, container = text("databaseName"), text("containerName")
    feed = FeedTrigger(
        function=function,
        connection=connection,
        database=database,
        container=container,
        lease_connection=text.connection("leaseConnection", default=connection.name, endpoint_key="accountEndpoint"),
        lease_database=text("leaseDatabaseName", database),
        lease_container=text("leaseContainerName", "leases"),
        lease_prefix=text("leaseContainerPrefix", ""),
        create_leases=trigger.get("createLeaseContainerIfNotExists") is True,
        poll_delay_s=text.milliseconds("feedPollDelay", default=5000),
        acquire_interval_s=text.milliseconds("leaseAcquireInterval", default=13000),
        renew_interval_s=text.milliseconds("leaseRenewInterval", default=17000),
        expiration_interval_s=text.milliseconds("leaseExpirationInterval", default=60000),
        max_items=text.whole("maxItemsPerInvocation", least=1),
        retry=function.retry,
    )
    if _monitored(feed) == _leases(feed)[:3]:
        fault = f"{function.name}: the lease container {container} is the monitored one: name another"
        raise CannotStart(fault, there=WITHOUT_IT)
    return feed


def _bus(function: Function, settings: Settings, *, options: HostOptions) -> BusTrigger:
    text = _Texts(function, settings)
    trigger = function.trigger
    for key, accepted in (("isSessionsEnabled", False), ("cardinality", "ONE")):
        given = trigger.get(key, accepted)
        if str(given).upper() != str(accepted).upper():
            raise CannotStart(f"{function.name}: {key} {given} is not implemented by the local host")
    return BusTrigger(
        function=function,
        connection=text.connection("connection", default="ServiceBus", endpoint_key="fullyQualifiedNamespace"),
        queue=text("queueName") if "queueName" in trigger else None,
        topic=text("topicName") if "topicName" in trigger else None,
        subscription=text("subscriptionName") if "subscriptionName" in trigger else None,
        auto_complete=bool(trigger.get("autoCompleteMessages", options.service_bus.auto_complete)),
        binary=str(trigger.get("dataType", "")).upper() == "BINARY",
    )


def _timer(function: Function, settings: Settings) -> TimerTrigger:
    text = _Texts(function, settings)
    schedule = parse(text("schedule"), where=text.where("schedule"))
    return TimerTrigger(
        function=function,
        schedule=schedule,
        is_monitored=function.trigger.get("useMonitor") is not False and not schedule.is_within_a_minute,
        run_on_startup=function.trigger.get("runOnStartup") is True,
        retry=function.retry,
    )


class _Texts:
    """A trigger's attributes with `%NAME%` replaced, and every fault named after function and attribute."""

    def __init__(self, function: Function, settings: Settings) -> None:
        self._name = function.name
        self._trigger: Binding = function.trigger
        self._settings = settings

    def where(self, key: str) -> str:
        return f"{self._name}: {key}"

    def __call__(self, key: str, default: str | None = None) -> str:
        value: Any = self._trigger.get(key, default)
        if value is None:
            raise CannotStart(f"{self.where(key)} is not given: add it to the decorator")
        return self._settings.resolve(str(value), where=self.where(key))

    def whole(self, key: str, *, least: int) -> int | None:
        if key not in self._trigger:
            return None
        text = self(key)
        if not text.isdecimal() or int(text) < least:
            raise CannotStart(f"{self.where(key)} is '{text}': it must be a whole number from {least} on")
        return int(text)

    def milliseconds(self, key: str, *, default: int) -> float:
        given = self.whole(key, least=0)
        return (default if given is None else given) / 1000

    def connection(self, key: str, *, default: str, endpoint_key: str) -> Connection:
        return self._settings.connection(self(key, default), endpoint_key=endpoint_key, where=self.where(key))


def _monitored(feed: FeedTrigger) -> tuple[str, ...]:
    return feed.connection.target, feed.database, feed.container


def _leases(feed: FeedTrigger) -> tuple[str, ...]:
    return feed.lease_connection.target, feed.lease_database, feed.lease_container, feed.lease_prefix


def _check_routes(triggers: Sequence[HttpTrigger]) -> None:
    """Of two functions with one route and method, one would never be called."""
    for at, trigger in enumerate(triggers):
        for other in triggers[:at]:
            is_shared = not trigger.methods or not other.methods or trigger.methods & other.methods
            if is_shared and trigger.route.template.casefold() == other.route.template.casefold():
                raise CannotStart(
                    f"{other.function.name} and {trigger.function.name}: they have one route, {trigger.route.template}:"
                    " give each its own",
                    there="starts",
                )


def _check_lease_prefixes(feeds: Sequence[FeedTrigger]) -> None:
    """Two functions with one set of leases would split the changes between them, each seeing a part."""
    first: dict[tuple[str, ...], FeedTrigger] = {}
    for feed in feeds:
        other = first.setdefault(_monitored(feed) + _leases(feed), feed)
        if other is not feed:
            raise CannotStart(
                f"{other.function.name} and {feed.function.name}: they share the lease prefix '{feed.lease_prefix}' in"
                f" {feed.lease_container} and would split the changes of {feed.container} between them:"
                " give each its own lease_container_prefix",
                there="starts",
            )
