"""An operator erases the merchant's own words: they are gone from everywhere, and the payment does not notice."""

import json
from pathlib import Path
from typing import Any

import pytest

from functions.caller import Role
from shared import flow
from shared.codec.documents import to_document
from shared.codec.values import time_to_json
from shared.domain.letters import LetterStatus
from shared.errors import AppendUnknown, StreamMoved
from tests.builders import a_payment
from tests.facts import COMPLETED
from tests.flow.kit.doors import SIGNED_IN, principal
from tests.flow.kit.edge import Answered, Edge
from tests.flow.kit.failing_ports import busy_after_erasing, raising_in_erase
from tests.flow.kit.world import World, a_world

WORD = "Rumpelstilzchen"
ORDER = {
    "amount_minor": 1250,
    "currency": "EUR",
    "payment_method": "pm_ok",
    "reference": "order-1",
    "description": f"A spinning wheel for {WORD}",
    "metadata": {"deliver_to": WORD, WORD: "yes"},
}
BACK = {"amount_minor": 500, "reason": f"{WORD} was angry"}
WHY = {"reason": "the customer wants to be forgotten"}
LATER_S = 7200
"""No topic knows an id for so long, and no step takes an event that is so old for new."""


async def paid(edge: Edge, world: World, *, key: str = "pay", **changes: Any) -> str:
    accepted = await edge.send("accept_payment", {**ORDER, **changes}, headers={"Idempotency-Key": key})
    assert accepted.status == 202
    await world.run()
    return str(accepted.body["payment_id"])


async def refunded(edge: Edge, world: World) -> str:
    """A payment of which some was given back, with a reason."""
    payment_id = await paid(edge, world)
    answered = await edge.send("request_refund", BACK, headers={"Idempotency-Key": "back"}, payment_id=payment_id)
    assert answered.status == 202
    await world.run()
    return payment_id


async def erased(edge: Edge, payment_id: str, **wanted: Any) -> Answered:
    return await edge.send("erase_payment", {**WHY, **wanted}, payment_id=payment_id)


async def seen(edge: Edge, payment_id: str) -> dict[str, Any]:
    """All that merchant and operators are shown of a payment."""
    views = (
        "get_payment",
        "get_payment_events",
        "list_notifications",
        "inspect_payment",
        "inspect_payment_events",
        "inspect_notifications",
    )
    return {view: (await edge.ask(view, payment_id=payment_id)).body for view in views}


async def documents(world: World) -> list[dict[str, Any]]:
    """Every event as it is stored."""
    return [each async for each in world.backends.container(flow.EVENTS).query_items("SELECT * FROM c")]


def blanked(shown: Any) -> Any:
    """What was shown before, without the words."""
    blanks: dict[str, Any] = {"description": None, "metadata": {}, "reason_given": None}
    if isinstance(shown, dict):
        return {name: blanks.get(name, blanked(each)) for name, each in shown.items()}
    return [blanked(each) for each in shown] if isinstance(shown, list) else shown


