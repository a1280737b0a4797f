"""Who may call the provider and the merchant, and when: what the design says of a turn, read from the calls made."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from tests.builders import NOON
from tests.invariants.history import Told, before, cause, has, is_being_told_late, stands, told
from tests.invariants.limits import LIMITS
from tests.invariants.provider import Asked
from tests.invariants.runs import Broken
from tests.invariants.world import Turn, World


def only_who_may_calls(world: World) -> Iterator[Broken]:
    """A turn calls within its limit. One that is not ordinary, or reads, reads that its cause is current and runs."""
    for asked in world.provider.log:
        turn = world.turns.get(asked.job)
        fault = "is no turn of a step" if turn is None else _fault(asked, turn)
        if fault:
            kind = "sends" if asked.sends else "asks about"
            yield Broken(
                "only_who_may_calls", f"#{asked.job} {kind} {asked.step.value} at {asked.at_s:.1f}, and {fault}"
            )


def nothing_is_shipped_after_a_failure(world: World) -> Iterator[Broken]:
    """Money that was taken all the same has a type of its own."""
    for payment_id in world.payment_ids():
        stream = tuple(map(told, world.store.texts(payment_id)))
        for event in stream:
            if event.kind in ("payment.settled", "payment.completed") and has(before(stream, event), "payment.failed"):
                yield Broken("nothing_is_shipped_after_a_failure", f"{event.kind} at version {event.version}")


def nobody_ends_what_moved_on(world: World) -> Iterator[Broken]:
    """A step is ended only while it runs, and given up only while its cause is a person's wish to end it.

    One wish outlasts its turns: a yes that comes when they have given up is written down with the failure that was
    wanted. Alone it would start the next step.
    """
    for payment_id in world.payment_ids():
        stream = tuple(map(told, world.store.texts(payment_id)))
        for event in stream:
            earlier = before(stream, event)
            if event.kind != "payment.failed" or has(earlier, "payment.failed"):
                continue
            reason, step = event.said["reason"], event.said["failed_step"]
            if (reason, step) == ("cancelled", "cancel") and earlier[-1].kind == "payment.voided":
                continue  # the provider has said so
            current = cause(earlier, step)
            wished = current is not None and current.said.get("to") == "end"
            standing = stands(earlier, step)
            may_end = standing == "running" or (standing == "parked" and wished and _comes_with_a_yes(stream, event))
            if reason != "declined" and (not may_end or (reason == "discarded") != wished):
                where = f"{step} was {standing} at {current.event_id if current else None}"
                yield Broken("nobody_ends_what_moved_on", f"{reason} at version {event.version}, while {where}")


def _comes_with_a_yes(stream: Sequence[Told], failure: Told) -> bool:
    """Whether the authorisation is what follows, as one of the same batch."""
    return any((each.version, each.kind) == (failure.version + 1, "payment.created") for each in stream)


def _task(turn: Turn) -> str:
    """The turn of which task: the message of a refund or a notice says which."""
    if turn.step not in ("refund", "notice"):
        return turn.step
    event = json.loads(turn.delivery.body)
    return f"refund:{event.get('refundid')}" if turn.step == "refund" else f"notify:{event['id']}"


def _fault(asked: Asked, turn: Turn) -> str | None:
    if asked.at_s - turn.began_s > LIMITS.turn_limit.total_seconds():
        return f"its turn began at {turn.began_s:.1f}"
    if asked.documents is None:
        return None if _is_ordinary(turn) else "has not read the stream"
    stream = tuple(map(told, asked.documents))
    task = _task(turn)
    current = cause(stream, task)
    own = ":".join(turn.delivery.message_id.split(":")[:2])
    if current is None or current.event_id != own:
        return f"its cause is {own}, not the current one"
    if stands(stream, task) != "running" and not is_being_told_late(stream):
        return f"its step is {stands(stream, task)}"
    if asked.sends and current.said.get("to") == "end":
        return "its step is to be ended"
    if asked.sends and "answered" in turn.delivery.properties:
        return "a yes was heard before"
    if asked.sends and asked.step.step.moves_money and not (_is_quiet(turn) or _is_ordinary(turn)):
        return "others may be sending: it is not quiet"
    return None


def _is_quiet(turn: Turn) -> bool:
    return "quiet" in turn.delivery.properties and turn.delivery.delivery_count == 1


def _is_ordinary(turn: Turn) -> bool:
    event = json.loads(turn.delivery.body)
    began_at = NOON + timedelta(seconds=turn.began_s)
    first = turn.delivery.message_id == event["id"] and turn.delivery.delivery_count == 1
    return first and began_at - datetime.fromisoformat(event["time"]) < LIMITS.fresh
