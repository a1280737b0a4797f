"""What a merchant sees of its notifications, each try with its answer, and what one more try does."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks.webhooks import Webhook

from local.provider.merchant import MERCHANT_KEY
from shared import flow
from shared.domain.events import PaymentCompleted
from shared.domain.notifications import RESENT_AGAIN_AFTER, Attempt
from shared.errors import StoreBusy
from shared.ports.attempts import Attempts
from shared.services import Services
from tests.facts import COMPLETED
from tests.flow.kit.doors import LOCAL
from tests.flow.kit.edge import Edge
from tests.flow.kit.failing_ports import busy_in_append
from tests.flow.kit.notified import listed, resend, states
from tests.flow.kit.world import World, a_world

AGAIN_S = RESENT_AGAIN_AFTER.total_seconds()
UNSIGNED = {"merchant_webhook_secrets": '{"merchant-1": "whsec_none"}'}


async def test_each_try_is_listed_with_its_answer_until_the_merchant_knows(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="fails-twice")
        await world.run()

        (told,) = await listed(world, payment_id)

        assert (told["notification_id"], told["type"]) == (f"{payment_id}:notify", "regispay.payment.settled.v1")
        assert told["state"] == "delivered"
        assert told["told_at"] > told["occurred_at"]
        tries = [(each["attempt"], each["by"], each["status_code"]) for each in told["attempts"]]
        assert tries == [(1, "step", 500), (2, "step", 500), (3, "step", 204)]
        assert {each["headers"]["webhook-id"] for each in told["attempts"]} == {f"{payment_id}:notify"}
        assert {each["url"] for each in told["attempts"]} == {f"{world.backends.provider_url}/merchant/fails-twice"}
        assert world.telemetry.metric("notifications.tried", outcome="refused", by="step") == 2
        assert await listed(world, payment_id, view="inspect_notifications") == [told]


async def test_what_was_sent_is_shown_so_that_the_official_packages_read_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()

        (told,) = await listed(world, payment_id)
        (attempt,) = told["attempts"]
        Webhook(MERCHANT_KEY).verify(attempt["body"], attempt["headers"])
        media = {"content-type": "application/cloudevents+json"}
        event = from_http_event(HTTPMessage({**attempt["headers"], **media}, attempt["body"].encode()))

        assert (event.get_id(), event.get_type()) == (told["notification_id"], told["type"])
        assert event.get_subject() == payment_id
        data = cast("dict[str, Any]", event.get_data())
        assert (data["payment_id"], data["amount_minor"]) == (payment_id, 1250)


async def test_every_event_of_which_the_merchant_is_told_is_listed_in_order(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()
        await world.refund(payment_id, 500)
        await world.run()

        found = await listed(world, payment_id)

        assert states(found) == {"settled": "delivered", "refunded": "delivered"}
        refunded = found[1]
        assert json.loads(refunded["attempts"][0]["body"])["id"] == refunded["notification_id"]
        assert all(each["told_at"] for each in found)


async def test_a_failure_and_the_void_after_it_are_listed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_settle_declined", notify="ok")
        await world.run()

        assert states(await listed(world, payment_id)) == {"failed": "delivered", "voided": "delivered"}


async def test_without_an_address_nothing_is_wanted_and_nothing_is_resent(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.run()

        (told,) = await listed(world, payment_id)
        refused = await resend(world, payment_id, told["notification_id"])

        assert (told["state"], told["attempts"]) == ("not_wanted", [])
        assert "told_at" not in told
        assert (refused.status, refused.body["code"]) == (409, "notification_not_wanted")


async def test_while_it_is_tried_again_it_waits_and_at_the_end_it_is_undelivered(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="down")

        async def is_tried() -> bool:
            return bool((await world.payment(payment_id)).settled) and bool(await _attempts(world, payment_id))

        await world.next_until(is_tried)
        waiting = states(await listed(world, payment_id))
        await world.run()

        assert waiting == {"settled": "waiting"}
        (told,) = await listed(world, payment_id)
        assert told["state"] == "undelivered"
        assert [each["status_code"] for each in told["attempts"]] == [503] * 4


async def _attempts(world: World, payment_id: str) -> list[dict[str, Any]]:
    return [attempt for each in await listed(world, payment_id) for attempt in each["attempts"]]


async def test_a_failure_that_could_not_be_told_is_parked(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_declined", notify="down")
        await world.run()

        assert states(await listed(world, payment_id)) == {"failed": "parked"}


@pytest.mark.parametrize("method", ["pm_ok", "pm_declined"])
async def test_a_resend_that_is_heard_ends_what_was_given_up_under_the_same_id(tmp_path: Path, method: str) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept(method, notify="down")
        await world.run()
        await world.backends.tell_provider("/merchant/repair")
        (before,) = await listed(world, payment_id)

        answered = await resend(world, payment_id, before["notification_id"])
        await world.run()

        assert (answered.status, answered.body["state"]) == (200, "delivered")
        attempt = answered.body["attempt"]
        assert (attempt["by"], attempt["attempt"], attempt["status_code"]) == ("resend", 1, 204)
        assert attempt["headers"]["webhook-id"] == before["notification_id"]
        (after,) = await listed(world, payment_id)
        assert after["state"] == "delivered"
        assert after["attempts"] == [*before["attempts"], attempt]
        (seen,) = await world.backends.notifications(payment_id)
        assert (seen["request_id"], seen["times_accepted"]) == (before["notification_id"], 1)
        assert await world.replay_all() == [], "its letter is closed"


async def test_a_resend_that_is_refused_is_answered_with_what_the_server_said_and_changes_nothing(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="down")
        await world.run()
        before = await world.types(payment_id)

        answered = await resend(world, payment_id, f"{payment_id}:notify")

        assert (answered.status, answered.body["state"]) == (200, "undelivered")
        assert answered.body["attempt"]["status_code"] == 503
        assert await world.types(payment_id) == before


async def test_a_resend_beside_the_running_step_is_the_end_of_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="down")

        async def is_tried() -> bool:
            return bool(await _attempts(world, payment_id))

        await world.next_until(is_tried)
        await world.backends.tell_provider("/merchant/repair")

        answered = await resend(world, payment_id, f"{payment_id}:notify")
        await world.run()

        assert answered.body["state"] == "delivered"
        assert await world.events(payment_id) == COMPLETED
        completed = (await world.payment(payment_id)).completed
        assert completed is not None
        assert completed.notification == "delivered"
        (seen,) = await world.backends.notifications(payment_id)
        assert seen["times_accepted"] == 1
        assert await world.letters() == []


async def test_what_was_delivered_may_be_sent_again_and_nothing_is_recorded_twice(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()
        await world.refund(payment_id, 500)
        await world.run()
        before = await world.types(payment_id)

        for each in await listed(world, payment_id):
            assert (await resend(world, payment_id, each["notification_id"])).body["state"] == "delivered"
        await world.run()

        assert await world.types(payment_id) == before
        assert [each["times_accepted"] for each in await world.backends.notifications(payment_id)] == [2, 2]


async def test_a_resend_whose_yes_cannot_be_recorded_may_be_made_again(tmp_path: Path) -> None:
    busy = busy_in_append(PaymentCompleted, times=5)
    async with a_world(tmp_path, alter=busy) as world:
        payment_id = await world.accept("pm_ok", notify="down")
        await world.run()
        await world.backends.tell_provider("/merchant/repair")

        first = await resend(world, payment_id, f"{payment_id}:notify")
        world.clock.advance_s(AGAIN_S)
        again = await resend(world, payment_id, f"{payment_id}:notify")
        world.clock.advance_s(AGAIN_S)

        assert {first.status, again.status} <= {200, 503}
        assert (await resend(world, payment_id, f"{payment_id}:notify")).body["state"] == "delivered"


@pytest.mark.parametrize("about", ["{}:create", "{}:1", "{}:notify_failure", "other", "../x", ""])
async def test_only_what_the_payment_has_to_tell_is_resent(tmp_path: Path, about: str) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()

        refused = await resend(world, payment_id, about.format(payment_id))

        assert (refused.status, refused.body["code"]) == (404, "notification_not_found")
        assert len(await world.backends.notifications(payment_id)) == 1


async def test_another_merchants_notifications_are_neither_seen_nor_sent(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()
        stranger = Edge(world, doors=replace(LOCAL, merchant_id="merchant-2"))

        seen = await stranger.ask("list_notifications", payment_id=payment_id)
        sent = await stranger.ask("resend_notification", payment_id=payment_id, notification_id=f"{payment_id}:notify")

        assert (seen.status, sent.status) == (404, 404)
        assert seen.body["code"] == sent.body["code"] == "payment_not_found"
        (told,) = await world.backends.notifications(payment_id)
        assert told["times_seen"] == 1


async def test_a_merchant_without_a_usable_secret_is_sent_nothing_and_its_payment_is_completed(tmp_path: Path) -> None:
    async with a_world(tmp_path, **UNSIGNED) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()

        (told,) = await listed(world, payment_id)

        assert (told["state"], [each["failure"] for each in told["attempts"]]) == ("undelivered", ["no_secret"] * 4)
        assert {tuple(each["headers"]) for each in told["attempts"]} == {()}
        assert await world.backends.notifications(payment_id) == []
        assert await world.events(payment_id) == COMPLETED
        (line, *_) = world.telemetry.log_lines("notify.unsigned")
        assert line.levelname == "ERROR"
        assert "whsec" not in line.getMessage()
        assert (await world.only_letter()).severity == "low"


async def test_a_merchant_whose_address_will_never_be_called_is_given_up_at_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, development_notifications=False) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()

        (told,) = await listed(world, payment_id)

        assert (told["state"], [each["failure"] for each in told["attempts"]]) == ("undelivered", ["refused_url"])
        letter = await world.only_letter()
        assert (letter.reason, letter.severity) == ("notification_undelivered", "low")
        assert "notification_url: not_https" in letter.description
        assert await world.backends.notifications(payment_id) == []


class _Lost:
    """A log of attempts that keeps none."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._attempts, name)

    async def add(self, attempt: Attempt) -> None:
        raise StoreBusy(f"{attempt.attempt_id} is lost")


