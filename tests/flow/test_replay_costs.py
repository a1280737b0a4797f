"""What a replay costs: the same however many letters lie in the box, and as many at once as somebody has said."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from local.azure.cosmos.store import Row, Store
from shared import flow
from shared.codec.documents import to_document
from shared.domain.letters import LetterRecord, LetterStatus
from shared.errors import StoreBusy
from shared.ports.letter_box import LetterBox, LetterFilter, LetterPage
from shared.services import Services
from shared.verbs.project import project
from tests.builders import a_letter
from tests.flow.kit.edge import Edge
from tests.flow.kit.letters import fill_box
from tests.flow.kit.rows import all_requests
from tests.flow.kit.scenarios import stuck
from tests.flow.kit.world import World, a_world

REPLAYED = 5


def of_others(count: int) -> Iterator[LetterRecord]:
    """Letters of as many payments, none of which is replayed."""
    for _ in range(count):
        payment_id = str(uuid.uuid4())
        named = {"event_id": f"{payment_id}:1", "cause": f"{payment_id}:1", "message_id": f"{payment_id}:1:notify:5"}
        yield a_letter(step="notify", source="payment-settled/notify", payment_id=payment_id, **named)


@contextmanager
def documents_read(patch: pytest.MonkeyPatch) -> Iterator[list[Row]]:
    """What the queries of the local store looked at."""
    looked_at: list[Row] = []
    scan = Store.scan

    def seen(store: Store, *scope: Any, **more: Any) -> Iterator[Row]:
        for row in scan(store, *scope, **more):
            looked_at.append(row)
            yield row

    with patch.context() as patched:
        patched.setattr(Store, "scan", seen)
        yield looked_at


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a letter, from the operator's wish until everything is at rest. read: documents that queries looked at."""

    requests: float
    ru: float
    read: float


async def cost_of_a_replay(data: Path, *, beside: int, patch: pytest.MonkeyPatch) -> Cost:
    async with a_world(data, retry_settle_attempts=2) as world:
        await world.backends.tell_provider("/break")
        payment_ids = await stuck(world, count=REPLAYED)
        await world.backends.tell_provider("/repair")
        fill_box(world.backends, of_others(beside))
        await all_requests(world.backends)

        with documents_read(patch) as looked_at:
            answer = await Edge(world).send("replay_dead_letters", {"step": "settle", "limit": 200})
            await world.run()

        assert [each["verdict"] for each in answer.body["results"]] == ["replayed"] * REPLAYED
        assert {(await world.payment(each)).status.value for each in payment_ids} == {"completed"}
        assert {each.status for each in await world.letters(step="settle")} == {LetterStatus.CLOSED}
        asked = await all_requests(world.backends)
        tallies = [tally for operations in asked.values() for tally in operations.values()]
        count, ru = (sum(each) for each in zip(*tallies, strict=True))
        return Cost(count / REPLAYED, ru / REPLAYED, len(looked_at) / REPLAYED)


async def test_a_replay_beside_three_hundred_letters_costs_what_it_costs_beside_thirty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = await cost_of_a_replay(tmp_path / "few", beside=30, patch=monkeypatch)
    many = await cost_of_a_replay(tmp_path / "many", beside=300, patch=monkeypatch)

    assert many.requests == pytest.approx(few.requests, rel=0.1)
    assert many.ru == pytest.approx(few.ru, rel=0.1)
    assert many.read == pytest.approx(few.read, rel=0.1)


class _Watched:
    """The letter box, and how it is used: how many reads of one letter at once, and what is asked of many payments."""

    def __init__(self) -> None:
        self.at_once = self.most_at_once = 0
        self.asked: list[tuple[str, ...]] = []
        self.is_away = False
        self._box: Any = None

    def before(self, services: Services) -> Services:
        """Stands before the box of these."""
        self._box = services.letters
        return replace(services, letters=cast("LetterBox", self))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._box, name)

    async def get(self, letter_id: str) -> LetterRecord | None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        return cast("LetterRecord | None", await self._box.get(letter_id))

    async def find(self, wanted: LetterFilter, **page: Any) -> LetterPage:
        if wanted.payments:
            self.asked.append(wanted.payments)
            if self.is_away:
                raise StoreBusy("the store is down")
        return cast("LetterPage", await self._box.find(wanted, **page))


@pytest.mark.parametrize(("wished", "setting", "expected"), [(None, 3, 3), (2, 3, 2), (200, 3, 3), (None, 16, 5)])
async def test_so_many_payments_go_side_by_side_as_is_wished_and_the_setting_allows(
    tmp_path: Path, wished: int | None, setting: int, expected: int
) -> None:
    box = _Watched()
    async with a_world(tmp_path, alter=box.before, replays_at_once=setting) as world:
        fill_box(world.backends, of_others(5))
        box.most_at_once = 0
        wish = {} if wished is None else {"at_once": wished}

        answer = await Edge(world).send("replay_dead_letters", wish)

        assert len(answer.body["results"]) == 5
        assert box.most_at_once == expected


