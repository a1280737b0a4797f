"""What operators are told of many dead letters at once: parse, count, answer. Knows no rule."""

from typing import Any

import azure.functions as func

from functions.answers import json_answer
from functions.operators import Asked, letter_filter
from functions.operators_asked import Counted
from functions.queries import asked_in
from shared.codec.values import time_to_json
from shared.domain.letters import LetterStatus
from shared.verbs.recovery.count import Group, count


async def count_letters(asked: Asked) -> func.HttpResponse:
    """By step and reason, with the money at stake: all that the filter finds, however many."""
    which = asked_in(asked.req, Counted)
    as_of = time_to_json(asked.services.clock.now())
    found = await count(letter_filter(which, asked.services), services=asked.services)
    return json_answer(
        {
            "groups": [_group(each) for each in found.groups],
            "open": found.letters if which.status is LetterStatus.OPEN else 0,
            "payments": found.payments,
            "of_no_payment": found.of_no_payment,
            "as_of": as_of,
        }
    )


def _group(group: Group) -> dict[str, Any]:
    return {
        "step": group.kind.step,
        "reason": group.kind.reason,
        "severity": group.kind.severity,
        "letters": group.letters,
        "oldest_at": time_to_json(group.oldest_at),
        "newest_at": time_to_json(group.newest_at),
        "payments": group.payments,
        "worth": [{"currency": currency, "amount_minor": minor} for currency, minor in group.worth.items()],
    }
