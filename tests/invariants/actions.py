"""What can happen in a world. Each action has a seed of its own, for everything that is drawn while it happens."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.invariants.bus import LOCK_S, RECORD
from tests.invariants.going import a_worker, between, go_on, is_full
from tests.invariants.limits import LIMITS, TURN_LIMIT_S
from tests.invariants.luck import Luck
from tests.invariants.rest import mend, run_calmly
from tests.invariants.wanted import accept, cancel, dispute, erase, refund, tell
from tests.invariants.world import WORKERS, World


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that happens."""

    kind: str
    seed: int


def drawn(chance: Random) -> list[Action]:
    """The actions of a run, in order. Each run has its own mixture, so that some do much of what others never do."""
    weights = {
        kind: weight * chance.choice(_TASTES.get(kind, [0.0, 0.5, 1.0, 3.0])) for kind, weight in _WEIGHTS.items()
    }
    kinds, number = list(weights), chance.randrange(20, 80)
    return [
        Action("accept", chance.getrandbits(32)),
        *(
            Action(chance.choices(kinds, list(weights.values()))[0], chance.getrandbits(32))
            for _ in range(number)  # one draw at a time: a longer run begins like a shorter one
        ),
    ]


def perform(action: Action, world: World) -> None:
    """Let it happen. What cannot happen now does not."""
    luck = Luck(action.seed, rates=world.setting.rates)
    world.stage.luck = luck
    world.stage.tell(f"== {action.kind}")
    _KINDS[action.kind](world, luck)


def _or_hurry(wish: Callable[[World, Luck], bool]) -> Callable[[World, Luck], None]:
    """What somebody wants; where nobody can want it yet, what is under way goes on."""

    def happen(world: World, luck: Luck) -> None:
        if not wish(world, luck):
            _hurry(world, luck)

    return happen


def _work(world: World, luck: Luck) -> None:
    """A message is delivered, or a page of the feed is read."""
    if is_full(world):
        return _resume(world, luck)
    ready = world.bus.ready()
    feeds = world.readable_feeds()
    wanted = luck.weighted([("deliver", 2.0 if ready else 0.0), ("feed", 2.0 if feeds else 0.0), ("none", 0.01)])
    if wanted == "deliver":
        go_on(world.deliver(luck.one_of(ready), worker=a_worker(luck)), luck, world)
    elif wanted == "feed":
        name = luck.one_of(feeds)
        if world.feeds[name].at_work and not luck.happens(0.2):  # else its lease is with two hosts
            return None
        go_on(world.read_feed(name, pages=luck.one_of([1, 2, 5, 50]), worker=a_worker(luck)), luck, world)
    return None


def _resume(world: World, luck: Luck) -> None:
    jobs = [job for job in world.stage.jobs if job.waiting]
    if jobs:
        go_on(luck.one_of(jobs), luck, world)


def _calm(world: World, luck: Luck) -> None:
    """Everything that can be done now is done, in order."""
    for _ in range(luck.one_of([3, 10, 40])):
        if not run_calmly(world, luck):
            return


def _hurry(world: World, luck: Luck) -> None:
    """All is done that can be done, then time passes to what is due next, some times over."""
    for _ in range(luck.one_of([1, 2, 4])):
        for _ in range(40):
            if not run_calmly(world, luck):
                break
        due_s = world.next_due_s()
        if due_s is None:
            return
        world.stage.advance_to(max(due_s, world.stage.now_s), luck=luck)
        world.bus.run_due()


def _tick(world: World, luck: Luck) -> None:
    due_s = world.next_due_s()
    horizon_s = LIMITS.fresh.total_seconds() + TURN_LIMIT_S
    seconds = luck.weighted(
        [
            (1.0 + 20 * luck.number(), 4),
            (max(due_s - world.stage.now_s, 0.0) if due_s is not None else 5.0, 8),
            (LOCK_S + 1, 3),
            (TURN_LIMIT_S + 1, 1),
            (180.0, 2),
            (horizon_s + 1, 1),
            (3700.0, 2),
            (2 * horizon_s, 1),
            (25 * 3600.0, 0.3),
        ]
    )
    world.stage.advance_to(world.stage.now_s + seconds, luck=luck)
    world.bus.run_due()


