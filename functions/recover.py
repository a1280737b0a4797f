"""recover: dead letters wake it, and operators through /api/ops. Translates for the verbs. Knows no rule."""

from collections.abc import Callable

import azure.functions as func

from functions import operators
from functions.advance import AS_BYTES, CONNECTION, delivery
from functions.edge import edge
from functions.failures import called
from shared import flow
from shared.services import GetServices
from shared.verbs.recovery.keep import keep

ROUTES: dict[str, tuple[str, str, operators.Answer]] = {
    "list_dead_letters": ("GET", "ops/dead-letters", operators.list_letters),
    "replay_dead_letters": ("POST", "ops/dead-letters/replay", operators.replay_many),
    "drain_dead_letters": ("POST", "ops/dead-letters/drain", operators.drain_recorder),
    "get_dead_letter": ("GET", "ops/dead-letters/{letter_id}", operators.get_letter),
    "replay_dead_letter": ("POST", "ops/dead-letters/{letter_id}/replay", operators.replay_one),
    "discard_dead_letter": ("POST", "ops/dead-letters/{letter_id}/discard", operators.discard_letter),
    "list_payments": ("GET", "ops/payments", operators.list_rows),
}
"""The operators' functions; each asks for the admin key."""


def blueprint(services: GetServices, *, caller: Callable[[func.HttpRequest], str]) -> func.Blueprint:
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

    for name in ROUTES:
        _register(bp, name, services=services, caller=caller)
    return bp


def _register(
    bp: func.Blueprint, name: str, *, services: GetServices, caller: Callable[[func.HttpRequest], str]
) -> None:
    method, route, ask = ROUTES[name]

    @bp.function_name(name)
    @bp.route(route=route, methods=[method], auth_level=func.AuthLevel.ADMIN)
    @edge
    @called(name)
    async def operate(req: func.HttpRequest) -> func.HttpResponse:
        return await operators.answer(req, ask=ask, by=caller(req), services=services)
