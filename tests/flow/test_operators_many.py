"""Many dead letters at once: whose they are, how they are found, and what is replayed or discarded, or would be."""

from pathlib import Path

from shared.codec.values import time_to_json
from shared.domain.letters import LetterStatus
from tests.facts import COMPLETED
from tests.flow.kit.edge import Edge
from tests.flow.kit.scenarios import stuck
from tests.flow.kit.world import World, a_world


async def with_both_kinds(world: World) -> tuple[list[str], str]:
    """Payments that a replay completes, and one that the provider refuses as wrong."""
    waiting = await stuck(world, count=3)
    wrong = await world.accept("pm_invalid")
    await world.run()
    return waiting, wrong


async def listed(edge: Edge, **which: str) -> set[str]:
    answer = await edge.ask("list_dead_letters", params=which)
    return {letter["payment_id"] for letter in answer.body["dead_letters"]}


async def test_a_letter_says_whose_payment_it_is(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (payment_id,) = await stuck(world)
        payment = (await world.stream(payment_id))[-1].payment

        (letter,) = (await Edge(world).ask("list_dead_letters")).body["dead_letters"]

        assert (letter["amount_minor"], letter["currency"]) == (payment.amount.amount_minor, payment.amount.currency)
        assert (letter["reference"], letter["merchant_id"]) == (payment.reference, payment.merchant_id)
        assert "refund_minor" not in letter


async def test_letters_are_found_by_severity_time_and_any_text_in_them(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        waiting, wrong = await with_both_kinds(world)
        edge = Edge(world)
        world.clock.advance_s(60)
        now = time_to_json(world.clock.now())

        assert await listed(edge, severity="normal") == {*waiting, wrong}
        assert await listed(edge, severity="high") == set()
        assert await listed(edge, recorded_from=now) == set()
        assert await listed(edge, like="RETRIES_exh") == {*waiting}
        assert await listed(edge, like=wrong[:13].upper()) == {wrong}
        assert await listed(edge, like="%") == set(), "it is a text and no pattern"
        assert await listed(edge, like="' OR 1=1 --") == set()


async def test_a_word_that_is_not_known_is_refused_with_those_that_are(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)

        for name, wrong, known in (
            ("reason", "retries_exausted", "'retries_exhausted'"),
            ("step", "settled", "'settle'"),
            ("severity", "urgent", "'high', 'low' or 'normal'"),
        ):
            answer = await edge.ask("list_dead_letters", params={name: wrong})
            (error,) = answer.body["errors"]
            assert (answer.status, error["field"], error["code"]) == (422, name, "unknown_value")
            assert known in error["message"]


async def test_what_would_be_refused_again_is_left_out_unless_it_is_named(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        waiting, wrong = await with_both_kinds(world)
        await world.backends.tell_provider("/repair")
        edge = Edge(world)

        dry = await edge.send("replay_dead_letters", {"dry_run": True})
        done = await edge.send("replay_dead_letters", {})
        named = await edge.send("replay_dead_letters", {"reason": "our_fault", "dry_run": True})
        await world.run()

        for answer in (dry, done):
            words = sorted(each["verdict"] for each in answer.body["results"])
            assert words == ["left_out", "replayed", "replayed", "replayed"]
        assert [each["verdict"] for each in named.body["results"]] == ["replayed"]
        for payment_id in waiting:
            assert await world.events(payment_id) == COMPLETED
        assert len(await world.stream(wrong)) == 2, "initiated and parked"


async def test_a_dry_run_of_a_discard_changes_nothing_and_says_what_a_discard_then_does(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (payment_id,) = await stuck(world)
        edge = Edge(world)
        (letter,) = await world.letters()
        before = await world.stream(payment_id)
        wish = {"reason": "given up"}

        would = await edge.send("discard_dead_letter", {**wish, "dry_run": True}, letter_id=letter.letter_id)

        assert (would.status, would.body["discarded"]) == (200, True)
        assert (would.body["comes_to"], would.body["money"]) == ("end", None)
        assert "would be ended" in would.body["why"]
        assert await world.stream(payment_id) == before
        assert (await world.letters())[0].status is LetterStatus.OPEN

        did = await edge.send("discard_dead_letter", wish, letter_id=letter.letter_id)
        again = await edge.send("discard_dead_letter", {**wish, "dry_run": True}, letter_id=letter.letter_id)
        assert (did.status, did.body["discarded"], did.body["comes_to"]) == (200, True, "end")
        assert (again.status, again.body["discarded"]) == (409, False), "it is being ended already"
        assert again.body["comes_to"] == "keep"


async def test_a_letter_tells_of_each_attempt_when_it_was_and_what_was_answered(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (payment_id,) = await stuck(world)
        letter = await world.only_letter()

        whole = await Edge(world).ask("get_dead_letter", letter_id=letter.letter_id)

        tries = whole.body["message"]["tries"]
        assert len(tries) == whole.body["message"]["attempt"] + 1
        assert [each["at"] for each in tries] == sorted({each["at"] for each in tries})
        assert {each["code"] for each in tries[:-1]} == {"busy"}
        assert all("503" in each["answer"] for each in tries)
        assert tries[-1]["code"] == "retries_exhausted"
        assert payment_id in letter.message_id
