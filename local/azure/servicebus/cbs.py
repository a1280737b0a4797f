"""`$cbs`: does the token that a client puts prove that it knows the key? Knows no connection."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs, quote

from local.azure.servicebus.errors import BadRequest, NotImplementedHere, Refusal, Unauthorized
from local.azure.servicebus.sections import Request, write_reply
from local.azure.servicebus.values import Int

KEY_NAME = "RootManageSharedAccessKey"
KEY_VALUE = "SAS_KEY_VALUE"
"""Printed in Microsoft's documentation of its emulator: a name for the local service, not a secret."""


def put_token(request: Request, *, now_s: float) -> tuple[bytes, bool]:
    """The answer, and whether the client may go on."""
    try:
        _check(request.application, request.body, now_s=now_s)
    except Refusal as refusal:
        return _reply(request, status=refusal.status, text=f"{refusal.condition}: {refusal}"), False
    return _reply(request, status=200, text="OK"), True


def _reply(request: Request, *, status: int, text: str) -> bytes:
    return write_reply(request, {"status-code": Int(status), "status-description": text}, body=None)


def _check(application: Mapping[object, object], body: object, *, now_s: float) -> None:
    operation = application.get("operation")
    if operation != "put-token":
        raise NotImplementedHere(f"$cbs operation {operation!r} is not implemented")
    if not isinstance(body, str):
        raise BadRequest("the token is no string")
    # The SDK calls its shared access signatures "jwt" too: the token itself tells.
    if not body.startswith("SharedAccessSignature "):
        raise NotImplementedHere(f"tokens of type {application.get('type')!r} are not implemented")
    _check_signature(body, now_s=now_s)


def _check_signature(token: str, *, now_s: float) -> None:
    fields = token.partition(" ")[2]
    parts = {name: values[0] for name, values in parse_qs(fields).items()}
    if not {"sr", "sig", "se", "skn"} <= parts.keys():
        raise Unauthorized("the token is no shared access signature")
    if parts["skn"] != KEY_NAME:
        raise Unauthorized(f"there is no key named {parts['skn']!r}, only {KEY_NAME}")
    if not parts["se"].isdigit() or int(parts["se"]) <= now_s:
        raise Unauthorized("the token has expired")
    if not any(hmac.compare_digest(parts["sig"], wanted) for wanted in _signatures(fields, parts)):
        raise Unauthorized("the token's signature does not fit the key")


def _signatures(fields: str, parts: Mapping[str, str]) -> list[str]:
    """Over the resource as the client wrote it: clients differ in how they quote."""
    raw = next(field[3:] for field in fields.split("&") if field.startswith("sr="))
    return [_sign(resource, parts["se"]) for resource in (raw, quote(parts["sr"], safe=""))]


def _sign(resource: str, expiry: str) -> str:
    digest = hmac.new(KEY_VALUE.encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
