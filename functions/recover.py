"""recover: dead letters wake it, and operators through /api/ops. Translates for the verbs. Knows no rule."""

from functools import partial

import azure.functions as func

from functions import operators
from functions.advance import AS_BYTES, CONNECTION, delivery
from functions.caller import Doors, Role
from functions.edge import edge
from functions.route import Request, Route, on_request
from functions.summary import count_letters
from shared import flow
from shared.services import GetServices
from shared.verbs.recovery.keep import keep


def _ops(name: str, method: str, *, path: str) -> Route:
    return Route(name=name, method=method, path=f"ops/{path}", needs=Role.OPERATIONS)


ROUTES: dict[Route, operators.Answer] = {
    _ops("list_dead_letters", "GET", path="dead-letters"): operators.list_letters,
    _ops("count_dead_letters", "GET", path="dead-letters/summary"): count_letters,
    _ops("replay_dead_letters", "POST", path="dead-letters/replay"): operators.replay_many,
    _ops("drain_dead_letters", "POST", path="dead-letters/drain"): operators.drain_recorder,
    _ops("get_dead_letter", "GET", path="dead-letters/{letter_id}"): operators.get_letter,
    _ops("replay_dead_letter", "POST", path="dead-letters/{letter_id}/replay"): operators.replay_one,
    _ops("discard_dead_letter", "POST", path="dead-letters/{letter_id}/discard"): operators.discard_letter,
    _ops("list_payments", "GET", path="payments"): operators.list_rows,
}
"""The operators' functions; query has those that look at one payment."""


def blueprint(services: GetServices, *, doors: Doors) -> func.Blueprint:
    """`record_dead_letter`, and one function for each of ROUTES."""
    bp = func.Blueprint()

    @bp.function_name("record_dead_letter")
    @bp.service_bus_topic_trigger(
        arg_name="message",
        connection=CONNECTION,
        topic_name=flow.DEAD_LETTER_TOPIC,
        subscription_name=flow.RECORD_SUBSCRIPTION,
        data_type=AS_BYTES,
    )
    @edge
    async def record_dead_letter(message: func.ServiceBusMessage) -> None:
        await keep(delivery(message, queue=flow.RECORD_SUBSCRIPTION), services=await services())

    for route, ask in ROUTES.items():
        on_request(bp, route, doors=doors, respond=partial(_answer, ask=ask, services=services))
    return bp


async def _answer(request: Request, *, ask: operators.Answer, services: GetServices) -> func.HttpResponse:
    return await operators.answer(request.http, ask=ask, by=request.caller.name, services=services)
