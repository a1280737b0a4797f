"""The invariants of charges and refunds: what the provider did, and how often. Sums are in books.py."""

from collections import Counter
from collections.abc import Iterator

from shared.domain.payment import Step
from tests.invariants.again import streams
from tests.invariants.history import Told, has
from tests.invariants.provider import Deed
from tests.invariants.runs import Broken
from tests.invariants.world import World

_MONEY = (Step.CREATE, Step.SETTLE, Step.VOID)


def short(stream: tuple[Told, ...]) -> str:
    return ", ".join(each.kind.removeprefix("payment.") for each in stream)


def one_charge(world: World) -> Iterator[Broken]:
    """Also of a provider that forgets request ids, as long as no cause has two chains of messages."""
    for payment_id in world.payment_ids():
        for step in _MONEY:
            deeds = world.provider.deeds(payment_id, step)
            harmless = step is Step.VOID and not world.setting.remembers_ids and _is_to_be_cancelled(world, payment_id)
            if len(deeds) > 1 and not harmless and not may_be_done_twice(world, payment_id):
                yield Broken("one_charge", f"{step.value} was done {len(deeds)} times: {deeds}")


def _is_to_be_cancelled(world: World, payment_id: str) -> bool:
    """Then two steps may ask for the void at once, under one id; a second one releases nothing more."""
    return has(streams(world)[payment_id], "payment.cancel_requested")


def each_refund_is_made_once(world: World) -> Iterator[Broken]:
    """By the provider, as often as a charge."""
    for payment_id in world.payment_ids():
        made = Counter(deed.task.value for deed in world.provider.refunds_of(payment_id))
        if max(made.values(), default=0) > 1 and not may_be_done_twice(world, payment_id):
            yield Broken("one_refund", f"refunds were made {dict(made)} times")


def may_be_done_twice(world: World, payment_id: str) -> bool:
    """Only where ids are forgotten."""
    return not world.setting.remembers_ids and (world.setting.settles_late or has_two_chains(world, payment_id))


def has_two_chains(world: World, payment_id: str) -> bool:
    """Whether a topic took one id twice, which it does when its window has passed."""
    return any(times > 1 for (_, name), times in world.bus.accepted.items() if name.startswith(payment_id))


def is_known_limit(world: World, deed: Deed) -> bool:
    """Whether another turn of the cause may have acted beside that one, or the provider shows it too late."""
    return world.setting.settles_late or has_two_chains(world, deed.payment_id)
