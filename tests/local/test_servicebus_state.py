"""The broker's rules, by direct calls, with time in the test's hands."""

import asyncio
from pathlib import Path

import pytest

from local.azure.servicebus.errors import MessageLockLost, MessageNotFound, NotAllowed
from tests.local.servicebus_support import Inbox, direct_broker, message, subscription, topic, topology

ORDERS = topology(topic("orders", subscription("ship", maxDeliveryCount=3)))
WINDOW = topology(topic("orders", subscription("ship"), duplicateDetectionWindow="PT10M"))


def ids(inbox: Inbox) -> list[str | None]:
    return [entry.body.envelope.message_id for entry in inbox.entries]


async def test_messages_come_in_the_order_of_their_sequence_numbers(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"), message("b"))
        await on.send("orders", message("c"))

        inbox = on.receive("orders/ship")

        assert ids(inbox) == ["a", "b", "c"]
        assert [entry.sequence_number for entry in inbox.entries] == [1, 2, 3]


async def test_a_waiting_receiver_gets_a_message_only_when_it_is_durable(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        inbox = on.receive("orders/ship")

        _, durable = on.broker.publish(on.broker.topic("orders"), [message("a")])
        before = ids(inbox)
        await durable

        assert before == []
        assert ids(inbox) == ["a"]


async def test_receivers_with_credit_take_turns(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        first, second, none = (on.receive("orders/ship", credit=credit) for credit in (2, 5, 0))

        await on.send("orders", *(message(str(number)) for number in range(5)))

        assert (len(first.entries), len(second.entries), len(none.entries)) == (2, 3, 0)


async def test_an_abandoned_message_comes_again_in_its_old_place_with_its_count_raised(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"), message("b"))
        inbox = on.receive("orders/ship", credit=1)

        await on.broker.abandon(on.queue("orders/ship"), inbox.token)
        inbox.credit = 2
        on.broker.pump(on.queue("orders/ship"))

        assert ids(inbox) == ["a", "a", "b"]
        assert [entry.delivery_count for entry in inbox.entries] == [1, 1, 0]


async def test_a_released_message_comes_again_and_the_delivery_does_not_count(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        inbox = on.receive("orders/ship", credit=1)

        await on.broker.release(on.queue("orders/ship"), inbox.token)
        again = on.receive("orders/ship")

        assert ids(again) == ["a"]
        assert again.entries[0].delivery_count == 0


async def test_a_lock_that_runs_out_gives_the_message_to_the_next_and_counts(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        slow = on.receive("orders/ship", credit=1)
        lost, other = slow.token, on.receive("orders/ship")

        await on.advance_s(59)
        early = ids(other)
        await on.advance_s(1)

        assert early == []
        assert ids(other) == ["a"]
        assert other.entries[0].delivery_count == 1
        with pytest.raises(MessageLockLost):
            on.broker.complete(on.queue("orders/ship"), lost)


async def test_a_settlement_at_the_end_of_the_lock_is_refused_even_before_the_alarm_rings(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        inbox = on.receive("orders/ship", credit=1)
        on.clock.advance_s(60)

        with pytest.raises(MessageLockLost):
            on.broker.complete(on.queue("orders/ship"), inbox.token)

        assert ids(on.receive("orders/ship")) == ["a"]


async def test_a_renewed_lock_holds_longer(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        inbox, other = on.receive("orders/ship", credit=1), on.receive("orders/ship")
        await on.advance_s(40)

        (until_ms,) = on.broker.renew(on.queue("orders/ship"), [inbox.token])
        await on.advance_s(40)

        assert until_ms == int(on.clock().timestamp() * 1000) + 20_000
        await on.broker.complete(on.queue("orders/ship"), inbox.token)
        await on.advance_s(100)
        assert ids(other) == []


async def test_after_the_last_delivery_the_message_dies_with_the_reason(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
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
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a", ttl_ms=5_000))
        await on.advance_s(5)
        dead, queue = on.receive("orders/ship", dead=True), on.queue("orders/ship", dead=True)

        for _ in range(20):
            await on.broker.abandon(queue, dead.token)
        await on.advance_s(1_000_000)

        assert len(queue.entries) == 1
        with pytest.raises(NotAllowed):
            on.broker.dead_letter(queue, dead.token, reason="again", description=None)


async def test_an_expired_message_dies_and_one_under_lock_only_when_it_is_given_back(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("locked", ttl_ms=5_000), message("waiting", ttl_ms=5_000))
        inbox, dead = on.receive("orders/ship", credit=1), on.receive("orders/ship", dead=True)

        await on.advance_s(5)
        first = ids(dead)
        await on.broker.abandon(on.queue("orders/ship"), inbox.token)
        await on.quiet()

        assert first == ["waiting"]
        assert ids(dead) == ["waiting", "locked"]
        assert dead.entries[0].reason == "TTLExpiredException"


async def test_an_expired_message_vanishes_where_the_subscription_says_so(tmp_path: Path) -> None:
    quiet = subscription("ship", deadLetteringOnMessageExpiration=False, defaultMessageTimeToLive="PT2S")
    async with direct_broker(topology(topic("orders", quiet)), tmp_path) as on:
        await on.send("orders", message("a", ttl_ms=5_000))

        await on.advance_s(2)

        assert on.queue("orders/ship").entries == {}
        assert on.queue("orders/ship", dead=True).entries == {}


async def test_a_deferred_message_is_handed_out_by_its_number_only(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
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
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"))
        inbox, queue = on.receive("orders/ship", credit=1), on.queue("orders/ship")
        await on.broker.defer(queue, inbox.token)
        on.broker.receive_deferred(queue, [1], deletes=False)

        await on.advance_s(60)

        found, _ = on.broker.receive_deferred(queue, [1], deletes=True)
        assert found[0].delivery_count == 1
        assert queue.entries == {}


async def test_receive_and_delete_removes_before_it_hands_over(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"), message("b"))

        inbox = on.receive("orders/ship", deletes=True, credit=1)
        at_once = ids(inbox)
        await on.quiet()

        assert at_once == []
        assert ids(inbox) == ["a"]
        assert list(on.queue("orders/ship").entries) == [2]


async def test_peeking_shows_what_is_there_from_a_number_on(tmp_path: Path) -> None:
    async with direct_broker(ORDERS, tmp_path) as on:
        await on.send("orders", message("a"), message("b"), message("c"))
        on.receive("orders/ship", credit=1)

        peeked = on.broker.peek(on.queue("orders/ship"), from_number=1, limit=2)
        later = on.broker.peek(on.queue("orders/ship"), from_number=3, limit=9)

        assert [entry.sequence_number for entry in peeked] == [1, 2]
        assert [entry.sequence_number for entry in later] == [3]


async def test_after_a_record_that_cannot_be_written_nothing_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a repeated send would be taken for a duplicate of the one that was lost, and be acknowledged."""

    async def failing(_work: object) -> None:
        raise ValueError("no number")

    async with direct_broker(WINDOW, tmp_path) as on:
        monkeypatch.setattr(on.store.database, "write", failing)
        _, lost = on.broker.publish(on.broker.topic("orders"), [message("a")])
        with pytest.raises(ValueError, match="no number"):
            await asyncio.wait_for(lost, 5)

        _, repeated = on.broker.publish(on.broker.topic("orders"), [message("a")])
        with pytest.raises(ValueError, match="no number"):
            await asyncio.wait_for(repeated, 5)
