"""The only reader of the environment. A setting has its field's name in capitals, or its alias. Knows no verb.

What differs per environment has no default: the app does not start without it, and says which setting is missing.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BeforeValidator,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.callers import (
    SIGN_IN,
    beyond_this_platform,
    has_published,
    host_names,
    is_published,
    merchants_by_key,
    secrets_of_merchants,
    webhook_secrets,
)
from shared.domain.retry import Retries, RetryPolicy

DUPLICATE_DETECTION_WINDOW_S = 3600
"""PT1H, as infra/topology.json declares it for the event topics."""

MESSAGE_LOCK_S = 60
"""PT1M, as infra/topology.json declares it for each subscription."""

type Seconds = Annotated[float, Field(gt=0)]
type AskingAttempts = Annotated[int, Field(ge=2)]
"""A step that was started again asks at its first attempt and sends at the second."""

type Connection = SecretStr | None
type Name = Annotated[str, Field(min_length=1, max_length=64)]


def _none_if_empty(value: object) -> object:
    """What a parent has set can be emptied, and not be taken away."""
    return None if value == "" else value


def _no_if_empty(value: object) -> object:
    return False if value == "" else value


def _none_if_unresolved(value: object) -> object:
    """The platform hands over the reference itself as long as the vault has no such secret."""
    return None if isinstance(value, str) and value.startswith("@Microsoft.KeyVault(") else _none_if_empty(value)


def _readable_keys(text: str) -> str:
    merchants_by_key(text)
    return text


_TRACE_ID = "{trace_id}"


def _leads_to_a_trace(url: str) -> str:
    """Browsers follow it: nothing but an address of the web, and a place for the trace in it."""
    parts = urlsplit(url)
    is_address = parts.scheme in ("https", "http") and parts.hostname and url.isprintable() and " " not in url
    if not is_address or url.count(_TRACE_ID) != 1 or _TRACE_ID in parts.netloc:
        raise ValueError(f"must be an http or https address with {_TRACE_ID} once behind its host")
    return url


type TraceUrl = Annotated[str, AfterValidator(_leads_to_a_trace)]


class SettingsFault(ValueError):
    """A setting is missing or contradicts another; the message names it and says what to do."""


class Platform(BaseSettings):
    """What the platform says of itself. Nobody sets it, and no setting is read from it."""

    instance_id: str = Field("", alias="WEBSITE_INSTANCE_ID")
    site_name: str = Field("", alias="WEBSITE_SITE_NAME")
    owner_name: str = Field("", alias="WEBSITE_OWNER_NAME")
    sku: str = Field("", alias="WEBSITE_SKU")
    pod_name: str = Field("", alias="WEBSITE_POD_NAME")
    legion_service_host: str = Field("", alias="LEGION_SERVICE_HOST")
    auth_enabled: str = Field("", alias=SIGN_IN)


class Settings(BaseSettings):
    """Everything that the deployed app is told from outside; docs/settings.md says when to change what."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    cosmos_connection: Connection = Field(None, alias="CosmosConnection")
    cosmos_endpoint: str | None = Field(None, alias="CosmosConnection__accountEndpoint")
    cosmos_client_id: str | None = Field(None, alias="CosmosConnection__clientId")
    servicebus_connection: Connection = Field(None, alias="ServiceBusConnection")
    servicebus_namespace: str | None = Field(None, alias="ServiceBusConnection__fullyQualifiedNamespace")
    servicebus_client_id: str | None = Field(None, alias="ServiceBusConnection__clientId")

    merchant_id: Name
    merchant_keys: Annotated[str, AfterValidator(_readable_keys)] = "{}"  # the text: settings are hashed
    api_auth: Literal["key", "entra"] = "key"
    ops_auth: Literal["none", "entra"] = "none"
    development_principal: Annotated[Name | None, BeforeValidator(_none_if_empty)] = None
    development_hosts: str | None = None
    provider_api: Literal["regis", "stripe"] = "regis"
    provider_base_url: AnyHttpUrl
    provider_api_key: Annotated[Connection, BeforeValidator(_none_if_unresolved)] = None
    provider_webhook_secrets: Annotated[Connection, BeforeValidator(_none_if_unresolved)] = None
    merchant_webhook_secrets: Annotated[Connection, BeforeValidator(_none_if_unresolved)] = None
    development_notifications: Annotated[bool, BeforeValidator(_no_if_empty)] = False
    provider_timeout_s: Seconds = 10
    notifier_timeout_s: Seconds = 10
    use_proxy_settings: bool = False

    feed_poll_delay_ms: PositiveInt = 100
    topic_patience_s: Seconds = 120
    servicebus_senders: PositiveInt | None = None
    fresh_s: Seconds = 3000
    request_id_valid_h: PositiveFloat = 24
    payment_expires_after_h: PositiveFloat = 24
    turn_limit_s: Seconds = 30
    never_seen_after_s: Seconds = 30
    sweep_margin_s: Seconds = 900
    sweep_limit: PositiveInt = 6
    replays_at_once: PositiveInt = 16
    sweep_schedule: str = "0 */5 * * * *"
    backlog_schedule: str = "0 * * * * *"
    drain_schedule: str = "30 * * * * *"

    # Attempts in all, first wait and longest wait. Full jitter halves a wait on average: 16 attempts of create last
    # about 63 minutes on average, 26 of notify about eight hours.
    retry_create_attempts: AskingAttempts = 16
    retry_create_base_s: Seconds = 5
    retry_create_cap_s: Seconds = 900
    retry_settle_attempts: AskingAttempts = 16
    retry_settle_base_s: Seconds = 5
    retry_settle_cap_s: Seconds = 900
    retry_void_attempts: AskingAttempts = 16
    retry_void_base_s: Seconds = 5
    retry_void_cap_s: Seconds = 900
    retry_notify_attempts: PositiveInt = 26
    retry_notify_base_s: Seconds = 5
    retry_notify_cap_s: Seconds = 3600

    applicationinsights_connection_string: SecretStr | None = None
    otel_exporter_otlp_endpoint: str | None = None
    telemetry_console: bool = False
    trace_viewer_url: Annotated[TraceUrl | None, BeforeValidator(_none_if_empty)] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.cosmos_connection and not self.cosmos_endpoint:
            raise ValueError("set CosmosConnection, or CosmosConnection__accountEndpoint with a managed identity")
        if not self.servicebus_connection and not self.servicebus_namespace:
            raise ValueError("set ServiceBusConnection, or ServiceBusConnection__fullyQualifiedNamespace")
        if self.fresh_s >= DUPLICATE_DETECTION_WINDOW_S:
            raise ValueError(
                f"FRESH_S must stay below the topics' duplicate-detection window of {DUPLICATE_DETECTION_WINDOW_S} s"
            )
        if self.turn_limit_s <= max(self.provider_timeout_s, self.notifier_timeout_s):
            raise ValueError("TURN_LIMIT_S must be longer than PROVIDER_TIMEOUT_S and NOTIFIER_TIMEOUT_S")
        if self.turn_limit_s >= MESSAGE_LOCK_S:
            raise ValueError(f"TURN_LIMIT_S must stay below the lock of a message, {MESSAGE_LOCK_S} s")
        return self

    @property
    def merchants(self) -> Mapping[str, str]:
        """Merchants by the SHA-256 of their key. Empty: every key is that of merchant_id."""
        return merchants_by_key(self.merchant_keys)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Any of them may have signed what the provider sends. Empty: nothing that it sends is believed.

        Those that cannot be used are none. They may come from a vault, at any hour, and payments have to go on.
        """
        secrets = self.provider_webhook_secrets
        return webhook_secrets(secrets.get_secret_value()) if secrets else ()

    @property
    def secrets_of_merchants(self) -> Mapping[str, Sequence[str]]:
        """By which each merchant knows what we send, the newest first. A merchant without is sent nothing.

        As above, those that cannot be used are none.
        """
        secrets = self.merchant_webhook_secrets
        return secrets_of_merchants(secrets.get_secret_value()) if secrets else {}

    @property
    def for_laptops(self) -> Mapping[str, str]:
        """The settings that may not be used on Azure as they are, and what they would do there."""
        found = {"DEVELOPMENT_PRINCIPAL": "lets everybody in"} if self.development_principal is not None else {}
        if any(map(is_published, self.webhook_secrets)):
            found["PROVIDER_WEBHOOK_SECRETS"] = "everybody knows this secret"
        if self.merchant_webhook_secrets and has_published(self.merchant_webhook_secrets.get_secret_value()):
            found["MERCHANT_WEBHOOK_SECRETS"] = "everybody knows a secret in it"
        if self.development_notifications:
            found["DEVELOPMENT_NOTIFICATIONS"] = "lets a merchant have any address of the network called"
        return found

    @property
    def hosts(self) -> frozenset[str]:
        """Names beside those of the loopback under which a local host may be asked."""
        return host_names(self.development_hosts or "")

    @property
    def fresh(self) -> timedelta:
        return timedelta(seconds=self.fresh_s)

    @property
    def retries(self) -> Retries:
        """The policy of every step; all notifications share one."""
        notify = RetryPolicy(self.retry_notify_attempts, self.retry_notify_base_s, self.retry_notify_cap_s)
        return Retries(
            create=RetryPolicy(self.retry_create_attempts, self.retry_create_base_s, self.retry_create_cap_s),
            settle=RetryPolicy(self.retry_settle_attempts, self.retry_settle_base_s, self.retry_settle_cap_s),
            void=RetryPolicy(self.retry_void_attempts, self.retry_void_base_s, self.retry_void_cap_s),
            notify=notify,
            notify_failure=notify,
        )


def read_settings() -> Settings:
    """Raises SettingsFault, naming every setting that is wrong and never showing a value."""
    try:
        settings = Settings()
    except ValidationError as exc:
        faults = [f"{'.'.join(map(str, fault['loc'])).upper() or 'settings'}: {fault['msg']}" for fault in exc.errors()]
        raise SettingsFault("; ".join(faults)) from None
    faults = beyond_this_platform(
        Platform().model_dump(by_alias=True),
        vouched={"API_AUTH": settings.api_auth == "entra", "OPS_AUTH": settings.ops_auth == "entra"},
        for_laptops=settings.for_laptops,
        has_identity=bool(settings.cosmos_endpoint or settings.servicebus_namespace),
    )
    if faults:
        raise SettingsFault("; ".join(faults))
    return settings
