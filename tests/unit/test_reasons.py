"""How loud a dead letter is: the reason says the least, a yes at a step that moves money raises it."""

import pytest

from shared.domain.payment import Step
from shared.domain.reasons import Reason, Severity, severity_of

MONEY = (Step.CREATE, Step.SETTLE, Step.CANCEL, Step.VOID)


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("reason", Reason)
def test_without_a_yes_the_reason_alone_decides(reason: Reason, step: Step) -> None:
    assert severity_of(reason, step=step, answered=False) is reason.least


@pytest.mark.parametrize("step", MONEY)
@pytest.mark.parametrize("reason", [*Reason, "a word of the broker's"])
def test_a_yes_at_a_step_that_moves_money_is_high_whatever_the_reason(reason: str, step: Step) -> None:
    assert severity_of(reason, step=step, answered=True) is Severity.HIGH


@pytest.mark.parametrize("step", [*(step for step in Step if step not in MONEY), "publish", "unknown"])
def test_a_yes_elsewhere_raises_nothing(step: str) -> None:
    assert severity_of(Reason.NOTIFICATION_UNDELIVERED, step=step, answered=True) is Severity.LOW


@pytest.mark.parametrize("step", MONEY)
@pytest.mark.parametrize("reason", [Reason.UNREADABLE, Reason.MAX_DELIVERIES, "a word of the broker's"])
def test_a_payment_whose_stream_cannot_be_read_is_high_where_money_moves(reason: str, step: Step) -> None:
    assert severity_of(reason, step=step, answered=False, is_readable=False) is Severity.HIGH


@pytest.mark.parametrize("step", [*(step for step in Step if step not in MONEY), "publish", "unknown"])
def test_a_stream_that_cannot_be_read_raises_nothing_elsewhere(step: str) -> None:
    assert severity_of(Reason.UNREADABLE, step=step, answered=False, is_readable=False) is Severity.NORMAL


def test_a_reason_that_we_do_not_know_is_normal() -> None:
    assert severity_of("a word of the broker's", step="settle", answered=False) is Severity.NORMAL
