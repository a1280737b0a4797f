"""The check of the deployed rules, with an Azure CLI that is played in this process."""

import itertools
import json
import re
from typing import Any

import pytest

from infra.externals import topics_of
from infra.rules import ADDRESSED, TOPOLOGY, main
from tests.infra.stage import answering_here

type Rules = dict[str, list[dict[str, Any]]]
"""By topic/subscription."""


def one(expression: str) -> list[dict[str, Any]]:
    return [{"name": "$Default", "sqlFilter": {"sqlExpression": expression}}]


def declared() -> Rules:
    """What `az` lists when all is as it should be. A topic that nobody reads stands with nothing behind its slash."""
    topics = topics_of(json.loads(TOPOLOGY.read_text()))
    empty = {f"{topic['name']}/": list[dict[str, Any]]() for topic in topics}
    return empty | {
        f"{topic['name']}/{each['name']}": one(each["rule"]) for topic in topics for each in topic["subscriptions"]
    }


def listed(words: list[str], rules: Rules) -> list[dict[str, Any]]:
    """What `az` answers to these words, where these rules are there."""
    given = dict(itertools.pairwise(words))
    assert (given["--resource-group"], given["--namespace-name"]) == ("rg", "bus"), given
    match [*itertools.takewhile(lambda word: not word.startswith("-"), words)]:
        case ["servicebus", "topic", "list"]:
            names = list(dict.fromkeys(place.split("/")[0] for place in rules))
        case ["servicebus", "topic", "subscription", "list"]:
            places = [place.split("/") for place in rules]
            names = [name for topic, name in places if topic == given["--topic-name"] and name]
        case ["servicebus", "topic", "subscription", "rule", "list"]:
            return rules[f"{given['--topic-name']}/{given['--subscription-name']}"]
        case _:
            raise AssertionError(words)
    return [{"name": name} for name in names]


def checked(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> int:
    answering_here(monkeypatch, plays=lambda _, words: (0, json.dumps(listed(words, rules)), ""))
    return main(["--resource-group", "rg", "--namespace", "bus"])


def test_it_lists_every_subscription_with_the_declared_rule(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(declared(), monkeypatch) == 0

    printed = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert printed == [place for place in declared() if place[-1] != "/"]


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"name": "$Default", "sqlFilter": {"sqlExpression": "1=1"}}],
        [{"name": "$Default", "correlationFilter": {"to": "settle"}}],
        [
            {"name": "$Default", "sqlFilter": {"sqlExpression": "sys.To IS NULL OR sys.To = 'settle'"}},
            {"name": "another", "sqlFilter": {"sqlExpression": "1=1"}},
        ],
    ],
    ids=["none", "match-all", "another kind", "a second one"],
)
def test_any_other_rule_fails_it_and_is_named(
    rules: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoiled = declared() | {"payment-created/settle": rules}

    assert checked(spoiled, monkeypatch) == 1

    assert capsys.readouterr().err.startswith("FAILED  payment-created/settle:")


@pytest.mark.parametrize(
    ("gone", "says"),
    [
        ("payment-created/settle", "payment-created/settle: missing"),
        ("payment-voided/", "topic payment-voided: missing"),
    ],
)
def test_what_is_declared_and_not_there_fails_it(
    gone: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = {place: rules for place, rules in declared().items() if not place.startswith(gone)}

    assert checked(there, monkeypatch) == 1

    assert f"FAILED  {says}" in capsys.readouterr().err


def test_a_step_of_another_release_fails_it_because_nobody_reads_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = {"payment-voided/refund": one("sys.To IS NULL OR sys.To = 'refund'")}

    assert checked(declared() | beside, monkeypatch) == 1

    assert "FAILED  payment-voided/refund: " in capsys.readouterr().err


@pytest.mark.parametrize("rule", ["sys.To IS NULL", "1=1", "currency = 'EUR' AND sys.To IS NULL"])
def test_a_subscription_of_another_component_is_told_and_fails_nothing(
    rule: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/events.md: they take what is addressed to nobody. Only a step takes what is addressed to it."""
    assert checked(declared() | {"payment-settled/shipping": one(rule)}, monkeypatch) == 0

    assert "payment-settled/shipping: " in capsys.readouterr().out


def test_the_rule_that_other_components_are_told_to_use_is_not_taken_for_a_step_of_ours() -> None:
    events = (TOPOLOGY.parents[1] / "docs" / "events.md").read_text()
    told = re.findall(r"--filter-sql-expression '(.+)'", events)
    ours = [
        each["rule"]
        for topic in json.loads(TOPOLOGY.read_text())["serviceBus"]["topics"]
        for each in topic["subscriptions"]
    ]

    assert [bool(ADDRESSED.search(rule)) for rule in told] == [False]
    assert [rule for rule in ours if not ADDRESSED.search(rule)] == ["1=1"], "the recorder's, which takes everything"
