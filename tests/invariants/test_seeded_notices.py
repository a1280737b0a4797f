"""A fault in how merchants are told of what happened is found by the runs that `make test` makes."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.codec.cloud_events import Told, still_to_tell
from shared.domain.events import NoticeEvent
from shared.domain.notice import Untold
from shared.domain.payment import NoticeTask, Payment, Task
from shared.domain.standing import Standing, Stands, standing
from shared.domain.stream import StoredEvent
from shared.steps.step import request_id
from tests.invariants.test_invariants import RUNS
from tests.invariants.test_seeded import Fault, first_broken


def id_of_the_payment_as_it_is(payment: Payment, step: Task) -> str:
    if isinstance(step, NoticeTask):
        return f"{payment.payment_id}:{payment.version}"
    return request_id(payment, step)


def as_it_was_decided(event: NoticeEvent, *, url: str | None) -> NoticeEvent:
    del url
    return event


def to_all(event: NoticeEvent, *, url: str | None) -> NoticeEvent:
    del url
    return replace(event, tells=True)


def nothing_more(event: NoticeEvent, *, event_id: str) -> tuple[Untold, ...]:
    del event, event_id
    return ()


def forgotten(payment: Payment, task: NoticeTask) -> dict[str, tuple[Untold, ...]]:
    del payment, task
    return {"untold": ()}


def still_there(payment: Payment, task: NoticeTask) -> dict[str, tuple[Untold, ...]]:
    del payment, task
    return {}


def the_oldest(payment: Payment, task: NoticeTask) -> Told | None:
    return still_to_tell(payment, NoticeTask(payment.untold[0].event_id) if payment.untold else task)


def about_nothing(payment: Payment, task: NoticeTask) -> Told | None:
    told = still_to_tell(payment, task)
    return replace(told, refund_id=None, dispute_id=None) if told else None


def parked_or_not(stream: Sequence[StoredEvent], task: Task) -> Standing:
    now = standing(stream, task)
    is_parked = isinstance(task, NoticeTask) and now.stands is Stands.PARKED
    return replace(now, stands=Stands.RUNNING) if is_parked else now


WORD, STATE = "what_is_told_is_what_happened_under_its_id", "a_payment_knows_what_is_still_to_be_told"
WANTED = "whoever_wants_to_know_is_to_be_told"
FAULTS = {
    "a notice is told under another id": Fault("shared.steps.turn.request_id", id_of_the_payment_as_it_is, WORD),
    "a notice is of another event": Fault("shared.steps.notify.still_to_tell", the_oldest, WORD),
    "a notice does not say about which refund or dispute it is": Fault(
        "shared.steps.notify.still_to_tell", about_nothing, WORD
    ),
    "nobody is told": Fault("shared.domain.decisions.telling", as_it_was_decided, WANTED),
    "who gave no address is told": Fault("shared.domain.decisions.telling", to_all, WANTED),
    "the payment does not know what is to be told": Fault("shared.domain.evolution.untold", nothing_more, STATE),
    "one that is told has the others forgotten": Fault("shared.domain.evolution._told", forgotten, STATE),
    "one that is told is still to be told": Fault("shared.domain.evolution._told", still_there, STATE),
    "a parked notice is resumed by the sweep": Fault(
        "shared.verbs.sweep.standing", parked_or_not, "a_letter_speaks_for_its_cause_only"
    ),
}


@pytest.mark.timeout(60 + RUNS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_with_notices_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = FAULTS[name]
    monkeypatch.setattr(fault.place, fault.wrong)

    seed, found = first_broken()

    assert found.name == fault.breaks, f"seed {seed}: {found.story}"
