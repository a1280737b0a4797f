"""Puts the imitation together and runs it: clock, store, wire, and a merchant to be notified. Holds no rule."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from local.base.serving import Opened
from local.provider.merchant import Endpoint, Merchant
from local.provider.store import Store
from local.provider.wire import listening
from local.stripe.state import Account
from local.stripe.wire import application


def utc_now() -> datetime:
    return datetime.now(UTC)


async def start(*, port: int, data: Path, hold_s: float = 60.0, clock: Callable[[], datetime] = utc_now) -> Opened:
    """Answers on 127.0.0.1:port (0: a free one) with what `data` holds. Raises OSError when the port is taken."""
    data.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - once, before anything is served
    account, closing = Account(clock=clock), asyncio.Event()
    async with contextlib.AsyncExitStack() as resources:
        store = Store(data / "stripe.sqlite")
        resources.push_async_callback(store.close)
        for kind, key, record in store.load():
            account.restore(kind, key, record=record)

        async def keep() -> None:
            store.put(account.drain())
            await store.committed()

        served = application(account, hold_s=hold_s, keep=keep, closing=closing)
        served.router.add_post("/merchant/{endpoint}", _merchant())
        bound_port = await resources.enter_async_context(listening(served, port))
        resources.callback(closing.set)  # last in, first out: before the server waits for its handlers
        return Opened(bound_port, resources.pop_all())


def _merchant() -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A merchant to be notified, as beside the local provider; what it was told is forgotten when it ends."""
    merchant = Merchant()

    async def notified(request: web.Request) -> web.StreamResponse:
        try:
            endpoint = Endpoint(request.match_info["endpoint"])
        except ValueError:
            raise web.HTTPNotFound from None
        request_id = request.headers.get("Idempotency-Key", "")
        payment_id = request_id.partition(":")[0]
        is_signed = merchant.is_signed(await request.read(), request.headers)
        status = merchant.receive(
            endpoint, request_id=request_id, payment_id=payment_id, event_type="", is_signed=is_signed
        )
        return web.Response(status=status)

    return notified
