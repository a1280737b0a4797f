"""What the store's SDK raises, as our own faults: by its code, and whether something may have been written."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.cosmos.exceptions import CosmosBatchOperationError

from shared.adapters.cosmos import faults
from shared.adapters.cosmos.faults import Taken, reading, writing
from shared.errors import AppendUnknown, PaymentsError, StoreBusy, StoreRefuses, StoreThrottles

type Guard = Callable[[str], AbstractAsyncContextManager[None]]

FIRST, BUSY, MAYBE = {409, 412}, {429, 449}, {408, *range(200, 400), *range(500, 600)}
"""A yes is among them: its body may be cut, which the SDK says with its status."""
STATUSES = range(200, 600)


async def raised(guard: Guard, fault: Exception) -> type[BaseException]:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, its type is what is asked for
        async with guard("append p:1"):
            raise fault
    if isinstance(caught.value, PaymentsError):
        assert str(caught.value).startswith("append p:1: ")
    return caught.type


def answers(status: int) -> list[Exception]:
    """The same status as each call raises it; a batch has an error of its own."""
    single, batch = HttpResponseError("no"), CosmosBatchOperationError(0, {}, status, "no", [])  # type: ignore[no-untyped-call]
    single.status_code = status
    return [single, batch]


async def test_a_write_may_have_happened_or_surely_has_not_by_the_status() -> None:
    wanted = {
        **dict.fromkeys(STATUSES, StoreRefuses),
        **dict.fromkeys(FIRST, Taken),
        **dict.fromkeys(BUSY, StoreBusy),
        429: StoreThrottles,
        **dict.fromkeys(MAYBE, AppendUnknown),
    }

    found = {status: {await raised(writing, fault) for fault in answers(status)} for status in STATUSES}

    assert found == {status: {fault} for status, fault in wanted.items()}


async def test_a_read_is_repeated_or_is_for_an_operator_by_the_status() -> None:
    wanted = {**dict.fromkeys(STATUSES, StoreRefuses), **dict.fromkeys(BUSY | MAYBE, StoreBusy), 429: StoreThrottles}

    found = {status: {await raised(reading, fault) for fault in answers(status)} for status in STATUSES}

    assert found == {status: {fault} for status, fault in wanted.items()}


@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [
        ({"x-ms-retry-after-ms": "2500"}, 2.5),
        ({}, 1.0),
        ({"x-ms-retry-after-ms": "soon"}, 1.0),
        ({"x-ms-retry-after-ms": "inf"}, 1.0),
    ],
)
async def test_a_store_that_throttles_says_when_to_come_again(headers: dict[str, str], retry_after_s: float) -> None:
    fault = CosmosBatchOperationError(0, headers, 429, "no", [])  # type: ignore[no-untyped-call]

    with pytest.raises(StoreThrottles) as throttled:
        async with reading("load p"):
            raise fault

    assert throttled.value.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    ("fault", "written", "read"),
    [
        (ServiceRequestError("cut"), AppendUnknown, StoreBusy),
        (ServiceResponseError("cut"), AppendUnknown, StoreBusy),
        (TimeoutError(), AppendUnknown, StoreBusy),
        (AzureError("whatever it is"), AppendUnknown, StoreBusy),
        (HttpResponseError("without a status"), StoreRefuses, StoreRefuses),
        (ClientAuthenticationError("no token"), StoreRefuses, StoreRefuses),
        (ZeroDivisionError(), ZeroDivisionError, ZeroDivisionError),
    ],
    ids=lambda fault: type(fault).__name__ if isinstance(fault, Exception) else None,
)
async def test_without_an_answer_a_write_may_have_happened_and_a_fault_of_ours_stays_one(
    fault: Exception, written: type[Exception], read: type[Exception]
) -> None:
    assert (await raised(writing, fault), await raised(reading, fault)) == (written, read)


@pytest.mark.parametrize(("guard", "fault"), [(writing, AppendUnknown), (reading, StoreBusy)])
async def test_no_call_lasts_longer_than_its_limit(
    guard: Guard, fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "CALL_LIMIT_S", 0.05)

    with pytest.raises(fault):
        async with guard("append p:1"):
            await asyncio.sleep(30)
