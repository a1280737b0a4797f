"""Answers as JSON: what all functions of the HTTP edge say yes with. Knows no service."""

import json
from collections.abc import Mapping

import azure.functions as func


def json_answer(body: Mapping[str, object], *, status: int = 200) -> func.HttpResponse:
    """What is true only now: no cache may keep it."""
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(json.dumps(body), status_code=status, headers=headers, mimetype="application/json")
