"""The broker's rules, without a wire and with a clock by hand."""

from pathlib import Path
from uuid import UUID

import pytest

from local.servicebus.refusals import EntityNotFound, MessageLockLost, MessageNotFound, NotAllowed, QuotaExceeded
from tests.local.servicebus_support import Bench, Clock, Inbox, bench, message, subscription, topic, topology

ORDERS = topology(topic("orders", subscription("ship", maxDeliveryCount=3)))
WINDOW = topology(topic("orders", subscription("ship"), duplicateDetectionWindow="PT10M"))


def ids(inbox: Inbox) -> list[str | None]:
    return [entry.body.envelope.message_id for entry in inbox.entries]


async def test_messages_come_in_the_order_of_their_sequence_numbers(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"), message("b"))
        await on.send("orders", message("c"))

        inbox = on.receive("orders/ship")

        assert ids(inbox) == ["a", "b", "c"]
        assert [entry.sequence_number for entry in inbox.entries] == [1, 2, 3]


async def test_a_waiting_receiver_gets_a_message_only_when_it_is_durable(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        inbox = on.receive("orders/ship")

        _, durable = on.broker.publish(on.broker.topic("orders"), [message("a")])
        before = ids(inbox)
        await durable

        assert before == []
        assert ids(inbox) == ["a"]


async def test_receivers_with_credit_take_turns(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        first, second, none = (on.receive("orders/ship", credit=credit) for credit in (2, 5, 0))

        await on.send("orders", *(message(str(number)) for number in range(5)))

        assert (len(first.entries), len(second.entries), len(none.entries)) == (2, 3, 0)


async def test_an_abandoned_message_comes_again_in_its_old_place_with_its_count_raised(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"), message("b"))
        inbox = on.receive("orders/ship", credit=1)

        await on.broker.abandon(on.queue("orders/ship"), inbox.token)
        inbox.credit = 2
        on.broker.pump(on.queue("orders/ship"))

        assert ids(inbox) == ["a", "a", "b"]
        assert [entry.delivery_count for entry in inbox.entries] == [1, 1, 0]


async def test_a_released_message_comes_again_and_the_delivery_does_not_count(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        inbox = on.receive("orders/ship", credit=1)

        await on.broker.release(on.queue("orders/ship"), inbox.token)
        again = on.receive("orders/ship")

        assert ids(again) == ["a"]
        assert again.entries[0].delivery_count == 0


async def test_a_lock_that_runs_out_gives_the_message_to_the_next_and_counts(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        slow = on.receive("orders/ship", credit=1)
        lost, other = slow.token, on.receive("orders/ship")

        await on.pass_s(59)
        early = ids(other)
        await on.pass_s(1)

        assert early == []
        assert ids(other) == ["a"]
        assert other.entries[0].delivery_count == 1
        with pytest.raises(MessageLockLost):
            on.broker.complete(on.queue("orders/ship"), lost)


async def test_a_settlement_at_the_end_of_the_lock_is_refused_even_before_the_alarm_rings(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        inbox = on.receive("orders/ship", credit=1)
        on.clock.pass_s(60)

        with pytest.raises(MessageLockLost):
            on.broker.complete(on.queue("orders/ship"), inbox.token)

        assert ids(on.receive("orders/ship")) == ["a"]


async def test_a_renewed_lock_holds_longer(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        inbox, other = on.receive("orders/ship", credit=1), on.receive("orders/ship")
        await on.pass_s(40)

        (until_ms,) = on.broker.renew(on.queue("orders/ship"), [inbox.token])
        await on.pass_s(40)

        assert until_ms == int(on.clock().timestamp() * 1000) + 20_000
        await on.broker.complete(on.queue("orders/ship"), inbox.token)
        await on.pass_s(100)
        assert ids(other) == []


async def test_after_the_last_delivery_the_message_dies_with_the_reason(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        inbox, queue = on.receive("orders/ship"), on.queue("orders/ship")

        for _ in range(3):
            await on.broker.abandon(queue, inbox.token)
        await on.quiet()

        dead = on.receive("orders/ship", dead=True)
        assert len(inbox.entries) == 3
        assert ids(dead) == ["a"]
        assert dead.entries[0].delivery_count == 3
        assert dead.entries[0].obituary() == {
            "DeadLetterReason": "MaxDeliveryCountExceeded",
            "DeadLetterErrorDescription": "Message could not be consumed after 3 delivery attempts.",
        }


async def test_messages_in_a_dead_letter_queue_can_be_abandoned_for_ever_and_never_expire(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a", ttl_ms=5_000))
        await on.pass_s(5)
        dead, queue = on.receive("orders/ship", dead=True), on.queue("orders/ship", dead=True)

        for _ in range(20):
            await on.broker.abandon(queue, dead.token)
        await on.pass_s(1_000_000)

        assert len(queue.entries) == 1
        with pytest.raises(NotAllowed):
            on.broker.dead_letter(queue, dead.token, reason="again", description=None)


async def test_an_expired_message_dies_and_one_under_lock_only_when_it_is_given_back(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("locked", ttl_ms=5_000), message("waiting", ttl_ms=5_000))
        inbox, dead = on.receive("orders/ship", credit=1), on.receive("orders/ship", dead=True)

        await on.pass_s(5)
        first = ids(dead)
        await on.broker.abandon(on.queue("orders/ship"), inbox.token)
        await on.quiet()

        assert first == ["waiting"]
        assert ids(dead) == ["waiting", "locked"]
        assert dead.entries[0].reason == "TTLExpiredException"


async def test_an_expired_message_vanishes_where_the_subscription_says_so(tmp_path: Path) -> None:
    quiet = subscription("ship", deadLetteringOnMessageExpiration=False, defaultMessageTimeToLive="PT2S")
    async with bench(topology(topic("orders", quiet)), tmp_path) as on:
        await on.send("orders", message("a", ttl_ms=5_000))

        await on.pass_s(2)

        assert on.queue("orders/ship").entries == {}
        assert on.queue("orders/ship", dead=True).entries == {}


async def test_a_deferred_message_is_handed_out_by_its_number_only(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        inbox, queue = on.receive("orders/ship", credit=1), on.queue("orders/ship")
        await on.broker.defer(queue, inbox.token)
        waiting = on.receive("orders/ship")

        found, durable = on.broker.receive_deferred(queue, [1], deletes=False)
        await durable

        assert ids(waiting) == []
        with pytest.raises(MessageNotFound):
            on.broker.receive_deferred(queue, [1], deletes=False)
        token = found[0].lock_token
        assert token is not None
        await on.broker.complete(queue, token)
        assert queue.entries == {}


async def test_a_deferred_message_whose_lock_ran_out_stays_deferred(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        inbox, queue = on.receive("orders/ship", credit=1), on.queue("orders/ship")
        await on.broker.defer(queue, inbox.token)
        on.broker.receive_deferred(queue, [1], deletes=False)

        await on.pass_s(60)

        found, _ = on.broker.receive_deferred(queue, [1], deletes=True)
        assert found[0].delivery_count == 1
        assert queue.entries == {}


async def test_receive_and_delete_removes_before_it_hands_over(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"), message("b"))

        inbox = on.receive("orders/ship", deletes=True, credit=1)
        at_once = ids(inbox)
        await on.quiet()

        assert at_once == []
        assert ids(inbox) == ["a"]
        assert list(on.queue("orders/ship").entries) == [2]


async def test_peeking_shows_what_is_there_from_a_number_on(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"), message("b"), message("c"))
        on.receive("orders/ship", credit=1)

        peeked = on.broker.peek(on.queue("orders/ship"), from_number=1, limit=2)
        later = on.broker.peek(on.queue("orders/ship"), from_number=3, limit=9)

        assert [entry.sequence_number for entry in peeked] == [1, 2]
        assert [entry.sequence_number for entry in later] == [3]


async def test_a_message_id_inside_the_window_is_dropped_and_after_it_is_not(tmp_path: Path) -> None:
    async with bench(WINDOW, tmp_path) as on:
        inbox = on.receive("orders/ship", deletes=True)
        await on.send("orders", message("a"), message("a"), message("b"))

        await on.pass_s(600)
        await on.send("orders", message("a"))
        await on.pass_s(1)
        await on.send("orders", message("a"))

        assert ids(inbox) == ["a", "b", "a"]
        assert on.broker.topic("orders").counts["duplicates"] == 2


async def test_messages_without_an_id_are_never_duplicates(tmp_path: Path) -> None:
    async with bench(WINDOW, tmp_path) as on:
        await on.send("orders", message(None), message(None))

        assert len(on.queue("orders/ship").entries) == 2


async def test_a_scheduled_message_comes_when_it_is_due_and_its_id_counts_from_the_sending(tmp_path: Path) -> None:
    clock = Clock()
    async with bench(WINDOW, tmp_path, clock=clock) as on:
        inbox, later = on.receive("orders/ship"), Clock(clock())
        later.pass_s(30)

        numbers = await on.send("orders", message("a", scheduled=later()))
        await on.send("orders", message("a"))
        await on.pass_s(29)
        early = ids(inbox)
        await on.pass_s(1)

        assert numbers == [1]
        assert early == []
        assert ids(inbox) == ["a"]
        assert inbox.entries[0].enqueued_ms == int(later().timestamp() * 1000)


async def test_a_message_scheduled_for_the_past_comes_at_once(tmp_path: Path) -> None:
    clock = Clock()
    async with bench(ORDERS, tmp_path, clock=clock) as on:
        numbers = await on.send("orders", message("a", scheduled=clock()))

        assert numbers == [0]
        assert len(on.queue("orders/ship").entries) == 1


async def test_a_cancelled_message_never_comes_and_cancelling_is_all_or_nothing(tmp_path: Path) -> None:
    clock = Clock()
    async with bench(ORDERS, tmp_path, clock=clock) as on:
        later, orders = Clock(clock()), on.broker.topic("orders")
        later.pass_s(30)
        first, second = await on.send("orders", message("a", scheduled=later()), message("b", scheduled=later()))

        with pytest.raises(MessageNotFound):
            on.broker.cancel(orders, [first, 99])
        await on.broker.cancel(orders, [first])
        await on.pass_s(30)

        assert second == 2
        assert ids(on.receive("orders/ship")) == ["b"]


async def test_each_subscription_whose_rule_matches_gets_its_own_copy(tmp_path: Path) -> None:
    rules = [subscription(name, rule=f"sys.To IS NULL OR sys.To = '{name}'") for name in ("void", "notify")]
    async with bench(topology(topic("orders", *rules)), tmp_path) as on:
        await on.send("orders", message("all"), message("one", to="void"), message("none", to="elsewhere"))

        void, notify = on.receive("orders/void"), on.receive("orders/notify")

        assert ids(void) == ["all", "one"]
        assert ids(notify) == ["all"]
        assert void.entries[0].body is notify.entries[0].body


async def test_a_full_topic_refuses_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    async with bench(topology(topic("orders", subscription("ship"), maxMessages=1)), tmp_path) as on:
        await on.send("orders", message("a"))
        with pytest.raises(QuotaExceeded):
            await on.send("orders", message("b"))
        inbox = on.receive("orders/ship")

        await on.broker.complete(on.queue("orders/ship"), inbox.token)
        await on.send("orders", message("c"))

        assert ids(inbox) == ["a", "c"]


async def test_what_is_not_declared_is_not_found(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        with pytest.raises(EntityNotFound):
            on.broker.topic("order")
        with pytest.raises(EntityNotFound):
            on.broker.queue("orders/Subscriptions/shop")
        with pytest.raises(NotAllowed):
            on.broker.queue("orders")
        with pytest.raises(MessageLockLost):
            on.broker.complete(on.queue("ORDERS/Ship"), UUID(int=9))


async def _leave_something_behind(on: Bench) -> None:
    later = Clock(on.clock())
    later.pass_s(90)
    await on.send("orders", message("done"), message("locked"), message("deferred"), message("counted"))
    await on.send("orders", message("later", scheduled=later()), message("fresh"))
    inbox, queue = on.receive("orders/ship", credit=4), on.queue("orders/ship")
    tokens = [entry.lock_token for entry in inbox.entries if entry.lock_token is not None]
    await on.broker.complete(queue, tokens[0])
    await on.broker.defer(queue, tokens[2])
    await on.broker.abandon(queue, tokens[3])


async def test_after_a_restart_everything_acknowledged_is_there_and_nothing_is_locked(tmp_path: Path) -> None:
    clock = Clock()
    async with bench(WINDOW, tmp_path, clock=clock) as on:
        await _leave_something_behind(on)

    async with bench(WINDOW, tmp_path, clock=clock) as again:
        inbox = again.receive("orders/ship", deletes=True)
        await again.send("orders", message("fresh"), message("new"))
        deferred, _ = again.broker.receive_deferred(again.queue("orders/ship"), [3], deletes=False)
        await again.pass_s(90)

        assert ids(inbox) == ["locked", "counted", "fresh", "new", "later"]
        assert [entry.delivery_count for entry in inbox.entries[:2]] == [0, 1]
        assert [entry.sequence_number for entry in inbox.entries] == [2, 4, 5, 6, 7]
        assert deferred[0].body.envelope.message_id == "deferred"


async def test_sequence_numbers_go_on_after_a_restart_even_when_the_queue_is_empty(tmp_path: Path) -> None:
    async with bench(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        await on.broker.complete(on.queue("orders/ship"), on.receive("orders/ship").token)

    async with bench(ORDERS, tmp_path) as again:
        await again.send("orders", message("b"))

        assert again.receive("orders/ship").entries[0].sequence_number == 2
