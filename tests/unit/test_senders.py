"""One sender per topic, used by one caller at a time: a topic that hangs keeps nobody longer than the limit."""

import asyncio
from typing import Any

import pytest

from shared.adapters.servicebus import lines
from shared.adapters.servicebus.topics import ServiceBusTopics
from shared.domain.letters import DeadLetter
from shared.errors import BusUnavailable
from tests.clock import ManualClock

LIMIT_S = 0.1
LETTER = DeadLetter(message_id="m:1", body="{}", subject="s", reason="r", description="d", source="events")


class HangingBus:
    """A client whose senders never answer. opened: how many were made."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0

    def get_topic_sender(self, topic: str) -> "HangingBus":  # noqa: ARG002 - the client's shape
        self.opened += 1
        return self

    async def create_message_batch(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed += 1


def topics_on(bus: Any) -> ServiceBusTopics:
    return ServiceBusTopics(bus, dead_letter_topic="dead", recorder="record", clock=ManualClock())


async def test_the_last_of_many_callers_of_a_topic_that_hangs_waits_no_longer_than_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "CALL_LIMIT_S", LIMIT_S)
    topics, loop = topics_on(HangingBus()), asyncio.get_running_loop()

    began = loop.time()
    outcomes = await asyncio.gather(*(topics.park(LETTER) for _ in range(16)), return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {BusUnavailable}
    assert loop.time() - began < 8 * LIMIT_S


async def test_a_sender_whose_caller_was_cancelled_is_not_used_again() -> None:
    bus = HangingBus()
    topics = topics_on(bus)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LIMIT_S):
                await topics.park(LETTER)

    assert (bus.opened, bus.closed) == (2, 2)
