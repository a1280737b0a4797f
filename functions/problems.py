"""Errors as RFC 9457 problem documents: the one table from our codes to HTTP. Knows no service."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus

import azure.functions as func

from shared.errors import PaymentsError, RowsNotReady, StoreThrottles

CONTENT_TYPE = "application/problem+json"

_LATER = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})

FILLING_S = 5.0
"""When to ask again for a list that is being filled. That takes minutes, and each question costs a look at the feed."""

STATUS_OF: dict[str, tuple[int, str]] = {
    "body_not_json": (400, "The body is not a JSON object."),
    "body_too_deep": (400, "The body has more inside one another than any request here can have."),
    "body_too_large": (413, "The body is larger than any request here can be."),
    "unsupported_media_type": (415, "Send the request as application/json."),
    "caller_unknown": (403, "It is not known who calls, or not for whom."),
    "principal_forged": (403, "Nobody signs in here, so nothing may say that somebody did."),
    "role_missing": (403, "The caller may not do this."),
    "origin_refused": (403, "A page of another site may not change anything here."),
    "host_refused": (403, "This machine is not asked under that name."),
    "idempotency_key_invalid": (
        400,
        "Idempotency-Key must be one value: 1 to 255 visible ASCII characters, no comma.",
    ),
    "idempotency_key_required": (400, "Send an Idempotency-Key: money that is given back twice does not come back."),
    "idempotency_key_reused": (422, "This Idempotency-Key was used for another request. Use a new key."),
    "request_invalid": (422, "The request was understood, and some of its fields cannot be accepted."),
    "page_unknown": (422, "This `page` is none of this listing. Begin again without it."),
    "signature_refused": (403, "It is not known that the provider has sent this: its signature is not here, or old."),
    "news_unreadable": (422, "The provider has signed this, and it has not the form that was agreed on."),
    "dispute_not_confirmed": (
        409,
        "The provider, when asked, knows no such dispute of this payment. Tell it again.",
    ),
    "dispute_misfit": (409, "What the provider answers about the dispute does not fit. Tell it again once it does."),
    "provider_behind": (503, "The provider's books do not show yet what it tells. Tell it again later."),
    "provider_silent": (503, "The provider does not answer when it is asked about this. Tell it again later."),
    "provider_not_known": (503, "No secret is set by which the provider would be known. Tell it again later."),
    "body_unexpected": (400, "This request has no body."),
    "list_not_ready": (503, "The list is being filled from the stored events, and is not whole yet. Ask again later."),
    "payment_not_found": (404, "There is no payment with this id."),
    "notification_not_found": (404, "The payment has no notification with this id."),
    "notification_not_wanted": (409, "The payment has no notification_url, so there is nobody to tell."),
    "resent_too_often": (429, "It was resent just now, or often enough today. Nothing was sent: wait for Retry-After."),
    "already_settled": (409, "The money was taken before. Nothing was changed; it can be given back."),
    "not_settled": (409, "The payment is not settled, so nothing of it can be given back here."),
    "refund_exceeds_payment": (409, "That is more than is left of what was taken: refunds under way count too."),
    "too_many_refunds": (409, "The payment has as many refunds as one can have."),
    "payment_ended": (409, "The payment has failed before. Nothing was changed."),
    "dead_letter_not_found": (404, "There is no dead letter with this id."),
    "letter_moved": (409, "Another action on this dead letter was first. Look at it again."),
    "bus_unavailable": (503, "The broker did not do what was asked. Do the same again: it is safe."),
    "store_busy": (503, "The store is busy. Do the same again: it is safe."),
    "store_throttles": (429, "More is asked of the store than it is sized for. Do the same again later: it is safe."),
    "store_refuses": (503, "The store refuses, and an operator has to mend that. Do the same again later: it is safe."),
    "append_unknown": (503, "It is not known whether the change was stored. Do the same again: it is safe."),
    "stream_moved": (503, "The payment is being written to. Try again."),
    "stream_missing": (503, "The payment's events cannot be seen yet. Try again."),
    "unforeseen": (500, "Something went wrong here that nobody foresaw. It is not known what was done."),
    "unreadable": (500, "What is stored of this payment cannot be read."),
}


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one field. `field` is its path with dots; `code` is stable. A value is never repeated."""

    field: str
    code: str
    message: str


def problem_of(fault: PaymentsError, *, title: str | None = None, detail: str | None = None) -> func.HttpResponse:
    """The answer for a fault that was foreseen. title: in place of the usual one."""
    if isinstance(fault, StoreThrottles):
        return problem("store_throttles", title=title, detail=detail, retry_after_s=fault.retry_after_s)
    if isinstance(fault, RowsNotReady):
        return problem(fault.code, title=title, detail=detail, retry_after_s=FILLING_S)
    return problem(fault.code, title=title, detail=detail)


def problem(
    code: str,
    *,
    title: str | None = None,
    detail: str | None = None,
    errors: Sequence[FieldFault] = (),
    retry_after_s: float = 1.0,
) -> func.HttpResponse:
    """The answer for a code of STATUS_OF. title: in place of the one there."""
    status, usual = STATUS_OF[code]
    document: dict[str, object] = {
        "type": f"urn:regis-pay:problem:{code.replace('_', '-')}",
        "title": title or usual,
        "status": status,
        "code": code,
    }
    if detail:
        document["detail"] = detail
    if errors:
        document["errors"] = [asdict(error) for error in errors]
    headers = {"Retry-After": str(max(1, math.ceil(retry_after_s)))} if status in _LATER else {}
    return func.HttpResponse(json.dumps(document), status_code=status, headers=headers, mimetype=CONTENT_TYPE)
