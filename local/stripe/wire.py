"""The imitation's HTTP: reads forms, writes answers, decides nothing."""

import asyncio

from aiohttp import web

from local.stripe.state import Account, Json, refused


def application(account: Account, *, hold_s: float) -> web.Application:
    """hold_s: how long the caller of a lost answer waits until the connection is cut."""

    async def post(request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        answer = account.perform(request.path, form, key=request.headers.get("Idempotency-Key", ""))
        if answer.is_lost:
            await asyncio.sleep(hold_s)
            if request.transport is not None:
                request.transport.abort()
        return web.json_response(answer.body, status=answer.status)

    async def intent(request: web.Request) -> web.StreamResponse:
        found = account.intents.get(request.match_info["id"])
        missing = refused(404, "invalid_request_error", code="resource_missing")
        return web.json_response(found) if found else web.json_response(missing.body, status=404)

    async def intents(request: web.Request) -> web.StreamResponse:
        first, last = int(request.query.get("created[gte]", 0)), int(request.query.get("created[lte]", 2**40))
        return _page([each for each in account.intents.values() if first <= each["created"] <= last], request)

    async def refunds(request: web.Request) -> web.StreamResponse:
        intent_id = request.query.get("payment_intent")
        return _page([each for each in account.refunds.values() if each["payment_intent"] == intent_id], request)

    served = web.Application()
    served.router.add_get("/v1/payment_intents", intents)
    served.router.add_get("/v1/payment_intents/{id}", intent)
    served.router.add_get("/v1/refunds", refunds)
    served.router.add_post("/v1/{path:.*}", post)
    return served


def _page(found: list[Json], request: web.Request) -> web.Response:
    """Newest first, from behind `starting_after`."""
    listed, limit = found[::-1], int(request.query.get("limit", 10))
    last = request.query.get("starting_after")
    after = [each["id"] for each in listed].index(last) + 1 if last else 0
    page = listed[after : after + limit]
    return web.json_response({"object": "list", "data": page, "has_more": after + limit < len(listed)})
