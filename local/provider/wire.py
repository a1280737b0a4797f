"""The provider's and the merchant's HTTP: reads requests, writes answers, decides nothing.

An answer leaves only after everything it rests on is on disk, so kill -9 cannot take back what a caller was told.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from local.base.guard import why_refused
from local.provider.desk import Desk
from local.provider.faults import Faults
from local.provider.merchant import Endpoint, Merchant
from local.provider.reading import Handler, MalformedError, boolean, integer, json_object, malformed, shown, text
from local.provider.records import Answer, Call, fingerprint, refusal
from local.provider.settlement import as_csv, period_of
from local.provider.state import Provider
from local.provider.store import Record, Store
from local.provider.tokens import Operation


class Wire:
    """The routes over one provider, one merchant and their store."""

    def __init__(
        self, *, provider: Provider, merchant: Merchant, store: Store, slow_s: float, wake: Callable[[], None]
    ) -> None:
        """`wake` is called when something has changed, and that is on disk."""
        self._provider = provider
        self._merchant = merchant
        self._store = store
        self._slow_s = slow_s
        self._wake = wake
        self._closing = asyncio.Event()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._kept, malformed])
        application.add_routes(
            [
                web.post("/v1/payments", self._create),
                web.post("/v1/payments/{provider_payment_id}/capture", self._capture),
                web.post("/v1/payments/{provider_payment_id}/void", self._void),
                web.post("/v1/payments/{provider_payment_id}/refunds", self._refund),
                web.get("/v1/payments", self._ask_reference),
                web.get("/v1/requests/{request_id}", self._ask_request),
                web.get("/v1/disputes/{dispute_id}", self._ask_dispute),
                *Desk(self._provider).routes(),
                web.get("/charges", self._charges),
                web.get("/charges/{payment_id}", self._charge),
                web.get("/settlement", self._settlement),
                web.get("/mode", self._mode),
                web.post("/mode", self._set_mode),
                web.post("/repair", self._repair),
                web.post("/break", self._break),
                web.get("/faults", self._faults),
                web.post("/faults", self._set_faults),
                web.delete("/faults", self._no_faults),
                web.get("/merchant/notifications", self._notifications),
                web.post("/merchant/repair", self._repair_merchant),
                web.post("/merchant/break", self._break_merchant),
                *(web.post(f"/merchant/{endpoint}", self._notify) for endpoint in Endpoint),
            ]
        )
        return application

    def stop_holding(self) -> None:
        """Cuts the connections of all callers that are made to wait."""
        self._closing.set()

    @web.middleware
    async def _kept(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Stores what the request changed before anybody hears of it."""
        try:
            return await handler(request)
        finally:
            await self._keep()

    async def _keep(self) -> None:
        self._store.put(self._provider.drain())
        self._store.put(self._merchant.drain())
        await self._store.committed()
        self._wake()

    # --- the provider

    async def _create(self, request: web.Request) -> web.StreamResponse:
        return await self._perform(request, Operation.CREATE)

    async def _capture(self, request: web.Request) -> web.StreamResponse:
        return await self._perform(request, Operation.CAPTURE)

    async def _void(self, request: web.Request) -> web.StreamResponse:
        return await self._perform(request, Operation.VOID)

    async def _refund(self, request: web.Request) -> web.StreamResponse:
        return await self._perform(request, Operation.REFUND)

    async def _perform(self, request: web.Request, operation: Operation) -> web.StreamResponse:
        call = await _call(request, operation)
        await self._wait(self._provider.delay_s(call))
        return await self._answered(request, self._provider.perform(call))

    async def _ask_reference(self, request: web.Request) -> web.StreamResponse:
        reference = request.query.get("payment_reference")
        if not reference:
            raise MalformedError("payment_reference is missing in the query")
        return await self._answered(request, self._provider.ask_reference(reference))

    async def _ask_request(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, self._provider.ask_request(request.match_info["request_id"]))

    async def _ask_dispute(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, self._provider.ask_dispute(request.match_info["dispute_id"]))

    async def _answered(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        if answer.hold_s is not None:
            await self._keep()  # what was done is kept also when we are killed while holding
            await self._wait(answer.hold_s)
            if request.transport is not None:
                request.transport.abort()
        return web.json_response(dict(answer.body), status=answer.status_code, headers=answer.headers)

    async def _wait(self, seconds: float) -> None:
        """Makes the caller wait, but not the one who stops the service."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    # --- what tests and people look at and switch

    async def _charges(self, request: web.Request) -> web.StreamResponse:
        limit = request.query.get("limit")
        if limit is not None and (not limit.isdecimal() or int(limit) < 1):
            raise MalformedError("limit must be a positive integer")
        try:
            listed = self._provider.charges(after=request.query.get("after"), limit=int(limit) if limit else None)
        except KeyError as exc:
            raise MalformedError(f"after: there is no payment {exc.args[0]}") from exc
        more = listed[-1]["payment_id"] if limit and len(listed) == int(limit) else None
        return web.json_response({"charges": listed, "next_after": more})

    async def _charge(self, request: web.Request) -> web.StreamResponse:
        payment_id = request.match_info["payment_id"]
        charge = self._provider.charge(payment_id)
        if charge is None:
            return shown(refusal(404, "payment_unknown", message=f"There is no payment {payment_id}."))
        return web.json_response(charge)

    async def _settlement(self, request: web.Request) -> web.StreamResponse:
        try:
            period = period_of(request.query)
        except ValueError as exc:
            raise MalformedError(str(exc)) from exc
        return web.Response(text=as_csv(self._provider.moved(), **period), content_type="text/csv", charset="utf-8")

    async def _mode(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self._provider.mode())

    async def _set_mode(self, request: web.Request) -> web.StreamResponse:
        body = await json_object(request)
        if unknown := body.keys() - {"forget_request_ids", "remember_requests_s"}:
            raise MalformedError(f"unknown field {', '.join(sorted(unknown))}")
        remember_s = body.get("remember_requests_s")
        self._provider.switch(
            forgets_request_ids=boolean(body, "forget_request_ids"),
            remembers_requests_for_s=None if remember_s is None else integer(body, "remember_requests_s"),
        )
        return web.json_response(self._provider.mode())

    async def _repair(self, _: web.Request) -> web.StreamResponse:
        self._provider.switch(is_broken=False)
        return web.Response(status=204)

    async def _break(self, _: web.Request) -> web.StreamResponse:
        self._provider.switch(is_broken=True)
        return web.Response(status=204)

    async def _faults(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self._provider.faults.as_json())

    async def _set_faults(self, request: web.Request) -> web.StreamResponse:
        try:
            faults = Faults.parse(await json_object(request))
        except ValueError as exc:
            raise MalformedError(str(exc)) from exc
        self._provider.switch(faults=faults)
        return web.json_response(faults.as_json())

    async def _no_faults(self, _: web.Request) -> web.StreamResponse:
        self._provider.switch(faults=Faults())
        return web.Response(status=204)

    # --- the merchant

    async def _notify(self, request: web.Request) -> web.StreamResponse:
        endpoint = Endpoint(request.path.rpartition("/")[2])
        body = await json_object(request)
        request_id = request.headers.get("Idempotency-Key", "")
        if endpoint is Endpoint.SLOW:
            await self._wait(self._slow_s)
        status_code = self._merchant.receive(
            endpoint,
            request_id=request_id,
            payment_id=_payment_id(body, request_id),
            event_type=str(body.get("type", "")),
            is_signed=self._merchant.is_signed(await request.read(), request.headers),
        )
        return web.Response(status=status_code)

    async def _notifications(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"notifications": self._merchant.notifications(request.query.get("payment_id"))})

    async def _repair_merchant(self, _: web.Request) -> web.StreamResponse:
        self._merchant.switch(is_broken=False)
        return web.Response(status=204)

    async def _break_merchant(self, _: web.Request) -> web.StreamResponse:
        self._merchant.switch(is_broken=True)
        return web.Response(status=204)


@web.middleware
async def _own_pages_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if refused := why_refused(request.headers):
        code, words = refused
        return shown(refusal(403, code, message=words))
    return await handler(request)


@contextlib.asynccontextmanager
async def listening(application: web.Application, port: int) -> AsyncIterator[int]:
    """Serves on 127.0.0.1 and gives the port; no page of another site is heard. Raises OSError when it is taken."""
    application.middlewares.insert(0, _own_pages_only)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _call(request: web.Request, operation: Operation) -> Call:
    body = await json_object(request)
    request_id = request.headers.get("Idempotency-Key")
    if not request_id:
        raise MalformedError("the header Idempotency-Key is missing")
    has_amount, is_create = operation is not Operation.VOID, operation is Operation.CREATE
    return Call(
        operation=operation,
        request_id=request_id,
        payment_reference=text(body, "payment_reference"),
        fingerprint=fingerprint(request.path, body),
        provider_payment_id=request.match_info.get("provider_payment_id"),
        amount_minor=integer(body, "amount_minor") if has_amount else None,
        currency=text(body, "currency") if has_amount else None,
        payment_method=text(body, "payment_method") if is_create else None,
        refund_reference=text(body, "refund_reference") if operation is Operation.REFUND else None,
    )


def _payment_id(body: Record, request_id: str) -> str:
    """The payment a notification is about: a CloudEvent's subject, a field, or else the request id's first part."""
    named = body.get("subject") or body.get("payment_id")
    return str(named) if named else request_id.partition(":")[0]
