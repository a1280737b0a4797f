"""A fault in how disputes are recorded or counted is found by the runs that `make test` makes."""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.codec.payments import payment_to_json
from shared.codec.values import Json
from shared.domain.decisions import Refused
from shared.domain.dispute import Decision, Dispute, is_news
from shared.domain.events import DisputeEvent, PaymentDisputeLost, PaymentDisputeOpened, PaymentDisputeWon
from shared.domain.payment import Payment
from shared.domain.refund import held_minor
from shared.domain.rows import Row, row_of
from shared.domain.stream import StoredEvent
from shared.flow import SENT, Sent
from shared.ports.provider_news import DisputeNews
from shared.verbs.hear import Outcome, hear
from tests.invariants.checks import judge
from tests.invariants.runs import Broken, Run, play
from tests.invariants.test_invariants import FIRST, RUNS

DISPUTE_EVENTS = (PaymentDisputeOpened, PaymentDisputeWon, PaymentDisputeLost)


@dataclass(frozen=True)
class Fault:
    """place: what is replaced. wrong: by what. breaks: the invariant that is the first to break."""

    place: str
    wrong: object
    breaks: str


def recorded_once_more(payment: Payment, fact: DisputeEvent) -> tuple[DisputeEvent, ...] | Refused:
    is_opened = isinstance(fact, PaymentDisputeOpened) or payment.dispute(fact.dispute_id)
    return (fact,) if is_opened else Refused("dispute_not_opened")


def the_last_that_comes(dispute: Dispute, decision: Decision) -> bool:
    return dispute.decided is None or decision.decided_at != dispute.decided.decided_at


def only_what_differs(dispute: Dispute, decision: Decision) -> bool:
    return is_news(dispute, decision) and type(dispute.decided) is not type(decision)


def refundable_with_what_banks_have(payment: Payment) -> int:
    return max(0, payment.amount.amount_minor - held_minor(payment.refunds)) if payment.settled else 0


def all_that_was_ever_disputed(disputes: Iterable[Dispute]) -> int:
    return sum(dispute.opened.amount_minor for dispute in disputes)


def believing_late_books(news: DisputeNews, **others: Any) -> Awaitable[Outcome]:
    return hear(replace(news, told_at=None), **others)


def row_without_disputes(stored: StoredEvent) -> Row:
    return replace(row_of(stored), disputed_minor=0)


def message_without_disputes(payment: Payment) -> Json:
    return payment_to_json(replace(payment, disputes=()))


DIFFERS = "disputes_are_as_the_provider_says"
ORDER = "disputes_are_told_in_order"
LEDGER = "the_ledger_balances"
FAULTS = {
    "a dispute is recorded once more": Fault("shared.domain.decisions._about_a_dispute", recorded_once_more, ORDER),
    "an older decision overrules a newer one": Fault("shared.domain.decisions.is_news", the_last_that_comes, ORDER),
    "a newer decision that says the same is dropped": Fault(
        "shared.domain.decisions.is_news", only_what_differs, DIFFERS
    ),
    "money that a bank has is given back": Fault(
        "shared.domain.payment.Payment.refundable_minor", property(refundable_with_what_banks_have), LEDGER
    ),
    "a dispute that was won is counted": Fault(
        "shared.domain.ledger.withdrawn_minor", all_that_was_ever_disputed, LEDGER
    ),
    "a row does not say what banks have": Fault(
        "shared.verbs.project.row_of", row_without_disputes, "nothing_is_left_to_reconcile"
    ),
    "nobody is told of disputes": Fault(
        "shared.flow.SENT", {**SENT, **dict.fromkeys(DISPUTE_EVENTS, Sent.NOT)}, "everybody_is_told_of_disputes"
    ),
    "messages do not show disputes": Fault(
        "shared.codec.cloud_events.payment_to_json", message_without_disputes, "everybody_is_told_of_disputes"
    ),
    "what the books do not know yet is not asked for again": Fault(
        "tests.invariants.world.hear", believing_late_books, DIFFERS
    ),
}


@pytest.mark.timeout(60 + RUNS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_with_disputes_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = FAULTS[name]
    monkeypatch.setattr(fault.place, fault.wrong)

    seed, found = first_broken()

    assert found.name == fault.breaks, f"seed {seed}: {found.story}"


def first_broken() -> tuple[int, Broken]:
    for seed in range(FIRST, FIRST + RUNS):
        if broken := play(Run.of(seed), judge=judge).broken:
            return seed, broken
    pytest.fail(f"nothing was found by {RUNS} runs")
