"""A provider's yes is a fact: it is recorded whatever the payment has become meanwhile, or it is the loudest alert."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from shared.domain.events import Event, PaymentCapturedLate, PaymentCreated, PaymentFailed, PaymentSettled
from shared.domain.evolution import evolve
from shared.domain.letters import DeadLetter, LetterStatus, Yes
from shared.domain.payment import Status
from shared.domain.stream import StoredEvent
from shared.errors import StreamMoved, Unreadable
from shared.ports.event_store import Appended, EventStore
from shared.services import Services
from shared.steps.recording import RELOADS
from shared.verbs.recovery.replay import Verdict
from tests import places
from tests.builders import NOON
from tests.facts import COMPLETED
from tests.flow.kit.edge import Edge
from tests.flow.kit.failing_ports import raising_in_append
from tests.flow.kit.world import World, a_world

DISCARDED = PaymentFailed(occurred_at=NOON, reason="discarded", code="discarded_by_operator", failed_step="create")


class _Overtaken:
    """A store in which somebody else is quicker, once: right before the append of a certain event."""

    def __init__(self, store: EventStore, *, kind: str, theirs: Event) -> None:
        self._store, self._kind, self._theirs = store, kind, theirs
        self._is_due = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def append(self, events: Sequence[StoredEvent]) -> Appended:
        if self._is_due and type(events[0].event).__name__ == self._kind:
            self._is_due = False
            before = (await self._store.load(events[0].payment.payment_id))[-1]
            theirs = StoredEvent(payment=evolve(before.payment, self._theirs), event=self._theirs)
            await self._store.append([theirs])
        return await self._store.append(events)


def overtaken(kind: str, theirs: Event) -> Callable[[Services], Services]:
    return lambda services: replace(
        services, store=cast("EventStore", _Overtaken(services.store, kind=kind, theirs=theirs))
    )


async def test_a_payment_created_after_it_had_failed_is_recorded_and_voided(tmp_path: Path) -> None:
    async with a_world(tmp_path, alter=overtaken("PaymentCreated", DISCARDED)) as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert await world.events(payment_id) == ["initiated", "failed", "created", "failed", "voided"]
        assert await world.charges(payment_id) == 0
        assert await world.letters() == []
        assert (await world.payment(payment_id)).failed is not None


async def test_a_no_to_a_payment_that_somebody_had_created_is_for_a_person_to_look_at(tmp_path: Path) -> None:
    theirs = PaymentCreated(occurred_at=NOON, provider_payment_id="pp_theirs")
    async with a_world(tmp_path, alter=overtaken("PaymentFailed", theirs)) as world:
        payment_id = await world.accept("pm_declined")
        await world.next_until(lambda: events_are(world, payment_id, ["initiated", "created"]))
        await world.run(for_s=0)

        letter = await world.only_letter(step="create")
        assert (letter.reason, letter.description) == ("refused", "the stream refuses it: already_created")


async def test_an_end_that_was_overtaken_is_looked_at_again_and_nobody_is_woken(tmp_path: Path) -> None:
    theirs = PaymentCreated(occurred_at=NOON, provider_payment_id="pp_theirs")
    alter = overtaken("PaymentFailed", theirs)
    async with a_world(tmp_path, alter=alter, payment_expires_after_h=1) as world:
        payment_id = await world.accept("pm_ok")
        world.clock.advance_s(3600)

        await world.run()

        assert (await world.events(payment_id))[:2] == ["initiated", "created"]
        assert await world.letters(step="create") == []
        assert world.faults == [], "each of these is a delivery that failed"
        assert world.telemetry.metric("step.retries", step="create", reason="stream_moved") == 1


async def test_money_taken_after_the_payment_had_failed_is_never_announced_as_settled(tmp_path: Path) -> None:
    async with a_world(tmp_path, alter=overtaken("PaymentSettled", DISCARDED)) as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert await world.types(payment_id) == ["initiated", "created", "failed", "captured_late"]
        assert await world.charges(payment_id) == 1
        payment = await world.payment(payment_id)
        assert (payment.status, payment.settled, payment.owes) == (Status.FAILED, None, None)
        assert not [message for message in world.bus.sent if message.subject == "payment.settled"]
        letter = await world.only_letter()
        assert (letter.source, letter.reason, letter.severity) == ("events", "captured_late", "high")
        (line,) = world.telemetry.log_lines("recover.dead_letter_recorded")
        assert line.levelname == "CRITICAL"


async def test_a_letter_of_money_to_give_back_is_closed_by_the_person_who_gave_it_back_and_by_nobody_else(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path, alter=overtaken("PaymentSettled", DISCARDED)) as world:
        payment_id = await world.accept("pm_ok")
        await world.run()
        letter = await world.only_letter()

        replayed = await world.replay(letter.letter_id)
        world.clock.advance_s(100_000)
        swept = await world.sweep()
        await world.run()
        assert (replayed.verdict, swept) == (Verdict.CANNOT, 0)
        assert (await world.only_letter()).status is LetterStatus.OPEN

        wish = {"reason": "given back", "dry_run": True}
        would = await Edge(world).send("discard_dead_letter", wish, letter_id=letter.letter_id)
        outcome = await world.discard(letter.letter_id)
        await world.run()

        (late,) = [each.event for each in await world.stream(payment_id) if isinstance(each.event, PaymentCapturedLate)]
        assert (would.body["comes_to"], would.body["money"]) == ("note", late.capture_id)
        assert (outcome.discarded, outcome.comes_to, outcome.money) == (True, "note", late.capture_id)
        assert (await world.only_letter()).status is LetterStatus.CLOSED
        assert (await world.types(payment_id))[-1] == "seen_to"
        assert (await world.payment(payment_id)).broken == ()
        assert await world.charges(payment_id) == 1


async def test_a_second_authorisation_is_a_fact_of_its_own_and_the_loudest_alert(tmp_path: Path) -> None:
    other = PaymentCreated(occurred_at=NOON, provider_payment_id="pp_other")
    async with a_world(tmp_path, alter=overtaken("PaymentCreated", other)) as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        letter = await world.only_letter(reason="charged_twice")
        assert (letter.source, letter.severity, letter.status.value) == ("events", "high", "open")
        (second,) = (await world.payment(payment_id)).second_yeses
        assert (second.step, second.is_seen_to) == ("create", False)
        assert second.reference in letter.description
        assert letter.payment_id == payment_id
        verdicts = await world.replay_all(reason="charged_twice")
        assert [each.verdict for each in verdicts] == [Verdict.CANNOT], "no replay closes the evidence"
        assert (await world.only_letter(reason="charged_twice")).status is LetterStatus.OPEN


async def test_operators_see_which_money_was_given_back_and_its_merchant_does_not(tmp_path: Path) -> None:
    other = PaymentCreated(occurred_at=NOON, provider_payment_id="pp_other")
    async with a_world(tmp_path, alter=overtaken("PaymentCreated", other)) as world:
        payment_id = await world.accept("pm_ok")
        await world.run()
        await world.discard((await world.only_letter(reason="charged_twice")).letter_id)
        (second,) = (await world.payment(payment_id)).second_yeses

        views = [
            await Edge(world).ask(view, payment_id=payment_id)
            for view in ("inspect_payment_events", "get_payment_events")
        ]

        assert [view.body["events"][-1]["type"] for view in views] == ["payment.seen_to"] * 2
        assert [view.body["events"][-1]["data"] for view in views] == [{"reference": second.reference}, {}]


@pytest.mark.parametrize(
    ("fault", "times", "reason", "why"),
    [
        (Unreadable("the stream makes no sense"), 1, "unreadable", "Unreadable: the stream makes no sense"),
        (ZeroDivisionError("oops"), 1, "unforeseen", "ZeroDivisionError: oops"),
        (StreamMoved(""), RELOADS, "stream_moved", "StreamMoved: payment {} was written to by others 5 times in a row"),
    ],
)
async def test_whatever_kept_a_yes_from_being_recorded_the_next_attempt_carries_it_and_records_it(
    fault: Exception, times: int, reason: str, why: str, tmp_path: Path
) -> None:
    async with a_world(tmp_path, alter=raising_in_append(PaymentCreated, *[fault] * times)) as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        charge = await world.backends.charge(payment_id)
        assert (charge["times_charged"], charge["requests"], charge["asks"]) == (1, 2, 0)
        assert await world.letters() == []
        assert world.telemetry.metric("step.retries", step="create", reason=reason) == 1
        (again,) = world.telemetry.log_lines("advance.again")
        assert again.description == why.format(payment_id)  # type: ignore[attr-defined] # a field of our log lines


async def test_a_yes_that_met_only_what_nobody_foresaw_is_the_loudest_alert(tmp_path: Path) -> None:
    faults = [ZeroDivisionError("oops")] * 100
    async with a_world(tmp_path, alter=raising_in_append(PaymentCreated, *faults)) as world:
        await world.accept("pm_ok")

        await world.run()

        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.severity) == ("create", "charged_not_recorded", "high")


async def busy_store(world: World) -> None:
    """For 429 the SDK tries ten times, so this lasts for every attempt of a step."""
    await world.backends.break_store(429, operation="create", container="events", retry_after_ms=1, count=10_000)


async def charged_and_not_recorded(world: World) -> str:
    payment_id = await world.accept("pm_ok")
    await world.next_until(lambda: events_are(world, payment_id, ["initiated", "created"]))
    await busy_store(world)
    await world.run()
    return payment_id


async def events_are(world: World, payment_id: str, events: list[str]) -> bool:
    return await world.events(payment_id) == events


async def test_a_yes_that_no_attempt_could_record_is_the_loudest_alert(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await charged_and_not_recorded(world)

        assert await world.events(payment_id) == ["initiated", "created"]
        assert await world.charges(payment_id) == 1
        assert (await world.backends.charge(payment_id))["requests"] == 2, "never sent again"
        letter = await world.only_letter()
        assert (letter.step, letter.reason, letter.severity) == ("settle", "charged_not_recorded", "high")
        assert letter.yes is not None
        assert letter.yes.reference
        (line,) = world.telemetry.log_lines("recover.dead_letter_recorded")
        assert line.levelname == "CRITICAL"
        assert world.telemetry.metric("dead_letters.recorded", reason="charged_not_recorded", severity="high") == 1


async def test_when_the_store_is_back_the_yes_is_recorded_by_itself(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id = await charged_and_not_recorded(world)
        charge = await world.backends.charge(payment_id)
        await world.backends.mend_store()

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.backends.charge(payment_id) == charge, "nobody was asked"
        letter, settled = await world.only_letter(), (await world.payment(payment_id)).settled
        assert letter.status is LetterStatus.CLOSED
        assert settled is not None
        assert letter.yes == Yes(settled.capture_id, settled.occurred_at)


async def test_a_replay_records_the_yes_that_a_letter_holds_and_sends_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.backends.tell_provider("/mode", forget_request_ids=True)
        payment_id = await charged_and_not_recorded(world)
        charge = await world.backends.charge(payment_id)
        await world.backends.mend_store()

        (verdict,) = await world.replay_all()
        *_, before, recorded = await world.stream(payment_id)
        await world.run()

        assert (verdict.verdict, verdict.why) == (Verdict.NOTHING_TO_DO, "the payment moved on: it is settled")
        assert (type(recorded.event), recorded.traceparent) == (PaymentSettled, before.traceparent)
        assert await world.events(payment_id) == COMPLETED
        assert await world.backends.charge(payment_id) == charge, "nobody was asked, nothing was sent"
        assert (await world.only_letter()).status is LetterStatus.CLOSED


async def test_an_append_whose_answer_was_lost_is_found_and_written_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")
        await world.read_page("publish")
        await world.backends.break_store(408, operation="create", container="events", after=True)

        await world.run()

        assert await world.events(payment_id) == COMPLETED
        assert await world.charges(payment_id) == 1
        assert await world.letters() == []
        assert world.faults == []


async def test_a_yes_to_a_payment_that_is_not_stored_is_kept_in_its_letter_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        nobody = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"
        letter = DeadLetter(
            message_id=f"{nobody}:2:settle:5",
            body="{}",
            subject="payment.created",
            reason="charged_not_recorded",
            description="the store was away",
            source=str(places.SETTLE),
            yes=Yes("cap_9", NOON),
        )
        await world.services.dead_letters.park(letter)

        await world.run(for_s=600)

        kept = await world.only_letter(status=LetterStatus.OPEN)
        assert (kept.payment_id, kept.yes) == (nobody, Yes("cap_9", NOON))
        assert world.telemetry.metric("step.retries", step="record") == 0
