"""What each HTTP function takes and answers. A new function gets its entry here, a new problem code its place in one.

Where a function is called, and whose key opens it, is not said here: that is read from its decorator.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from contracts import answers, lists, money, ops_answers
from functions import operators
from functions.requests import PaymentRequest, RefundRequest
from functions.search import Search

type Tag = Literal["payments", "health", "contract", "operations"]

HTML = "text/html"

EVERYWHERE = ("unforeseen",)
"""Codes that any function may answer."""

OF_CALLERS = ("caller_unknown", "role_missing", "principal_forged", "host_refused")
"""Codes of whatever is not open to everybody; origin_refused as well, where something is changed."""
_STORE = ("store_busy", "store_throttles", "store_refuses")
"""Codes of whatever asks the store."""
_OF_BODIES = ("body_too_large", "unsupported_media_type")
"""Codes of whatever changes something, of the body that it is sent, wanted or not."""
_APPENDS = ("append_unknown", "stream_moved", "stream_missing", "unreadable")
"""Codes of whatever a merchant has written into a payment."""
_CHANGES = (
    *_OF_BODIES,
    *_STORE,
    "append_unknown",
    "stream_moved",
    "letter_moved",
    "bus_unavailable",
    "unreadable",
)
"""Codes of whatever an operator changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """An answer that is no problem. model: None without JSON. headers: beside those that all answers have."""

    says: str
    model: type[BaseModel] | None = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Another operation that goes on from a success. parameters: by name, from where in the answer."""

    to: str
    parameters: Mapping[str, str]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A function, for whoever calls it. says: what the summary leaves open. requires: headers that may not be absent.
    body_is_required: else it may be absent.
    """

    tag: Tag
    summary: str
    says: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    query: type[BaseModel] | None = None
    headers: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    body_is_required: bool = True
    answers: Mapping[int, Success]
    problems: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


_IS_TAGGED = ("ETag",)
_NOT_MODIFIED = Success(says="Nothing has changed since the ETag of If-None-Match.", headers=_IS_TAGGED)
_OF_PAYMENT = {"payment_id": "The payment, a UUID."}
_OF_LETTER = {"letter_id": "The dead letter."}


def _tagged(model: type[BaseModel] | None, says: str) -> dict[int, Success]:
    return {200: Success(says=says, model=model, headers=_IS_TAGGED), 304: _NOT_MODIFIED}


def _links_to_payment(source: str) -> tuple[Link, ...]:
    parameters = {"payment_id": source}
    return (
        Link(to="get_payment", parameters=parameters, says="The payment as it now is."),
        Link(to="get_payment_events", parameters=parameters, says="Its events."),
    )


_GO_ON = {
    "request_cancel": "End it before its money is taken.",
    "request_refund": "Give its money back.",
    "inspect_payment": "The same, for operators.",
    "inspect_payment_events": "Its events, for operators.",
}


def _links_to_letter(source: str, *names: str) -> tuple[Link, ...]:
    return tuple(Link(to=name, parameters={"letter_id": source}, says="The same dead letter.") for name in names)


