"""Streams read without the product's own rules: what the design says of steps, causes and letters, once more.

It reads the stored documents. So a mistake in the product's own reading does not hide itself.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from shared.domain.letters import LetterRecord

STARTER = {
    "create": "payment.initiated",
    "settle": "payment.created",
    "notify": "payment.settled",
    "cancel": "payment.cancel_requested",
    "void": "payment.failed",
    "notify_failure": "payment.failed",
    "refund": "payment.refund_requested",
}
NOTICES = (
    "payment.voided",
    "payment.refunded",
    "payment.refund_failed",
    "payment.dispute_opened",
    "payment.dispute_won",
    "payment.dispute_lost",
)
"""Each starts a step of its own, which tells the merchant of it, if he is to be told."""
NOTES = frozenset({"payment.parked", "payment.resumed", "payment.seen_to"})
YES = (
    "payment.created",
    "payment.settled",
    "payment.voided",
    "payment.captured_late",
    "payment.charged_twice",
    "payment.refunded",
)
"""The events in which a provider's reference may stand."""


@dataclass(frozen=True, slots=True)
class Told:
    """One stored event."""

    event_id: str
    version: int
    kind: str
    at: datetime
    said: Mapping[str, Any]


@lru_cache(maxsize=4096)
def told(text: str) -> Told:
    """A stored document."""
    document: Mapping[str, Any] = json.loads(text)
    return Told(
        event_id=document["id"],
        version=document["version"],
        kind=document["type"],
        at=datetime.fromisoformat(document["occurredAt"]),
        said=document["data"],
    )


def before(stream: Sequence[Told], event: Told) -> tuple[Told, ...]:
    """What stood there when it was appended."""
    return tuple(each for each in stream if each.version < event.version)


def tasks(stream: Sequence[Told]) -> list[str]:
    """All that the payment may owe: each step once, a refund for each that was requested, and each notice."""
    refunds = [each.said["refund_id"] for each in stream if each.kind == STARTER["refund"]]
    return [
        *(step for step in STARTER if step != "refund"),
        *(f"refund:{refund_id}" for refund_id in refunds),
        *(f"notify:{each.event_id}" for each in stream if is_told(each)),
    ]


def is_told(event: Told) -> bool:
    """Whether the merchant is to be told of it by itself."""
    return event.kind in NOTICES and bool(event.said.get("tells"))


def starts(stream: Sequence[Told], step: str) -> Iterator[Told]:
    """What starts the step, oldest first; the last one is its cause."""
    for each in stream:
        resumes = each.kind == "payment.resumed" and each.said["step"] == step
        if resumes or _begins(each, step):
            yield each


def _begins(event: Told, step: str) -> bool:
    kind, _, about = step.partition(":")
    if kind == "notify" and about:
        return is_told(event) and event.event_id == about
    return event.kind == STARTER.get(kind) and (not about or event.said["refund_id"] == about)


def cause(stream: Sequence[Told], step: str) -> Told | None:
    """The newest event that starts the step."""
    return next(reversed(list(starts(stream, step))), None)


def has(stream: Sequence[Told], kind: str, **said: object) -> bool:
    """Whether there is such an event that says all of this."""
    return any(each.kind == kind and said.items() <= each.said.items() for each in stream)


def is_done(stream: Sequence[Told], step: str) -> bool:
    """Whether nothing is left to do. A merchant who could not be told may still be told, when a person wants it."""
    if has(stream, "payment.seen_to", step=step):
        return True
    kind, _, about = step.partition(":")
    failed = has(stream, "payment.failed")
    taken = has(stream, "payment.settled") or has(stream, "payment.captured_late")
    match kind:
        case "refund":
            ends = ("payment.refunded", "payment.refund_failed")
            return any(has(stream, end, refund_id=about) for end in ends)
        case "notify" if about:
            return has(stream, "payment.merchant_told", event_id=about)
        case "create":
            return failed or has(stream, "payment.created")
        case "settle":
            return failed or taken or has(stream, "payment.cancel_requested")
        case "cancel":
            return failed or taken or not has(stream, "payment.created")
        case "notify":
            return failed or has(stream, "payment.completed")
        case "void":
            return taken or has(stream, "payment.voided") or not has(stream, "payment.created")
        case _:
            url = stream[0].said["notification_url"]
            return url is None or has(stream, "payment.failure_told")


def stands(stream: Sequence[Told], step: str) -> str:
    """none, running, parked or done."""
    current = cause(stream, step)
    if current is None:
        return "none"
    if is_done(stream, step):
        return "done"
    return "parked" if has(stream, "payment.parked", step=step, cause=current.event_id) else "running"


def may_be_told_late(stream: Sequence[Told], step: str) -> bool:
    """Whether it is the notification of a merchant who could not be told, and nobody has ended it."""
    told_or_not = [each for each in stream if each.kind == "payment.completed"]
    current = cause(stream, step)
    if step != "notify" or current is None or not told_or_not or told_or_not[-1].said["notification"] != "undelivered":
        return False
    return current.said.get("to") != "end" or current.version > told_or_not[-1].version


def is_being_told_late(stream: Sequence[Told]) -> bool:
    """Whether a person wants the merchant to be told after all, or to end that, and it is neither done nor parked."""
    current = cause(stream, "notify")
    if current is None or has(stream, "payment.seen_to", step="notify"):
        return False
    resumed = current.kind == "payment.resumed" and not any(
        each.kind == "payment.completed" and each.version > current.version for each in stream
    )
    parked = has(stream, "payment.parked", step="notify", cause=current.event_id)
    return may_be_told_late(stream, "notify") and resumed and not parked


def references(stream: Sequence[Told]) -> list[str]:
    """All that stand in the stream, each as often as it stands there."""
    return [
        str(value)
        for each in stream
        if each.kind in YES
        for name, value in each.said.items()
        if name in ("provider_payment_id", "capture_id", "void_id", "provider_refund_id", "reference")
    ]


def furthest(stream: Sequence[Told], letter: LetterRecord) -> str:
    """How far a letter of a step has ever come: open, taken_up or closed."""
    order = ["open", "taken_up", "closed"]
    return max((_now(stream[:end], letter) for end in range(1, len(stream) + 1)), key=order.index)


def _now(stream: Sequence[Told], letter: LetterRecord) -> str:
    task = letter.task.value if letter.task else letter.step
    causes = [each.event_id for each in starts(stream, task)]
    if letter.cause not in causes or _holds_what_stands_nowhere(stream, letter):
        return "open"
    if is_done(stream, task) and not _may_be_had(stream, task):
        return "closed"
    return "open" if letter.cause == causes[-1] else "taken_up"


def _may_be_had(stream: Sequence[Told], step: str) -> bool:
    """Whether a person may still want it done: it is done for the payment only."""
    return may_be_told_late(stream, step) and not has(stream, "payment.seen_to", step=step)


def _holds_what_stands_nowhere(stream: Sequence[Told], letter: LetterRecord) -> bool:
    reference = letter.yes.reference if letter.yes else None
    moves_money = letter.step in ("create", "settle", "cancel", "void", "refund")
    return moves_money and bool(reference) and reference not in references(stream)
