"""me: GET /api/ops/me, who an operator is here and what may be offered to them. Knows no rule and no payment."""

from functools import partial

import azure.functions as func

from functions.answers import json_answer
from functions.caller import Caller, Doors, Role
from functions.route import Request, Route, blueprint_of

ROUTE = Route(name="show_caller", method="GET", path="ops/me", needs=Role.OPERATIONS)

_AS_MERCHANT = {"pay": Role.CREATE, "cancel": Role.REFUND, "refund": Role.REFUND}
"""What a merchant's endpoints do, and the role that each asks for."""


def blueprint(*, doors: Doors, trace_url: str | None) -> func.Blueprint:
    """The function `show_caller`. trace_url: where a trace is looked at, with `{trace_id}` in it."""
    return blueprint_of({ROUTE: partial(_me, doors=doors, trace_url=trace_url)}, doors=doors)


async def _me(request: Request, *, doors: Doors, trace_url: str | None) -> func.HttpResponse:
    """What merchants may do, an operator may where the same request is let in there, and for payments of their own."""
    known = {role: isinstance(doors.caller(request.http, needs=role), Caller) for role in _AS_MERCHANT.values()}
    may = {name: known[role] for name, role in _AS_MERCHANT.items()}
    return json_answer(
        {
            "name": request.caller.name,
            "roles": sorted(request.caller.roles & set(Role)),
            "may": {**may, "resend": Role.OPERATIONS in request.caller.roles},
            "trace_url": trace_url,
        }
    )
