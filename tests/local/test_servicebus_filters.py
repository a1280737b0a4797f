"""SQL rules: three-valued logic, and what is refused."""

import pytest

from local.azure.servicebus.filters import RuleError, compile_rule
from local.azure.servicebus.topology import TopologyError, duration_ms, load
from tests.local.servicebus_support import subscription, topic, topology


@pytest.mark.parametrize(
    ("rule", "system", "application", "matches"),
    [
        ("1=1", {}, {}, True),
        ("1<>1", {}, {}, False),
        ("sys.To IS NULL OR sys.To = 'settle'", {}, {}, True),
        ("sys.To IS NULL OR sys.To = 'settle'", {"to": "settle"}, {}, True),
        ("sys.To IS NULL OR sys.To = 'settle'", {"to": "create"}, {}, False),
        ("sys.To IS NULL OR sys.To = 'settle'", {"to": "Settle"}, {}, False),
        ("SYS.tO is not null", {"to": "x"}, {}, True),
        ("sys.Label = 'a' AND sys.Subject = 'a'", {"label": "a", "subject": "a"}, {}, True),
        (
            "sys.MessageId LIKE 'ev-%' AND sys.CorrelationId = 'c'",
            {"messageid": "ev-1", "correlationid": "c"},
            {},
            True,
        ),
        ("amount > 10", {}, {"amount": 11}, True),
        ("amount >= 10.5", {}, {"amount": 10.5}, True),
        ("amount < -1", {}, {"amount": -2}, True),
        ("amount <= 3", {}, {"amount": 4}, False),
        ("name > 'a' AND name < 'c'", {}, {"name": "b"}, True),
        ("name >= 'b'", {}, {"name": "a"}, False),
        ("user.Flag = TRUE", {}, {"flag": True}, True),
        ("flag != FALSE", {}, {"flag": False}, False),
        ("flag = 1", {}, {"flag": True}, False),
        ("kind IN ('a', 'b')", {}, {"kind": "b"}, True),
        ("kind NOT IN ('a', 'b')", {}, {"kind": "c"}, True),
        ("kind LIKE 'a_c%'", {}, {"kind": "abcdef"}, True),
        ("kind NOT LIKE 'a%'", {}, {"kind": "b"}, True),
        ("kind LIKE '50!%' ESCAPE '!'", {}, {"kind": "50%"}, True),
        ("kind LIKE '50!%' ESCAPE '!'", {}, {"kind": "501"}, False),
        ("EXISTS(kind)", {}, {"kind": 0}, True),
        ("NOT EXISTS(kind)", {}, {}, True),
        ("[a b] = 'it''s' AND \"c\" = 1e3", {}, {"a b": "it's", "c": 1000}, True),
        ("NOT (a = 1 OR b = 2)", {}, {"a": 2, "b": 3}, True),
        ("a = 1 OR b = 2 AND c = 3", {}, {"a": 1}, True),
    ],
)
def test_a_rule_matches_what_it_describes(
    rule: str, system: dict[str, object], application: dict[str, object], *, matches: bool
) -> None:
    predicate = compile_rule(rule)

    assert predicate(system, application) is matches


@pytest.mark.parametrize(
    "rule",
    [
        "a = 1",
        "a <> 1",
        "NOT a = 1",
        "NOT (a <> 1)",
        "a IN (1)",
        "a NOT IN (1)",
        "a LIKE '1'",
        "a NOT LIKE '1'",
        "a < 'x'",
    ],
)
@pytest.mark.parametrize("application", [{}, {"a": None}, {"a": b"other kind"}])
def test_unknown_never_matches_whichever_way_it_is_asked(rule: str, application: dict[str, object]) -> None:
    predicate = compile_rule(rule)

    assert predicate({}, application) is False


def test_unknown_or_true_is_true_and_unknown_and_false_is_false() -> None:
    assert compile_rule("a = 1 OR 1 = 1")({}, {}) is True
    assert compile_rule("NOT (a = 1 AND 1 = 2)")({}, {}) is True


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("sys.Too = 'x'", "no system property 'Too'"),
        ("other.To = 'x'", "no scope 'other'"),
        ("sys.To = ", "not expected"),
        ("sys.To == 'x'", "not expected"),
        ("sys.To 'x'", "comparison is expected"),
        ("(1=1", "expected"),
        ("1=1 1=1", "not expected"),
        ("a NOT b", "NOT must be followed by IN or LIKE"),
        ("a + 1 = 2", "arithmetic is not implemented"),
        ("a = #", "not understood"),
        ("a IS 1", "'null' is expected"),
        ("EXISTS(1)", "a name is expected"),
        ("", "not expected"),
    ],
)
def test_a_rule_that_is_not_understood_is_refused_and_says_why(rule: str, reason: str) -> None:
    with pytest.raises(RuleError, match=reason):
        compile_rule(rule)


def test_a_topology_with_a_bad_rule_is_refused_by_the_subscriptions_name() -> None:
    declared = topology(topic("orders", subscription("ship", rule="sys.Tu = 'x'")))

    with pytest.raises(TopologyError, match=r"orders/ship.*Tu"):
        load(declared)


def test_a_topic_declared_twice_is_refused() -> None:
    with pytest.raises(TopologyError, match="twice"):
        load(topology(topic("orders"), topic("Orders")))


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("PT1M", 60_000), ("PT1H", 3_600_000), ("P1DT2H", 93_600_000), ("PT0.25S", 250), (None, None)],
)
def test_durations_are_read(text: str | None, milliseconds: int | None) -> None:
    assert duration_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["", "P", "PT", "1M", "PT1X"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(TopologyError):
        duration_ms(text)
