"""What others want of the app, at any time: merchants, and banks, for whom the provider speaks.

Each says whether it could happen now.
"""

from dataclasses import replace

from shared.domain.dispute import DisputeStatus
from tests.invariants.disputes import Case, Telling
from tests.invariants.going import a_worker, between, go_on, is_full
from tests.invariants.luck import Luck
from tests.invariants.world import AMOUNT_MINOR, World

MOST_PAYMENTS = 2


def accept(world: World, luck: Luck) -> bool:
    key = f"order-{luck.one_of(range(MOST_PAYMENTS)) + 1}" if world.payment_ids() else "order-1"
    go_on(world.accept(key, worker=a_worker(luck)), luck, world)
    return True


def cancel(world: World, luck: Luck) -> bool:
    payment_ids = world.payment_ids()
    if not payment_ids or is_full(world):
        return False
    go_on(world.cancel(luck.one_of(payment_ids), worker=a_worker(luck)), luck, world)
    return True


def refund(world: World, luck: Luck) -> bool:
    """Some are too much together. Two at once, now and then, beside each other."""
    payment_ids = world.payment_ids()
    if not payment_ids or is_full(world):
        return False
    payment_id = luck.one_of(payment_ids)
    jobs = [
        world.refund(
            payment_id,
            key=f"refund-{luck.one_of(range(3))}",
            amount_minor=luck.one_of([None, 500, 800]),
            worker=a_worker(luck),
        )
        for _ in range(luck.one_of([1, 1, 2]))
    ]
    between(world, jobs, luck)
    return True


def dispute(world: World, luck: Luck) -> bool:
    """Banks take money back or decide; the provider tells of it, at once or later. The next word may overtake that."""
    if not any(_may_be_done(world)):
        return False
    for _ in range(luck.one_of([1, 1, 3, 6])):
        _a_bank_acts(world, luck)
        if luck.happens(0.6):
            tell(world, luck)
    return True


def _a_bank_acts(world: World, luck: Luck) -> None:
    payment_ids, cases = _may_be_done(world)
    disputes = world.provider.disputes
    if payment_ids and (not cases or luck.happens(0.4)):
        payment_id = luck.one_of(payment_ids)
        most = min(world.provider.left_to_dispute_minor(payment_id), AMOUNT_MINOR)  # it is about one capture
        disputes.open(payment_id, amount_minor=min(luck.one_of([most, 500, 800]), most), luck=luck)
    elif cases:
        case = luck.one_of([*cases, *cases[-1:] * 2])  # so that some change often
        other: DisputeStatus = "won" if case.status == "lost" else "lost"
        either: list[DisputeStatus] = ["won", "lost"]
        disputes.decide(case, luck.one_of(either) if case.status == "open" else other, luck=luck)


def _may_be_done(world: World) -> tuple[list[str], list[Case]]:
    """Payments with money that no bank has, given back or not; and disputes that may be decided, perhaps anew."""
    left = {each: world.provider.left_to_dispute_minor(each) for each in world.payment_ids()}
    cases = world.provider.disputes.cases
    return (
        [payment_id for payment_id, left_minor in left.items() if left_minor > 0],
        [case for case in cases if case.status != "won" or left[case.payment_id] >= case.amount_minor],
    )


def tell(world: World, luck: Luck) -> bool:
    """News arrives in any order, some of it at the same time, some again, and now and then about the wrong payment."""
    disputes = world.provider.disputes
    known = [*disputes.heard, *disputes.to_tell, *disputes.to_tell[-2:] * 2]
    if not known or is_full(world):
        return False
    jobs = []
    for _ in range(luck.one_of([1, 1, 2, 3])):
        telling = luck.one_of(known)
        if luck.happens(0.03):
            telling = _astray(telling, luck.one_of(world.payment_ids()))
        jobs.append(world.hear(telling, worker=a_worker(luck)))
    between(world, jobs, luck)
    return True


def _astray(telling: Telling, payment_id: str) -> Telling:
    return Telling(replace(telling.news, payment_id=payment_id), telling.due_s)
