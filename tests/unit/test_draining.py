"""What is taken from a dead-letter queue and not recorded is given back, and nobody waits long for that."""

import asyncio
from typing import Any

import pytest

from shared.adapters.servicebus import wire
from shared.codec.deliveries import Delivery


class Broker:
    """A receiver; while it hangs it takes nothing back."""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs
        self.completed: list[Any] = []
        self.given_back: list[Any] = []

    async def complete_message(self, message: object) -> None:
        self.completed.append(message)

    async def abandon_message(self, message: object) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.given_back.append(message)


async def refuse(_delivery: Delivery) -> None:
    raise OSError("cannot be recorded")


@pytest.fixture(autouse=True)
def _any_message_is_a_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "delivery_of", lambda message, **_: message)


async def test_what_cannot_be_recorded_is_given_back_with_all_that_comes_after_it() -> None:
    broker: Any = Broker(hangs=False)
    messages: Any = ["first", "second"]

    with pytest.raises(OSError, match="cannot be recorded"):
        await wire.recorded(messages, record=refuse, receiver=broker)

    assert (broker.completed, broker.given_back) == ([], messages)


async def test_a_broker_that_takes_nothing_back_is_left_to_end_the_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "GIVE_BACK_LIMIT_S", 0.05)
    broker: Any = Broker(hangs=True)
    messages: Any = ["first"]

    async with asyncio.timeout(5):
        with pytest.raises(OSError, match="cannot be recorded"):
            await wire.recorded(messages, record=refuse, receiver=broker)
