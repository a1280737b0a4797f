"""Each promise of docs/provider-contract.md on each adapter, and each seeded fault found by the promises it breaks."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.provider_conformance.bench import named
from tests.provider_conformance.checks import CHECKS
from tests.provider_conformance.faults import FAULTS, Right, Spoilt

FOUND_BY = {
    "AmountIgnored": {
        "a_call_without_an_answer_is_unknown_and_told_when_asked",
        "a_request_id_makes_a_repeat_harmless",
        "a_step_done_by_another_request_is_done",
        "amount_and_currency_are_exact",
        "an_amount_is_exact_or_declined",
        "each_currency_has_its_own_minor_unit",
    },
    "CurrencyMixed": {
        "a_request_id_makes_a_repeat_harmless",
        "amount_and_currency_are_exact",
        "an_amount_is_exact_or_declined",
        "each_currency_has_its_own_minor_unit",
    },
    "YenHaveCents": {
        "each_currency_has_its_own_minor_unit",
    },
    "AmountRounded": {
        "an_amount_is_exact_or_declined",
    },
    "PartialRefundBecomesFull": {
        "a_refund_without_an_answer_is_unknown_and_told_when_asked",
        "a_request_id_makes_a_repeat_harmless",
        "each_currency_has_its_own_minor_unit",
        "refunds_are_exact_and_apart",
    },
    "KeyIgnored": {
        "a_call_without_an_answer_is_unknown_and_told_when_asked",
        "a_decline_is_definite",
        "a_refund_without_an_answer_is_unknown_and_told_when_asked",
        "a_request_id_makes_a_repeat_harmless",
        "a_void_of_captured_money_names_the_capture",
    },
    "KeyOfAnotherStep": {
        "a_call_without_an_answer_is_unknown_and_told_when_asked",
        "a_decline_is_definite",
        "a_dispute_nobody_knows_was_never_seen",
        "a_refund_without_an_answer_is_unknown_and_told_when_asked",
        "a_request_id_makes_a_repeat_harmless",
        "a_step_done_by_another_request_is_done",
        "a_void_done_before_is_done",
        "a_void_of_captured_money_names_the_capture",
        "a_void_releases",
        "amount_and_currency_are_exact",
        "an_amount_is_exact_or_declined",
        "an_answer_is_about_this_payment",
        "each_currency_has_its_own_minor_unit",
        "refunds_are_exact_and_apart",
        "the_books_outlive_request_ids",
        "what_was_never_sent_was_never_seen",
    },
    "NotFoundIsNeverSeen": {
        "a_call_without_an_answer_is_unknown_and_told_when_asked",
        "a_decline_is_definite",
        "a_refund_without_an_answer_is_unknown_and_told_when_asked",
        "a_void_done_before_is_done",
        "a_void_of_captured_money_names_the_capture",
        "an_answer_is_about_this_payment",
        "each_currency_has_its_own_minor_unit",
        "refunds_are_exact_and_apart",
        "the_books_outlive_request_ids",
    },
    "AnyNotFoundIsBelieved": {
        "only_the_provider_is_believed",
        "without_a_connection_nothing_was_sent",
    },
    "ErrorIsADecline": {
        "busy_means_that_nothing_was_done",
        "without_a_connection_nothing_was_sent",
    },
    "DeclineIsBusy": {
        "a_decline_is_definite",
    },
    "TimeoutIsBusy": {
        "a_call_without_an_answer_is_unknown_and_told_when_asked",
        "a_refund_without_an_answer_is_unknown_and_told_when_asked",
        "only_the_provider_is_believed",
    },
    "AnyYesIsBelieved": {
        "a_call_without_an_answer_is_unknown_and_told_when_asked",
        "a_refund_without_an_answer_is_unknown_and_told_when_asked",
        "only_the_provider_is_believed",
    },
    "OurFaultIsBusy": {
        "what_no_repeat_can_change_is_our_fault",
    },
    "CapturedIsVoided": {
        "a_void_of_captured_money_names_the_capture",
    },
    "CapturedIsVoidedWhenAsked": {
        "a_void_of_captured_money_names_the_capture",
    },
    "VoidedIsCapturedWhenAsked": {
        "a_void_done_before_is_done",
    },
    "ReleasedWasNeverSeen": {
        "a_void_done_before_is_done",
    },
    "AnyRefundIsFound": {
        "each_currency_has_its_own_minor_unit",
        "refunds_are_exact_and_apart",
    },
    "RefundIsForgotten": {
        "a_decline_is_definite",
        "each_currency_has_its_own_minor_unit",
        "only_the_provider_is_believed",
        "refunds_are_exact_and_apart",
        "the_books_outlive_request_ids",
    },
    "StrangerRefunds": {
        "only_the_provider_is_believed",
    },
    "NoRefundIsFoundByAStranger": {
        "only_the_provider_is_believed",
    },
    "RefundDeclineIsBusyWhenAsked": {
        "a_decline_is_definite",
    },
    "VoidIsPretended": {
        "a_void_done_before_is_done",
        "a_void_of_captured_money_names_the_capture",
        "a_void_releases",
        "only_the_provider_is_believed",
    },
    "VoidedBeforeIsAFault": {
        "a_void_done_before_is_done",
    },
    "DoneBeforeIsAFault": {
        "a_step_done_by_another_request_is_done",
    },
    "AnotherPaymentIsFound": {
        "a_decline_is_definite",
        "a_refund_without_an_answer_is_unknown_and_told_when_asked",
        "an_answer_is_about_this_payment",
        "each_currency_has_its_own_minor_unit",
        "refunds_are_exact_and_apart",
        "the_books_outlive_request_ids",
        "what_was_never_sent_was_never_seen",
    },
    "DisputesAreErrors": {
        "a_dispute_nobody_knows_was_never_seen",
    },
}
"""The promises that each fault breaks, and no other."""
FOUND_BY_AT = {
    ("stripe", "KeyIgnored"): {
        "a_request_id_makes_a_repeat_harmless",
    },
    ("stripe", "KeyOfAnotherStep"): {
        "a_decline_is_definite",
        "a_refund_without_an_answer_is_unknown_and_told_when_asked",
        "a_request_id_makes_a_repeat_harmless",
        "each_currency_has_its_own_minor_unit",
        "refunds_are_exact_and_apart",
        "the_books_outlive_request_ids",
    },
    ("stripe", "DeclineIsBusy"): {
        "a_decline_is_definite",
        "an_amount_is_exact_or_declined",
    },
    ("stripe", "VoidIsPretended"): {
        "a_void_done_before_is_done",
        "a_void_releases",
        "only_the_provider_is_believed",
    },
}
"""Where an adapter differs: Stripe cannot be asked by an id, and captures and voids go there without one, so a wrong id
spoils creates and refunds only. It declines what it cannot be told exactly. Asked for a void, it knows of a capture.
"""


PAGE = Path(__file__).parents[2] / "docs" / "provider-contract.md"


@pytest.mark.parametrize("promise", sorted(CHECKS))
async def test_the_adapter_keeps_its_promise(adapter: str, promise: str) -> None:
    async with named(adapter)() as bench:
        await CHECKS[promise](bench)


async def broken(adapter: str, promise: str, fault: str) -> bool:
    """Whether the check fails. Anything but a failed assertion is an error of the suite, and travels on."""
    async with named(adapter)() as bench:
        try:
            await CHECKS[promise](Spoilt(bench, FAULTS.get(fault, Right)))
        except AssertionError:
            return True
        return False


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_a_fault_is_found_by_the_promises_that_it_breaks(adapter: str, fault: str) -> None:
    expected = FOUND_BY_AT.get((adapter, fault), FOUND_BY[fault])

    assert all(await asyncio.gather(*(broken(adapter, promise, fault) for promise in expected)))


@pytest.mark.long
@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_a_fault_is_found_by_the_promises_that_it_breaks_and_by_no_other(adapter: str, fault: str) -> None:
    found = await asyncio.gather(*(broken(adapter, promise, fault) for promise in CHECKS))

    broken_ones = {promise for promise, is_broken in zip(CHECKS, found, strict=True) if is_broken}
    assert broken_ones == FOUND_BY_AT.get((adapter, fault), FOUND_BY[fault])


def test_each_promise_is_broken_by_a_fault() -> None:
    assert set().union(*FOUND_BY.values()) == set(CHECKS)


def test_the_page_names_each_promise_once_and_no_other() -> None:
    assert sorted(re.findall(r"^\| \d+ \| `(\w+)` \|", PAGE.read_text(), flags=re.MULTILINE)) == sorted(CHECKS)
