"""When somebody is woken: the alerts' queries on rows as they come in, late, at the edge of a window, or not at all."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.infra.product import INFRA, Infra
from tests.infra.workspace import Row, Rule, metric, run

DEV = Infra(INFRA).snapshot("dev")
RULES = {rule["name"]: Rule(rule) for rule in DEV.of("Microsoft.Insights/scheduledQueryRules")}
QUERIES = dict(DEV.queries)

LATE = timedelta(minutes=3)
"""How long a row may be on its way."""

HIGH = {"step": "settle", "reason": "charged_not_recorded", "severity": "high"}
NORMAL = {"step": "create", "reason": "retries_exhausted", "severity": "normal"}


def opened(*minutes_ago: float, kind: dict[str, str], value: float = 1.0) -> list[Row]:
    """The gauge of open letters, at several measurements."""
    return [replace(metric("dead_letters.open", each, value=value), properties=kind) for each in minutes_ago]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_query_can_be_run(name: str) -> None:
    run(QUERIES[name])


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("charged-not-recorded", metric("messages.parked", 7.9, step="settle", reason="charged_not_recorded")),
        (
            "dead-letters-high",
            metric("dead_letters.recorded", 7.9, step="settle", reason="charged_twice", severity="high"),
        ),
        (
            "dead-letter-logged",
            Row(
                "AppTraces",
                7.9,
                {"Message": "recover.dead_letter_recorded step=settle", "SeverityLevel": 4, "ItemCount": 1},
                {"event_name": "recover.dead_letter_recorded"},
            ),
        ),
        ("topic-refuses", metric("topic.refusals", 7.9, topic="payment-created")),
        ("payments-swept", metric("payments.swept", 7.9, step="settle")),
    ],
)
def test_what_arrives_late_is_seen_by_the_next_look_whenever_that_is(name: str, row: Row) -> None:
    """It was on its way for three minutes, and the look before came just too early."""
    assert RULES[name].fires(row)


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_window_is_longer_than_a_row_may_be_late_and_a_look_away(name: str) -> None:
    every = timedelta(minutes=5)
    assert RULES[name].resource["properties"]["evaluationFrequency"] == "PT5M"

    assert RULES[name].window >= every + LATE + timedelta(minutes=2)


def test_a_letter_of_high_severity_is_told_as_open_until_it_is_dealt_with() -> None:
    rule = RULES["dead-letters-high-open"]
    still = opened(9, 8, 7, kind=HIGH)

    assert rule.fires(*still) == {("settle", "charged_not_recorded"): 1}
    assert rule.fires(*still, *opened(6, value=0, kind=HIGH)) == {}
    assert rule.fires(*opened(9, 8, kind=NORMAL)) == {}


def test_letters_do_not_look_dealt_with_because_nobody_measures() -> None:
    assert RULES["dead-letters-high-open"].fires(*opened(45, kind=HIGH))


def measured(*minutes_ago: float, value: float = 0.0) -> list[Row]:
    """Rounds of the measure; value: how many letters of NORMAL's kind each found open, told a moment later."""
    rounds = [metric("outbox.lag_s", each, value=0) for each in minutes_ago]
    return rounds + (opened(*(each - 0.2 for each in minutes_ago), kind=NORMAL, value=value) if value else [])


def parked(minutes_ago: float, **kind: str) -> Row:
    return replace(metric("dead_letters.recorded", minutes_ago), properties=NORMAL | kind)


@pytest.mark.parametrize(
    "rows",
    [
        [parked(6.5), *measured(6, 5, 4, 3, 2, 1)],
        [parked(6.5), *measured(6, value=1), *opened(5, kind=NORMAL, value=0), *measured(5, 4, 3, 2, 1)],
        [parked(6.5), *measured(6, value=1), *measured(5, 4, 3, 2, 1)],
        [parked(6.5, reason="smoke_test"), *measured(6, 5, 4, 3, 2, 1, value=1)],
        [parked(4.5), *measured(4, 3, 2, 1, value=1)],
        measured(6, 5, 4, 3, 2, 1, value=1),
    ],
    ids=["between two rounds", "seen and gone", "seen, and the end was lost", "the broker's own", "too young", "old"],
)
def test_a_letter_that_is_dealt_with_at_once_wakes_nobody(rows: list[Row]) -> None:
    """As those of the smoke test of each deployment. What is old was told before."""
    assert RULES["dead-letters-normal"].fires(*rows) == {}


@pytest.mark.parametrize(
    "rows",
    [
        [parked(6.5), *measured(6, 5, 4, 3, 2, 1, value=1)],
        [parked(6.5), *measured(4, value=1)],
        [parked(6.5), *measured(9, 8, 7)],
        [parked(6.5)],
    ],
    ids=["open in every round", "rounds far apart", "not measured since", "never measured"],
)
def test_a_letter_that_waits_for_five_minutes_wakes_somebody(rows: list[Row]) -> None:
    assert RULES["dead-letters-normal"].fires(*rows) == {("create", "retries_exhausted"): 1}


def test_a_new_letter_is_told_while_an_older_one_of_its_kind_is_left_open() -> None:
    open_for_long = measured(*range(1, 15), value=7)

    assert RULES["dead-letters-normal"].fires(*open_for_long, parked(9), parked(8)) == {
        ("create", "retries_exhausted"): 2
    }


def test_a_timer_that_measures_no_more_is_seen() -> None:
    rule = RULES["backlog-unmeasured"]

    assert rule.fires(metric("outbox.lag_s", 14, value=0)) == {}
    assert rule.fires(metric("outbox.lag_s", 16, value=0)) == {(): 1}


