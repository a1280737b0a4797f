"""Ports that first run into something of the test's: a provider that meets an exception or a death, a busy store."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from shared.domain.events import Event
from shared.domain.payment import Payment
from shared.domain.stream import StoredEvent
from shared.errors import StoreBusy
from shared.ports.event_store import Appended, EventStore
from shared.ports.provider import Answer, Call, Provider
from shared.services import Services


class _Fails:
    """A provider whose create first runs into something of the test's."""

    def __init__(self, provider: Provider, run_into: Callable[[], None]) -> None:
        self._provider, self._run_into = provider, run_into

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    async def create(self, payment: Payment, call: Call) -> Answer:
        self._run_into()
        return await self._provider.create(payment, call)


def failing(run_into: Callable[[], None]) -> Callable[[Services], Services]:
    return lambda services: replace(services, provider=cast("Provider", _Fails(services.provider, run_into)))


class _Refuses:
    """A store that raises at the first appends of one kind of event."""

    def __init__(self, store: EventStore, kind: type[Event], left: list[Exception]) -> None:
        self._store, self._kind, self._left = store, kind, left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def append(self, events: Sequence[StoredEvent]) -> Appended:
        if isinstance(events[0].event, self._kind) and self._left:
            raise self._left.pop()
        return await self._store.append(events)


def refusing(kind: type[Event], *faults: Exception) -> Callable[[Services], Services]:
    """Every worker's store shares the faults."""
    left = list(faults)
    return lambda services: replace(services, store=cast("EventStore", _Refuses(services.store, kind, left)))


def busy_for(kind: type[Event], *, times: int) -> Callable[[Services], Services]:
    return refusing(kind, *[StoreBusy("the store refuses this one for now")] * times)
