"""notifications: GET /api/payments/{payment_id}/notifications, as its merchant or as an operator, and
POST .../{notification_id}/resend, as either. Translates what is known of them into HTTP. Knows no storage.
"""

import json
from functools import partial
from typing import Any

import azure.functions as func

from functions.answers import json_answer, tagged_answer
from functions.caller import Doors, Role
from functions.faults import RequestInvalid
from functions.problems import problem, problem_of
from functions.queries import nothing_in
from functions.query import payment_id_in
from functions.route import Request, Route, blueprint_of
from shared.codec.attempts import attempt_to_json
from shared.codec.cloud_events import cloud_type
from shared.codec.values import time_to_json
from shared.domain.decisions import Refused
from shared.domain.notifications import Notification
from shared.errors import PaymentsError
from shared.services import GetServices
from shared.verbs.notifications import Listed, Resent, TooOften, listed, resend

_PATH = "payments/{payment_id}/notifications"
LIST = Route(name="list_notifications", method="GET", path=_PATH, needs=Role.READ)
INSPECT = Route(name="inspect_notifications", method="GET", path=f"ops/{_PATH}", needs=Role.OPERATIONS)
_RESEND = f"{_PATH}/{{notification_id}}/resend"
RESEND = Route(name="resend_notification", method="POST", path=_RESEND, needs=Role.CREATE)
RESEND_ANY = Route(name="resend_any_notification", method="POST", path=f"ops/{_RESEND}", needs=Role.OPERATIONS)


def blueprint(services: GetServices, *, doors: Doors) -> func.Blueprint:
    """The functions `list_notifications`, `inspect_notifications`, `resend_notification`, `resend_any_notification`."""
    answers = {
        LIST: partial(_list, services=services, is_operator=False),
        INSPECT: partial(_list, services=services, is_operator=True),
        RESEND: partial(_resend, services=services, is_operator=False),
        RESEND_ANY: partial(_resend, services=services, is_operator=True),
    }
    return blueprint_of(answers, doors=doors)


async def _list(request: Request, *, services: GetServices, is_operator: bool) -> func.HttpResponse:
    payment_id = payment_id_in(request.http)
    if payment_id is None:
        return problem("payment_not_found")
    merchant_id = None if is_operator else request.caller.merchant_id
    try:
        found = await listed(payment_id, merchant_id=merchant_id, services=await services())
    except PaymentsError as exc:
        return problem_of(exc)
    if found is None:
        return problem("payment_not_found")
    body = {"payment_id": payment_id, "notifications": [_shown(each) for each in found]}
    return tagged_answer(request.http, json.dumps(body).encode(), headers={"Cache-Control": "private, no-cache"})


async def _resend(request: Request, *, services: GetServices, is_operator: bool) -> func.HttpResponse:
    if request.http.get_body():
        return problem("body_unexpected")
    payment_id = payment_id_in(request.http)
    if payment_id is None:
        return problem("payment_not_found")
    try:
        nothing_in(request.http)
        outcome = await resend(
            payment_id,
            request.http.route_params["notification_id"],
            merchant_id=None if is_operator else request.caller.merchant_id,
            by="operator" if is_operator else "resend",
            traceparent=request.traceparent,
            services=await services(),
        )
    except RequestInvalid as exc:
        return problem("request_invalid", errors=exc.errors)
    except PaymentsError as exc:
        return problem_of(exc)
    match outcome:
        case None:
            return problem("payment_not_found")
        case Refused(reason):
            return problem(reason)
        case TooOften(retry_after_s):
            return problem("resent_too_often", retry_after_s=retry_after_s)
        case Resent():
            return json_answer({"payment_id": payment_id, **_resent(outcome)})


def _shown(each: Listed) -> dict[str, Any]:
    return {**_said(each.notification), "attempts": [attempt_to_json(attempt) for attempt in each.attempts]}


def _said(notification: Notification) -> dict[str, Any]:
    told_at = notification.told_at
    return {
        "notification_id": notification.notification_id,
        "type": cloud_type(notification.event.event),
        "state": notification.state.value,
        "occurred_at": time_to_json(notification.event.event.occurred_at),
        **({"told_at": time_to_json(told_at)} if told_at else {}),
    }


def _resent(outcome: Resent) -> dict[str, Any]:
    return {
        "notification_id": outcome.notification.notification_id,
        "type": cloud_type(outcome.notification.event.event),
        "state": outcome.state.value,
        "attempt": attempt_to_json(outcome.attempt),
    }
