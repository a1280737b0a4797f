"""What a merchant is told of a payment that does not go on."""

from pathlib import Path
from typing import Any

from shared.codec.values import time_to_json
from tests.flow.kit.edge import Edge
from tests.flow.kit.world import World, a_world


async def waiting(world: World, payment_id: str) -> Any:
    return (await Edge(world).ask("get_payment", payment_id=payment_id)).body.get("waiting")


async def test_a_payment_that_goes_on_does_not_wait(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept()

        assert await waiting(world, payment_id) is None
        await world.run()
        assert await waiting(world, payment_id) is None


async def test_a_step_that_takes_longer_than_a_turn_is_retrying_since_it_was_started(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept()
        (initiated,) = await world.stream(payment_id)
        world.clock.advance_s(world.services.limits.turn_limit.total_seconds())

        assert await waiting(world, payment_id) is None
        world.clock.advance_s(1)
        told = await waiting(world, payment_id)

        since = time_to_json(initiated.event.occurred_at)
        assert told == [{"step": "create", "since": since, "state": "retrying"}]


async def test_a_parked_step_says_why_and_since_when_and_no_more_once_it_is_replayed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_invalid")
        (initiated,) = await world.stream(payment_id)
        await world.run()

        told = await waiting(world, payment_id)

        parked = (await world.stream(payment_id))[-1].event
        since = time_to_json(parked.occurred_at)
        assert told == [{"step": "create", "since": since, "state": "parked", "reason": "our_fault"}]
        [letter] = await world.letters()
        await world.replay(letter.letter_id)
        [again] = await waiting(world, payment_id)
        assert (again["state"], again["since"]) == ("retrying", time_to_json(initiated.event.occurred_at))