def test_a_timer_that_never_comes_to_its_end_is_named() -> None:
    ticked = [metric("timer.ticks", 3, timer=name) for name in ("drain_recorder", "measure_backlog")]

    assert RULES["timer-silent"].fires(*ticked) == {("sweep_payments",): 1}
    assert RULES["timer-silent"].fires(*ticked, metric("timer.ticks", 29, timer="sweep_payments")) == {}
    assert len(RULES["timer-silent"].fires()) == 3


@pytest.mark.parametrize(("reader", "longest"), [("outbox", 60), ("projection", 300)])
def test_a_reader_that_stands_still_is_seen(reader: str, longest: float) -> None:
    rule = RULES[f"{reader}-lag"]

    assert rule.fires(metric(f"{reader}.lag_s", 2, value=longest)) == {}
    assert rule.fires(metric(f"{reader}.lag_s", 2, value=longest + 1)) == {(): longest + 1}


@pytest.mark.parametrize("edge", [5, 10, 15, 20, 25, 28, 30])
@pytest.mark.parametrize("beside", [-0.25, -0.1, -0.05, 0.05])
def test_one_payment_that_went_well_wakes_nobody_whenever_it_was(edge: float, beside: float) -> None:
    """Each process tells every ten seconds, so that an effect may be told a little before its cause; the read model may
    be minutes late. The edge of a window falls between them at some time.
    """
    ago = edge + beside
    told = [
        metric("payments.accepted", ago),
        metric("steps.owed", ago - 5, step="create"),
        metric("step.duration_s", ago + 0.17, step="create", outcome="recorded"),
        metric("payments.completed", ago + 0.17),
    ]

    assert RULES["accepted-none-completed"].fires(*told) == {}
    assert RULES["step-silent"].fires(*told) == {}


def test_payments_of_which_none_is_completed_wake_somebody_and_failed_ones_do_not() -> None:
    rule = RULES["accepted-none-completed"]

    assert rule.fires(metric("payments.accepted", 15)) == {(): 1}
    assert rule.fires(metric("payments.accepted", 15), metric("payments.failed", 14)) == {}
    assert rule.fires(metric("payments.accepted", 5)) == {}


@pytest.mark.parametrize("step", ["create", "settle", "notify", "cancel", "void", "notify_failure", "refund", "notice"])
def test_a_step_that_payments_wait_for_and_that_does_not_try_is_named(step: str) -> None:
    owed = metric("steps.owed", 15, step=step)
    of_another = metric("step.duration_s", 3, step="any other", outcome="recorded")

    assert RULES["step-silent"].fires(owed, of_another) == {(step,): 1}
    assert RULES["step-silent"].fires(owed, metric("step.duration_s", 3, step=step, outcome="again")) == {}


def test_what_cannot_be_swept_wakes_somebody_unless_the_store_is_only_busy() -> None:
    rule = RULES["payments-not-swept"]

    assert rule.fires(metric("payments.not_swept", 3, reason="unreadable")) == {("unreadable",): 1}
    assert rule.fires(metric("payments.not_swept", 3, reason="store_busy")) == {}


def retries(minutes_ago: float, *, count: float, reason: str) -> Row:
    return metric("step.retries", minutes_ago, value=count, step="settle", reason=reason)


def test_a_hundred_retries_of_one_step_for_one_reason_are_left_alone_and_one_more_is_told() -> None:
    rule = RULES["retries"]
    told = [retries(each, count=50, reason=reason) for each in (2, 12) for reason in ("busy", "store_busy")]

    assert rule.fires(*told) == {}
    assert rule.fires(*told, retries(14, count=1, reason="busy")) == {("settle", "busy"): 101}


def test_a_merchant_who_was_not_told_is_named_within_the_hour() -> None:
    letter = metric("dead_letters.recorded", 58, step="notify", severity="low")

    assert RULES["dead-letters-low"].fires(letter) == {("notify",): 1}
    assert RULES["dead-letters-low"].fires(replace(letter, properties=NORMAL)) == {}


def request(*, code: str = "0", count: int = 11, function: str | None = None) -> Row:
    columns: dict[str, Any] = {"OperationName": "ServiceBusProcessor.ProcessMessage", "ResultCode": code}
    properties = {"faas.name": function} if function else {}
    return Row("AppRequests", 3, columns | {"Success": False, "DurationMs": 1.0, "ItemCount": count}, properties)


def test_a_function_that_fails_is_named_and_faults_of_callers_wake_nobody() -> None:
    rule = RULES["executions-failing"]

    assert rule.fires(request(function="settle_payment")) == {("settle_payment",): 11}
    assert rule.fires(request(code="500")) == {("ServiceBusProcessor.ProcessMessage",): 11}
    assert rule.fires(request(code="404"), request(count=10)) == {}


def test_the_workbook_shows_how_many_letters_are_open_in_all() -> None:
    """The last measurement of each kind, and their sum."""
    rows = [*opened(1, value=5, kind=NORMAL), *opened(0.5, value=2, kind=NORMAL), *opened(0.5, value=3, kind=HIGH)]
    others = opened(0.5, value=4, kind=NORMAL | {"reason": "our_fault"})

    found = run(QUERIES["workbook: Dead letters open"], *rows, *others)

    last: dict[str, float] = {}
    for each in sorted(found, key=lambda row: row["at"]):
        last[each["step"]] = each["letters"]
    assert last == {"create": 6, "settle": 3}
