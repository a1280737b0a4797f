"""Dead letters that are forwarded to a topic: what is kept, how far they go, what happens when they can't go on."""

from pathlib import Path

from azure.servicebus import ServiceBusMessage

from tests.clock import IN_2030, ManualClock
from tests.local.servicebus_support import (
    Topology,
    bus,
    direct_broker,
    message,
    subscription,
    text,
    topic,
    topology,
)
from tests.received import properties


def forwarding(**settings: object) -> Topology:
    ship = subscription("ship", maxDeliveryCount=2, forwardDeadLetteredMessagesTo="letters")
    return topology(topic("orders", ship), topic("letters", subscription("record"), **settings))


async def test_a_message_that_a_receiver_gives_up_arrives_as_it_was_with_why_it_died(tmp_path: Path) -> None:
    async with bus(forwarding(), tmp_path) as on:
        await on.open("orders", "orders/ship", "letters/record")
        sent = ServiceBusMessage(b"the body", message_id="ev:1", to="ship", application_properties={"attempt": 3})
        await on.send("orders", sent)
        receiver = await on.receiver("orders/ship")
        await receiver.abandon_message(await on.receive("orders/ship"))

        await receiver.dead_letter_message(await on.receive("orders/ship"), reason="poison", error_description="why")

        letter = await on.receive("letters/record")
        assert (text(letter), letter.message_id, letter.to) == ("the body", "ev:1", "ship")
        assert properties(letter) == {"attempt": 3, "DeadLetterReason": "poison", "DeadLetterErrorDescription": "why"}
        assert letter.dead_letter_source == "orders/Subscriptions/ship"
        assert letter.delivery_count == 1
        entities = await on.entities()
        assert entities["orders"]["subscriptions"]["ship"]["forwarded"] == 1
        assert entities["orders"]["subscriptions"]["ship"]["dead_lettered"] == 0


async def test_a_message_out_of_deliveries_is_forwarded_and_gets_new_chances_there(tmp_path: Path) -> None:
    async with direct_broker(forwarding(), tmp_path) as on:
        await on.send("orders", message("a"))
        inbox, letters = on.receive("orders/ship"), on.receive("letters/record")

        for _ in range(2):
            await on.broker.abandon(on.queue("orders/ship"), inbox.token)
        await on.quiet()
        counted = letters.entries[0].delivery_count
        await on.broker.abandon(on.queue("letters/record"), letters.token)

        assert letters.entries[0].reason == "MaxDeliveryCountExceeded"
        assert counted == 2
        assert len(letters.entries) == 2
        assert on.queue("orders/ship", dead=True).entries == {}


async def test_an_expired_message_is_forwarded(tmp_path: Path) -> None:
    async with direct_broker(forwarding(), tmp_path) as on:
        await on.send("orders", message("a", ttl_ms=1_000))

        await on.advance_s(1)

        assert on.receive("letters/record").entries[0].reason == "TTLExpiredException"


async def test_rules_of_the_target_see_why_the_message_died(tmp_path: Path) -> None:
    letters = topic("letters", subscription("expired", rule="DeadLetterReason = 'TTLExpiredException'"))
    ship = subscription("ship", forwardDeadLetteredMessagesTo="letters")
    async with direct_broker(topology(topic("orders", ship), letters), tmp_path) as on:
        await on.send("orders", message("a", ttl_ms=1_000))

        await on.advance_s(1)

        assert len(on.receive("letters/expired").entries) == 1


async def test_after_four_hops_a_message_stays_in_the_dead_letter_queue(tmp_path: Path) -> None:
    ring = subscription("ship", maxDeliveryCount=1, forwardDeadLetteredMessagesTo="orders")
    async with direct_broker(topology(topic("orders", ring)), tmp_path) as on:
        await on.send("orders", message("a"))
        inbox, queue = on.receive("orders/ship"), on.queue("orders/ship")

        for _ in range(5):
            await on.broker.abandon(queue, inbox.token)
            await on.quiet()

        dead = on.receive("orders/ship", dead=True)
        assert [entry.hops for entry in inbox.entries] == [0, 1, 2, 3, 4]
        assert dead.entries[0].reason == "MaxTransferHopCountExceeded"
        assert "MaxDeliveryCountExceeded" in (dead.entries[0].description or "")


async def test_letters_wait_while_the_target_is_full_and_go_on_when_it_has_room(tmp_path: Path) -> None:
    async with direct_broker(forwarding(maxMessages=1), tmp_path) as on:
        await on.send("orders", message("a", ttl_ms=1_000), message("b", ttl_ms=2_000))
        letters = on.receive("letters/record")

        await on.advance_s(2)
        waiting, dead = len(on.queue("orders/ship", dead=True).entries), on.receive("orders/ship", dead=True)
        await on.broker.complete(on.queue("letters/record"), letters.token)
        await on.quiet()

        assert waiting == 1
        assert dead.entries == [], "what waits to be forwarded is not handed out"
        assert [entry.body.envelope.message_id for entry in letters.entries] == ["a", "b"]
        assert on.queue("orders/ship", dead=True).entries == {}


async def test_letters_wait_for_a_missing_target_and_go_on_once_a_restart_declares_it(tmp_path: Path) -> None:
    clock = ManualClock(IN_2030)
    ship = subscription("ship", forwardDeadLetteredMessagesTo="letters")
    async with direct_broker(topology(topic("orders", ship)), tmp_path, clock=clock) as on:
        await on.send("orders", message("a", ttl_ms=1_000))
        await on.advance_s(1)
        assert len(on.queue("orders/ship", dead=True).entries) == 1

    async with direct_broker(forwarding(), tmp_path, clock=clock) as again:
        await again.quiet()
        letters = again.receive("letters/record")

        assert letters.entries[0].source == "orders/Subscriptions/ship"
        assert again.queue("orders/ship", dead=True).entries == {}


async def test_death_and_arrival_are_one_commit(tmp_path: Path) -> None:
    clock = ManualClock(IN_2030)
    async with direct_broker(forwarding(), tmp_path, clock=clock) as on:
        await on.send("orders", message("a"))
        token = on.receive("orders/ship").token

        await on.broker.dead_letter(on.queue("orders/ship"), token, reason="poison", description=None)
        records = on.store.load()

        assert [entry.queue for entry in records.entries] == ["letters/Subscriptions/record"]
        assert len(records.bodies) == 1
