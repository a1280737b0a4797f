"""What the stores of a world hold, and what comes of feeding all history again."""

import json
from collections.abc import Iterator
from typing import Any

from shared.codec.letters import letter_from_json
from shared.domain.letters import LetterRecord
from shared.domain.payment import Step
from tests.invariants.history import Told, has, is_being_told_late, stands, tasks, told
from tests.invariants.rest import come_to_rest, pass_time
from tests.invariants.runs import Broken
from tests.invariants.world import World


def streams(world: World) -> dict[str, tuple[Told, ...]]:
    return {payment_id: tuple(map(told, world.store.texts(payment_id))) for payment_id in world.payment_ids()}


def letters(world: World) -> list[LetterRecord]:
    return [letter_from_json(fields) for fields in world.letters.all()]


def names_nobody(world: World, step: str) -> bool:
    """Whether a letter of that step became unreadable on its way."""
    return any(letter.step == step and letter.payment_id is None for letter in letters(world))


def history_fed_again_changes_nothing(world: World) -> Iterator[Broken]:
    """At rest, both feeds are read from their beginning, when no topic remembers an id any more.

    But for a merchant who could not be told, when the letter that says so became unreadable on its way, or came to a
    release that could not read the stream: then another one parks the step.
    """
    if not all(_rests(stream) for stream in streams(world).values()):
        return  # a message was lost, or never sent; that it comes again is all that could be wished for
    foreseen = _wait_to_be_parked(world)
    stored, called = len(world.store.feed), len(world.provider.log)
    pass_time(world, 2 * 3600.0)
    for feed in world.feeds.values():
        feed.position = 0
    come_to_rest(world)
    fed = [json.loads(text) for text in world.store.feed[stored:]]
    came = [each["type"] for each in fed if not (_parks_the_notification(each) and each["paymentId"] in foreseen)]
    calls = world.provider.log[called:]
    if came or calls:
        yield Broken("history_fed_again_changes_nothing", f"it appended {came} and called {calls}")


def _wait_to_be_parked(world: World) -> set[str]:
    """Payments of untold merchants whose letter did not come to their stream, for one of these two reasons."""
    if not world.store.was_rolled_back and not names_nobody(world, Step.NOTIFY):
        return set()
    return {
        payment_id
        for payment_id, stream in streams(world).items()
        if has(stream, "payment.completed", notification="undelivered")
        and not has(stream, "payment.parked", step=Step.NOTIFY)
    }


def _parks_the_notification(document: dict[str, Any]) -> bool:
    return bool(document["type"] == "payment.parked" and document["data"]["step"] == Step.NOTIFY)


def _rests(stream: tuple[Told, ...]) -> bool:
    return not is_being_told_late(stream) and all(stands(stream, step) != "running" for step in tasks(stream))
