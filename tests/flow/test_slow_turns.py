"""A turn ends by its own limits, whatever hangs: long before the host would end the process and all that runs in it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from shared.domain.events import Event, PaymentCompleted, PaymentCreated
from shared.domain.stream import StoredEvent
from shared.ports.event_store import Appended, EventStore
from shared.services import Services
from shared.steps import outcome, turn
from tests.facts import COMPLETED
from tests.flow.kit.world import a_world

TURN_LIMIT_S = 2.0
RECORDED_WITHIN_S = 0.5


class _Hanging:
    """A store that never answers the first append of such an event."""

    def __init__(self, store: EventStore, event: type[Event]) -> None:
        self._store, self._event = store, event
        self._hangs = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def append(self, events: Sequence[StoredEvent]) -> Appended:
        if self._hangs and isinstance(events[0].event, self._event):
            self._hangs = False
            await asyncio.Event().wait()
        return await self._store.append(events)


def hanging(event: type[Event], services: Services) -> Services:
    limits = replace(services.limits, turn_limit=timedelta(seconds=TURN_LIMIT_S))
    return replace(services, limits=limits, store=cast("EventStore", _Hanging(services.store, event)))


@pytest.mark.timeout(60)
async def test_a_store_that_never_answers_ends_the_turn_and_what_was_heard_is_recorded_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "RECORDED_WITHIN_S", RECORDED_WITHIN_S)
    began = time.monotonic()
    async with a_world(tmp_path, alter=partial(hanging, PaymentCreated)) as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert time.monotonic() - began < 30, "it hung"
        assert await world.events(payment_id) == ["initiated", "created", "settled", "completed"]
        assert await world.charges(payment_id) == 1
        assert world.telemetry.metric("step.retries", step="create", reason="append_unknown") == 1


@pytest.mark.timeout(60)
async def test_a_store_that_hangs_while_a_merchant_is_given_up_costs_another_attempt_and_not_the_payment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "RECORDED_WITHIN_S", RECORDED_WITHIN_S)
    async with a_world(tmp_path, alter=partial(hanging, PaymentCompleted)) as world:
        payment_id = await world.accept("pm_ok", notify="down")

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert (await world.only_letter()).reason == "notification_undelivered"
