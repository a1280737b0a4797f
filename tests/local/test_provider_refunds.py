"""The local provider gives money back: once for each request, and no more than was captured."""

from pathlib import Path
from typing import Any

import pytest

from tests.clock import ManualClock
from tests.local.provider_support import Client, hears_nothing, manual_clock, running, running_provider

__all__ = ["manual_clock", "running_provider"]


async def captured(provider: Client, method: str = "pm_ok") -> Any:
    _, created = await provider.create(method)
    assert (await provider.capture(created))[0] == 200
    return created


async def test_a_refund_is_made_once_and_listed(provider: Client) -> None:
    created = await captured(provider)

    status, made = await provider.refund(created)
    again = await provider.refund(created)

    assert (status, made["status"], made["refund_reference"], made["amount_minor"]) == (200, "refunded", "r1", 500)
    assert again == (200, made)
    (payment,) = await provider.listed()
    assert [each["refund_id"] for each in payment["refunds"]] == [made["refund_id"]]
    charge = await provider.charge()
    assert (charge["refunded_minor"], charge["times_refunded"]) == (500, {"r1": 1})


async def test_another_request_for_a_refund_that_was_made_is_told_so(provider: Client) -> None:
    created = await captured(provider)
    await provider.refund(created)

    status, told = await provider.refund(created, key="another")

    assert (status, told["code"]) == (409, "already_refunded")


async def test_a_provider_that_forgets_makes_a_refund_again(provider: Client) -> None:
    created = await captured(provider)
    await provider.send("POST", "/mode", {"forget_request_ids": True})

    statuses = [(await provider.refund(created))[0] for _ in range(2)]

    assert statuses == [200, 200]
    assert (await provider.charge())["times_refunded"] == {"r1": 2}


async def test_no_more_is_given_back_than_was_captured(provider: Client) -> None:
    created = await captured(provider)

    statuses = [(await provider.refund(created, amount, refund=f"r{amount}"))[0] for amount in (1000, 251, 250, 1)]

    assert statuses == [200, 409, 200, 409]
    assert (await provider.charge())["refunded_minor"] == 1250


async def test_what_was_not_captured_is_not_given_back(provider: Client) -> None:
    _, created = await provider.create()

    status, told = await provider.refund(created)

    assert (status, told["code"]) == (409, "not_captured")


@pytest.mark.parametrize(("amount", "status"), [(0, 400), (-1, 400), (True, 400), (1.5, 400), (1, 200)])
async def test_an_amount_is_a_positive_whole_number(provider: Client, amount: Any, status: int) -> None:
    assert (await provider.refund(await captured(provider), amount))[0] == status


async def test_a_declined_refund_is_listed_with_its_code_and_gives_nothing_back(provider: Client) -> None:
    created = await captured(provider, "pm_refund_declined")

    status, told = await provider.refund(created)

    assert (status, told["code"]) == (402, "refund_declined")
    (payment,) = await provider.listed()
    assert [(each["status"], each["code"]) for each in payment["refunds"]] == [("declined", "refund_declined")]
    assert (await provider.charge())["refunded_minor"] == 0


async def test_a_refund_that_times_out_was_made(provider: Client) -> None:
    created = await captured(provider, "pm_refund_times_out_once")

    await hears_nothing(provider.refund(created))

    known = await provider.ask("p1:refund:r1")
    assert (known[1]["status_code"], known[1]["answer"]["status"]) == (200, "refunded")


async def test_refunds_outlive_the_provider(tmp_path: Path, clock: ManualClock) -> None:
    async with running(tmp_path, clock) as provider:
        created = await captured(provider)
        await provider.refund(created, 1000)

    async with running(tmp_path, clock) as provider:
        assert (await provider.refund(created, 500, refund="r2"))[0] == 409
        assert (await provider.charge())["refunded_minor"] == 1000