@pytest.mark.parametrize("wrong", [0, 201, "4", 1.5, True])
async def test_a_number_that_is_none_is_refused(tmp_path: Path, wrong: object) -> None:
    async with a_world(tmp_path) as world:
        answer = await Edge(world).send("replay_dead_letters", {"at_once": wrong})

        assert (answer.status, [each["field"] for each in answer.body["errors"]]) == (422, ["at_once"])


@asynccontextmanager
async def started_again(data: Path, box: _Watched, *, count: int) -> AsyncIterator[tuple[World, list[str]]]:
    """Payments whose letters have just been replayed, and the projector has read nothing of it."""
    async with a_world(data, alter=box.before, retry_settle_attempts=2) as world:
        await world.backends.tell_provider("/break")
        payment_ids = await stuck(world, count=count)
        await world.backends.tell_provider("/repair")
        await world.replay_all()
        for letter in await world.letters():  # as if each had been stored before the replay said that it is taken up
            await world.services.letters.save(replace(letter, status=LetterStatus.OPEN))
        box.asked.clear()
        yield world, payment_ids


async def read_by_the_projector(world: World, payment_ids: list[str]) -> None:
    """The last event of each payment, as one page."""
    await project(
        [to_document((await world.stream(payment_id))[-1]) for payment_id in payment_ids], services=world.services
    )


async def test_of_the_letters_of_a_page_of_payments_the_store_is_asked_once(tmp_path: Path) -> None:
    box = _Watched()
    async with started_again(tmp_path, box, count=4) as (world, payment_ids):
        await read_by_the_projector(world, payment_ids)

        assert [sorted(asked) for asked in box.asked] == [sorted(payment_ids)]
        assert {letter.status for letter in await world.letters()} == {LetterStatus.TAKEN_UP}


async def test_of_a_payment_whose_letters_are_closed_the_stream_is_not_read(tmp_path: Path) -> None:
    box = _Watched()
    async with started_again(tmp_path, box, count=3) as (world, payment_ids):
        (closed,) = await world.letters(payment_id=payment_ids[0])
        await world.services.letters.save(replace(closed, status=LetterStatus.CLOSED))
        documents = [to_document((await world.stream(each))[-1]) for each in payment_ids]
        await all_requests(world.backends)

        await project(documents, services=world.services)

        assert (await all_requests(world.backends))[flow.EVENTS]["query"][0] == 2
        shown = {letter.payment_id: letter.status for letter in await world.letters()}
        assert shown == {**dict.fromkeys(payment_ids, LetterStatus.TAKEN_UP), payment_ids[0]: LetterStatus.CLOSED}


async def test_a_page_of_payments_that_are_well_asks_for_no_letters(tmp_path: Path) -> None:
    box = _Watched()
    async with a_world(tmp_path, alter=box.before) as world:
        for _ in range(3):
            await world.accept("pm_ok")
        await world.run()

        assert box.asked == []


async def test_whatever_a_page_holds_one_question_names_no_more_payments_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.verbs.project.AT_ONCE", 3)
    box = _Watched()
    async with started_again(tmp_path, box, count=4) as (world, payment_ids):
        await read_by_the_projector(world, payment_ids)

        assert [len(asked) for asked in box.asked] == [3, 1]
        assert sorted(each for asked in box.asked for each in asked) == sorted(payment_ids)
        assert {letter.status for letter in await world.letters()} == {LetterStatus.TAKEN_UP}


async def test_a_store_that_is_away_in_the_middle_leaves_no_letter_as_it_was(tmp_path: Path) -> None:
    box = _Watched()
    async with started_again(tmp_path, box, count=2) as (world, payment_ids):
        box.is_away = True
        with pytest.raises(StoreBusy):
            await read_by_the_projector(world, payment_ids)
        box.is_away = False

        await read_by_the_projector(world, payment_ids)

        assert {letter.status for letter in await world.letters()} == {LetterStatus.TAKEN_UP}


async def test_a_letter_that_another_has_changed_since_the_store_was_asked_is_looked_at_again(tmp_path: Path) -> None:
    box = _Watched()
    async with started_again(tmp_path, box, count=2) as (world, payment_ids):
        find = box.find

        async def and_then_they_change(wanted: LetterFilter, **page: Any) -> LetterPage:
            found = await find(wanted, **page)
            for letter in found.letters:
                await world.services.letters.save(replace(letter, description="looked at"))
            return found

        box.find = and_then_they_change  # type: ignore[method-assign]
        await read_by_the_projector(world, payment_ids)

        shown = {(letter.status, letter.description) for letter in await world.letters()}
        assert shown == {(LetterStatus.TAKEN_UP, "looked at")}
