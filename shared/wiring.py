"""Builds the services once per process, inside its loop, and closes them. Knows all adapters, and no rule."""

import asyncio
import functools
import itertools
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from azure.core.exceptions import AzureError
from azure.cosmos.aio import CosmosClient
from azure.servicebus.aio import ServiceBusClient
from pydantic import SecretStr

from shared import flow
from shared.adapters.cosmos import client as cosmos
from shared.adapters.cosmos.attempts import CosmosAttempts
from shared.adapters.cosmos.events import CosmosEventStore
from shared.adapters.cosmos.letters import CosmosLetterBox
from shared.adapters.cosmos.outbox import CosmosOutbox
from shared.adapters.cosmos.overview import CosmosOverview
from shared.adapters.exporters import pipelines
from shared.adapters.lines import export_lines
from shared.adapters.merchant.client import HttpNotifier
from shared.adapters.merchant.lines import open_session
from shared.adapters.provider.client import HttpProvider
from shared.adapters.provider.webhook import SignedNews
from shared.adapters.servicebus import client as servicebus
from shared.adapters.servicebus.topics import ServiceBusTopics
from shared.adapters.stripe.client import StripeProvider
from shared.adapters.stripe.news import NoNews
from shared.adapters.telemetry import OpenTelemetry
from shared.errors import StoreBusy
from shared.ports.provider import Provider
from shared.ports.provider_news import ProviderNews
from shared.services import Limits, Services
from shared.settings import Settings

START_LIMIT_S = 45.0
"""How long the first function of a process waits for the store; below the lock of a message (60 s)."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The provider is called as the settings say; merchants, who name their own addresses, over lines of their own."""

    provider: aiohttp.ClientSession
    merchants: aiohttp.ClientSession

    async def close(self) -> None:
        await self.provider.close()
        await self.merchants.close()


def open_sessions(settings: Settings) -> Sessions:
    """In the running loop; the caller closes them."""
    return Sessions(
        aiohttp.ClientSession(trust_env=settings.use_proxy_settings, cookie_jar=aiohttp.DummyCookieJar()),
        open_session(anywhere=settings.development_notifications),
    )


@dataclass(frozen=True, slots=True)
class Built:
    """The services and what has to be closed behind them."""

    services: Services
    _cosmos: CosmosClient
    _topics: ServiceBusTopics
    _sessions: Sessions

    async def close(self) -> None:
        await self._sessions.close()
        await self._topics.close()
        await self._cosmos.close()


async def build(settings: Settings) -> Built:
    """Open the clients. Raises what the store's client raises when the account cannot be read.

    Telemetry before the store, so that a start in vain is told too.
    """
    telemetry_of(settings)
    client = _account(settings)
    try:
        await client.__aenter__()
    except BaseException:  # also when cancelled: what is open is closed, and it travels on
        await client.close()
        raise
    topics = ServiceBusTopics(
        _bus(settings),
        dead_letter_topic=flow.DEAD_LETTER_TOPIC,
        recorder=flow.RECORD_SUBSCRIPTION,
        clock=SystemClock(),
        senders=settings.servicebus_senders,
    )
    sessions = open_sessions(settings)
    return Built(services_over(settings, client=client, topics=topics, sessions=sessions), client, topics, sessions)


def services_over(
    settings: Settings, *, client: CosmosClient, topics: ServiceBusTopics, sessions: Sessions
) -> Services:
    """The services over open clients, which the caller closes."""
    container = client.get_database_client(flow.DATABASE).get_container_client
    events, leases = container(flow.EVENTS), container(flow.LEASES)
    return Services(
        store=CosmosEventStore(events),
        publisher=topics,
        scheduler=topics,
        dead_letters=topics,
        recorder_queue=topics,
        letters=CosmosLetterBox(container(flow.DEAD_LETTERS)),
        overview=CosmosOverview(container(flow.PAYMENTS)),
        outbox=CosmosOutbox(events, leases, lease_prefixes=(flow.PUBLISH_LEASE_PREFIX, flow.PROJECT_LEASE_PREFIX)),
        provider=provider_of(settings, sessions.provider),
        provider_api=settings.provider_api,
        provider_news=news_of(settings),
        notifier=HttpNotifier(
            sessions.merchants,
            limit_s=settings.notifier_timeout_s,
            secrets=settings.secrets_of_merchants,
            clock=SystemClock(),
            anywhere=settings.development_notifications,
        ),
        attempts=CosmosAttempts(container(flow.NOTIFICATIONS)),
        telemetry=telemetry_of(settings),
        clock=SystemClock(),
        limits=limits(settings),
        jitter=random.random,
        new_id=lambda: str(uuid.uuid4()),
    )


