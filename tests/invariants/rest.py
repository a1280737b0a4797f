"""How a world is mended, and how it comes to rest. Nothing here is left to chance."""

from tests.invariants.luck import Luck
from tests.invariants.world import World

MOST_TURNS = 4000
"""More than any world needs. One that still works after so many would never rest."""
_PAGE = 50


class Restless(AssertionError):
    """A world that does not come to rest though nothing goes wrong any more."""


def mend(world: World) -> None:
    """Every outage ends, and the provider and the merchant answer as they should."""
    world.store.is_down = world.bus.is_down = False
    world.store.newest = None
    world.provider.is_down = world.provider.merchant_is_down = False


def run_calmly(world: World, luck: Luck) -> bool:
    """One turn of what can be done now, the oldest first; False when there is nothing."""
    calls = world.stage.calls
    if calls:
        world.stage.let_go(calls[0], luck=luck)
        return True
    ready = world.bus.ready()
    if ready:
        world.deliver(ready[0], worker=0)
        return True
    for name in world.readable_feeds():
        world.read_feed(name, pages=_PAGE, worker=0)
        return True
    for telling in world.provider.disputes.due():
        world.hear(telling, worker=0)
        return True
    return False


def come_to_rest(world: World) -> None:
    """Work, and let time pass to what is due next, until nothing is left. Raises Restless."""
    luck = Luck(0)
    for _ in range(MOST_TURNS):
        if run_calmly(world, luck):
            continue
        if any(entry.lock is None for entry in world.bus.queues["payment-dead-letters/record/$deadletterqueue"]):
            world.drain(worker=0)
            continue
        due_s = world.next_due_s()
        if due_s is None:
            return
        pass_time(world, max(due_s - world.stage.now_s, 0.0))
    raise Restless(f"still at work after {MOST_TURNS} turns")


def pass_time(world: World, seconds: float) -> None:
    world.stage.advance_to(world.stage.now_s + seconds, luck=Luck(0))
    world.bus.run_due()


def sweep_once(world: World) -> int:
    """One round of the sweep, and all that follows; how many documents came of it."""
    before = len(world.store.feed)
    world.sweep(worker=0)
    come_to_rest(world)
    return len(world.store.feed) - before
