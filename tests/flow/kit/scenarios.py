"""What can happen to a payment, each written once, so that it can be run again with a crash at any point of it.

A scenario does in a world what merchant, operator and timers do, and returns the id of its payment. It must come to the
same end however often its worker crashes, so it never looks at how that end came about.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from shared.codec.erasure import words_in
from shared.domain.events import (
    PaymentFailureTold,
    PaymentMerchantTold,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
)
from shared.ports.letter_box import LetterFilter
from shared.ports.provider_news import DisputeNews
from shared.services import Services
from shared.verbs.hear import hear
from shared.verbs.recovery.discard import discard
from shared.verbs.recovery.replay import replay
from tests import places
from tests.flow.kit.world import World

LONG_S = 40_000
"""Longer than every retry in a world, and longer than a payment may stand still before it is swept."""

type Scenario = Callable[[World], Awaitable[str]]


@dataclass(frozen=True)
class End:
    """How a scenario ended: what is in the stream, what provider and merchant know, which dead letters there are.

    is_failure_told, merchant_told: stand apart, since they may come before the void or after it. refunds: the amount of
    each, what the stream says of it, and how often the provider made it; two may end in any order. waiting: messages
    that are still somewhere on the bus. words: in how many events the merchant's own words stand.
    """

    stream: list[dict[str, Any]]
    is_failure_told: bool
    merchant_told: list[str]
    status: str
    charged: int
    refunds: list[tuple[int, str, int]]
    disputes: list[tuple[int, str]]
    provider: str | None
    told: list[tuple[str, str]]
    letters: list[tuple[str, str, str]]
    waiting: int
    words: int


async def end_of(world: World, payment_id: str) -> End:
    """Without what a crash may change: times, random references, how often something was asked or repeated."""
    stream = await world.stream(payment_id)
    charge = await world.backends.charge(payment_id)
    told = await world.backends.notifications(payment_id)
    letters = await world.letters(payment_id=payment_id)
    types = {each.event_id: type(each.event).__name__ for each in stream}
    return End(
        stream=[_fact(each.event) for each in stream if not isinstance(each.event, _IN_ANY_ORDER)],
        is_failure_told=any(isinstance(each.event, PaymentFailureTold) for each in stream),
        merchant_told=sorted(
            types[each.event.event_id] for each in stream if isinstance(each.event, PaymentMerchantTold)
        ),
        status=stream[-1].payment.status.value,
        charged=int(charge.get("times_charged", 0)),
        refunds=sorted(
            (refund.amount_minor, refund.status, charge["times_refunded"].get(refund.refund_id, 0))
            for refund in stream[-1].payment.refunds
        ),
        disputes=[(each.opened.amount_minor, each.status) for each in stream[-1].payment.disputes],
        provider=charge.get("status"),
        told=sorted((each["type"], _how(each["request_id"])) for each in told if each["times_accepted"]),
        letters=sorted((letter.step, letter.reason, letter.status.value) for letter in letters),
        waiting=sum(topic.size for topic in world.bus.broker.topics.values()),
        words=len(words_in(stream)),
    )


def _how(request_id: str) -> str:
    """The step of a notification, or that it was told as the event that it is: versions may differ."""
    name = request_id.rpartition(":")[2]
    return "event" if name.isdecimal() else name


_IN_ANY_ORDER = (PaymentFailureTold, PaymentMerchantTold, PaymentRefundRequested, PaymentRefunded, PaymentRefundFailed)


def _fact(event: Any) -> dict[str, Any]:
    kept = ("reason", "code", "failed_step", "notification", "step", "to")
    said = {name: getattr(event, name) for name in kept if hasattr(event, name)}
    if "step" in said:
        said["step"] = said["step"].partition(":")[0]  # a refund's id is its payment's, and so another in each world
    return {"type": type(event).__name__, **said}


async def stuck(world: World, *, count: int = 1) -> list[str]:
    """Payments whose settle has died, because the provider is down until it is repaired."""
    payment_ids = [await world.accept("pm_settle_down") for _ in range(count)]
    await world.run()
    return payment_ids


async def paid(world: World) -> str:
    payment_id = await world.accept("pm_ok", notify="ok")
    await world.run(for_s=LONG_S)
    return payment_id


async def declined_and_voided(world: World) -> str:
    payment_id = await world.accept("pm_settle_declined", notify="ok")
    await world.run(for_s=LONG_S)
    return payment_id


async def timed_out_and_done(world: World) -> str:
    payment_id = await world.accept("pm_settle_times_out_once")
    await world.run(for_s=LONG_S)
    return payment_id


async def created_then_timed_out(world: World) -> str:
    payment_id = await world.accept("pm_times_out_once")
    await world.run(for_s=LONG_S)
    return payment_id


async def failed_twice(world: World) -> str:
    payment_id = await world.accept("pm_fails_twice")
    await world.run(for_s=LONG_S)
    return payment_id


async def cancelled(world: World) -> str:
    """While it cannot be settled; and the void, done, is not answered."""
    await world.backends.tell_provider("/break")
    payment_id = await world.accept("pm_settle_down_void_times_out_once", notify="ok")
    while "created" not in await world.events(payment_id):
        if not await world.next() and not await world.wait():
            break
    await world.cancel(payment_id)
    await world.run(for_s=LONG_S)
    return payment_id


async def cancelled_before_it_was_created(world: World) -> str:
    await world.backends.tell_provider("/break")
    payment_id = await world.accept("pm_down")
    await world.cancel(payment_id)
    await world.run(for_s=LONG_S)
    return payment_id


async def refunded_in_parts(world: World) -> str:
    """The first part is made and not answered; a third is more than is left."""
    payment_id = await world.accept("pm_refund_times_out_once")
    await world.run(for_s=LONG_S)
    for number, amount in enumerate((500, 700, 100)):
        await world.refund(payment_id, amount, key=f"part-{number}")
    await world.run(for_s=LONG_S)
    return payment_id


async def refund_parked_and_discarded(world: World) -> str:
    await world.backends.tell_provider("/break")
    payment_id = await world.accept("pm_refund_down")
    await world.run(for_s=LONG_S)
    await world.refund(payment_id, 500)
    await world.run(for_s=LONG_S)
    await world.operate(lambda services: _discard_all(payment_id, services))
    await world.run(for_s=LONG_S)
    return payment_id


async def disputed_and_refunded(world: World) -> str:
    """The bank takes a part and gives it again, and another that it keeps. What it has is not given back."""
    payment_id = await world.accept("pm_ok", notify="ok")
    await world.run(for_s=LONG_S)
    for amount_minor, how in ((500, "win"), (700, "lose")):
        told = await world.backends.tell_provider("/disputes", payment_reference=payment_id, amount_minor=amount_minor)
        await _hear_twice(world, told)
        await _hear_twice(world, await world.backends.tell_provider(f"/disputes/{told['dispute_id']}/{how}"))
    await world.refund(payment_id)
    await world.run(for_s=LONG_S)
    return payment_id


async def notice_parked_and_replayed(world: World) -> str:
    """The merchant cannot be told of the payment, then not of two refunds; then it is told of all."""
    await world.backends.tell_provider("/merchant/break")
    payment_id = await world.accept("pm_ok", notify="down")
    await world.run(for_s=LONG_S)
    for number, amount_minor in enumerate((500, 700)):
        await world.refund(payment_id, amount_minor, key=f"part-{number}")
    await world.run(for_s=LONG_S)
    await world.backends.tell_provider("/merchant/repair")
    await world.operate(lambda services: _replay_all(payment_id, services))
    await world.run(for_s=LONG_S)
    return payment_id


async def _hear_twice(world: World, dispute: dict[str, Any]) -> None:
    news = DisputeNews(
        payment_id=dispute["payment_reference"],
        dispute_id=dispute["dispute_id"],
        status=dispute["status"],
        told_at=None,
    )
    for _ in range(2):
        await world.operate(lambda services: hear(news, traceparent=None, services=services))


async def parked_and_replayed(world: World) -> str:
    await world.backends.tell_provider("/break")
    payment_id = await world.accept("pm_settle_down")
    await world.run(for_s=LONG_S)
    await world.backends.tell_provider("/repair")
    await world.operate(lambda services: _replay_all(payment_id, services))
    await world.run(for_s=LONG_S)
    return payment_id


async def _replay_all(payment_id: str, services: Services) -> None:
    found = await services.letters.find(LetterFilter(payment_id=payment_id), limit=10)
    for letter in found.letters:
        await replay(letter.letter_id, by="operator", dry_run=False, services=services)


async def parked_and_discarded(world: World) -> str:
    await world.backends.tell_provider("/break")
    payment_id = await world.accept("pm_settle_down")
    await world.run(for_s=LONG_S)
    await world.operate(lambda services: _discard_all(payment_id, services))
    await world.run(for_s=LONG_S)
    return payment_id


async def _discard_all(payment_id: str, services: Services) -> None:
    found = await services.letters.find(LetterFilter(payment_id=payment_id), limit=10)
    for letter in found.letters:
        await discard(letter.letter_id, by="operator", reason="the customer has gone", services=services)


async def invalid(world: World) -> str:
    payment_id = await world.accept("pm_invalid")
    await world.run(for_s=LONG_S)
    return payment_id


async def merchant_unreachable(world: World) -> str:
    payment_id = await world.accept("pm_ok", notify="down")
    await world.run(for_s=LONG_S)
    return payment_id


async def refused_and_taken_away(world: World) -> str:
    """The broker refuses the event, then the retry. Then a message that has been handled loses its lock."""
    world.bus.faults.order({"kind": "refuse_sends", "topic": places.SETTLE.topic, "count": 2})
    world.bus.faults.order({"kind": "duplicate_delivery", "subscription": str(places.SETTLE)})
    world.bus.faults.order({"kind": "accept_then_cut", "topic": places.NOTIFY.topic})
    payment_id = await world.accept("pm_settle_times_out_once")
    await world.run(for_s=LONG_S)
    return payment_id


async def erased_under_way_and_long_after(world: World) -> str:
    """The feed tells again of what was erased: at once, and when no topic knows its id any more."""
    payment_id = await world.accept("pm_settle_times_out_once", description="Two books for Jo")
    while "created" not in await world.events(payment_id):
        if not await world.next() and not await world.wait():
            break
    await world.erase(payment_id)
    await world.run(for_s=LONG_S)
    await world.refund(payment_id, 500)
    await world.run(for_s=LONG_S)
    world.clock.advance_s(LONG_S)
    await world.erase(payment_id)
    await world.run(for_s=LONG_S)
    return payment_id


async def lost_and_swept(world: World) -> str:
    """The message to settle is lost. No part of ours does that; the sweep is for what nobody has thought of."""
    payment_id = await world.accept("pm_ok")
    while not await world.lose_message(str(places.SETTLE)):
        if not await world.next() and not await world.wait():
            break
    await world.run(for_s=LONG_S)
    world.clock.advance_s(LONG_S)
    await world.sweep()
    await world.run(for_s=LONG_S)
    return payment_id


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        paid,
        declined_and_voided,
        timed_out_and_done,
        created_then_timed_out,
        failed_twice,
        invalid,
        cancelled,
        cancelled_before_it_was_created,
        refunded_in_parts,
        refund_parked_and_discarded,
        disputed_and_refunded,
        notice_parked_and_replayed,
        merchant_unreachable,
        parked_and_replayed,
        parked_and_discarded,
        refused_and_taken_away,
        lost_and_swept,
        erased_under_way_and_long_after,
    )
}
