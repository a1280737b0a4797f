"""What an operator is answered: the functions under /api/ops over the real store, as `python -m ops` calls them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.caller import Role
from functions.faults import WORDS
from shared.domain.letters import LetterStatus
from shared.errors import StoreBusy
from shared.services import Services
from tests.builders import NOON
from tests.facts import COMPLETED
from tests.flow.kit.doors import SIGNED_IN, principal
from tests.flow.kit.edge import Edge
from tests.flow.kit.rows import project_payment
from tests.flow.kit.scenarios import stuck
from tests.flow.kit.world import a_world


async def in_vain() -> Services:
    raise StoreBusy("the store cannot be reached")


NOBODY = "00000000-0000-4000-8000-000000000000"


async def test_dead_letters_are_listed_without_their_bodies_a_page_at_a_time(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_ids = await stuck(world, count=3)
        edge = Edge(world)
        which = {"limit": "2", "status": "open", "step": "settle"}

        first = await edge.ask("list_dead_letters", params=which)
        rest = await edge.ask("list_dead_letters", params={**which, "page": first.body["next_page"]})

        listed = [*first.body["dead_letters"], *rest.body["dead_letters"]]
        assert sorted(letter["payment_id"] for letter in listed) == sorted(payment_ids)
        assert {letter["reason"] for letter in listed} == {"retries_exhausted"}
        assert not any("message" in letter or "history" in letter for letter in listed)
        assert first.body["as_of"].startswith(world.clock.at.date().isoformat())
        assert rest.body["next_page"] is None


async def test_only_letters_as_old_as_asked_are_listed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await stuck(world)
        edge = Edge(world)

        world.clock.advance_s(3599)
        young = await edge.ask("list_dead_letters", params={"older_than_s": "3600"})
        world.clock.advance_s(2)
        old = await edge.ask("list_dead_letters", params={"older_than_s": "3600"})

        assert (len(young.body["dead_letters"]), len(old.body["dead_letters"])) == (0, 1)


async def test_one_letter_is_shown_whole_with_its_payment_and_what_a_replay_would_do(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (payment_id,) = await stuck(world)
        letter = await world.only_letter()

        shown = await Edge(world).ask("get_dead_letter", letter_id=letter.letter_id)

        assert (shown.status, shown.body["id"], shown.body["payment"]["id"]) == (
            200,
            letter.letter_id,
            payment_id,
        )
        assert shown.body["message"]["body"] == letter.body
        assert shown.body["replay_would"]["verdict"] == "replayed"


@pytest.mark.parametrize("function", ["get_dead_letter", "replay_dead_letter"])
async def test_a_letter_that_is_not_there_is_not_found(tmp_path: Path, function: str) -> None:
    async with a_world(tmp_path) as world:
        missing = await Edge(world).ask(function, letter_id=NOBODY)

        assert (missing.status, missing.body["code"]) == (404, "dead_letter_not_found")


async def test_a_letter_that_is_not_there_cannot_be_discarded(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        missing = await Edge(world).send("discard_dead_letter", {"reason": "gone"}, letter_id=NOBODY)

        assert (missing.status, missing.body["code"]) == (404, "dead_letter_not_found")


async def test_a_dry_run_says_what_would_happen_and_a_replay_does_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (payment_id,) = await stuck(world)
        letter = await world.only_letter()
        await world.backends.tell_provider("/repair")
        edge = Edge(world)

        dry = await edge.ask("replay_dead_letter", params={"dry_run": "TRUE"}, letter_id=letter.letter_id)
        await world.run()
        assert await world.events(payment_id) == ["initiated", "created"]
        done = await edge.send("replay_dead_letter", {}, letter_id=letter.letter_id)
        await world.run()

        assert [dry.body["verdict"], done.body["verdict"]] == ["replayed", "replayed"]
        assert await world.events(payment_id) == COMPLETED


async def test_many_are_replayed_by_filter_a_page_at_a_time(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_ids = await stuck(world, count=3)
        await world.backends.tell_provider("/repair")
        edge = Edge(world)

        dry = await edge.send("replay_dead_letters", {"step": "settle", "dry_run": True})
        first = await edge.send("replay_dead_letters", {"step": "settle", "limit": 2})
        page = {"page": first.body["next_page"], "limit": 2}
        rest = await edge.send("replay_dead_letters", {"step": "settle", **page})
        await world.run()

        assert dry.body["dry_run"] is True
        assert [result["verdict"] for result in dry.body["results"]] == ["replayed"] * 3
        assert [len(answered.body["results"]) for answered in (first, rest)] == [2, 1]
        assert rest.body["next_page"] is None
        taken = {result["letter_id"] for each in (first, rest) for result in each.body["results"]}
        assert taken == {letter.letter_id for letter in await world.letters()}
        assert [await world.events(payment_id) for payment_id in payment_ids] == [COMPLETED] * 3


async def test_a_dry_run_of_many_goes_through_every_page_and_changes_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await stuck(world, count=3)
        edge = Edge(world)
        wanted = {"step": "settle", "limit": 2, "dry_run": True}

        first = await edge.send("replay_dead_letters", wanted)
        rest = await edge.send("replay_dead_letters", {**wanted, "page": first.body["next_page"]})

        letters = await world.letters(status=LetterStatus.OPEN)
        looked_at = [result["letter_id"] for each in (first, rest) for result in each.body["results"]]
        assert sorted(looked_at) == sorted(letter.letter_id for letter in letters)
        assert all(letter.history == () for letter in letters)


async def test_a_replay_of_many_without_a_filter_takes_every_open_letter(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await stuck(world, count=2)

        replayed = await Edge(world).send("replay_dead_letters", {})

        assert [result["verdict"] for result in replayed.body["results"]] == ["replayed"] * 2


@pytest.mark.parametrize("word", ["true", "1", "yes"])
async def test_a_dry_run_may_be_asked_for_in_any_usual_word(tmp_path: Path, word: str) -> None:
    async with a_world(tmp_path) as world:
        await stuck(world)
        letter = await world.only_letter()

        dry = await Edge(world).ask("replay_dead_letter", params={"dry_run": word}, letter_id=letter.letter_id)

        assert dry.body["verdict"] == "replayed"
        assert (await world.only_letter()).history == letter.history


async def test_a_functions_key_in_the_query_is_no_filter(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        listed = await Edge(world).ask("list_dead_letters", params={"code": "a-key", "status": "open"})

        assert (listed.status, listed.body["dead_letters"]) == (200, [])


@pytest.mark.parametrize("name", ["status", "older_than_s", "recorded_before", "limit"])
async def test_a_filter_without_a_value_is_refused_and_no_filter_at_all(tmp_path: Path, name: str) -> None:
    """The host hands over no parameter without a value: all letters would be listed."""
    async with a_world(tmp_path) as world:
        refused = await Edge(world).ask("list_dead_letters", params={name: ""})

        assert (refused.status, [fault["field"] for fault in refused.body["errors"]]) == (422, [name])


@pytest.mark.parametrize("moment", ["0.5", "1700000000", "2026-01-31", "today", "2026-01-31T12:00:00"])
async def test_a_time_is_written_out_with_its_offset(tmp_path: Path, moment: str) -> None:
    async with a_world(tmp_path) as world:
        refused = await Edge(world).ask("list_dead_letters", params={"recorded_before": moment})
        taken = await Edge(world).ask("list_dead_letters", params={"recorded_before": "2026-01-31T12:00:00+01:00"})

        assert (refused.status, refused.body["errors"][0]["code"]) == (422, "malformed")
        assert taken.status == 200


@pytest.mark.parametrize(
    ("moment", "letters"), [("0001-01-01T00:00:00+23:59", 0), ("9999-12-31T23:59:59-23:59", 1)], ids=["first", "last"]
)
async def test_a_time_at_the_edge_of_the_calendar_is_a_time(tmp_path: Path, moment: str, letters: int) -> None:
    async with a_world(tmp_path) as world:
        await stuck(world)

        listed = await Edge(world).ask("list_dead_letters", params={"recorded_before": moment})
        wanted = {"recorded_before": moment, "dry_run": True}
        replayed = await Edge(world).send("replay_dead_letters", wanted)

        assert (len(listed.body["dead_letters"]), len(replayed.body["results"])) == (letters, letters)


@pytest.mark.parametrize("page", ["of another book", "a\nb", "a\x17b", "é", "\U0010ffff"])
@pytest.mark.parametrize("function", ["list_dead_letters", "list_payments"])
async def test_a_page_of_something_else_is_refused_by_name(tmp_path: Path, function: str, page: str) -> None:
    async with a_world(tmp_path) as world:
        refused = await Edge(world).ask(function, params={"page": page})

        assert (refused.status, refused.body["code"]) == (422, "page_unknown")


async def test_an_operator_is_told_while_the_process_cannot_start(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        told = await Edge(world, starting=in_vain).ask("list_dead_letters")

        assert (told.status, told.body["code"]) == (503, "store_busy")


async def test_a_discard_wants_a_reason_and_notes_who_it_was(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        (payment_id,) = await stuck(world)
        letter = await world.only_letter()
        edge, named = Edge(world, doors=SIGNED_IN), principal(Role.OPERATIONS, name="ada@example.org")

        without = await edge.send("discard_dead_letter", {}, headers=named, letter_id=letter.letter_id)
        done = await edge.send(
            "discard_dead_letter", {"reason": "the customer has gone"}, headers=named, letter_id=letter.letter_id
        )

        assert (without.status, without.body["code"]) == (422, "request_invalid")
        assert (done.status, done.body["discarded"]) == (200, True)
        await world.run()
        assert "failed" in await world.events(payment_id)
        shown = await edge.ask("get_dead_letter", headers=named, letter_id=letter.letter_id)
        assert shown.body["status"] == "closed"
        assert [(entry["action"], entry["by"]) for entry in shown.body["history"]] == [
            ("parked", "recorder"),
            ("discard", "ada@example.org"),
        ]
        assert shown.body["history"][-1]["note"].endswith("the customer has gone")


async def test_a_discard_of_what_is_being_ended_already_is_a_conflict(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await stuck(world)
        letter = await world.only_letter()
        edge, why = Edge(world), {"reason": "the customer has gone"}
        first = await edge.send("discard_dead_letter", why, letter_id=letter.letter_id)

        refused = await edge.send("discard_dead_letter", why, letter_id=letter.letter_id)

        assert (first.status, refused.status, refused.body["discarded"]) == (200, 409, False)
        assert refused.body["why"] == f"it is being ended already, by {first.body['cause']}"


async def test_on_a_laptop_the_record_names_the_development_principal(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await stuck(world)
        letter, edge = await world.only_letter(), Edge(world)

        await edge.send("replay_dead_letter", b"", letter_id=letter.letter_id)

        shown = await edge.ask("get_dead_letter", letter_id=letter.letter_id)
        assert [entry["by"] for entry in shown.body["history"] if entry["action"] == "replay"] == ["developer"]


@pytest.mark.parametrize(
    ("function", "params"),
    [
        ("list_dead_letters", {"limit": "0"}),
        ("list_dead_letters", {"limit": "201"}),
        ("list_dead_letters", {"status": "lost"}),
        ("list_dead_letters", {"invented": "1"}),
        ("list_dead_letters", {"older_than_s": "inf"}),
        ("list_dead_letters", {"older_than_s": "nan"}),
        ("list_dead_letters", {"older_than_s": "1e12"}),
        ("list_dead_letters", {"recorded_before": "2026-01-01T00:00:00"}),
        ("list_payments", {"limit": "501"}),
        ("list_payments", {"limit": "9" * 5000}),
        ("list_payments", {"settled": "perhaps"}),
    ],
)
async def test_a_filter_that_makes_no_sense_is_named(tmp_path: Path, function: str, params: dict[str, str]) -> None:
    async with a_world(tmp_path) as world:
        refused = await Edge(world).ask(function, params=params)

        assert (refused.status, refused.body["code"]) == (422, "request_invalid")
        assert [fault["field"] for fault in refused.body["errors"]] == list(params)
        assert {fault["code"] for fault in refused.body["errors"]} <= {code for code, _ in WORDS.values()}
        assert "Cannot be accepted" not in str(refused.body), "a fault of the library that WORDS does not have"


async def test_payments_are_listed_from_the_read_model(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        paid, (waiting,) = await world.accept("pm_ok"), await stuck(world)

        every = await Edge(world).ask("list_payments", params={"limit": "500"})
        settled = await Edge(world).ask("list_payments", params={"settled": "true"})

        assert {row["id"] for row in every.body["payments"]} == {paid, waiting}
        assert [row["id"] for row in settled.body["payments"]] == [paid]
        assert settled.body["next_page"] is None


async def test_operators_page_through_the_payments_of_all_merchants_newest_first(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        merchants = ("merchant-1", "merchant-2", "merchant-1", "merchant-3")
        ids = [
            await project_payment(world, merchant_id=merchant_id, at=NOON - timedelta(days=20 * number))
            for number, merchant_id in enumerate(merchants)
        ]
        found: list[list[str]] = []
        page: dict[str, str] = {}
        for _ in range(2):
            answer = (await Edge(world).ask("list_payments", params={"limit": "2", **page})).body
            found.append([row["id"] for row in answer["payments"]])
            page = {"page": answer["next_page"]}

        assert found == [ids[:2], ids[2:]]
        assert page == {"page": None}, "the last page is full, and there is no other"


async def test_operators_find_payments_by_status_reference_and_time(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        old = await project_payment(world, at=NOON - timedelta(days=40), reference="order-2")
        new = await project_payment(world)

        async def found(**params: str) -> list[str]:
            return [row["id"] for row in (await Edge(world).ask("list_payments", params=params)).body["payments"]]

        assert await found(reference="order-2") == [old]
        assert await found(initiated_from=NOON.isoformat()) == [new]
        assert await found(status="initiated") == [new, old]
        assert await found(payment_id=old) == [old]
        assert await found(payment_id=old, reference="order-1") == []
        assert await found(status="settled") == []


async def test_there_is_nothing_to_drain_when_nothing_died_on_its_way_to_being_recorded(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        drained = await Edge(world).ask("drain_dead_letters")

        assert (drained.status, drained.body) == (200, {"recorded": 0, "more": False})


class BusyOverview:
    """A read model that cannot be read now."""

    async def whole_as_of(self) -> object:
        raise StoreBusy("the store is busy")


async def test_an_operator_is_told_of_a_busy_store_without_a_word_of_keys(tmp_path: Path) -> None:
    busy: Any = BusyOverview()
    async with a_world(tmp_path, alter=lambda services: replace(services, overview=busy)) as world:
        told = await Edge(world).ask("list_payments")

        assert (told.status, told.body["code"]) == (503, "store_busy")
        assert "Idempotency-Key" not in told.body["title"]
