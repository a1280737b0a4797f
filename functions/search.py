"""search: GET /api/payments. Translates the filters of a query string, and a page into HTTP. Knows no rule."""

from functools import partial
from typing import Annotated

import azure.functions as func
from pydantic import Field
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError

from functions.answers import json_answer
from functions.caller import Doors, Role
from functions.faults import RequestInvalid
from functions.problems import problem, problem_of
from functions.queries import Moment, Strict, asked_in
from functions.route import Request, Route, blueprint_of
from shared.codec.rows import listed
from shared.codec.values import time_to_json
from shared.domain.payment import Status
from shared.errors import PaymentsError
from shared.services import GetServices, Services
from shared.verbs.search import Freshness, Wanted, search

ROUTE = Route(name="search_payments", method="GET", path="payments", needs=Role.READ)

MOST, USUALLY = 200, 50
"""Payments on a page."""


def _sendable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise PydanticCustomError("control_character", "Lone surrogates are not accepted.") from exc
    return text


class Search(Strict):
    """Filters of a list; text, since they come in a query string."""

    status: Status | None = None
    reference: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_sendable)] | None = None
    initiated_from: Moment | None = None
    initiated_before: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = USUALLY
    page: Annotated[str, Field(min_length=1, max_length=512)] | None = None

    def wanted(self) -> Wanted:
        return Wanted(
            status=self.status,
            reference=self.reference,
            initiated_from=self.initiated_from,
            initiated_before=self.initiated_before,
        )


def blueprint(services: GetServices, *, doors: Doors) -> func.Blueprint:
    """The function `search_payments`."""
    return blueprint_of({ROUTE: partial(_search, freshness=Freshness(), services=services)}, doors=doors)


async def _search(request: Request, *, freshness: Freshness, services: GetServices) -> func.HttpResponse:
    try:
        asked = asked_in(request.http, Search)
        at_hand = await services()
        return await _page(asked, merchant_id=request.caller.merchant_id, freshness=freshness, services=at_hand)
    except RequestInvalid as exc:
        return problem("request_invalid", errors=exc.errors)
    except PaymentsError as exc:
        return problem_of(exc)


async def _page(asked: Search, *, merchant_id: str, freshness: Freshness, services: Services) -> func.HttpResponse:
    """How old it may be is looked at before the list is read, so that the list is never older."""
    as_of = await freshness.as_of(services=services)
    page = await search(merchant_id, asked.wanted(), limit=asked.limit, page=asked.page, services=services)
    return json_answer(
        {
            "payments": [listed(row) for row in page.rows],
            "next_page": page.next_page,
            "as_of": time_to_json(as_of),
            "lag_s": max(0.0, round((services.clock.now() - as_of).total_seconds(), 3)),
        }
    )
