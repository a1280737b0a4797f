"""Every signal that operators are told of is really given, and none is given that they are not told of."""

import re
from pathlib import Path

from shared import signals

ROOT = Path(__file__).parents[2]
NAMES = {name: value for name, value in vars(signals).items() if name.isupper() and isinstance(value, str)}
SHIPPED = [path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("*.py")]
SOURCES = {path: path.read_text() for path in SHIPPED if path.name != "signals.py"}


def given_in(method: str) -> set[str]:
    """The constants that a method of Telemetry is called with."""
    calls = [re.findall(rf"telemetry\.{method}\(\s*(?:signals\.)?([^,)]+)", text) for text in SOURCES.values()]
    return {name for names in calls for name in names}


def constants(values: frozenset[str]) -> set[str]:
    return {name for name, value in NAMES.items() if value in values}


def test_each_counter_histogram_and_gauge_is_given_and_declared() -> None:
    assert given_in("count") == constants(signals.COUNTERS)
    assert given_in("observe") == constants(signals.HISTOGRAMS)
    assert given_in("gauge") == constants(signals.GAUGES)


def test_each_log_event_is_given() -> None:
    given = given_in("log")

    assert constants(signals.LOG_EVENTS) <= given
    assert {name for name in given if name.startswith("LOG_")} <= constants(signals.LOG_EVENTS)
