"""docs/operations.md knows every alert, signal and reason of the code, and its numbers are those of the settings."""

import json
import re
from pathlib import Path

import pytest

from ops.reconciling.differences import MEANING, Kind
from ops.words import LETTER_STATUSES as STATUSES
from shared import signals
from shared.codec.facts import FORM_NAMED
from shared.domain.letters import LetterStatus
from shared.domain.payment import Step
from shared.domain.reasons import Reason
from shared.domain.retry import RetryPolicy
from shared.settings import Settings
from shared.verbs import sweep
from shared.verbs.recovery import drain
from tests.conftest import REQUIRED_SETTINGS
from tests.unit.docs_tables import DOCS, bare, table

ROOT = DOCS.parent
PAGE = "operations.md"
SAMPLE = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
PRODUCTION = Settings.model_validate(REQUIRED_SETTINGS)
LOCAL = Settings.model_validate(SAMPLE)
HISTOGRAM, COUNTER, GAUGE = "histogram", "counter", "gauge"


def alerts() -> dict[str, str]:
    """Name to severity, as the infrastructure declares them."""
    text = "".join((ROOT / "infra" / "modules" / name).read_text() for name in ("alerts.bicep", "metricalerts.bicep"))
    return dict(re.findall(r"name: '([a-z-]+)'\n\s+description: '.*'\n\s+severity: (\d)", text))


def test_every_alert_has_its_row_with_its_severity_and_a_first_command() -> None:
    rows = table(PAGE, heading="alert")

    assert {bare(row["alert"]): row["severity"] for row in rows} == alerts()
    assert len(alerts()) > 15
    assert all(row["what it means"] and row["first command"] for row in rows)


def test_every_signal_has_its_row_with_its_kind_and_a_first_command() -> None:
    rows = table(PAGE, heading="signal")
    kinds = {COUNTER: signals.COUNTERS, GAUGE: signals.GAUGES, HISTOGRAM: signals.HISTOGRAMS}

    listed = {bare(row["signal"]): row["kind"].partition(",")[0] for row in rows}

    assert listed == {f"regispay.{name}": kind for kind, names in kinds.items() for name in names}
    assert all(row["first command when it looks wrong"] for row in rows)


def test_every_log_event_is_named() -> None:
    text = (DOCS / PAGE).read_text()

    assert all(f"`{name}`" in text for name in signals.LOG_EVENTS)


def test_every_reason_has_its_row_and_every_row_its_reason() -> None:
    rows = {bare(row["reason"].partition(",")[0]): row for row in table(PAGE, heading="reason")}

    assert {word: (row["severity"], row["what to do"]) for word, row in rows.items()} == {
        reason.value: (reason.least.value, reason.to_do) for reason in Reason
    }
    assert all(row["what it means"] for row in rows.values())


def test_every_status_of_a_dead_letter_has_its_row_and_is_a_choice_of_the_list() -> None:
    rows = table(PAGE, heading="status")

    assert [bare(row["status"]) for row in rows] == [status.value for status in LetterStatus]
    assert {*STATUSES} == {*LetterStatus, "any"}
    (listing,) = [row for row in table(PAGE, heading="command") if bare(row["command"]).startswith("list ")]
    assert all(f"`{status}`" in listing["what it does"] for status in STATUSES)


def test_every_difference_that_reconcile_finds_has_its_row() -> None:
    rows = {bare(row["difference"]): row for row in table(PAGE, heading="difference")}

    assert {*rows} == {*Kind}
    assert all(row["what it means"] for row in rows.values())
    for kind, (sort, of) in MEANING.items():
        assert rows[kind]["type"].split()[-1] == f"`{sort}`", kind
        assert of in rows[kind]["type"], kind


def test_what_no_operator_can_choose_stands_nowhere_on_the_page() -> None:
    chosen = re.findall(r"--status (\w+)", (DOCS / PAGE).read_text())

    assert {*chosen} <= {*STATUSES}


@pytest.mark.parametrize("row", table(PAGE, heading="step"), ids=lambda row: row["step"])
def test_the_retry_schedules_amount_to_what_is_said(row: dict[str, str]) -> None:
    settings = LOCAL if row["step"].startswith("locally") else PRODUCTION
    named = [step for step in Step if step.value in row["step"]] or list(Step)
    for policy in {settings.retries.of(step) for step in named}:
        assert (row["attempts"], row["base"], row["cap"]) == (
            f"{policy.attempts}",
            f"{policy.base_s:g} s",
            f"{policy.cap_s:g} s",
        )
        assert on_average_s(policy) == pytest.approx(seconds(row["lasts on average"]), rel=0.02)
        assert policy.horizon_s() == pytest.approx(seconds(row["at most"]), rel=0.02)


def on_average_s(policy: RetryPolicy) -> float:
    """Full jitter halves every wait."""
    return sum(policy.delay_s(attempt, jitter=0.5) for attempt in range(1, policy.attempts))


def seconds(text: str) -> float:
    number, unit = text.split()
    return float(number) * {"s": 1, "min": 60, "h": 3600}[unit]


def test_the_numbers_of_the_capacity_table_are_those_of_the_code() -> None:
    numbers = [row["number"] for row in table(PAGE, heading="number")]
    calls = json.loads((ROOT / "host.json").read_text())["extensions"]["serviceBus"]["maxConcurrentCalls"]

    for expected in (
        f"{calls} messages at a time",
        f"{PRODUCTION.feed_poll_delay_ms} ms",
        f"{sweep.LIMIT} payments per step and round",
        f"{drain.AT_ONCE} per request",
        f"{PRODUCTION.replays_at_once} payments at a time",
    ):
        assert any(number.startswith(expected) for number in numbers), expected
    (drains,) = (row for row in table(PAGE, heading="number") if row["where it is set"] == "drain")
    assert f"the timer takes {drain.AT_ONCE * drain.ROUNDS} a minute" in drains["what it amounts to"]


def test_every_command_of_the_tool_is_in_the_table() -> None:
    source = Path(ROOT / "ops" / "arguments.py").read_text()
    commands = set(re.findall(r'\badd\(\s*"(\w+)"', source))

    listed = {bare(row["command"]).split()[0] for row in table(PAGE, heading="command")}

    assert listed == commands != set()


def test_every_type_that_older_releases_cannot_read_is_named_where_one_is_rolled_back() -> None:
    """All but those of the first release."""
    first = {f"payment.{name}" for name in ("initiated", "created", "settled", "completed", "failed", "voided")}
    guide = (ROOT / "docs" / "deploy.md").read_text()
    told = guide.partition("Replay these letters when the newer release is back.")[2].partition("are such types")[0]

    assert set(re.findall(r"`(payment\.\w+)`", told)) == FORM_NAMED.keys() - first
