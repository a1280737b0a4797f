"""Random legal streams: each event is one that somebody may append where the stream then stands. For property tests."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast, get_args

from hypothesis import strategies as st

from shared.domain.decisions import Refused, decide
from shared.domain.events import (
    Event,
    Notification,
    PaymentCancelRequested,
    PaymentCapturedLate,
    PaymentChargedTwice,
    PaymentCompleted,
    PaymentCreated,
    PaymentDisputeLost,
    PaymentDisputeOpened,
    PaymentDisputeWon,
    PaymentFailed,
    PaymentFailureTold,
    PaymentMerchantTold,
    PaymentParked,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
    PaymentResumed,
    PaymentSeenTo,
    PaymentSettled,
    PaymentVoided,
    RefundFailureReason,
    ResumedBy,
    ResumeTo,
)
from shared.domain.payment import NoticeTask, Step, Task
from shared.domain.standing import Stands
from shared.domain.stream import StoredEvent
from tests.builders import (
    DISPUTE_ID,
    NOON,
    OTHER_DISPUTE_ID,
    OTHER_REFUND_ID,
    REFUND_ID,
    TASKS,
    Story,
    a_payment,
    initiated,
)

TOLD: tuple[Notification, ...] = ("delivered", "undelivered", "not_wanted")

REFUND_REASONS: tuple[RefundFailureReason, ...] = ("declined", "discarded")

ANSWERS: tuple[Event, ...] = (
    *(PaymentCreated(occurred_at=NOON, provider_payment_id=reference) for reference in ("pp_1", "pp_2")),
    *(PaymentSettled(occurred_at=NOON, capture_id=reference) for reference in ("cap_1", "cap_2")),
    *(PaymentCompleted(occurred_at=NOON, notification=told) for told in TOLD),
    *(PaymentFailed(occurred_at=NOON, reason="declined", code="no", failed_step=step) for step in ("create", "settle")),
    PaymentFailed(occurred_at=NOON, reason="expired", code="payment_expired", failed_step="create"),
    *(
        PaymentFailed(occurred_at=NOON, reason="discarded", code="by_operator", failed_step=step)
        for step in ("create", "settle")
    ),
    *(PaymentVoided(occurred_at=NOON, void_id=reference) for reference in ("vo_1", "vo_2")),
    PaymentFailureTold(occurred_at=NOON),
    PaymentCancelRequested(occurred_at=NOON),
    PaymentFailed(occurred_at=NOON, reason="cancelled", code="by_merchant", failed_step="create"),
    *(
        PaymentRefundRequested(
            occurred_at=NOON, refund_id=refund_id, amount_minor=amount, request_fingerprint="e" * 64, reason_given=None
        )
        for refund_id, amount in ((REFUND_ID, 800), (OTHER_REFUND_ID, 450))
    ),
    *(
        PaymentRefunded(occurred_at=NOON, refund_id=refund_id, provider_refund_id=reference)
        for refund_id, reference in ((REFUND_ID, "re_1"), (REFUND_ID, "re_2"), (OTHER_REFUND_ID, "re_3"))
    ),
    *(
        PaymentRefundFailed(occurred_at=NOON, refund_id=REFUND_ID, reason=reason, code="no")
        for reason in REFUND_REASONS
    ),
    *(
        PaymentDisputeOpened(
            occurred_at=NOON, dispute_id=dispute_id, amount_minor=amount, code="fraudulent", opened_at=NOON
        )
        for dispute_id, amount in ((DISPUTE_ID, 500), (OTHER_DISPUTE_ID, 750))
    ),
    *(
        kind(occurred_at=NOON, dispute_id=dispute_id, decided_at=NOON + timedelta(minutes=minutes))
        for dispute_id, kind, minutes in (
            (DISPUTE_ID, PaymentDisputeWon, 1),
            (DISPUTE_ID, PaymentDisputeLost, 2),
            (DISPUTE_ID, PaymentDisputeWon, 3),
            (OTHER_DISPUTE_ID, PaymentDisputeLost, 1),
        )
    ),
    *(PaymentMerchantTold(occurred_at=NOON, event_id=each.event_id) for each in TASKS if isinstance(each, NoticeTask)),
)
"""What a step, or the provider by itself, may want to record. The rules say whether it is."""

type Move = Callable[[Story], Sequence[Event]]
"""What somebody appends to a payment like this; () when that is not theirs to do now."""


def answered(fact: Event) -> Move:
    def move(story: Story) -> Sequence[Event]:
        decision = decide(story.payment, fact)
        return () if isinstance(decision, Refused) else decision

    return move


def park(step: Task) -> Move:
    """As the recorder does for a letter of the current cause."""

    def move(story: Story) -> Sequence[Event]:
        return story.parked(step.value).events[-1:] if story.standing(step.value).may_be_parked else ()

    return move


def resume(step: Task, *, to: ResumeTo, by: ResumedBy) -> Move:
    """As an operator does with a letter of the current cause, or the sweep, which leaves alone what is parked."""

    def move(story: Story) -> Sequence[Event]:
        now = story.standing(step.value)
        is_broken = now.stands in (Stands.RUNNING, Stands.PARKED) or now.rests
        if by == "sweep":
            is_broken = now.stands is Stands.RUNNING and step in story.payment.owed
        return story.resumed(step.value, to=to, by=by).events[-1:] if is_broken else ()

    return move


def given_up(step: Task) -> Move:
    """As the turn of a step does that a person wants ended."""

    def move(story: Story) -> Sequence[Event]:
        now = story.standing(step.value)
        return story.seen_to(step.value).events[-1:] if now.stands is Stands.RUNNING and now.is_to_end else ()

    return move


def given_back(number: int) -> Move:
    """As a person says of money that was taken too late or twice."""

    def move(story: Story) -> Sequence[Event]:
        payment = story.payment
        money = [each.reference for each in payment.second_yeses if each.step != Step.VOID]
        money += [payment.captured_late.capture_id] if payment.captured_late else []
        return story.seen_to(reference=money[number]).events[-1:] if number < len(money) else ()

    return move


MOVES: dict[str, Move] = {
    **{f"{type(fact).__name__} {number}": answered(fact) for number, fact in enumerate(ANSWERS)},
    **{f"park {step.value}": park(step) for step in TASKS},
    **{f"replay {step.value}": resume(step, to="finish", by="replay") for step in TASKS},
    **{f"discard {step.value}": resume(step, to="end", by="discard") for step in TASKS},
    **{f"sweep {step.value}": resume(step, to="finish", by="sweep") for step in TASKS},
    **{f"give up {step.value}": given_up(step) for step in TASKS if step is Step.VOID or step.step.tells_the_merchant},
    **{f"give back {number}": given_back(number) for number in range(2)},
}

OF_RECOVERY = (PaymentParked, PaymentResumed, PaymentSeenTo)


LIKELY = {"PaymentCreated 0": 2, "PaymentSettled 2": 4, "PaymentCompleted 5": 6, "PaymentRefundRequested 17": 4} | {
    f"park {step.value}": 2 for step in TASKS
}
"""Otherwise few payments that are drawn come that far."""

_IN_TURN = [
    MOVES[name]
    for _, name in sorted(
        (hashlib.sha256(f"{name} {number}".encode()).digest(), name)
        for name in MOVES
        for number in range(LIKELY.get(name, 1))
    )
]
"""In an order in which neighbours have nothing to do with each other."""


def after(choices: Sequence[int]) -> Story:
    """The payment after as many moves: each the one that is chosen, or the next that applies."""
    story = a_payment()
    for choice in choices:
        in_turn = (*_IN_TURN[choice:], *_IN_TURN[:choice])
        for event in next((events for move in in_turn if (events := move(story))), ()):
            story = story.then(replace(event, occurred_at=story.at))
    return story


STORIES: st.SearchStrategy[Story] = st.lists(st.integers(0, len(_IN_TURN) - 1), max_size=10).map(after)


def kinds_of(union: object) -> set[type[Event]]:
    """The classes of a union, however it is put together."""
    members = get_args(getattr(union, "__value__", union))
    return set().union(*map(kinds_of, members)) if members else {cast("type[Event]", union)}


EVERY_EVENT = kinds_of(Event)

DRAWN: tuple[Event, ...] = (
    initiated(),
    *ANSWERS,
    PaymentCapturedLate(occurred_at=NOON, capture_id="cap_1"),
    PaymentChargedTwice(occurred_at=NOON, step="create", reference="pp_2"),
    *a_payment().parked("create").resumed("create").seen_to("create", reference="pp_2").events[1:],
)
"""One of each type of event at least."""


def prefixes(story: Story) -> Iterator[tuple[StoredEvent, ...]]:
    """The stream as anybody could read it: what is stored at once is read at once."""
    stream = story.stored
    for end in range(1, len(stream) + 1):
        if end == len(stream) or not _are_one(stream[end - 1], stream[end]):
            yield stream[:end]


def _are_one(stored: StoredEvent, following: StoredEvent) -> bool:
    """A late yes with what it starts again, and the void of a payment that is cancelled with the failure behind it."""
    was, event = stored.payment, following.event
    if isinstance(stored.event, PaymentCreated):
        return bool(was.failed and isinstance(event, PaymentFailed)) or bool(
            was.cancel_requested and isinstance(event, PaymentCancelRequested)
        )
    return isinstance(stored.event, PaymentVoided) and not was.failed and isinstance(event, PaymentFailed)
