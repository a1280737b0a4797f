"""JSON answers of the HTTP functions; refusals are in problems.py. Knows no service."""

import json
from collections.abc import Mapping

import azure.functions as func


def json_answer(body: Mapping[str, object], *, status: int = 200) -> func.HttpResponse:
    """An answer that no cache may keep, because it is true only now."""
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(json.dumps(body), status_code=status, headers=headers, mimetype="application/json")