def _crash(world: World, luck: Luck) -> None:
    """A worker is gone, with all that it was doing."""
    jobs = world.stage.jobs
    if not jobs:
        return
    worker = luck.one_of(jobs).worker
    for job in [job for job in jobs if job.worker == worker]:
        world.stage.tell(f"#{job.number} dies with worker {worker}: {job.name}")
        world.stage.kill(job, luck=luck)


def _die(world: World, luck: Luck) -> None:
    """A message is delivered to a worker of its own, which dies at one of its calls."""
    ready = world.bus.ready()
    if not ready or is_full(world):
        return _hurry(world, luck)
    job = world.deliver(luck.one_of(ready), worker=WORKERS)
    for _ in range(luck.one_of(range(7))):
        if not job.waiting:
            return None
        world.stage.let_go(luck.one_of(job.waiting), luck=luck)
    world.stage.tell(f"#{job.number} dies")
    return world.stage.kill(job, luck=luck)


def _twins(world: World, luck: Luck) -> None:
    """A message is delivered, its lock is lost at once, and it is delivered again beside itself."""
    ready = world.bus.ready()
    if not ready or is_full(world):
        return _hurry(world, luck)
    entry = luck.one_of(ready)
    first = world.deliver(entry, worker=a_worker(luck))
    for _ in range(luck.one_of(range(5))):
        if first.waiting:
            world.stage.let_go(luck.one_of(first.waiting), luck=luck)
    world.bus.give_back(entry, lock=entry.lock)
    jobs = [first] if entry not in world.bus.ready() else [first, world.deliver(entry, worker=a_worker(luck))]
    return between(world, jobs, luck)


def _lapse(world: World, luck: Luck) -> None:
    """A worker loses the lock of a message, and does not know it."""
    locked = [entry for queue in world.bus.queues.values() for entry in queue if entry.lock is not None]
    if locked:
        entry = luck.one_of(locked)
        world.stage.tell(f"    the lock on {entry.message.message_id[-6:]} in {entry.place} is lost")
        world.bus.give_back(entry, lock=entry.lock)


def _freeze(world: World, luck: Luck) -> None:
    """Workers stand still for a while. What they wait for arrives when they go on."""
    ready = world.bus.ready()
    if ready and not is_full(world) and luck.happens(0.7):
        job = world.deliver(luck.one_of(ready), worker=a_worker(luck))
        for _ in range(luck.one_of(range(3))):
            if job.waiting:
                world.stage.let_go(job.waiting[0], luck=luck)
    for job in world.stage.jobs:
        if job.waiting and all(call.freezes for call in job.waiting):
            job.frozen = True
    world.stage.advance_to(world.stage.now_s + TURN_LIMIT_S + 300 * luck.number(), luck=luck)
    world.bus.run_due()


def _sweep(world: World, luck: Luck) -> None:
    if not is_full(world):
        go_on(world.sweep(worker=a_worker(luck)), luck, world)


def _drain(world: World, luck: Luck) -> None:
    if not is_full(world):
        go_on(world.drain(worker=a_worker(luck)), luck, world)


def _operate(world: World, luck: Luck) -> None:
    """One operator does something, or several at the same time."""
    letters = list(world.letters.texts)
    if not letters or is_full(world):
        return _hurry(world, luck)
    jobs = []
    for _ in range(luck.weighted([(1, 3.0), (2, 2.0), (3, 0.5)])):
        verb = luck.weighted([("replay", 2.0), ("discard", 1.0)])
        dry_run = verb == "replay" and luck.happens(0.05)
        jobs.append(world.operate(verb, luck.one_of(letters), worker=a_worker(luck), dry_run=dry_run))
    if len(jobs) == 1:
        return go_on(jobs[0], luck, world)
    return between(world, jobs, luck)


def _trouble(world: World, luck: Luck) -> None:
    """An outage begins or ends."""
    what = luck.one_of(["store", "bus", "provider", "merchant"])
    if what == "store":
        world.store.is_down = not world.store.is_down
    elif what == "bus":
        world.bus.is_down = not world.bus.is_down
    elif what == "provider":
        world.provider.is_down = not world.provider.is_down
    else:
        world.provider.merchant_is_down = not world.provider.merchant_is_down
    downs = (world.store.is_down, world.bus.is_down, world.provider.is_down, world.provider.merchant_is_down)
    world.stage.tell(f"    down now: store, bus, provider, merchant = {downs}")