OPERATIONS: dict[str, Operation] = {
    "accept_payment": Operation(
        tag="payments",
        summary="Ask for a payment",
        says="**Without an Idempotency-Key, a request that is repeated may charge twice.** The same request under the "
        "same key gets the same answer and charges once. The body has at most 65536 bytes. A text that looks like a "
        "card number is refused in any field. Ship goods from the status `settled` on, not before.",
        headers=("Idempotency-Key",),
        body=PaymentRequest,
        answers={
            202: Success(
                says="The payment is stored and will be carried out.",
                model=answers.PaymentAccepted,
                headers=("Location", "Idempotent-Replayed"),
            )
        },
        problems=(
            *_OF_BODIES,
            "body_not_json",
            "idempotency_key_invalid",
            "idempotency_key_reused",
            "request_invalid",
            *_STORE,
            *_APPENDS,
        ),
        links=_links_to_payment("$response.body#/payment_id"),
    ),
    "search_payments": Operation(
        tag="payments",
        summary="Your payments, newest first",
        says="From the read model, which follows what is stored: `as_of` says how closely.",
        query=Search,
        answers={200: Success(says="A page.", model=lists.PaymentList)},
        problems=("request_invalid", "page_unknown", "list_not_ready", *_STORE),
        links=(
            Link(to="search_payments", parameters={"page": "$response.body#/next_page"}, says="The next page."),
            *_links_to_payment("$response.body#/payments/0/payment_id"),
        ),
    ),
    "request_cancel": Operation(
        tag="payments",
        summary="End a payment before its money is taken",
        says="Has no body. The provider decides: look at the payment for what came of it. A repeat changes nothing.",
        path=_OF_PAYMENT,
        answers={
            202: Success(says="The request is noted.", model=answers.PaymentToCancel, headers=("Location",)),
            200: Success(says="It was cancelled before.", model=answers.PaymentToCancel, headers=("Location",)),
        },
        problems=(
            *_OF_BODIES,
            "body_unexpected",
            "payment_not_found",
            "already_settled",
            "payment_ended",
            *_STORE,
            *_APPENDS,
        ),
        links=_links_to_payment("$response.body#/payment_id"),
    ),
    "request_refund": Operation(
        tag="payments",
        summary="Give money back",
        says="In full, or in up to 20 parts. The key is mandatory. The amount is reserved at once, and only a definite "
        "no frees it; what came of it stands in the payment's `refunds`.",
        path=_OF_PAYMENT,
        headers=("Idempotency-Key",),
        requires=("Idempotency-Key",),
        body=RefundRequest,
        answers={
            202: Success(
                says="The refund is stored and will be carried out.",
                model=money.RefundAccepted,
                headers=("Location", "Idempotent-Replayed"),
            )
        },
        problems=(
            *_OF_BODIES,
            "body_not_json",
            "idempotency_key_required",
            "idempotency_key_invalid",
            "idempotency_key_reused",
            "request_invalid",
            "payment_not_found",
            "not_settled",
            "refund_exceeds_payment",
            "too_many_refunds",
            *_STORE,
            *_APPENDS,
        ),
        links=_links_to_payment("$response.body#/payment_id"),
    ),
    "get_payment": Operation(
        tag="payments",
        summary="A payment as it now is",
        path=_OF_PAYMENT,
        headers=("If-None-Match",),
        answers=_tagged(answers.Payment, "The payment."),
        problems=("payment_not_found", *_STORE, "unreadable"),
        links=(
            *_links_to_payment("$response.body#/payment_id")[1:],
            *(
                Link(to=name, parameters={"payment_id": "$response.body#/payment_id"}, says=says)
                for name, says in _GO_ON.items()
            ),
        ),
    ),
    "get_payment_events": Operation(
        tag="payments",
        summary="The events of a payment, oldest first",
        path=_OF_PAYMENT,
        headers=("If-None-Match",),
        answers=_tagged(answers.Timeline, "Its events."),
        problems=("payment_not_found", *_STORE, "unreadable"),
        links=_links_to_payment("$response.body#/payment_id")[:1],
    ),
    "health": Operation(
        tag="health",
        summary="Whether the app is alive, and from which build it is",
        answers={200: Success(says="It is.", model=answers.Health)},
    ),
    "ready": Operation(
        tag="health",
        summary="Whether what the app needs answers",
        says="Looked at every five seconds at most.",
        answers={
            200: Success(says="All of it answers.", model=answers.Readiness),
            503: Success(says="Something does not.", model=answers.Readiness),
        },
    ),
    "get_openapi": Operation(
        tag="contract", summary="This document", answers=_tagged(answers.OpenApiDocument, "OpenAPI 3.1.")
    ),
    "get_docs": Operation(tag="contract", summary="This document as a page", answers=_tagged(None, "HTML.")),
    "inspect_payment": Operation(
        tag="operations",
        summary="Any merchant's payment as it now is",
        path=_OF_PAYMENT,
        headers=("If-None-Match",),
        answers=_tagged(answers.Payment, "The payment."),
        problems=("payment_not_found", *_STORE, "unreadable"),
    ),
    "inspect_payment_events": Operation(
        tag="operations",
        summary="The events of any merchant's payment, oldest first",
        path=_OF_PAYMENT,
        headers=("If-None-Match",),
        answers=_tagged(answers.Timeline, "Its events."),
        problems=("payment_not_found", *_STORE, "unreadable"),
    ),
    "list_payments": Operation(
        tag="operations",
        summary="All payments, a page at a time",
        query=operators.Rows,
        answers={200: Success(says="Rows of the read model.", model=ops_answers.PaymentRows)},
        problems=("request_invalid", "page_unknown", *_STORE),
        links=(Link(to="list_payments", parameters={"page": "$response.body#/next_page"}, says="The next page."),),
    ),
    "list_dead_letters": Operation(
        tag="operations",
        summary="Dead letters by filter, a page at a time",
        query=operators.Which,
        answers={200: Success(says="Without their bodies.", model=ops_answers.DeadLetters)},
        problems=("request_invalid", "page_unknown", *_STORE),
        links=(
            *_links_to_letter(
                "$response.body#/dead_letters/0/id", "get_dead_letter", "replay_dead_letter", "discard_dead_letter"
            ),
            Link(to="list_dead_letters", parameters={"page": "$response.body#/next_page"}, says="The next page."),
        ),
    ),
    "get_dead_letter": Operation(
        tag="operations",
        summary="One dead letter whole, and what a replay would do",
        path=_OF_LETTER,
        answers={200: Success(says="The dead letter.", model=ops_answers.DeadLetterWhole)},
        problems=("dead_letter_not_found", *_STORE, "unreadable"),
        links=_links_to_letter("$response.body#/id", "replay_dead_letter", "discard_dead_letter"),
    ),
    "replay_dead_letter": Operation(
        tag="operations",
        summary="Start the step of a dead letter again",
        path=_OF_LETTER,
        query=operators.ReplayOne,
        body=operators.EmptyRequest,
        body_is_required=False,
        answers={200: Success(says="The verdict.", model=ops_answers.ReplayVerdict)},
        problems=("request_invalid", "dead_letter_not_found", *_CHANGES),
    ),
    "replay_dead_letters": Operation(
        tag="operations",
        summary="Replay a page of what a filter finds",
        says="One that fails does not stop the others.",
        body=operators.ReplayManyRequest,
        answers={200: Success(says="A verdict on each.", model=ops_answers.ReplayResults)},
        problems=("body_not_json", "request_invalid", "page_unknown", *_CHANGES),
    ),
    "discard_dead_letter": Operation(
        tag="operations",
        summary="Give up what a dead letter tells of",
        path=_OF_LETTER,
        body=operators.DiscardRequest,
        answers={
            200: Success(says="It is given up, or is being.", model=ops_answers.DiscardOutcome),
            409: Success(says="It may not be given up now; `why` says why.", model=ops_answers.DiscardOutcome),
        },
        problems=("body_not_json", "request_invalid", "dead_letter_not_found", *_CHANGES),
    ),
    "drain_dead_letters": Operation(
        tag="operations",
        summary="Record what died on its way to being recorded",
        answers={200: Success(says="What was recorded.", model=ops_answers.DrainOutcome)},
        problems=_CHANGES,
    ),
}
