"""What the provider's answers to a refund amount to: its own amount and reference count, and the books show it."""

from typing import Any

import pytest

from shared.adapters.provider.client import HttpProvider
from shared.domain.payment import RefundTask
from shared.ports.provider import AskAnswer, Busy, Call, Declined, Done, NeverSeen, OurFault, Unknown
from tests.builders import OTHER_REFUND_ID, PAYMENT_ID, REFUND_ID, TRACEPARENT, a_payment
from tests.contract.odd_server import OddServer, Said
from tests.contract.provider_words import Make, listed

pytestmark = pytest.mark.asyncio(loop_scope="package")

PAYMENT = a_payment().created().settled().completed().refund_requested().payment
TASK = RefundTask(REFUND_ID)
CALL = Call(request_id=f"{PAYMENT_ID}:refund:{REFUND_ID}", traceparent=TRACEPARENT)
MONEY = {"amount_minor": 500, "currency": "EUR"}
REFUNDED = {"refund_reference": REFUND_ID, **MONEY, "status": "refunded", "refund_id": "re_1"}
YES = {"payment_reference": PAYMENT_ID, "provider_payment_id": "pp_1", **REFUNDED}
TRY = {
    "payment_reference": PAYMENT_ID,
    "provider_payment_id": "pp_1",
    "amount_minor": 1250,
    "currency": "EUR",
    "status": "captured",
    "capture_id": "cap_1",
}
OTHERS = {**REFUNDED, "refund_reference": OTHER_REFUND_ID, "refund_id": "re_2", "amount_minor": 300}


async def sent(provider: HttpProvider) -> AskAnswer:
    return await provider.refund(PAYMENT, TASK, call=CALL)


async def found(provider: HttpProvider) -> AskAnswer:
    return await provider.find(PAYMENT, TASK, call=CALL)


def books(*refunds: Any, **changes: Any) -> Said:
    return listed({**TRY, "refunds": list(refunds), **changes})


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (YES, Done("re_1")),
        ({"status": "refunded", "refund_id": "re_1"}, Done("re_1")),
        ({**YES, "amount_minor": 1250}, "amount_minor"),
        ({**YES, "currency": "USD"}, "currency"),
        ({**YES, "refund_reference": OTHER_REFUND_ID}, "refund_reference"),
        ({**YES, "payment_reference": "another"}, "payment_reference"),
        ({**YES, "provider_payment_id": "pp_2"}, "provider_payment_id"),
        ({**YES, "status": "captured"}, "status"),
        ({**YES, "status": "pending"}, "status"),
        ({**YES, "refund_id": None}, "refund_id"),
    ],
)
async def test_a_yes_speaks_of_this_refund_and_its_amount(
    odd: OddServer, at: Make, body: dict[str, Any], answer: Done | str
) -> None:
    expected = Unknown(f"answered 200, and its {answer} does not fit") if isinstance(answer, str) else answer

    assert await sent(at(odd.answering(Said(200, body)))) == expected


@pytest.mark.parametrize(
    ("status", "code", "answer"),
    [
        (402, "refund_declined", Declined("refund_declined")),
        (409, "refund_exceeds_capture", OurFault("409 refund_exceeds_capture")),
        (503, "unavailable", Busy("answered 503 unavailable")),
    ],
)
async def test_a_no_is_what_the_provider_calls_it(
    odd: OddServer, at: Make, status: int, code: str, answer: AskAnswer
) -> None:
    assert await sent(at(odd.answering(Said(status, {"code": code})))) == answer


async def test_a_refund_that_another_request_made_is_looked_up(odd: OddServer, at: Make) -> None:
    conflict = Said(409, {"code": "already_refunded"})

    assert await sent(at(odd.answering(conflict, listed=books(OTHERS, REFUNDED)))) == Done("re_1")


UNCLEAR = Busy(f"the books show a try of {PAYMENT_ID} that is not clear")
DECLINED = {"refund_reference": REFUND_ID, **MONEY, "status": "declined", "code": "no"}


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (books(OTHERS, REFUNDED), Done("re_1")),
        (books(DECLINED, REFUNDED), Done("re_1")),
        (books(DECLINED), Declined("no")),
        (books(DECLINED, {**REFUNDED, "status": "pending"}), UNCLEAR),
        (books({**REFUNDED, "status": "pending"}, DECLINED), UNCLEAR),
        (books(OTHERS), NeverSeen()),
        (books(), NeverSeen()),
        (books({**REFUNDED, "status": "pending"}), UNCLEAR),
        (books({**REFUNDED, "amount_minor": 501}), UNCLEAR),
        (books({**REFUNDED, "refund_id": ""}), UNCLEAR),
        (books("odd"), UNCLEAR),
        (listed(TRY), UNCLEAR),
        (listed({**TRY, "refunds": {}}), UNCLEAR),
        (books(REFUNDED, payment_reference="another"), UNCLEAR),
        (listed({**TRY, "provider_payment_id": "pp_0", "refunds": [REFUNDED]}), UNCLEAR),
        (
            listed({**TRY, "provider_payment_id": "pp_0", "status": "voided"}, {**TRY, "refunds": [REFUNDED]}),
            Done("re_1"),
        ),
        (listed({**TRY, "provider_payment_id": "pp_0"}, {**TRY, "refunds": []}), NeverSeen()),
        (listed(), NeverSeen()),
    ],
)
async def test_what_the_books_say_of_a_refund(odd: OddServer, at: Make, said: Said, answer: AskAnswer) -> None:
    assert await found(at(odd.answering(listed=said))) == answer


async def test_a_refund_that_was_made_before_and_is_not_in_the_books_yet_is_looked_up_again(
    odd: OddServer, at: Make
) -> None:
    conflict = Said(409, {"code": "already_refunded"})

    for said in (books(), books(DECLINED)):
        assert isinstance(await sent(at(odd.answering(conflict, listed=said))), Unknown)


async def test_books_that_go_on_do_not_say_that_a_refund_was_never_seen(odd: OddServer, at: Make) -> None:
    said = listed({**TRY, "refunds": []}, has_more=True)

    assert isinstance(await found(at(odd.answering(listed=said))), Busy)
