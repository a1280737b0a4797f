"""The invariants of money: what the provider did, against what the stream says and what a payment may lose."""

from collections import Counter
from collections.abc import Iterator, Sequence

from shared.domain.ledger import ledger_of
from shared.domain.payment import Step
from tests.invariants.again import streams
from tests.invariants.history import Told, has
from tests.invariants.provider import Deed
from tests.invariants.runs import Broken
from tests.invariants.world import AMOUNT_MINOR, World

_MONEY = (Step.CREATE, Step.SETTLE, Step.VOID)
REQUESTED = "payment.refund_requested"


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
    """By the provider, as often as a charge; and all of them together give back no more than was taken."""
    for payment_id in world.payment_ids():
        made = Counter(deed.task.value for deed in world.provider.refunds_of(payment_id))
        if max(made.values(), default=0) > 1 and not may_be_done_twice(world, payment_id):
            yield Broken("one_refund", f"refunds were made {dict(made)} times")


def no_more_is_refunded_than_was_taken(world: World) -> Iterator[Broken]:
    """Read from the stream alone: what was requested and has not definitely failed."""
    for payment_id, stream in streams(world).items():
        for end in range(1, len(stream) + 1):
            so_far = stream[:end]
            held = _held(so_far)
            taken = AMOUNT_MINOR if has(so_far, "payment.settled") else 0
            if held > taken and not _came_late(so_far):
                yield Broken("no_more_is_refunded_than_was_taken", f"{held} of {taken}: {short(so_far)}")
            ledger = ledger_of(world.store.read(payment_id)[end - 1].payment)
            if ledger.captured_minor != ledger.net_minor + ledger.refunded_minor or (
                ledger.refunded_minor + ledger.refunding_minor != held
            ):
                yield Broken("the_ledger_balances", f"{ledger}, and {held} is held: {short(so_far)}")


def _held(stream: Sequence[Told]) -> int:
    requested = {each.said["refund_id"]: each.said["amount_minor"] for each in stream if each.kind == REQUESTED}
    failed = {each.said["refund_id"] for each in stream if each.kind == "payment.refund_failed"}
    refunded = {each.said["refund_id"] for each in stream if each.kind == "payment.refunded"}
    return sum(amount for refund_id, amount in requested.items() if refund_id not in failed - refunded)


def _came_late(stream: Sequence[Told]) -> bool:
    """Whether a provider that shows its deeds too late said yes to a refund that had been given up."""
    failed = {each.said["refund_id"] for each in stream if each.kind == "payment.refund_failed"}
    return any(each.kind == "payment.refunded" and each.said["refund_id"] in failed for each in stream)


def may_be_done_twice(world: World, payment_id: str) -> bool:
    """Only where ids are forgotten."""
    return not world.setting.remembers_ids and (world.setting.settles_late or has_two_chains(world, payment_id))


def has_two_chains(world: World, payment_id: str) -> bool:
    """Whether a topic took one id twice, which it does when its window has passed."""
    return any(times > 1 for (_, name), times in world.bus.accepted.items() if name.startswith(payment_id))


def is_known_limit(world: World, deed: Deed) -> bool:
    """Whether another turn of the cause may have acted beside that one, or the provider shows it too late."""
    return world.setting.settles_late or has_two_chains(world, deed.payment_id)
