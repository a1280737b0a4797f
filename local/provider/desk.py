"""HTTP for people and tests: disputes as the cardholder's bank makes and decides them, and the events of all of them.

Decides nothing. A real provider has no such routes.
"""

import re

from aiohttp import web

from local.provider.disputes import ANY_REASON
from local.provider.reading import MalformedError, integer, json_object, shown, text
from local.provider.records import refusal
from local.provider.state import Provider
from local.provider.store import Record
from local.provider.tokens import DisputeStatus


class Desk:
    """The routes over one provider. Whoever serves them stores what they change."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/disputes", self._open),
            web.post("/disputes/{dispute_id}/win", self._win),
            web.post("/disputes/{dispute_id}/lose", self._lose),
            web.get("/events", self._events),
            web.post("/events/{event_id}/resend", self._resend),
        ]

    async def _open(self, request: web.Request) -> web.StreamResponse:
        body = await json_object(request)
        if unknown := body.keys() - {"payment_reference", "amount_minor", "reason"}:
            raise MalformedError(f"unknown field {', '.join(sorted(unknown))}")
        opened = self._provider.disputes.open(
            text(body, "payment_reference"),
            amount_minor=integer(body, "amount_minor") if "amount_minor" in body else None,
            reason=_code(body, "reason") if "reason" in body else ANY_REASON,
        )
        return shown(opened)

    async def _win(self, request: web.Request) -> web.StreamResponse:
        return self._decided(request, DisputeStatus.WON)

    async def _lose(self, request: web.Request) -> web.StreamResponse:
        return self._decided(request, DisputeStatus.LOST)

    def _decided(self, request: web.Request, status: DisputeStatus) -> web.StreamResponse:
        return shown(self._provider.disputes.decide(request.match_info["dispute_id"], status))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        listed = self._provider.events.listed(request.query.get("payment_reference"))
        return web.json_response({"events": listed})

    async def _resend(self, request: web.Request) -> web.StreamResponse:
        event_id, events = request.match_info["event_id"], self._provider.events
        if not events.is_told:
            return shown(refusal(409, "nobody_to_tell", message="Start the provider with --events-url."))
        event = events.repeat(event_id)
        if event is None:
            return shown(refusal(404, "event_unknown", message=f"There is no event {event_id}."))
        return web.json_response(event.as_json(), status=202)


def _code(body: Record, name: str) -> str:
    value = text(body, name)
    if not re.fullmatch(r"[a-z0-9_]{1,128}", value):
        raise MalformedError(f"{name} must be a code, such as product_not_received")
    return value
