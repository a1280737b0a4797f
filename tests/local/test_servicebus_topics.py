"""What comes into topics, and what a restart finds: by direct calls, with time in the test's hands."""

import sqlite3
from pathlib import Path
from uuid import UUID

import pytest

from local.azure.servicebus.errors import EntityNotFound, MessageLockLost, MessageNotFound, NotAllowed, QuotaExceeded
from tests.clock import IN_2030, ManualClock
from tests.local.servicebus_support import DirectBroker, Inbox, direct_broker, message, subscription, topic, topology

ORDERS = topology(topic("orders", subscription("ship", maxDeliveryCount=3)))
WINDOW = topology(topic("orders", subscription("ship"), duplicateDetectionWindow="PT10M"))


def ids(inbox: Inbox) -> list[str | None]:
    return [entry.body.envelope.message_id for entry in inbox.entries]


async def test_a_message_id_inside_the_window_is_dropped_and_after_it_is_not(tmp_path: Path) -> None:
    async with direct_broker(WINDOW, tmp_path) as on:
        inbox = on.receive("orders/ship", deletes=True)
        await on.send("orders", message("a"), message("a"), message("b"))

        await on.advance_s(600)
        await on.send("orders", message("a"))
        await on.advance_s(1)
        await on.send("orders", message("a"))

        assert ids(inbox) == ["a", "b", "a"]
        assert on.broker.topic("orders").counts["duplicates"] == 2


async def test_messages_without_an_id_are_never_duplicates(tmp_path: Path) -> None:
    async with direct_broker(WINDOW, tmp_path) as on:
        await on.send("orders", message(None), message(None))

        assert len(on.queue("orders/ship").entries) == 2


async def test_a_scheduled_message_comes_when_it_is_due_and_its_id_counts_from_the_sending(tmp_path: Path) -> None:
    clock = ManualClock(IN_2030)
    async with direct_broker(WINDOW, tmp_path, clock=clock) as on:
        inbox, later = on.receive("orders/ship"), ManualClock(clock())
        later.advance_s(30)

        numbers = await on.send("orders", message("a", scheduled=later()))
        await on.send("orders", message("a"))
        await on.advance_s(29)
        early = ids(inbox)
        await on.advance_s(1)

        assert numbers == [1]
        assert early == []
        assert ids(inbox) == ["a"]
        assert inbox.entries[0].enqueued_ms == int(later().timestamp() * 1000)


async def test_a_message_scheduled_for_the_past_comes_at_once(tmp_path: Path) -> None:
    clock = ManualClock(IN_2030)
    async with direct_broker(ORDERS, tmp_path, clock=clock) as on:
        numbers = await on.send("orders", message("a", scheduled=clock()))

        assert numbers == [0]
        assert len(on.queue("orders/ship").entries) == 1


async def test_a_cancelled_message_never_comes_and_cancelling_is_all_or_nothing(tmp_path: Path) -> None:
    clock = ManualClock(IN_2030)
    async with direct_broker(ORDERS, tmp_path, clock=clock) as on:
        later, orders = ManualClock(clock()), on.broker.topic("orders")
        later.advance_s(30)
        first, second = await on.send("orders", message("a", scheduled=later()), message("b", scheduled=later()))

        with pytest.raises(MessageNotFound):
            on.broker.cancel(orders, [first, 99])
        await on.broker.cancel(orders, [first])
        await on.advance_s(30)

        assert second == 2
        assert ids(on.receive("orders/ship")) == ["b"]


async def test_each_subscription_whose_rule_matches_gets_its_own_copy(tmp_path: Path) -> None:
    rules = [subscription(name, rule=f"sys.To IS NULL OR sys.To = '{name}'") for name in ("void", "notify")]
    async with direct_broker(topology(topic("orders", *rules)), tmp_path) as on:
        await on.send("orders", message("all"), message("one", to="void"), message("none", to="elsewhere"))

        void, notify = on.receive("orders/void"), on.receive("orders/notify")

        assert ids(void) == ["all", "one"]
        assert ids(notify) == ["all"]
        assert void.entries[0].body is notify.entries[0].body


async def test_a_full_topic_refuses_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    async with direct_broker(topology(topic("orders", subscription("ship"), maxMessages=1)), tmp_path) as on:
        await on.send("orders", message("a"))
        with pytest.raises(QuotaExceeded):
            await on.send("orders", message("b"))
        inbox = on.receive("orders/ship")

        await on.broker.complete(on.queue("orders/ship"), inbox.token)
        await on.send("orders", message("c"))

        assert ids(inbox) == ["a", "c"]


async def test_what_is_not_declared_is_not_found(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        with pytest.raises(EntityNotFound):
            on.broker.topic("order")
        with pytest.raises(EntityNotFound):
            on.broker.queue("orders/Subscriptions/shop")
        with pytest.raises(NotAllowed):
            on.broker.queue("orders")
        with pytest.raises(MessageLockLost):
            on.broker.complete(on.queue("ORDERS/Ship"), UUID(int=9))


async def _leave_something_behind(on: DirectBroker) -> None:
    later = ManualClock(on.clock())
    later.advance_s(90)
    await on.send("orders", message("done"), message("locked"), message("deferred"), message("counted"))
    await on.send("orders", message("later", scheduled=later()), message("fresh"))
    inbox, queue = on.receive("orders/ship", credit=4), on.queue("orders/ship")
    tokens = [entry.lock_token for entry in inbox.entries if entry.lock_token is not None]
    await on.broker.complete(queue, tokens[0])
    await on.broker.defer(queue, tokens[2])
    await on.broker.abandon(queue, tokens[3])


async def test_after_a_restart_everything_acknowledged_is_there_and_nothing_is_locked(tmp_path: Path) -> None:
    clock = ManualClock(IN_2030)
    async with direct_broker(WINDOW, tmp_path, clock=clock) as on:
        await _leave_something_behind(on)

    async with direct_broker(WINDOW, tmp_path, clock=clock) as again:
        inbox = again.receive("orders/ship", deletes=True)
        await again.send("orders", message("fresh"), message("new"))
        deferred, _ = again.broker.receive_deferred(again.queue("orders/ship"), [3], deletes=False)
        await again.advance_s(90)

        assert ids(inbox) == ["locked", "counted", "fresh", "new", "later"]
        assert [entry.delivery_count for entry in inbox.entries[:2]] == [0, 1]
        assert [entry.sequence_number for entry in inbox.entries] == [2, 4, 5, 6, 7]
        assert deferred[0].body.envelope.message_id == "deferred"


async def test_sequence_numbers_go_on_after_a_restart_even_when_the_queue_is_empty(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        await on.broker.complete(on.queue("orders/ship"), on.receive("orders/ship").token)

    async with direct_broker(ORDERS, tmp_path) as again:
        await again.send("orders", message("b"))

        assert again.receive("orders/ship").entries[0].sequence_number == 2


async def test_after_a_write_that_failed_nothing_is_acknowledged_any_more(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        inbox = on.receive("orders/ship")
        on.store.database.connection.execute("drop table body")

        _, failed = on.broker.publish(on.broker.topic("orders"), [message("a")])
        with pytest.raises(sqlite3.OperationalError):
            await failed
        with pytest.raises(sqlite3.OperationalError):
            await on.broker.publish(on.broker.topic("orders"), [message("b")])[1]

        assert inbox.entries == []
