"""What the list of all tries of a payment amounts to: a yes, a definite no, never seen, or nothing certain."""

from itertools import permutations
from typing import Any

import pytest

from shared.domain.payment import Step
from shared.ports.provider import AskAnswer, Busy, CapturedInstead, Declined, Done, NeverSeen
from tests.contract.odd_server import OddServer, Said
from tests.contract.provider_words import BOOKS, DONE, MONEY_STEPS, Make, a_try, found, listed

pytestmark = pytest.mark.asyncio(loop_scope="package")


DECLINED_TRY = a_try("declined", provider_payment_id="pp_0", code="card_declined")


@pytest.mark.parametrize("success", ["authorised", "captured", "voided"])
async def test_a_try_that_succeeded_goes_before_one_that_was_declined(odd: OddServer, at: Make, success: str) -> None:
    for order in permutations([DECLINED_TRY, a_try(success), {**DECLINED_TRY, "provider_payment_id": "pp_3"}]):
        assert await found(at(odd.answering(listed=listed(*order))), Step.CREATE) == Done("pp_1")


async def test_of_two_authorisations_the_same_one_is_found_whatever_the_order(odd: OddServer, at: Make) -> None:
    tries = [a_try("authorised"), a_try("authorised", provider_payment_id="pp_2"), DECLINED_TRY]

    answers = [await found(at(odd.answering(listed=listed(*order))), Step.CREATE) for order in permutations(tries)]

    assert answers == [Done("pp_1")] * 6


async def test_an_authorisation_that_stands_goes_before_one_that_was_released(odd: OddServer, at: Make) -> None:
    tries = [a_try("voided", provider_payment_id="pp_0", void_id="vo_0"), a_try("authorised")]

    for order in permutations(tries):
        assert await found(at(odd.answering(listed=listed(*order))), Step.CREATE) == Done("pp_1")


async def test_a_declined_create_is_found_when_no_other_try_may_still_succeed(odd: OddServer, at: Make) -> None:
    assert await found(at(odd.answering(listed=listed(DECLINED_TRY))), Step.CREATE) == Declined("card_declined")


@pytest.mark.parametrize(
    "other",
    [
        a_try("pending"),
        a_try("refunded"),
        a_try("authorised", amount_minor=1251),
        a_try("authorised", currency="USD"),
        a_try("authorised", payment_reference="another payment"),
        a_try("authorised", provider_payment_id=None),
        a_try("declined"),
        {},
        None,
        "pp_1",
    ],
    ids=lambda other: str(other)[:90],
)
async def test_a_try_of_which_nothing_is_known_for_certain_leaves_it_open(odd: OddServer, at: Make, other: Any) -> None:
    for tries in ([other], [DECLINED_TRY, other], [other, DECLINED_TRY]):
        assert isinstance(await found(at(odd.answering(listed=listed(*tries))), Step.CREATE), Busy)


@pytest.mark.parametrize("step", [Step.SETTLE, Step.VOID])
async def test_a_declined_create_is_no_answer_to_another_step(odd: OddServer, at: Make, step: Step) -> None:
    for order in permutations([DECLINED_TRY, a_try("authorised")]):
        assert await found(at(odd.answering(listed=listed(*order))), step) == NeverSeen()


@pytest.mark.parametrize("step", [Step.SETTLE, Step.VOID])
@pytest.mark.parametrize(
    "mine",
    [
        a_try("pending"),
        a_try("declined", code="card_declined"),
        a_try("refunded", capture_id="cap_1", void_id="vo_1"),
        a_try("pending", capture_id="cap_1", void_id="vo_1"),
        a_try("authorised", capture_id="cap_1", void_id="vo_1"),
        a_try("captured"),
        a_try("captured", capture_id="a b"),
        a_try("captured", capture_id="cap_1", amount_minor=1),
        a_try("captured", capture_id="cap_1", provider_payment_id="pp_2"),
        DECLINED_TRY,
    ],
    ids=lambda mine: str(mine)[:110],
)
async def test_what_the_books_do_not_say_for_certain_was_neither_done_nor_never_seen(
    odd: OddServer, at: Make, step: Step, mine: dict[str, Any]
) -> None:
    assert isinstance(await found(at(odd.answering(listed=listed(mine))), step), Busy)


@pytest.mark.parametrize("step", [Step.SETTLE, Step.VOID])
@pytest.mark.parametrize("status", ["captured", "pending"])
async def test_another_try_that_took_money_or_still_may_leaves_the_step_open(
    odd: OddServer, at: Make, step: Step, status: str
) -> None:
    other = a_try(status, provider_payment_id="pp_2", capture_id="cap_2")

    for order in permutations([a_try("authorised"), other]):
        assert isinstance(await found(at(odd.answering(listed=listed(*order))), step), Busy)
    for order in permutations([BOOKS[step], other]):
        assert await found(at(odd.answering(listed=listed(*order))), step) == DONE[step]


async def test_a_captured_payment_cannot_be_voided_and_the_books_say_what_was_taken(odd: OddServer, at: Make) -> None:
    books = at(odd.answering(listed=listed(BOOKS[Step.SETTLE])))

    assert await found(books, Step.VOID) == CapturedInstead(str(BOOKS[Step.SETTLE]["capture_id"]))


async def test_a_voided_payment_was_never_captured(odd: OddServer, at: Make) -> None:
    assert await found(at(odd.answering(listed=listed(BOOKS[Step.VOID]))), Step.SETTLE) == NeverSeen()


@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_only_a_list_that_says_it_is_complete_shows_that_something_was_never_seen(
    odd: OddServer, at: Make, step: Step
) -> None:
    async def told(said: Said) -> AskAnswer:
        return await found(at(odd.answering(listed=said)), step)

    assert await told(listed()) == NeverSeen()
    for has_more in (True, None, 0, "false"):
        assert isinstance(await told(listed(has_more=has_more)), Busy)
    for body in (b'{"payments": []}', b'{"has_more": false}', b'{"payments": {}, "has_more": false}', b"[]"):
        assert isinstance(await told(Said(200, body)), Busy)


@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_on_one_page_of_several_a_yes_counts_and_a_no_does_not(odd: OddServer, at: Make, step: Step) -> None:
    yes, no = listed(BOOKS[step], has_more=True), listed(DECLINED_TRY, has_more=True)

    assert await found(at(odd.answering(listed=yes)), step) == DONE[step]
    assert isinstance(await found(at(odd.answering(listed=no)), step), Busy)
