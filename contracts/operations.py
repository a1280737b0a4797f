"""What each HTTP function takes and answers. A new function gets its entry here, a new problem code its place in one.

Where a function is called, and whose key opens it, is not said here: that is read from its decorator.
"""

from datetime import timedelta

from contracts import answers, lists, money, news, notifications
from contracts.operation import (
    APPENDS,
    OF_BODIES,
    OF_NOTIFICATION,
    OF_PAYMENT,
    STORE,
    Link,
    Operation,
    Success,
    links_to_payment,
    tagged,
)
from contracts.ops_operations import OF_OPERATORS
from contracts.words import SIGNATURE
from functions.requests import PaymentRequest, RefundRequest
from functions.search import Search
from shared.domain.notifications import RESENT_AGAIN_AFTER, RESENT_AT_MOST, RESENT_WITHIN
from shared.ports.attempts import SHOWN_OF_EACH

GO_ON = {
    "request_cancel": "End it before its money is taken.",
    "request_refund": "Give its money back.",
    "list_notifications": "What you are told of it.",
    "inspect_payment": "The same, for operators.",
    "inspect_payment_events": "Its events, for operators.",
    "inspect_notifications": "Its notifications, for operators.",
}


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
            *OF_BODIES,
            "body_not_json",
            "idempotency_key_invalid",
            "idempotency_key_reused",
            "request_invalid",
            *STORE,
            *APPENDS,
        ),
        links=links_to_payment("$response.body#/payment_id"),
    ),
    "search_payments": Operation(
        tag="payments",
        summary="Your payments, newest first",
        says="From the read model, which follows what is stored: `as_of` says how closely.",
        query=Search,
        answers={200: Success(says="A page.", model=lists.PaymentList)},
        problems=("request_invalid", "page_unknown", "list_not_ready", *STORE),
        links=(
            Link(to="search_payments", parameters={"page": "$response.body#/next_page"}, says="The next page."),
            *links_to_payment("$response.body#/payments/0/payment_id"),
        ),
    ),
    "request_cancel": Operation(
        tag="payments",
        summary="End a payment before its money is taken",
        says="Has no body. The provider decides: look at the payment for what came of it. A repeat changes nothing.",
        path=OF_PAYMENT,
        answers={
            202: Success(says="The request is noted.", model=answers.PaymentToCancel, headers=("Location",)),
            200: Success(says="It was cancelled before.", model=answers.PaymentToCancel, headers=("Location",)),
        },
        problems=(
            *OF_BODIES,
            "body_unexpected",
            "request_invalid",
            "payment_not_found",
            "already_settled",
            "payment_ended",
            *STORE,
            *APPENDS,
        ),
        links=links_to_payment("$response.body#/payment_id"),
    ),
    "request_refund": Operation(
        tag="payments",
        summary="Give money back",
        says="In full, or in up to 20 parts. The key is mandatory. The amount is reserved at once, and only a definite "
        "no frees it; what came of it stands in the payment's `refunds`.",
        path=OF_PAYMENT,
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
            *OF_BODIES,
            "body_not_json",
            "idempotency_key_required",
            "idempotency_key_invalid",
            "idempotency_key_reused",
            "request_invalid",
            "payment_not_found",
            "not_settled",
            "refund_exceeds_payment",
            "too_many_refunds",
            *STORE,
            *APPENDS,
        ),
        links=links_to_payment("$response.body#/payment_id"),
    ),
    "get_payment": Operation(
        tag="payments",
        summary="A payment as it now is",
        path=OF_PAYMENT,
        headers=("If-None-Match",),
        answers=tagged(answers.Payment, "The payment."),
        problems=("payment_not_found", *STORE, "unreadable"),
        links=(
            *links_to_payment("$response.body#/payment_id")[1:],
            *(
                Link(to=name, parameters={"payment_id": "$response.body#/payment_id"}, says=says)
                for name, says in GO_ON.items()
            ),
        ),
    ),
    "get_payment_events": Operation(
        tag="payments",
        summary="The events of a payment, oldest first",
        path=OF_PAYMENT,
        headers=("If-None-Match",),
        answers=tagged(answers.Timeline, "Its events."),
        problems=("payment_not_found", *STORE, "unreadable"),
        links=links_to_payment("$response.body#/payment_id")[:1],
    ),
    "list_notifications": Operation(
        tag="payments",
        summary="What you are told of a payment, and how each try went",
        says="States are those of the payment; attempts are kept for 30 days, may lag behind, and one may be missing. "
        f"The newest {SHOWN_OF_EACH} of each notification are shown.",
        path=OF_PAYMENT,
        headers=("If-None-Match",),
        answers=tagged(notifications.Notifications, "Its notifications, in the order of their events."),
        problems=("payment_not_found", *STORE, "unreadable"),
        links=(
            *links_to_payment("$response.body#/payment_id")[:1],
            Link(
                to="resend_notification",
                parameters={
                    "payment_id": "$response.body#/payment_id",
                    "notification_id": "$response.body#/notifications/0/notification_id",
                },
                says="Tell me once more.",
            ),
        ),
    ),
    "resend_notification": Operation(
        tag="payments",
        summary="Tell me once more, now",
        says="Has no body. One try, under the same `webhook-id` and with a new timestamp. The answer is 200 whatever "
        "your server said: look at `attempt`, and at `state` for what is recorded. One notification may be resent "
        f"{RESENT_AGAIN_AFTER.seconds} s after its last resend, and {RESENT_AT_MOST} times within "
        f"{RESENT_WITHIN // timedelta(hours=1)} h; before that the answer is 429 `resent_too_often`. It goes by the "
        "attempts that are kept, which may lag behind.",
        path=OF_NOTIFICATION,
        answers={200: Success(says="It was tried.", model=notifications.Resent)},
        problems=(
            *OF_BODIES,
            "body_unexpected",
            "request_invalid",
            "payment_not_found",
            "notification_not_found",
            "notification_not_wanted",
            "resent_too_often",
            *STORE,
            *APPENDS,
            "unreadable",
        ),
        links=links_to_payment("$response.body#/payment_id")[:1],
    ),
    "hear_provider": Operation(
        tag="provider",
        summary="The provider tells that something has become of a dispute",
        says="Who sends it is known by the signature alone. The event says where to look: what is recorded is what the "
        "provider answers when it is asked. Send it again, under the same `webhook-id` and with a new timestamp, until "
        "the answer is a 2xx.",
        headers=SIGNATURE,
        requires=SIGNATURE,
        body=news.ProviderEvent,
        answers={200: Success(says="It is heard.", model=news.NewsHeard)},
        problems=(
            *OF_BODIES,
            "origin_refused",
            "host_refused",
            "signature_refused",
            "news_unreadable",
            "payment_not_found",
            "dispute_not_confirmed",
            "dispute_misfit",
            "provider_behind",
            "provider_silent",
            "provider_not_known",
            *STORE,
            *APPENDS,
        ),
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
        tag="contract", summary="This document", answers=tagged(answers.OpenApiDocument, "OpenAPI 3.1.")
    ),
    "get_docs": Operation(tag="contract", summary="This document as a page", answers=tagged(None, "HTML.")),
    **OF_OPERATORS,
}