async def test_the_words_are_gone_from_every_answer_and_all_else_is_answered_as_before(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = await refunded(edge, world)
        before = await seen(edge, payment_id)

        answered = await erased(edge, payment_id)

        after = await seen(edge, payment_id)
        assert json.dumps(before).count(WORD) == 14, "words in each of the four views"
        assert WORD not in json.dumps([after, answered.body, await documents(world)])
        assert after == blanked(before)
        assert answered.body == {
            "payment_id": payment_id,
            "dry_run": False,
            "erased": [
                {"event_id": f"{payment_id}:1", "type": "payment.initiated", "fields": ["description", "metadata"]},
                {"event_id": f"{payment_id}:5", "type": "payment.refund_requested", "fields": ["reason_given"]},
            ],
        }


async def test_who_erased_when_and_why_stands_beside_what_was_erased(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge, ada = Edge(world, doors=SIGNED_IN), principal(*Role, name="ada@example.org")
        payment_id = (await edge.send("accept_payment", ORDER, headers=ada)).body["payment_id"]

        await edge.send("erase_payment", WHY, headers=ada, payment_id=payment_id)

        (document,) = await documents(world)
        note = {name: text for name, text in document["metadata"].items() if name.startswith("erased")}
        assert note == {
            "erasedAt": time_to_json(world.clock.now()),
            "erasedBy": "ada@example.org",
            "erasedWhy": WHY["reason"],
        }
        assert "ada@example.org" not in json.dumps(await seen_by(edge, ada, payment_id))


async def seen_by(edge: Edge, headers: dict[str, str], payment_id: str) -> list[Any]:
    views = ("get_payment", "get_payment_events")
    return [(await edge.ask(view, headers=headers, payment_id=payment_id)).body for view in views]


async def test_a_dry_run_says_where_words_stand_and_changes_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = await refunded(edge, world)
        before = await documents(world)

        looked = await erased(edge, payment_id, dry_run=True)

        assert await documents(world) == before
        assert world.telemetry.metric("payments.erased") == 0
        done = await erased(edge, payment_id)
        assert looked.body == {**done.body, "dry_run": True}


async def test_erasing_again_finds_nothing_and_writes_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = await refunded(edge, world)
        await erased(edge, payment_id)
        once = await documents(world)

        again = await erased(edge, payment_id, reason="asked twice")

        assert (again.status, again.body["erased"]) == (200, [])
        assert await documents(world) == once


async def test_it_is_counted_and_logged_once_without_a_word_of_what_stood_there(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = await refunded(edge, world)

        for _ in range(2):
            await erased(edge, payment_id)

        assert world.telemetry.metric("payments.erased") == 1
        (line,) = world.telemetry.log_lines("erase.erased")
        told = vars(line)
        assert (told["payment_id"], told["events"]) == (payment_id, 2)
        assert WORD not in repr([vars(each) for each in world.telemetry.lines])
        assert WORD not in repr([each.attributes for each in world.telemetry.spans()])


@pytest.mark.parametrize("payment_id", ["00000000-0000-4000-8000-000000000000", "no-payment"])
async def test_a_payment_that_there_is_not_is_not_found(tmp_path: Path, payment_id: str) -> None:
    async with a_world(tmp_path) as world:
        answered = await erased(Edge(world), payment_id)

        assert (answered.status, answered.body["code"]) == (404, "payment_not_found")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", (400, [])),
        ({}, (422, ["reason"])),
        ({"reason": "no"}, (422, ["reason"])),
        ({**WHY, "dry_run": "false"}, (422, ["dry_run"])),
        ({**WHY, "dryrun": True}, (422, ["dryrun"])),
    ],
)
async def test_a_wish_that_is_not_understood_erases_nothing(
    tmp_path: Path, body: object, told: tuple[int, list[str]]
) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = await paid(edge, world)
        before = await documents(world)

        refused = await edge.send("erase_payment", body, payment_id=payment_id)

        assert (refused.status, [fault["field"] for fault in refused.body.get("errors", [])]) == told
        assert await documents(world) == before


async def test_a_payment_that_cannot_be_read_is_said_to_be_so_and_is_left_as_it_is(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = await paid(edge, world)
        (*_, newest) = a_payment(payment_id=payment_id).created().settled().completed().refund_requested().stored
        await world.backends.container(flow.EVENTS).create_item({**to_document(newest), "schemaVersion": 99})
        before = await documents(world)

        refused = await erased(edge, payment_id)

        assert (refused.status, refused.body["code"]) == (500, "unreadable")
        assert f"{payment_id}:5 has schema version 99" in refused.body["detail"]
        assert await documents(world) == before


# -- others write at the same time, and answers are lost


@pytest.mark.parametrize(
    "faults",
    [[StreamMoved("overtaken")], [AppendUnknown("no answer")], [StreamMoved("overtaken"), AppendUnknown("no answer")]],
    ids=["overtaken", "not answered", "both"],
)
async def test_a_race_that_was_lost_is_looked_at_again_and_what_is_gone_is_told(
    tmp_path: Path, faults: list[Exception]
) -> None:
    async with a_world(tmp_path, alter=raising_in_erase(*faults)) as world:
        edge = Edge(world)
        payment_id = await refunded(edge, world)

        answered = await erased(edge, payment_id)

        assert [each["event_id"] for each in answered.body["erased"]] == [f"{payment_id}:1", f"{payment_id}:5"]
        assert WORD not in json.dumps(await documents(world))
        assert world.telemetry.metric("payments.erased") == 1


async def test_what_was_erased_is_told_even_if_the_look_after_it_fails(tmp_path: Path) -> None:
    """Whoever erases again what a restore has brought back looks for it in the log."""
    async with a_world(tmp_path, alter=busy_after_erasing) as world:
        edge = Edge(world)
        payment_id = await refunded(edge, world)

        first = await edge.send("erase_payment", WHY, payment_id=payment_id)
        again = await erased(edge, payment_id)

        assert (first.status, again.body["erased"]) == (503, [])
        assert WORD not in json.dumps(await documents(world))
        assert world.telemetry.metric("payments.erased") == 1
        assert [vars(line)["events"] for line in world.telemetry.log_lines("erase.erased")] == [2]


async def test_who_is_overtaken_all_the_time_is_told_to_come_again(tmp_path: Path) -> None:
    overtaken = [StreamMoved("overtaken")] * 5
    async with a_world(tmp_path, alter=raising_in_erase(*overtaken)) as world:
        edge = Edge(world)
        payment_id = await paid(edge, world)

        refused = await erased(edge, payment_id)
        again = await erased(edge, payment_id)

        assert (refused.status, refused.body["code"]) == (503, "stream_moved")
        assert len(again.body["erased"]) == 1


# -- the feed tells of what was erased once more


@pytest.mark.parametrize("later_s", [0, LATER_S], ids=["at once", "when no topic knows the ids"])
async def test_a_payment_that_is_done_is_neither_charged_nor_refunded_again(tmp_path: Path, later_s: int) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = await refunded(edge, world)
        stored, charge = await world.types(payment_id), await world.backends.charge(payment_id)
        row = (await edge.ask("list_payments")).body["payments"]
        world.clock.advance_s(later_s)

        await erased(edge, payment_id)
        await world.run()

        assert await world.types(payment_id) == stored
        assert await world.backends.charge(payment_id) == charge, "neither told nor asked anything"
        assert (charge["times_charged"], list(charge["times_refunded"].values())) == (1, [1])
        assert (await edge.ask("list_payments")).body["payments"] == row
        assert await world.letters() == []
        assert found_done(world) == ([] if later_s == 0 else ["create", "refund"])


def found_done(world: World) -> list[Any]:
    """The steps that were told of an event whose work was done before."""
    attributes = [span.attributes or {} for span in world.telemetry.spans("advance")]
    return [each["regispay.step"] for each in attributes if each["regispay.outcome"] == "already_done"]


@pytest.mark.parametrize("later_s", [0, LATER_S], ids=["at once", "when no topic knows the ids"])
async def test_a_payment_that_is_under_way_goes_on_and_is_charged_once(tmp_path: Path, later_s: int) -> None:
    async with a_world(tmp_path, retry_settle_base_s=3 * LATER_S, retry_settle_cap_s=3 * LATER_S) as world:
        edge = Edge(world)
        payment_id = await paid(edge, world, payment_method="pm_settle_times_out_once")
        assert await world.events(payment_id) == ["initiated", "created"], "the next attempt comes in hours"
        world.clock.advance_s(later_s)

        await erased(edge, payment_id)
        await world.run(for_s=6 * LATER_S)

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert WORD not in json.dumps(await documents(world))


async def test_a_payment_that_waits_for_a_person_goes_on_waiting_and_can_be_replayed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        payment_id = await paid(edge, world, payment_method="pm_down")
        letter = await world.only_letter(status=LetterStatus.OPEN)
        world.clock.advance_s(LATER_S)

        await erased(edge, payment_id)
        await world.run()

        assert await world.types(payment_id) == ["initiated", "parked"]
        assert (await world.only_letter()).status is LetterStatus.OPEN
        await world.backends.tell_provider("/repair")
        await world.replay(letter.letter_id)
        await world.run()
        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1


# -- the merchant repeats what it asked for


async def test_a_repeat_of_the_payment_is_known_by_its_fingerprint_and_answered_as_before(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge, key = Edge(world), {"Idempotency-Key": "pay"}
        first = await edge.send("accept_payment", ORDER, headers=key)
        await world.run()
        await erased(edge, first.body["payment_id"])

        again = await edge.send("accept_payment", ORDER, headers=key)
        other = await edge.send("accept_payment", {**ORDER, "description": None}, headers=key)
        await world.run()

        assert (again.status, again.headers["Idempotent-Replayed"]) == (202, "true")
        assert again.body == first.body
        assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
        assert WORD not in json.dumps(await documents(world)), "a repeat brings no words back"
        assert await world.charges(first.body["payment_id"]) == 1


async def test_a_repeat_of_a_refund_is_known_and_gives_nothing_back_again(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge, key = Edge(world), {"Idempotency-Key": "back"}
        payment_id = await paid(edge, world)
        first = await edge.send("request_refund", BACK, headers=key, payment_id=payment_id)
        await erased(edge, payment_id)

        again = await edge.send("request_refund", BACK, headers=key, payment_id=payment_id)
        other = await edge.send("request_refund", {**BACK, "reason": None}, headers=key, payment_id=payment_id)
        await world.run()

        assert (again.status, again.headers["Idempotent-Replayed"]) == (202, "true")
        assert again.body == first.body
        assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
        assert (await world.backends.charge(payment_id))["refunded_minor"] == 500
