"""What operators look for: payments by amount and by whether they wait, letters by kind with what they are worth; and
who they are, and what they may do.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.caller import Doors, Role
from tests.flow.kit.doors import LOCAL, SIGNED_IN, WITH_KEYS, principal
from tests.flow.kit.edge import TRACE_URL, Edge
from tests.flow.kit.rows import project_payment
from tests.flow.kit.scenarios import stuck
from tests.flow.kit.world import World, a_world
from tests.flow.test_operators_many import with_both_kinds

RESEND = "resend_any_notification"


async def found(world: World, **wanted: str) -> set[str]:
    answered = await Edge(world).ask("list_payments", params=wanted)
    assert answered.status == 200, answered.body
    return {row["id"] for row in answered.body["payments"]}


async def test_a_payment_is_found_by_its_amount_whole(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        edge = Edge(world)
        ids = {}
        for minor in (1250, 12, 999_999_999_999):
            order = {"amount_minor": minor, "currency": "EUR", "payment_method": "pm_ok", "reference": "order-1"}
            ids[minor] = (await edge.send("accept_payment", order)).body["payment_id"]
        await world.run()

        assert [await found(world, amount_minor=str(minor)) for minor in (*ids, 125)] == [
            *({each} for each in ids.values()),
            set(),
        ]
        assert await found(world, amount_minor="12", status="failed") == set()
        assert (await edge.ask("list_payments", params={"amount_minor": "0"})).status == 422


async def test_a_payment_is_found_by_how_its_id_begins(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        ids = ["3f2a90bc-0000-4000-8000-000000000001", "3f2a90bc-0000-4000-8000-000000000002"]
        for each in ids:
            await project_payment(world, payment_id=each)

        begins = ("3f2a90bc", ids[0][:-1], ids[0], "3f2a90b", "3f2a90bd", "%f2a90bc")
        assert [await found(world, payment_id=each) for each in begins] == [
            set(ids),
            set(ids),
            {ids[0]},
            set(),
            set(),
            set(),
        ]


async def test_payments_that_wait_are_found_as_each_of_them_says(tmp_path: Path) -> None:
    """One of each: done, just begun, begun long ago, parked, and parked and then started again."""
    async with a_world(tmp_path) as world:
        await world.accept("pm_ok")
        (again,) = await stuck(world)
        await world.replay((await world.only_letter()).letter_id)
        parked = await world.accept("pm_invalid")
        await world.work()
        long_ago = await project_payment(world, at=world.clock.now() - timedelta(seconds=31))
        await project_payment(world, at=world.clock.now() - timedelta(seconds=30))

        by_filter = {which: await found(world, waiting=which) for which in ("any", "retrying", "parked")}

        assert by_filter == {
            "any": {again, parked, long_ago},
            "retrying": {again, long_ago},
            "parked": {parked},
        }
        assert await _states(world, again) == {"retrying"}
        assert await _states(world, parked) == {"parked"}


async def _states(world: World, payment_id: str) -> set[str]:
    shown = (await Edge(world).ask("inspect_payment", payment_id=payment_id)).body
    return {each["state"] for each in shown.get("waiting", ())}


async def test_a_payment_that_is_given_up_waits_until_that_is_done(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_down")
        await world.run()
        (letter,) = await world.letters()
        assert await found(world, waiting="parked") == {payment_id}

        await world.discard(letter.letter_id)
        await world.read_page("project")
        under_way = await found(world, waiting="retrying")
        await world.run()

        assert under_way == {payment_id}
        assert await found(world, waiting="any") == set()


async def test_a_row_of_an_earlier_release_waits_once_it_has_stood_still(tmp_path: Path) -> None:
    """It does not say that it is parked."""
    async with a_world(tmp_path) as world:
        (payment_id,) = await stuck(world)
        rows = world.backends.container("payments-by-month")
        (row,) = [each async for each in rows.query_items("SELECT * FROM c WHERE IS_DEFINED(c.position)")]
        await rows.upsert_item({name: value for name, value in row.items() if name != "waits"})
        world.clock.advance_s(60)

        assert await found(world, waiting="any") == await found(world, waiting="retrying") == {payment_id}
        assert await found(world, waiting="parked") == set()


@pytest.mark.parametrize("waiting", ["", "yes", "PARKED"])
async def test_a_wish_that_is_not_known_is_refused(tmp_path: Path, waiting: str) -> None:
    async with a_world(tmp_path) as world:
        refused = await Edge(world).ask("list_payments", params={"waiting": waiting})

        assert (refused.status, refused.body["errors"][0]["field"]) == (422, "waiting")


async def test_the_next_page_of_those_that_wait_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        ids = await stuck(world, count=3)
        edge = Edge(world)
        which = {"waiting": "parked", "amount_minor": "1250", "limit": "2"}

        first = (await edge.ask("list_payments", params=which)).body
        rest = (await edge.ask("list_payments", params={**which, "page": first["next_page"]})).body
        other = await edge.ask("list_payments", params={**which, "waiting": "any", "page": first["next_page"]})

        assert sorted(row["id"] for row in (*first["payments"], *rest["payments"])) == sorted(ids)
        assert (rest["next_page"], other.body["code"]) == (None, "page_unknown")


# -- dead letters


async def counted(world: World, **which: str) -> Any:
    answered = await Edge(world).ask("count_dead_letters", params=which)
    assert answered.status == 200, answered.body
    return answered.body


async def test_letters_are_counted_by_kind_with_the_money_of_their_payments(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        began = world.clock.now()
        await with_both_kinds(world)

        summary = await counted(world)

        assert [(each["step"], each["reason"], each["severity"]) for each in summary["groups"]] == [
            ("create", "our_fault", "normal"),
            ("settle", "retries_exhausted", "normal"),
        ]
        assert [(each["letters"], each["payments"], each["worth"]) for each in summary["groups"]] == [
            (1, 1, [{"currency": "EUR", "amount_minor": 1250}]),
            (3, 3, [{"currency": "EUR", "amount_minor": 3750}]),
        ]
        assert summary["open"] == 4
        assert began.isoformat()[:16] <= summary["groups"][1]["oldest_at"] <= summary["groups"][1]["newest_at"]


async def test_the_money_of_a_payment_with_two_letters_of_a_kind_counts_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await stuck(world)
        first = await world.only_letter()
        await world.services.letters.add(replace(first, letter_id="another-death", etag=None))
        await world.services.letters.add(replace(first, letter_id="of-nobody", payment_id=None, owner=None, etag=None))

        (group,) = (await counted(world))["groups"]

        assert (group["letters"], group["payments"]) == (3, 1)
        assert group["worth"] == [{"currency": "EUR", "amount_minor": 1250}]


async def test_those_that_are_taken_up_are_counted_where_they_are_asked_for(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await stuck(world)
        await world.replay((await world.only_letter()).letter_id)
        await world.run()

        opened = await counted(world, step="settle", status="open")
        earlier = await counted(world, step="settle", status="taken_up")

        assert [each["letters"] for each in opened["groups"]] == [1]
        assert [each["letters"] for each in earlier["groups"]] == [1]
        assert (opened["open"], earlier["open"]) == (1, 0)


async def test_a_summary_takes_the_filters_of_the_list_and_no_page(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        waiting, _ = await with_both_kinds(world)
        world.clock.advance_s(60)

        by = [
            await counted(world, **which)
            for which in (
                {"step": "settle"},
                {"like": waiting[0]},
                {"payment_id": waiting[0]},
                {"older_than_s": "3600"},
                {"severity": "high"},
            )
        ]
        refused = [
            await Edge(world).ask("count_dead_letters", params=which)
            for which in ({"limit": "5"}, {"page": "x"}, {"step": "setle"})
        ]

        assert [each["open"] for each in by] == [3, 1, 1, 0, 0]
        assert [each.status for each in refused] == [422, 422, 422]


# -- who an operator is


async def _me(edge: Edge, headers: dict[str, str]) -> dict[str, Any]:
    answered = await edge.ask("show_caller", headers=headers)
    assert answered.status == 200, answered.body
    body: dict[str, Any] = answered.body
    return body


NOTHING_ELSE = {"pay": False, "cancel": False, "refund": False, "resend": True}


@pytest.mark.parametrize(
    ("doors", "headers", "name", "roles", "may"),
    [
        (LOCAL, {}, "developer", sorted(Role), dict.fromkeys(NOTHING_ELSE, True)),
        (
            WITH_KEYS,
            principal(Role.OPERATIONS, name="jo@shop.example"),
            "jo@shop.example",
            ["Operations"],
            NOTHING_ELSE,
        ),
        (
            WITH_KEYS,
            principal(Role.OPERATIONS, Role.REFUND, name="jo@shop.example"),
            "jo@shop.example",
            ["Operations", "Payments.Refund"],
            NOTHING_ELSE,
        ),
        (
            SIGNED_IN,
            principal(Role.OPERATIONS, Role.REFUND, "Somebody.Elses"),
            "app-1",
            ["Operations", "Payments.Refund"],
            {**NOTHING_ELSE, "cancel": True, "refund": True},
        ),
    ],
)
async def test_an_operator_is_told_who_they_are_and_what_would_be_let_in(
    tmp_path: Path, doors: Doors, headers: dict[str, str], name: str, roles: list[str], may: dict[str, bool]
) -> None:
    """Where payments are made with a key, a role alone opens nothing of them."""
    async with a_world(tmp_path) as world:
        told = await _me(Edge(world, doors=doors), headers)

        assert told == {"name": name, "roles": roles, "may": may, "trace_url": TRACE_URL}


# -- resend


async def test_an_operator_resends_what_any_merchant_was_not_told_and_it_says_who(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="down")
        await world.run()
        await world.backends.tell_provider("/merchant/repair")
        edge, jo = Edge(world, doors=SIGNED_IN), principal(Role.OPERATIONS, application="a-browser")

        resent = await edge.ask(RESEND, headers=jo, payment_id=payment_id, notification_id=f"{payment_id}:notify")
        listed = await Edge(world).ask("list_notifications", payment_id=payment_id)

        assert (resent.status, resent.body["state"]) == (200, "delivered")
        assert resent.body["attempt"]["by"] == "operator"
        assert listed.body["notifications"][0]["attempts"][-1]["by"] == "operator"
        told = (await world.stream(payment_id))[-1]
        assert told.caused_by == "operator"


async def test_what_merchants_and_operators_resend_counts_together(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()
        edge = Edge(world)

        async def resent(name: str) -> int:
            return (await edge.ask(name, payment_id=payment_id, notification_id=f"{payment_id}:notify")).status

        statuses = [await resent(RESEND), await resent("resend_notification")]
        world.clock.advance_s(10)
        statuses += [await resent("resend_notification"), await resent(RESEND)]

        assert statuses == [200, 429, 200, 429]


async def test_what_an_operator_cannot_resend_says_why(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        unwanted = await world.accept("pm_ok")
        await world.run()
        edge = Edge(world)

        answers = [
            await edge.ask(RESEND, payment_id=unwanted, notification_id=f"{unwanted}:notify"),
            await edge.ask(RESEND, payment_id=unwanted, notification_id="none"),
            await edge.ask(RESEND, payment_id="0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab", notification_id="none"),
            await edge.send(RESEND, {}, payment_id=unwanted, notification_id=f"{unwanted}:notify"),
            await edge.ask(RESEND, params={"dry_run": "true"}, payment_id=unwanted, notification_id="none"),
        ]

        assert [each.body["code"] for each in answers] == [
            "notification_not_wanted",
            "notification_not_found",
            "payment_not_found",
            "body_unexpected",
            "request_invalid",
        ]
