"""Ports that raise when a test wants them to: a provider that fails or dies, a store that refuses.

Each function gives what a world takes as `alter`: it puts such a port in the place of the real one.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from shared.domain.erasure import Erasure
from shared.domain.events import Event
from shared.domain.stream import StoredEvent
from shared.errors import AppendUnknown, StoreBusy
from shared.ports.event_store import Appended, EventStore
from shared.ports.provider import Provider
from shared.services import Services


class _FailingProvider:
    """A provider of which one method first calls the hook, which may raise."""

    def __init__(self, provider: Provider, method: str, *, hook: Callable[[], None]) -> None:
        self._provider, self._method, self._hook = provider, method, hook

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._provider, name)
        if name != self._method:
            return found

        async def hooked(*args: object, **named: object) -> object:
            self._hook()
            return await found(*args, **named)

        return hooked


def raising_in(method: str, hook: Callable[[], None]) -> Callable[[Services], Services]:
    """Before each call of this method of the provider the hook is called. What it raises, the call raises."""
    return lambda services: replace(
        services, provider=cast("Provider", _FailingProvider(services.provider, method, hook=hook))
    )


class _FailingStore:
    """A store that raises at the first appends of one kind of event."""

    def __init__(self, store: EventStore, kind: type[Event], left: list[Exception]) -> None:
        self._store, self._kind, self._left = store, kind, left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def append(self, events: Sequence[StoredEvent]) -> Appended:
        if isinstance(events[0].event, self._kind) and self._left:
            raise self._left.pop()
        return await self._store.append(events)


def raising_in_append(kind: type[Event], *faults: Exception) -> Callable[[Services], Services]:
    """Each fault is raised once, in any worker: they share the faults that are left."""
    left = list(faults)
    return lambda services: replace(services, store=cast("EventStore", _FailingStore(services.store, kind, left)))


class _UncertainStore:
    """A store whose first erasures are overtaken, or are done and not answered."""

    def __init__(self, store: EventStore, left: list[Exception]) -> None:
        self._store, self._left = store, left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def erase(self, payment_id: str, *, erasure: Erasure) -> None:
        fault = self._left.pop(0) if self._left else None
        if fault is None or isinstance(fault, AppendUnknown):
            await self._store.erase(payment_id, erasure=erasure)
        if fault is not None:
            raise fault


def raising_in_erase(*faults: Exception) -> Callable[[Services], Services]:
    """Each fault is raised once, in this order. Before an AppendUnknown it is done, before any other it is not."""
    left = list(faults)
    return lambda services: replace(services, store=cast("EventStore", _UncertainStore(services.store, left)))


class _StoreThatErasesAndFails:
    """A store that cannot be read any more once it has erased something."""

    def __init__(self, store: EventStore) -> None:
        self._store, self._has_erased = store, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def load(self, payment_id: str) -> tuple[StoredEvent, ...]:
        if self._has_erased:
            self._has_erased = False
            raise StoreBusy("the store refuses this one for now")
        return await self._store.load(payment_id)

    async def erase(self, payment_id: str, *, erasure: Erasure) -> None:
        await self._store.erase(payment_id, erasure=erasure)
        self._has_erased = True


def busy_after_erasing(services: Services) -> Services:
    """The look that follows an erasure fails, once."""
    return replace(services, store=cast("EventStore", _StoreThatErasesAndFails(services.store)))


def busy_in_append(kind: type[Event], *, times: int) -> Callable[[Services], Services]:
    return raising_in_append(kind, *[StoreBusy("the store refuses this one for now")] * times)