def provider_of(settings: Settings, session: aiohttp.ClientSession) -> Provider:
    """The adapter for the provider whose API the settings name."""
    adapter = StripeProvider if settings.provider_api == "stripe" else HttpProvider
    return adapter(
        session,
        base_url=str(settings.provider_base_url),
        api_key=_secret(settings.provider_api_key),
        limit_s=settings.provider_timeout_s,
    )


def news_of(settings: Settings) -> ProviderNews:
    """Who reads what the provider tells by itself."""
    return NoNews() if settings.provider_api == "stripe" else SignedNews(settings.webhook_secrets)


@functools.cache
def telemetry_of(settings: Settings) -> OpenTelemetry:
    """Telemetry that goes where the settings say, and the lines of this process with it. The same at each try to start:
    it has threads of its own.
    """
    ends = pipelines(
        azure_monitor=_secret(settings.applicationinsights_connection_string),
        otlp_endpoint=settings.otel_exporter_otlp_endpoint,
        console=settings.telemetry_console,
    )
    if ends.logs is not None:
        export_lines(ends.logs)
    return OpenTelemetry(tracers=ends.tracers, meters=ends.meters, logs=ends.logs)


def limits(settings: Settings) -> Limits:
    """The numbers that the verbs keep to."""
    return Limits(
        retries=settings.retries,
        fresh=settings.fresh,
        request_id_valid=timedelta(hours=settings.request_id_valid_h),
        expires_after=timedelta(hours=settings.payment_expires_after_h),
        turn_limit=timedelta(seconds=settings.turn_limit_s),
        never_seen_after=timedelta(seconds=settings.never_seen_after_s),
        sweep_margin=timedelta(seconds=settings.sweep_margin_s),
        sweep_limit=settings.sweep_limit,
        topic_patience=timedelta(seconds=settings.topic_patience_s),
        replays_at_once=settings.replays_at_once,
    )


async def build_patiently(settings: Settings) -> Built:
    """Build, and wait a while for a store that is away.

    A function that raised at once would get its message back at once, and ten deliveries would be gone in a second.
    The wait stays below the lock of a message (60 s). Raises StoreBusy.
    """
    faults: list[Exception] = []
    try:
        async with asyncio.timeout(START_LIMIT_S):
            return await _at_last(settings, faults)
    except TimeoutError as exc:
        raise StoreBusy("the store cannot be reached, so this process cannot start: retry") from (
            faults[-1] if faults else exc
        )


async def _at_last(settings: Settings, faults: list[Exception]) -> Built:
    """Tries again and again, and adds what went wrong."""
    for pause_s in itertools.chain((1, 2, 4), itertools.repeat(8)):
        try:
            return await build(settings)
        except (AzureError, OSError, TimeoutError) as exc:
            faults.append(exc)
            await asyncio.sleep(pause_s)
    raise AssertionError("it tries for ever")


def _account(settings: Settings) -> CosmosClient:
    credential = _credential(settings.cosmos_client_id) if settings.cosmos_endpoint else None
    return cosmos.open_client(
        _secret(settings.cosmos_connection),
        endpoint=settings.cosmos_endpoint,
        credential=credential,
        proxies=settings.use_proxy_settings,
    )


def _bus(settings: Settings) -> ServiceBusClient:
    credential = _credential(settings.servicebus_client_id) if settings.servicebus_namespace else None
    return servicebus.open_client(
        _secret(settings.servicebus_connection), namespace=settings.servicebus_namespace, credential=credential
    )


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None


def _credential(client_id: str | None) -> Any:  # noqa: ANN401 - azure.identity's credentials share no exported type
    from azure.identity.aio import ManagedIdentityCredential  # only in Azure: it costs 0.1 s of every start

    return ManagedIdentityCredential(client_id=client_id)
