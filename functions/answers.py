"""JSON answers of the HTTP functions, and 304 to whoever has one; refusals are in problems.py. Knows no service."""

import hashlib
import json
from collections.abc import Mapping

import azure.functions as func


def json_answer(body: Mapping[str, object], *, status: int = 200) -> func.HttpResponse:
    """An answer that no cache may keep, because it is true only now."""
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(json.dumps(body), status_code=status, headers=headers, mimetype="application/json")


def tagged_answer(
    req: func.HttpRequest,
    body: bytes,
    *,
    headers: Mapping[str, str],
    media_type: str = "application/json",
    same_as: bytes | None = None,
) -> func.HttpResponse:
    """The body with its ETag; 304 without it for a caller who has the same already. headers: with Cache-Control.

    same_as: what the body amounts to, where bodies differ that say the same; then the ETag is a weak one.
    """
    tag = f'"{hashlib.sha256(body if same_as is None else same_as).hexdigest()[:32]}"'
    told = {**headers, "ETag": tag if same_as is None else f"W/{tag}"}
    if _known(req.headers.get("if-none-match", "")) & {tag, "*"}:
        return func.HttpResponse(status_code=304, headers=told, mimetype=media_type)
    return func.HttpResponse(body, headers=told, mimetype=media_type)


def _known(header: str) -> set[str]:
    """The entity tags of If-None-Match, compared as RFC 9110 has it for a GET: weak ones count too."""
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
