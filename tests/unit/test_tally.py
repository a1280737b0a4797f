"""Which durations are told as those of an outcome that was not certain at once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.events import Event
from shared.domain.stream import StoredEvent
from shared.verbs.watch import Tally
from tests.builders import Story, a_payment

TOOK_S = 61.0
ENDS = {
    "created": a_payment().created(),
    "declined": a_payment().declined(),
    "settled": a_payment().created().settled(),
    "declined after it was created": a_payment().created().declined("settle"),
    "voided": a_payment().created().declined("settle").voided(),
    "cancelled": a_payment().created().cancel_requested().voided(),
    "refunded": a_payment().created().settled().completed().refund_requested().refunded(),
    "refund declined": a_payment().created().settled().completed().refund_requested().refund_failed(),
}
BESIDE = {
    "told": a_payment().created().settled().completed(),
    "asked to cancel": a_payment().created().cancel_requested(),
}


def ended(story: Story, *, caused_by: str | None) -> StoredEvent:
    """The last event of the story, long after the one that started its step."""
    last = story.stored[-1]
    started = story.stored[-2].event.occurred_at
    late: Event = replace(last.event, occurred_at=started + timedelta(seconds=TOOK_S))
    return replace(last, event=late, caused_by=caused_by)


def certain_s(stored: StoredEvent) -> float | None:
    tally = Tally()
    tally.note(stored)
    found = tally.certain.all(stored.event.occurred_at)
    return found.p50 if found else None


@pytest.mark.parametrize("name", ENDS)
def test_what_took_another_attempt_counts_from_the_start_of_its_step(name: str) -> None:
    stored = ended(ENDS[name], caused_by="payment-1:2:settle:1")

    assert certain_s(stored) == pytest.approx(TOOK_S, rel=0.03)


@pytest.mark.parametrize("caused_by", [None, "payment-1:2", "payment-1:2:settle:0", "merchant", "sweep", "letter:1"])
@pytest.mark.parametrize("name", ENDS)
def test_what_the_first_attempt_brought_does_not_count(name: str, caused_by: str | None) -> None:
    assert certain_s(ended(ENDS[name], caused_by=caused_by)) is None


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_no_outcome_of_the_provider_does_not_count(name: str) -> None:
    assert certain_s(ended(BESIDE[name], caused_by="payment-1:2:notify:4")) is None
