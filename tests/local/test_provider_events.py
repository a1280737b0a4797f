"""The queue of the local provider's events, and how they are signed: what is due when, whatever came of it before."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from local.provider.events import LONGEST_WAIT_S, Event, Events
from local.provider.records import Call, Dispute
from local.provider.state import Provider
from local.provider.store import Key, Record
from local.provider.tokens import DisputeStatus, Operation
from local.provider.webhook import LOCAL_KEY, Receiver, message, signed
from tests.clock import ManualClock
from tests.local.provider_support import OTHER_KEY, captured, fresh, manual_clock

__all__ = ["manual_clock"]

DISPUTE = Dispute(
    dispute_id="dp_1",
    payment_reference="p1",
    provider_payment_id="pp_1",
    capture_id="cap_1",
    amount_minor=1250,
    currency="EUR",
    reason="fraudulent",
    status=DisputeStatus.OPEN,
    opened_at="2026-01-01T12:00:00+00:00",
)


def queue(clock: ManualClock, *, is_told: bool = True) -> Events:
    numbers = itertools.count(1)
    return Events(clock=clock, new_id=lambda prefix: f"{prefix}{next(numbers)}", is_told=is_told)


def announced(clock: ManualClock, *types: str) -> Events:
    events = queue(clock)
    for each in types or ("dispute.opened",):
        events.announce(DISPUTE, each)
    return events


def only(events: Events) -> Event:
    (event,) = events.take(10)
    return event


def restarted(events: Events, clock: ManualClock) -> Events:
    again = queue(clock)
    for record in events.drain().values():
        again.restore(json.loads(json.dumps(record)))
    return again


# --- what is due


def test_an_event_is_due_at_once_and_only_one_can_take_it(clock: ManualClock) -> None:
    events = announced(clock)

    taken = [events.take(10), events.take(10)]

    assert [[event.type for event in each] for each in taken] == [["dispute.opened"], []]
    assert events.next_due_at() is None


def test_no_more_are_taken_than_asked_for_the_longest_due_first(clock: ManualClock) -> None:
    events = announced(clock, *(f"dispute.{n}" for n in range(12)))

    taken = [[event.type for event in events.take(at_most)] for at_most in (1, 0, 20)]

    assert taken == [["dispute.0"], [], [f"dispute.{n}" for n in range(1, 12)]]


def test_after_each_failure_the_wait_doubles_up_to_the_longest(clock: ManualClock) -> None:
    events, waits = announced(clock), []

    for _ in range(2000):
        events.not_heard(only(events), status=503)
        due_at = events.next_due_at()
        assert due_at is not None
        assert events.take(1) == []
        waits.append((due_at - clock()).total_seconds())
        clock.at = due_at

    assert waits[:9] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, LONGEST_WAIT_S]
    assert set(waits[8:]) == {30.0}


def test_what_was_heard_is_owed_no_more(clock: ManualClock) -> None:
    events = announced(clock)

    events.heard(only(events), status=204)

    (listed,) = events.listed()
    assert (listed["is_owed"], listed["attempts"], listed["last_status"]) == (False, 1, 204)
    assert listed["delivered_at"] == clock().isoformat()
    assert events.next_due_at() is None


def test_an_attempt_without_an_answer_says_why(clock: ManualClock) -> None:
    events = announced(clock)

    events.not_heard(only(events), fault="TimeoutError")

    (listed,) = events.listed()
    assert (listed["last_status"], listed["last_fault"], listed["delivered_at"]) == (None, "TimeoutError", None)


def test_events_are_listed_for_one_payment(clock: ManualClock) -> None:
    events = announced(clock)

    assert [len(events.listed(reference)) for reference in (None, "p1", "p2")] == [1, 1, 0]


# --- repeats


def test_a_repeat_of_what_was_heard_has_the_same_id_and_keeps_the_time_of_the_first(clock: ManualClock) -> None:
    events = announced(clock)
    first = only(events)
    events.heard(first, status=200)
    heard_at = clock().isoformat()
    clock.advance_s(60)

    events.repeat(first.event_id)
    again = only(events)
    events.heard(again, status=200)

    assert again.event_id == first.event_id
    assert (again.attempts, again.delivered_at, again.is_owed) == (2, heard_at, False)


def test_a_repeat_cuts_a_long_wait_short_and_is_still_one(clock: ManualClock) -> None:
    events = announced(clock)
    event = only(events)
    events.not_heard(event, status=500)

    events.repeat(event.event_id)
    events.repeat(event.event_id)
    taken = events.take(10)
    clock.advance_s(3600)

    assert taken == [event]
    assert events.take(10) == []


def test_a_repeat_while_an_attempt_is_under_way_waits_for_its_end(clock: ManualClock) -> None:
    events = announced(clock)
    event = only(events)

    events.repeat(event.event_id)
    meanwhile = events.take(10)
    events.heard(event, status=200)

    assert meanwhile == []
    assert events.take(10) == [event]


def test_a_repeat_of_an_attempt_that_fails_is_not_made_on_top(clock: ManualClock) -> None:
    events = announced(clock)
    event = only(events)
    events.repeat(event.event_id)
    events.not_heard(event, status=500)
    clock.advance_s(1)

    events.heard(only(events), status=200)

    assert events.take(10) == []


def test_an_event_that_never_was_cannot_be_repeated(clock: ManualClock) -> None:
    assert announced(clock).repeat("evt_none") is None


# --- keeping


def test_after_a_restart_what_is_owed_is_due_at_once_and_in_its_order(clock: ManualClock) -> None:
    events = announced(clock, "dispute.opened", "dispute.lost", "dispute.won")
    opened, lost = events.take(2)
    events.not_heard(opened, status=503)
    events.heard(lost, status=200)

    again = restarted(events, clock)

    assert [(event.type, event.attempts) for event in again.take(10)] == [("dispute.opened", 1), ("dispute.won", 0)]


def test_an_attempt_that_a_kill_cuts_short_is_made_again(clock: ManualClock) -> None:
    events = announced(clock)
    under_way = only(events)

    assert only(restarted(events, clock)).event_id == under_way.event_id


def test_with_nobody_to_tell_nothing_is_queued_and_nothing_old_is_due(clock: ManualClock) -> None:
    untold = queue(clock, is_told=False)
    untold.announce(DISPUTE, "dispute.opened")
    kept = announced(clock).drain()
    for record in kept.values():
        untold.restore(record)

    assert [each["type"] for each in untold.listed()] == ["dispute.opened"]
    assert untold.take(10) == []
    assert untold.next_due_at() is None


# --- any sequence of what can happen to money


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["dispute", "win", "lose", "refund"]), st.integers(0, 3), st.integers(1, 700)),
    max_size=15,
)


def act(provider: Provider, action: str, *, nth: int, amount_minor: int) -> int:
    """The status of the answer. The nth dispute is decided."""
    if action == "dispute":
        return provider.disputes.open("p1", amount_minor=amount_minor, reason="fraudulent").status_code
    if action == "refund":
        call = Call(
            operation=Operation.REFUND,
            request_id=f"refund {nth} {amount_minor}",
            payment_reference="p1",
            fingerprint="",
            provider_payment_id="pp_0",
            amount_minor=amount_minor,
            currency="EUR",
            refund_reference=f"{nth} {amount_minor}",
        )
        return provider.perform(call).status_code
    made = disputes_of(provider)
    status = DisputeStatus.WON if action == "win" else DisputeStatus.LOST
    return provider.disputes.decide(made[nth]["dispute_id"], status).status_code if nth < len(made) else 404


def disputes_of(provider: Provider) -> list[Any]:
    payments: Any = provider.ask_reference("p1").body["payments"]
    disputes: list[Any] = payments[0]["disputes"]
    return disputes


@settings(max_examples=200, deadline=None)
@given(actions=ACTIONS)
def test_whatever_happens_each_coin_goes_once_and_every_change_is_told(actions: list[tuple[str, int, int]]) -> None:
    provider, kept = fresh(), dict[Key, Record]()
    captured(provider)

    for action, nth, amount_minor in actions:
        before: Any = provider.charge("p1")
        stood = [each["status"] for each in disputes_of(provider)]
        announced_before = len(provider.events.listed())
        status = act(provider, action, nth=nth, amount_minor=amount_minor)
        charge: Any = provider.charge("p1")
        kept |= provider.drain()

        taken = sum(each["amount_minor"] for each in disputes_of(provider) if each["status"] != "won")
        assert charge["disputed_minor"] == taken <= 1000
        assert charge["refunded_minor"] <= 1000
        if charge["refunded_minor"] > before["refunded_minor"]:
            assert charge["refunded_minor"] + charge["disputed_minor"] <= 1000
        has_changed = [each["status"] for each in disputes_of(provider)] != stood
        assert len(provider.events.listed()) - announced_before == has_changed
        assert status < 300 or not has_changed

    restored = fresh()
    for (kind, _), record in kept.items():
        restored.restore(kind, json.loads(json.dumps(record)))
    assert not actions or restored.ask_reference("p1") == provider.ask_reference("p1")
    assert restored.events.listed() == provider.events.listed()


# --- the form of Standard Webhooks


def event() -> Event:
    return Event(
        event_id="evt_1",
        type="dispute.won",
        timestamp="2026-01-01T12:00:00+00:00",
        dispute_id="dp_1",
        payment_reference="p1",
    )


def test_the_official_library_believes_what_is_signed_and_reads_what_it_is_about() -> None:
    body = message(event())

    headers = signed(event(), body, key=LOCAL_KEY, at=datetime.now(UTC))

    assert Webhook(LOCAL_KEY).verify(body, dict(headers)) == {
        "type": "dispute.won",
        "timestamp": "2026-01-01T12:00:00+00:00",
        "data": {"dispute_id": "dp_1", "payment_reference": "p1"},
    }
    assert headers["webhook-id"] == "evt_1"


@pytest.mark.parametrize("other", [{"webhook-id": "evt_2"}, {"webhook-timestamp": "1767268800"}])
def test_nothing_of_it_can_be_changed(other: dict[str, str]) -> None:
    body = message(event())
    headers = signed(event(), body, key=LOCAL_KEY, at=datetime.now(UTC))

    for key, changed, sent in (
        (LOCAL_KEY, {**headers, **other}, body),
        (LOCAL_KEY, dict(headers), body + b" "),
        (OTHER_KEY, dict(headers), body),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(sent, changed)


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_QUFB", "QUFB" * 12, "whsec_" + "QUFB" * 22, "whsec_not base 64"])
def test_a_key_that_is_none_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes") as refused:
        Receiver("http://127.0.0.1:7071/api/provider/events", key=key)

    assert "QUFB" not in str(refused.value)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="localhost:7071"):
        Receiver("localhost:7071")