async def test_an_attempt_that_cannot_be_kept_is_counted_and_changes_nothing(tmp_path: Path) -> None:
    lost: Callable[[Services], Services] = lambda services: replace(  # noqa: E731
        services, attempts=cast("Attempts", _Lost(services.attempts))
    )
    async with a_world(tmp_path, alter=lost) as world:
        payment_id = await world.accept("pm_ok", notify="fails-twice")
        await world.run()

        (told,) = await listed(world, payment_id)

        assert (told["state"], told["attempts"]) == ("delivered", [])
        assert world.telemetry.metric("notifications.attempts_lost") == 3
        assert len(world.telemetry.log_lines("notify.attempt_lost")) == 3
        assert await world.events(payment_id) == COMPLETED
        assert world.faults == []


async def test_attempts_are_kept_for_thirty_days_and_the_states_stand_without_them(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok")
        await world.run()
        container = world.backends.container(flow.NOTIFICATIONS)
        (kept,) = await listed(world, payment_id)

        async for each in container.query_items("SELECT c.id FROM c", partition_key=payment_id):
            await container.delete_item(each["id"], partition_key=payment_id)

        (gone,) = await listed(world, payment_id)
        assert (await container.read())["defaultTtl"] == timedelta(days=30).total_seconds()
        assert len(kept["attempts"]) == 1
        assert gone == {**kept, "attempts": []}


async def test_a_merchants_own_words_are_in_no_attempt(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok", notify="ok", description="for Jane Doe")
        await world.run()
        await world.refund(payment_id, 500)
        await world.run()

        shown = json.dumps(await listed(world, payment_id))

        assert len(await _attempts(world, payment_id)) == 2
        assert "Jane Doe" not in shown
        assert "damaged" not in shown
