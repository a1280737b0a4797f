"""A provider's port that first runs into something of the test's: an exception that nobody foresees, or a death."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from shared.domain.payment import Payment
from shared.ports import Answer, Call, Provider
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
