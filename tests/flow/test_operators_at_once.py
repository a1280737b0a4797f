"""Two operators act on a letter that is in the box alone, at the same moment: one does it, and both hear what is so."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from shared import flow
from shared.domain.letters import DeadLetter, LetterRecord, LetterStatus
from shared.ports.letter_box import LetterBox
from shared.services import Services
from shared.verbs.recovery.discard import discard
from shared.verbs.recovery.replay import replay
from tests.facts import COMPLETED
from tests.flow.kit.edge import Edge
from tests.flow.kit.world import World, a_world


class _Outrun:
    """A box in which somebody else is quicker, once: right before a letter is saved."""

    def __init__(self) -> None:
        self._box: Any = None
        self.other: Callable[[LetterRecord], Awaitable[object]] | None = None

    def before(self, services: Services) -> Services:
        """Stands before the box of these."""
        self._box = services.letters
        return replace(services, letters=cast("LetterBox", self))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._box, name)

    async def save(self, record: LetterRecord) -> LetterRecord:
        if other := self.other:
            self.other = None
            await other(record)
        return cast("LetterRecord", await self._box.save(record))


async def of_publish(world: World) -> tuple[str, str]:
    """A payment whose first event reached no topic, and the letter of that."""
    payment_id = await world.accept("pm_ok")
    await world.read_page("publish")
    stub = DeadLetter(
        message_id=f"{payment_id}:1",
        body="{}",
        subject="payment.initiated",
        reason="topic_refuses",
        description="it was full",
        source=flow.EVENTS,
    )
    await world.services.dead_letters.park(stub)
    await world.run()
    return payment_id, (await world.only_letter()).letter_id


async def replayed(record: LetterRecord, *, services: Services) -> None:
    await replay(record.letter_id, by="the other", dry_run=False, services=services)


async def discarded(record: LetterRecord, *, services: Services) -> None:
    await discard(record.letter_id, by="the other", reason="nobody needs it", services=services)


@pytest.mark.parametrize("theirs", [replayed, discarded])
async def test_what_the_other_one_has_done_is_nothing_to_do_and_no_failure(
    tmp_path: Path, theirs: Callable[..., Awaitable[None]]
) -> None:
    box = _Outrun()
    async with a_world(tmp_path, alter=box.before) as world:
        payment_id, _ = await of_publish(world)
        box.other = lambda record: theirs(record, services=world.services)

        answer = await Edge(world).send("replay_dead_letters", {})
        await world.run()

        assert box.other is None, "the other one was quicker"
        assert [each["verdict"] for each in answer.body["results"]] == ["nothing_to_do"]
        assert (await world.only_letter()).status is LetterStatus.CLOSED
        assert await world.events(payment_id) == COMPLETED


async def test_of_two_who_discard_a_letter_both_hear_that_it_is_done(tmp_path: Path) -> None:
    box = _Outrun()
    async with a_world(tmp_path, alter=box.before) as world:
        _, letter_id = await of_publish(world)
        box.other = lambda record: discarded(record, services=world.services)

        answer = await Edge(world).send("discard_dead_letter", {"reason": "nobody needs it"}, letter_id=letter_id)

        assert (answer.status, answer.body["comes_to"]) == (200, "nothing")
        (closed,) = [await world.only_letter()]
        assert closed.closing is not None
        assert closed.closing.by == "the other"