def _mend(world: World, luck: Luck) -> None:
    del luck
    mend(world)


def _rewind(world: World, luck: Luck) -> None:
    """A feed loses its lease, and is read again from its beginning, or from some page on."""
    feed = world.feeds[luck.one_of(list(world.feeds))]
    feed.position = int(feed.position * luck.one_of([0.0, 0.0, 0.5, 0.8]))


def _again(world: World, luck: Luck) -> None:
    """A message that was completed comes again: the broker did not hear it."""
    if world.completed:
        world.bus.repeat(luck.one_of(world.completed))


def _garble(world: World, luck: Luck) -> None:
    """A message's body is no event any more, and perhaps its id is not one of ours."""
    ready = world.bus.ready()
    if ready:
        entry = luck.one_of(ready)
        world.stage.tell(f"    {entry.message.message_id[-6:]} in {entry.place} is garbled")
        odd = luck.happens(0.3)
        entry.message = replace(
            entry.message, body="no event", message_id=f"odd-{entry.number}" if odd else entry.message.message_id
        )
        if odd:
            world.provider.forgets_that_it_was_handed_on(str(entry.message.properties))


def _roll_back(world: World, luck: Luck) -> None:
    """An older release runs, which cannot read what was written last; or the newer one comes back."""
    longest = max((len(stream) for stream in world.store.streams.values()), default=0)
    back = world.store.newest is None and longest > 0
    world.store.newest = luck.one_of(range(longest)) if back else None
    world.store.was_rolled_back |= back
    world.stage.tell(f"    the newest version that the release can read: {world.store.newest}")


def _lose(world: World, luck: Luck) -> None:
    """A message of a step never comes: somebody has purged its subscription."""
    ready = [entry for entry in world.bus.ready() if entry.place != RECORD]
    if ready and luck.happens(0.5):
        entry = luck.one_of(ready)
        world.stage.tell(f"    {entry.message.message_id[-6:]} in {entry.place} is lost")
        world.bus.lose(entry)
        world.provider.forgets_that_it_was_handed_on(str(entry.message.properties))


_KINDS: dict[str, Callable[[World, Luck], Any]] = {
    "accept": accept,
    "cancel": cancel,
    "erase": erase,
    "refund": _or_hurry(refund),
    "dispute": _or_hurry(dispute),
    "tell": tell,
    "work": _work,
    "resume": _resume,
    "calm": _calm,
    "hurry": _hurry,
    "tick": _tick,
    "crash": _crash,
    "die": _die,
    "twins": _twins,
    "lapse": _lapse,
    "freeze": _freeze,
    "sweep": _sweep,
    "drain": _drain,
    "operate": _operate,
    "trouble": _trouble,
    "mend": _mend,
    "rewind": _rewind,
    "again": _again,
    "garble": _garble,
    "roll_back": _roll_back,
    "lose": _lose,
}

_WEIGHTS = {
    "work": 16.0,
    "hurry": 10.0,
    "resume": 8.0,
    "tick": 8.0,
    "operate": 8.0,
    "calm": 4.0,
    "die": 4.0,
    "twins": 4.0,
    "sweep": 3.0,
    "trouble": 3.0,
    "mend": 3.0,
    "crash": 2.0,
    "again": 2.0,
    "lapse": 1.5,
    "rewind": 1.5,
    "freeze": 1.0,
    "accept": 0.7,
    "cancel": 2.0,
    "refund": 5.0,
    "garble": 0.5,
    "roll_back": 1.0,
    "lose": 0.5,
    "drain": 0.5,
    "dispute": 8.0,
    "tell": 6.0,
    "erase": 2.0,
}
_TASTES = {
    **{kind: [0.5, 1.0, 2.0] for kind in ("work", "hurry", "resume", "tick", "calm")},
    "cancel": [0.0, 0.0, 0.5, 3.0],
    "refund": [0.0, 1.0, 1.0, 2.0],
    "dispute": [0.0, 0.5, 1.0, 2.0],
}
"""How much of a kind a run has, drawn once; other kinds may also be missing altogether."""
