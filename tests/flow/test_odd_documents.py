"""A document of any content in `events`: it is parked under an id of its own, and delays nobody."""

from pathlib import Path

import pytest

from shared import flow
from shared.domain.letters import LetterStatus
from shared.verbs.project import project
from shared.verbs.publish import publish
from tests.facts import COMPLETED
from tests.flow.kit.world import a_world
from tests.odd_documents import odd_documents, with_lone_surrogates


@pytest.mark.parametrize("oddity", odd_documents())
async def test_an_odd_document_stops_nobody_and_is_held_by_an_open_letter(tmp_path: Path, oddity: str) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.container(flow.EVENTS).create_item(odd_documents()[oddity])
        payment_id = await world.accept()

        await world.run()

        assert world.faults == []
        assert await world.events(payment_id) == COMPLETED
        letter = await world.only_letter(status=LetterStatus.OPEN)
        assert (letter.step, letter.source, letter.reason) == ("publish", "events", "unmappable")


@pytest.mark.parametrize("oddity", with_lone_surrogates())
async def test_half_a_surrogate_pair_anywhere_is_parked_as_text_that_can_be_sent(tmp_path: Path, oddity: str) -> None:
    async with a_world(tmp_path) as world:
        documents = [with_lone_surrogates()[oddity]]

        await publish(documents, services=world.services)
        await project(documents, services=world.services)
        await world.run()

        letter = await world.only_letter(status=LetterStatus.OPEN)
        assert letter.reason == "unmappable"
        f"{letter.message_id}{letter.subject}{letter.description}{letter.body}".encode()


async def test_each_odd_document_has_a_letter_of_its_own_however_alike_their_ids_are(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        alike = [{"id": "i" * 500 + str(number), "paymentId": "p" * 500} for number in range(3)]
        in_another_partition = [{"id": "same:1", "paymentId": partition} for partition in ("same", "other")]

        for _ in range(2):  # the batch comes again
            await publish([*alike, *in_another_partition], services=world.services)
        await world.run()

        letters = await world.letters(status=LetterStatus.OPEN)
        assert len(letters) == 5
        assert [letter.payment_id for letter in letters if letter.payment_id] == ["same"]
        assert max(len(letter.message_id) for letter in letters) <= 128
        assert max(len(letter.body) for letter in letters) < 400
