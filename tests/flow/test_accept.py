"""accept: one payment for one key, whatever the store does on the way."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from shared.domain.decisions import Refused
from shared.domain.events import PaymentInitiated
from shared.domain.money import Money
from shared.domain.stream import StoredEvent
from shared.errors import PaymentsError
from shared.verbs.accept import Accepted, By, Initiate, accept
from tests.flow.kit.world import World, a_world


def a_command(amount_minor: int = 1250) -> Initiate:
    return Initiate(
        amount=Money(amount_minor, "EUR"),
        payment_method="pm_ok",
        reference="order-1",
        description=None,
        metadata={},
        notification_url=None,
    )


async def accepted(world: World, *, key: str | None, amount_minor: int = 1250) -> StoredEvent | Refused:
    return await stored_of(a_command(amount_minor), key=key, world=world)


async def stored_of(command: Initiate, *, key: str | None, world: World) -> StoredEvent | Refused:
    outcome = await accept(command, by=by(key), services=world.services)
    return outcome.stored if isinstance(outcome, Accepted) else outcome


def by(key: str | None, *, merchant_id: str = "merchant-1") -> By:
    return By(merchant_id=merchant_id, idempotency_key=key, traceparent=None)


async def test_the_payment_that_a_key_stands_for_never_changes(tmp_path: Path) -> None:
    """SHA-1 over our namespace, the merchant, a line break and the key, as RFC 9562 makes an id of it: worked out apart
    from the code. Another id would let every key in use charge a second time.
    """
    async with a_world(tmp_path) as world:
        stored = await accepted(world, key="order-1")

        assert isinstance(stored, StoredEvent)
        assert stored.payment.payment_id == "14b5fda7-4980-51aa-b304-4bee05bf17e4"


async def test_one_key_of_two_merchants_is_two_payments(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        ours = await accept(a_command(), by=by("k"), services=world.services)
        theirs = await accept(a_command(1), by=by("k", merchant_id="merchant-2"), services=world.services)

        assert isinstance(ours, Accepted)
        assert isinstance(theirs, Accepted)
        assert (ours.is_repeat, theirs.is_repeat) == (False, False)
        assert ours.stored.payment.payment_id != theirs.stored.payment.payment_id
        assert (ours.stored.payment.merchant_id, theirs.stored.payment.merchant_id) == ("merchant-1", "merchant-2")


async def test_a_repeat_gets_the_first_answer_also_when_time_has_passed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        first = await accepted(world, key="k")
        await world.run(for_s=3600)
        world.clock.advance_s(3600)

        repeat = await accepted(world, key="k")

        assert repeat == first


async def test_a_repeat_is_not_counted_and_told_as_another_payment(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await accepted(world, key="k")

        await accepted(world, key="k")

        assert world.telemetry.metric("payments.accepted") == 1
        assert len(world.telemetry.log_lines("accept.accepted")) == 1


async def test_a_used_key_with_another_request_is_refused_and_stores_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        first = await accepted(world, key="k")
        assert isinstance(first, StoredEvent)

        other = await accepted(world, key="k", amount_minor=1)

        assert other == Refused("idempotency_key_reused")
        assert await world.stream(first.payment.payment_id) == (first,)


async def test_an_append_whose_answer_was_lost_is_found_by_the_repeat(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.break_store(503, operation="create", container="events", count=1, after=True)

        stored = await accepted_however_often(world, key="lost")

        assert len(await world.stream(stored.payment.payment_id)) == 1


async def test_a_store_that_refuses_leaves_nothing_behind_and_the_key_free(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.break_store(449, operation="create", container="events", count=1000)
        refused = await fault_of(world, key="busy")
        await world.backends.mend_store()

        stored = await accepted(world, key="busy")

        assert refused is not None
        assert isinstance(stored, StoredEvent)
        assert len(await world.stream(stored.payment.payment_id)) == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 429}, {"status": 403}, {"status": 503}, {"status": 404, "count": 3}],
    ids=["busy", "refuses", "away", "a replica that lags"],
)
async def test_a_repeat_that_cannot_see_what_stands_there_does_not_say_that_nothing_was_stored(
    tmp_path: Path, fault: dict[str, int]
) -> None:
    async with a_world(tmp_path) as world:
        first = await accepted(world, key="k")
        await world.backends.break_store(operation="read", container="events", **{"count": 1000, **fault})

        told = await fault_of(world, key="k")
        await world.backends.mend_store()

        assert told == "append_unknown"
        assert await accepted(world, key="k") == first


async def accepted_however_often(world: World, *, key: str) -> StoredEvent:
    """As a client repeats what was answered with 503."""
    while True:
        try:
            stored = await accepted(world, key=key)
        except PaymentsError:
            continue
        assert isinstance(stored, StoredEvent)
        return stored


async def fault_of(world: World, *, key: str) -> str | None:
    try:
        await accepted(world, key=key)
    except PaymentsError as fault:
        return fault.code
    return None


GOLDEN = {
    "bare": "b20fdde726edf76edfb1c188ff1c071086c81eaf5bcc68146059e9d8041d9715",
    "whole": "da3a1d3b742825d466b7ec219eb20af7334691bb5e10badfc4ef94d16771d2f9",
}
"""Of the requests below. They never change: an honest repeat across a deployment would be refused as another request,
and "use a new key" invites a second charge."""


def a_whole_command() -> Initiate:
    return replace(
        a_command(), description="Two books", metadata={"cart": "77"}, notification_url="https://shop.example/hooks"
    )


async def fingerprint_of(world: World, command: Initiate) -> str:
    stored = await stored_of(command, key=None, world=world)
    assert isinstance(stored, StoredEvent)
    assert isinstance(stored.event, PaymentInitiated)
    return stored.event.request_fingerprint


async def test_the_fingerprint_of_a_request_never_changes(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert await fingerprint_of(world, a_command()) == GOLDEN["bare"]
        assert await fingerprint_of(world, a_whole_command()) == GOLDEN["whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiateOfLater(Initiate):
    """As a later release may have it: one more optional field."""

    tip_minor: int | None = None


async def test_a_new_optional_field_changes_no_fingerprint_of_a_request_without_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await accepted(world, key="old")
        later = InitiateOfLater(**asdict(a_command()) | {"amount": a_command().amount})

        bare = await fingerprint_of(world, later)
        repeat = await stored_of(later, key="old", world=world)
        with_it = replace(later, tip_minor=5)
        other = await stored_of(with_it, key="old", world=world)

        assert bare == GOLDEN["bare"]
        assert isinstance(repeat, StoredEvent)
        assert other == Refused("idempotency_key_reused")
