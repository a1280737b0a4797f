"""erase: POST /api/ops/payments/{payment_id}/erase. Translates a request and its outcome. Knows no rule."""

from dataclasses import asdict

import azure.functions as func
from pydantic import ConfigDict

from functions.answers import json_answer
from functions.caller import Doors, Role
from functions.operators import Asked, answer, told_in
from functions.problems import problem
from functions.queries import Strict
from functions.query import payment_id_in
from functions.route import Request, Route, on_request
from functions.texts import Reason
from shared.services import GetServices
from shared.verbs.erase import erase

ROUTE = Route(name="erase_payment", method="POST", path="ops/payments/{payment_id}/erase", needs=Role.OPERATIONS)


class EraseRequest(Strict):
    """reason: stays beside what was erased, so it names nobody who wants to be forgotten."""

    model_config = ConfigDict(strict=True)

    reason: Reason
    dry_run: bool = False


def blueprint(services: GetServices, *, doors: Doors) -> func.Blueprint:
    """The function `erase_payment`."""
    bp = func.Blueprint()

    async def respond(request: Request) -> func.HttpResponse:
        return await answer(request.http, ask=_erase, by=request.caller.name, services=services)

    on_request(bp, ROUTE, doors=doors, respond=respond)
    return bp


async def _erase(asked: Asked) -> func.HttpResponse:
    """With dry_run it only says what would be erased. Of the words themselves nothing is said."""
    wanted = told_in(asked, EraseRequest)
    payment_id = payment_id_in(asked.req)
    if payment_id is None:
        return problem("payment_not_found")
    words = await erase(payment_id, by=asked.by, reason=wanted.reason, dry_run=wanted.dry_run, services=asked.services)
    if words is None:
        return problem("payment_not_found")
    told = {"payment_id": payment_id, "dry_run": wanted.dry_run, "erased": [asdict(each) for each in words]}
    return json_answer(told)
