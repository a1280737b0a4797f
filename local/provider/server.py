"""Puts the provider together and runs it: clock, ids, store, sender and wire.

Holds no rule and knows no route.
"""

import contextlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from local.base.serving import Opened
from local.provider.merchant import Merchant
from local.provider.sender import Sender
from local.provider.state import Provider
from local.provider.store import Store
from local.provider.webhook import Receiver
from local.provider.wire import Wire, listening


def utc_now() -> datetime:
    return datetime.now(UTC)


def random_id(prefix: str) -> str:
    return prefix + uuid.uuid4().hex


async def start(
    *,
    port: int,
    data: Path,
    clock: Callable[[], datetime] = utc_now,
    new_id: Callable[[str], str] = random_id,
    slow_s: float = 1.0,
    hold_s: float = 60.0,
    dispute_s: float = 0.2,
    receiver: Receiver | None = None,
) -> Opened:
    """Answers on 127.0.0.1:port (0: a free one) with what `data` holds. Raises OSError when the port is taken.

    receiver: who is told of disputes; None: nobody.
    """
    data.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - once, before anything is served
    provider = Provider(
        clock=clock,
        new_id=new_id,
        slow_s=slow_s,
        hold_s=hold_s,
        dispute_s=dispute_s,
        tells_events=receiver is not None,
    )
    merchant = Merchant()
    async with contextlib.AsyncExitStack() as resources:
        store = Store(data / "provider.sqlite")
        resources.push_async_callback(store.close)
        for kind, _, record in store.load():
            provider.restore(kind, record)
            merchant.restore(kind, record)
        sender = Sender(provider=provider, store=store, clock=clock, receiver=receiver)
        wire = Wire(provider=provider, merchant=merchant, store=store, slow_s=slow_s, wake=sender.wake)
        bound_port = await resources.enter_async_context(listening(wire.application(), port))
        resources.callback(wire.stop_holding)  # last in, first out: before the server waits for its handlers
        await resources.enter_async_context(sender.running())  # whoever is told may ask at once
        return Opened(bound_port, resources.pop_all())
