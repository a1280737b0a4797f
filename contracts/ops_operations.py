"""What each function for operators takes and answers; the others are in operations.py."""

from contracts import answers, flowing, notifications, ops_answers
from contracts.operation import (
    APPENDS,
    CHANGES,
    OF_BODIES,
    OF_LETTER,
    OF_NOTIFICATION,
    OF_PAYMENT,
    STORE,
    Link,
    Operation,
    Success,
    links_to_letter,
    tagged,
)
from functions import erase, operators_asked

OF_OPERATORS: dict[str, Operation] = {
    "watch_flow": Operation(
        tag="operations",
        summary="What moves now, where it waits, and what is parked",
        says="All that a picture of the flow needs, for whoever asks again and again: looked at every two seconds at "
        "most, whoever asks, and while nobody asks not at all. Each process sees for itself. The ETag is that of what "
        "is seen, without `as_of` and `counted_at`: with 304 it is as new as the answer.",
        headers=("If-None-Match",),
        answers=tagged(flowing.Flow, "The flow as it is seen now."),
        problems=STORE,
    ),
    "show_caller": Operation(
        tag="operations",
        summary="Who you are here, and what you may do",
        answers={200: Success(says="What the app knows of you.", model=ops_answers.Me)},
    ),
    "inspect_payment": Operation(
        tag="operations",
        summary="Any merchant's payment as it now is",
        path=OF_PAYMENT,
        headers=("If-None-Match",),
        answers=tagged(answers.Payment, "The payment."),
        problems=("payment_not_found", *STORE, "unreadable"),
    ),
    "inspect_payment_events": Operation(
        tag="operations",
        summary="The events of any merchant's payment, oldest first",
        path=OF_PAYMENT,
        headers=("If-None-Match",),
        answers=tagged(ops_answers.TimelineToOperators, "Its events, and what led to each."),
        problems=("payment_not_found", *STORE, "unreadable"),
    ),
    "inspect_notifications": Operation(
        tag="operations",
        summary="What any merchant is told of a payment, and how each try went",
        says="As the merchant sees it.",
        path=OF_PAYMENT,
        headers=("If-None-Match",),
        answers=tagged(notifications.Notifications, "Its notifications, in the order of their events."),
        problems=("payment_not_found", *STORE, "unreadable"),
    ),
    "resend_any_notification": Operation(
        tag="operations",
        summary="Tell any merchant once more, now",
        says="As `resend_notification`, with the same limits: what merchants and operators resend counts together.",
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
        ),
    ),
    "erase_payment": Operation(
        tag="operations",
        summary="Erase the merchant's own words of a payment",
        says="`description`, `metadata` and the reasons of refunds, for good. Everything else stays, and the payment "
        "goes on. A repeat finds nothing left.",
        path=OF_PAYMENT,
        body=erase.EraseRequest,
        answers={200: Success(says="What is gone, or would be.", model=ops_answers.ErasureOutcome)},
        problems=(
            *OF_BODIES,
            "body_not_json",
            "request_invalid",
            "payment_not_found",
            *STORE,
            "stream_moved",
            "unreadable",
        ),
    ),
    "list_payments": Operation(
        tag="operations",
        summary="All payments, a page at a time",
        query=operators_asked.Rows,
        answers={200: Success(says="Rows of the read model.", model=ops_answers.PaymentRows)},
        problems=("request_invalid", "page_unknown", *STORE),
        links=(Link(to="list_payments", parameters={"page": "$response.body#/next_page"}, says="The next page."),),
    ),
    "list_dead_letters": Operation(
        tag="operations",
        summary="Dead letters by filter, a page at a time",
        query=operators_asked.Which,
        answers={200: Success(says="Without their bodies.", model=ops_answers.DeadLetters)},
        problems=("request_invalid", "page_unknown", *STORE),
        links=(
            *links_to_letter(
                "$response.body#/dead_letters/0/id", "get_dead_letter", "replay_dead_letter", "discard_dead_letter"
            ),
            Link(to="list_dead_letters", parameters={"page": "$response.body#/next_page"}, says="The next page."),
        ),
    ),
    "count_dead_letters": Operation(
        tag="operations",
        summary="Dead letters by step and reason, with the money at stake",
        says="All that the filter finds. Those that are open if no status is named.",
        query=operators_asked.Counted,
        answers={200: Success(says="The loudest first.", model=ops_answers.LetterGroups)},
        problems=("request_invalid", *STORE),
        links=(
            Link(
                to="list_dead_letters",
                parameters={"step": "$response.body#/groups/0/step", "reason": "$response.body#/groups/0/reason"},
                says="The dead letters of a group.",
            ),
        ),
    ),
    "get_dead_letter": Operation(
        tag="operations",
        summary="One dead letter whole, and what a replay would do",
        path=OF_LETTER,
        answers={200: Success(says="The dead letter.", model=ops_answers.DeadLetterWhole)},
        problems=("dead_letter_not_found", *STORE, "unreadable"),
        links=links_to_letter("$response.body#/id", "replay_dead_letter", "discard_dead_letter"),
    ),
    "replay_dead_letter": Operation(
        tag="operations",
        summary="Start the step of a dead letter again",
        path=OF_LETTER,
        query=operators_asked.ReplayOne,
        body=operators_asked.EmptyRequest,
        body_is_required=False,
        answers={200: Success(says="The verdict.", model=ops_answers.ReplayVerdict)},
        problems=("body_not_json", "request_invalid", "dead_letter_not_found", *CHANGES),
    ),
    "replay_dead_letters": Operation(
        tag="operations",
        summary="Replay a page of what a filter finds",
        says="One that fails does not stop the others.",
        body=operators_asked.ReplayManyRequest,
        answers={200: Success(says="A verdict on each.", model=ops_answers.ReplayResults)},
        problems=("body_not_json", "request_invalid", "page_unknown", *CHANGES),
    ),
    "discard_dead_letter": Operation(
        tag="operations",
        summary="Give up what a dead letter tells of",
        path=OF_LETTER,
        body=operators_asked.DiscardRequest,
        answers={
            200: Success(says="It is given up, or is being.", model=ops_answers.DiscardOutcome),
            409: Success(says="It may not be given up now; `why` says why.", model=ops_answers.DiscardOutcome),
        },
        problems=("body_not_json", "request_invalid", "dead_letter_not_found", *CHANGES),
    ),
    "drain_dead_letters": Operation(
        tag="operations",
        summary="Record what died on its way to being recorded",
        says="Has no body, and there is no dry run of it.",
        answers={200: Success(says="What was recorded.", model=ops_answers.DrainOutcome)},
        problems=("body_unexpected", "request_invalid", *CHANGES),
    ),
}
