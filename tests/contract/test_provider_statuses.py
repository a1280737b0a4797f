"""Every status with every kind of body: what each amounts to, by tables that no code under test reads.

A gateway, a proxy or a stranger may answer anything. Then money may have moved, or nothing was learned.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from shared.domain.payment import Step
from shared.ports.provider import AskAnswer, Busy, Declined, Done, NeverSeen, OurFault, Unknown
from tests.contract.odd_server import OddServer, Said, some_at_a_time
from tests.contract.provider_words import (
    ANYBODYS,
    DONE,
    MONEY_STEPS,
    NO,
    SOMEBODYS,
    YES,
    Make,
    a_try,
    asked,
    found,
    listed,
    remembered,
    sent,
)

pytestmark = pytest.mark.asyncio(loop_scope="package")
type Row = tuple[int, int, type[AskAnswer] | AskAnswer]
"""A range of statuses, both ends included, and what they mean."""

EVERY_STATUS = range(100, 600)
"""With 1xx: 101 is a final answer; after the others, as servers send them, the connection ends without one."""

NOTHING_LEARNED: Sequence[Row] = [(100, 599, Unknown)]
A_YES: Sequence[Row] = [
    (100, 199, Unknown),
    (200, 203, Done),
    (204, 204, Unknown),  # has no body, whatever is sent
    (205, 299, Done),
    (300, 599, Unknown),
]
A_NO: Sequence[Row] = [
    (100, 399, Unknown),
    (400, 400, OurFault),
    (401, 401, Busy),
    (402, 402, Declined("no_such_luck")),
    (403, 403, Busy),
    (404, 407, OurFault),
    (408, 408, Busy),
    (409, 424, OurFault),
    (425, 425, Busy),
    (426, 428, OurFault),
    (429, 429, Busy),
    (430, 499, OurFault),
    (500, 599, Busy),
]
ASKING_LEARNED_NOTHING: Sequence[Row] = [(100, 599, Busy)]


def meant(table: Sequence[Row], status: int) -> type[AskAnswer] | AskAnswer:
    (verdict,) = (verdict for first, last, verdict in table if first <= status <= last)
    return verdict


def agrees(answer: AskAnswer, verdict: type[AskAnswer] | AskAnswer) -> bool:
    return isinstance(answer, verdict) if isinstance(verdict, type) else answer == verdict


def statuses_for(step: Step, table: Sequence[Row]) -> Sequence[int]:
    """Every status for one step. The others are judged by the same rows: the ends of each row do."""
    return EVERY_STATUS if step is Step.SETTLE else sorted({end for first, last, _ in table for end in (first, last)})


async def disagreements(
    table: Sequence[Row], heard: Callable[[int], Awaitable[AskAnswer]], statuses: Sequence[int] = EVERY_STATUS
) -> dict[int, AskAnswer]:
    """The statuses that were not taken as the table says."""
    answers = await some_at_a_time(heard(status) for status in statuses)
    return {
        status: answer
        for status, answer in zip(statuses, answers, strict=True)
        if not agrees(answer, meant(table, status))
    }


@pytest.mark.parametrize("body", ANYBODYS.values(), ids=ANYBODYS)
async def test_a_call_answered_by_anybody_else_may_have_moved_money(odd: OddServer, at: Make, body: Any) -> None:
    wrong = await disagreements(
        NOTHING_LEARNED, lambda status: sent(at(odd.answering(Said(status, body))), Step.CREATE)
    )

    assert wrong == {}


@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_only_a_2xx_is_a_yes(odd: OddServer, at: Make, step: Step) -> None:
    wrong = await disagreements(
        A_YES, lambda status: sent(at(odd.answering(Said(status, YES[step]))), step), statuses_for(step, A_YES)
    )

    assert wrong == {}


@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_the_providers_own_code_gives_its_status_a_meaning(odd: OddServer, at: Make, step: Step) -> None:
    wrong = await disagreements(
        A_NO, lambda status: sent(at(odd.answering(Said(status, NO))), step), statuses_for(step, A_NO)
    )

    assert wrong == {}


@pytest.mark.parametrize("body", [*ANYBODYS.values(), NO], ids=[*ANYBODYS, "another code of the provider's"])
async def test_a_question_that_anybody_else_answered_told_nothing(odd: OddServer, at: Make, body: Any) -> None:
    def both(status: int) -> str:
        return odd.answering(asked=Said(status, body), listed=Said(status, body))

    by_id = await disagreements(ASKING_LEARNED_NOTHING, lambda status: asked(at(both(status)), Step.SETTLE))
    by_reference = await disagreements(ASKING_LEARNED_NOTHING, lambda status: found(at(both(status)), Step.SETTLE))

    assert by_id == by_reference == {}


async def test_only_a_404_says_in_the_providers_words_that_a_request_was_never_seen(odd: OddServer, at: Make) -> None:
    table: Sequence[Row] = [(100, 403, Busy), (404, 404, NeverSeen()), (405, 599, Busy)]
    unknown = {"code": "request_unknown", "message": "No answer is remembered."}

    wrong = await disagreements(
        table, lambda status: asked(at(odd.answering(asked=Said(status, unknown))), Step.CREATE)
    )

    assert wrong == {}


async def test_only_a_200_tells_what_is_remembered_or_listed(odd: OddServer, at: Make) -> None:
    table: Sequence[Row] = [(100, 199, Busy), (200, 200, DONE[Step.SETTLE]), (201, 599, Busy)]
    memory, books = remembered(200, YES[Step.SETTLE], Step.SETTLE), listed(a_try("captured", capture_id="cap_1"))

    def both(status: int) -> str:
        return odd.answering(asked=Said(status, memory.body), listed=Said(status, books.body))

    by_id = await disagreements(table, lambda status: asked(at(both(status)), Step.SETTLE))
    by_reference = await disagreements(table, lambda status: found(at(both(status)), Step.SETTLE))

    assert by_id == by_reference == {}


def as_asked(table: Sequence[Row]) -> Sequence[Row]:
    """What may have moved money when it was sent tells nothing when it is asked about."""
    return [(first, last, Busy if verdict is Unknown else verdict) for first, last, verdict in table]


REMEMBERED_YES: Sequence[Row] = [(100, 199, Busy), (200, 299, Done), (300, 599, Busy)]


@pytest.mark.parametrize(
    ("body", "table"),
    [({}, ASKING_LEARNED_NOTHING), (SOMEBODYS, ASKING_LEARNED_NOTHING), (NO, as_asked(A_NO))],
    ids=["empty", "somebody's", "a no"],
)
async def test_a_remembered_no_is_judged_as_a_fresh_one(
    odd: OddServer, at: Make, body: Any, table: Sequence[Row]
) -> None:
    def memory(status: int) -> str:
        return odd.answering(asked=remembered(status, body, Step.CREATE))

    wrong = await disagreements(table, lambda status: asked(at(memory(status)), Step.CREATE))

    assert wrong == {}


@pytest.mark.parametrize("step", MONEY_STEPS)
async def test_a_remembered_yes_is_judged_as_a_fresh_one(odd: OddServer, at: Make, step: Step) -> None:
    def memory(status: int) -> str:
        return odd.answering(asked=remembered(status, YES[step], step))

    wrong = await disagreements(
        REMEMBERED_YES, lambda status: asked(at(memory(status)), step), statuses_for(step, REMEMBERED_YES)
    )

    assert wrong == {}
