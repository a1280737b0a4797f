"""hear: POST /api/provider/events. Translates what the provider has signed, and what came of it. Knows no rule.

Open to everybody: the signature says who has sent it. A provider sends again what is not answered with a 2xx.
"""

from functools import partial

import azure.functions as func

from functions.answers import json_answer
from functions.caller import Doors, Refusal
from functions.problems import problem, problem_of
from functions.route import Request, Route, blueprint_of, refused
from shared.errors import PaymentsError
from shared.ports.provider_news import DisputeNews, Garbled, NoSecret, NotRead, NotSigned, OtherNews
from shared.services import GetServices, Services
from shared.verbs.hear import Heard, Outcome, hear, refuse

ROUTE = Route(name="hear_provider", method="POST", path="provider/events", needs=None)

IGNORED = "ignored"
"""The status of news that nothing here follows."""


def blueprint(services: GetServices, *, doors: Doors) -> func.Blueprint:
    """The function `hear_provider`."""
    return blueprint_of({ROUTE: partial(_respond, services=services)}, doors=doors)


async def _respond(request: Request, *, services: GetServices) -> func.HttpResponse:
    try:
        return await _hear(request, services=await services())
    except PaymentsError as exc:
        return problem_of(exc)


async def _hear(request: Request, *, services: Services) -> func.HttpResponse:
    headers = {name.lower(): value for name, value in request.http.headers.items()}
    news = services.provider_news.read(request.http.get_body(), headers)
    match news:
        case DisputeNews():
            return _answer(await hear(news, traceparent=request.traceparent, services=services))
        case OtherNews():
            return json_answer({"status": IGNORED})
        case Garbled(why):
            refuse(Heard.UNREADABLE, services=services)
            return problem("news_unreadable", detail=f"{why[:1].upper()}{why[1:]}.")
        case NotSigned(why, is_claimed):
            if is_claimed:  # else it is a stranger, who could wake somebody with it
                refuse(Heard.NOT_SIGNED, services=services)
            return refused(Refusal("signature_refused", why), route=ROUTE)
        case NoSecret():
            refuse(Heard.NOT_KNOWN, services=services)
            return problem("provider_not_known")
        case NotRead(why):  # anybody may send it, and nobody has to be woken
            return problem("provider_not_known", detail=why)


def _answer(outcome: Outcome) -> func.HttpResponse:
    match outcome.heard:
        case Heard.RECORDED | Heard.KNOWN:
            return json_answer({"status": outcome.heard.value})
        case _:
            return problem(outcome.heard.value, retry_after_s=outcome.retry_after_s)
