"""The invariants of what merchants are told by itself: each final state, as it happened, under the event's own id."""

import json
from collections.abc import Iterator

from tests.invariants.again import streams
from tests.invariants.history import NOTICES, Told, has, is_told
from tests.invariants.money import short
from tests.invariants.runs import Broken
from tests.invariants.world import World


def whoever_wants_to_know_is_to_be_told(world: World) -> Iterator[Broken]:
    """Of each final state, and nobody else; what becomes of that is each step's own history."""
    for stream in streams(world).values():
        wants = stream[0].said["notification_url"] is not None
        for event in stream:
            if event.kind in NOTICES and is_told(event) != wants:
                yield Broken("whoever_wants_to_know_is_to_be_told", f"version {event.version}: {short(stream)}")


def what_is_told_is_what_happened_under_its_id(world: World) -> Iterator[Broken]:
    """The merchant sees one id for one event, however often; and the stream says that he knows it only if he does."""
    name = "what_is_told_is_what_happened_under_its_id"
    events = {event.event_id: event for stream in streams(world).values() for event in stream}
    by_itself = [word for word in world.provider.told if word.request_id.rpartition(":")[2].isdecimal()]
    for word in by_itself:
        fault = _fault(json.loads(word.body), request_id=word.request_id, event=events.get(word.request_id))
        if fault:
            yield Broken(name, f"{word.request_id}: {fault}")
    known = {word.request_id for word in by_itself}
    for stream in streams(world).values():
        said = [event.said["event_id"] for event in stream if event.kind == "payment.merchant_told"]
        if len({*said}) != len(said) or not known.issuperset(said):
            yield Broken(name, f"the stream says that {said} are told, and {sorted(known)} are: {short(stream)}")


def _fault(body: dict[str, object], *, request_id: str, event: Told | None) -> str | None:
    if event is None or not is_told(event):
        return "is no event of which the merchant is told"
    expected = {
        "id": request_id,
        "type": f"regispay.{event.kind}.v1",
        "refundid": event.said.get("refund_id"),
        "disputeid": event.said.get("dispute_id"),
    }
    found = {each: body.get(each) for each in expected}
    return None if found == expected else f"it says {found} of {expected}"


def a_payment_knows_what_is_still_to_be_told(world: World) -> Iterator[Broken]:
    """In the state beside the newest event, and nothing else."""
    for payment_id, stream in streams(world).items():
        wanted = [event.event_id for event in stream if is_told(event) and not _is_over(stream, event.event_id)]
        state = json.loads(world.store.texts(payment_id)[-1])["payment"]
        found = [each["event_id"] for each in state.get("untold", ())]
        if found != wanted:
            yield Broken("a_payment_knows_what_is_still_to_be_told", f"{found} and not {wanted}: {short(stream)}")


def _is_over(stream: tuple[Told, ...], event_id: str) -> bool:
    return has(stream, "payment.merchant_told", event_id=event_id) or has(
        stream, "payment.seen_to", step=f"notify:{event_id}"
    )
