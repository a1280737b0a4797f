"""A sample of the flow as operators see it: one payment has gone through, and another one waits for a person."""

from datetime import timedelta
from typing import Any

from contracts.stories import DISPUTED, at, stored
from functions.watch import shown
from shared.codec.values import time_to_json
from shared.domain.money import Money
from shared.domain.payment import Step
from shared.domain.rates import WINDOW
from shared.domain.retry import Retries, RetryPolicy
from shared.ports.letter_box import Glance, LetterKind
from shared.ports.outbox import lag_of
from shared.ports.overview import Owed
from shared.services import Limits
from shared.verbs.watch import Flow, Tally, Waiting

_POLICY = RetryPolicy(attempts=16, base_s=5, cap_s=900)
_LIMITS = Limits(
    retries=Retries(create=_POLICY, settle=_POLICY, notify=_POLICY, void=_POLICY, notify_failure=_POLICY),
    fresh=timedelta(seconds=3000),
    request_id_valid=timedelta(hours=24),
    expires_after=timedelta(hours=24),
    turn_limit=timedelta(seconds=30),
    never_seen_after=timedelta(seconds=90),
    sweep_margin=timedelta(seconds=900),
    sweep_limit=3,
    topic_patience=timedelta(minutes=2),
    replays_at_once=16,
)
_SHOWN = 6
"""Slices of each curve: sixty would be most of the document."""


def flow_seen() -> dict[str, Any]:
    """What is answered, with the ends of its curves alone."""
    tally, now = Tally(), at(8)
    for each in stored(DISPUTED):
        tally.note(each)
    parked = Glance(
        kind=LetterKind("settle", "retries_exhausted", "normal"),
        recorded_at=now - timedelta(minutes=5),
        payment_id="1",
        amount=Money(1250, "EUR"),
    )
    owed = {Step.SETTLE.value: Owed(payments=1, late=1, oldest_at=now - timedelta(minutes=5))}
    nothing = lag_of((), before={}, now=now)
    seen = Flow(
        as_of=now,
        since=now - WINDOW,
        published=nothing,
        projected=nothing,
        tally=tally,
        waiting=Waiting(counted_at=now, owed=owed, letters=(parked,)),
    )
    times = {"as_of": time_to_json(now), "counted_at": time_to_json(now)}
    return {**times, "build": "6f0c1d2", **_cut(shown(seen, limits=_LIMITS))}


def _cut(answer: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(answer, list):
        return [_cut(each) for each in answer]
    if not isinstance(answer, dict):
        return answer
    return {name: each[-_SHOWN:] if name == "curve" else _cut(each) for name, each in answer.items()}
