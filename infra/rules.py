"""Compares the topics, subscriptions and rules of a namespace with infra/topology.json, through the Azure CLI.

A subscription without its rule takes what is addressed to others, and one with a second rule takes everything. One that
no function reads any more collects until its topic is full, and then nobody can send there. Changes nothing. Imports
nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.azure_cli import CommandFailed, az_json
from infra.externals import topics_of
from infra.smoke_http import NotYet, SmokeFailed

TOPOLOGY = Path(__file__).resolve().parent / "topology.json"

RULE = "$Default"
"""Takes the place of the match-all rule with which a subscription is born."""

ADDRESSED = re.compile(r"\bsys\.To\s*=", re.IGNORECASE)
"""Only a step of ours takes what is addressed to it. docs/events.md gives other components `sys.To IS NULL`."""

type Rules = dict[str, str | None]
"""By name, the SQL expression; None for a rule of another kind."""

type Ask = Callable[..., Any]
"""Asks the Azure CLI for JSON. Raises CommandFailed, NotYet, SmokeFailed."""


@dataclass(frozen=True, slots=True)
class Found:
    """One line each. as_declared, theirs: as they should be, and what is another component's. left_over: of another
    release of this app."""

    as_declared: list[str] = field(default_factory=list)
    theirs: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)


def compared(topology: dict[str, Any], *, resource_group: str, namespace: str, ask: Ask = az_json) -> Found:
    """What the namespace has and the topology declares, both ways."""
    place = ["--resource-group", resource_group, "--namespace-name", namespace]
    declared = {topic["name"]: topic["subscriptions"] for topic in topics_of(topology)}
    there = _names(ask("servicebus", "topic", "list", *place))
    found = Found(faults=[f"topic {name}: missing" for name in declared if name not in there])
    found.theirs.extend(
        f"topic {name}: not declared, and this release sends nothing there" for name in there if name not in declared
    )
    for name in there:
        if name in declared:
            _compare(declared[name], found=found, ask=ask, place=[*place, "--topic-name", name])
    return found


def _compare(declared: list[dict[str, Any]], *, found: Found, ask: Ask, place: list[str]) -> None:
    """The subscriptions of one topic."""
    wanted = {each["name"]: {RULE: each["rule"]} for each in declared}
    there = _names(ask("servicebus", "topic", "subscription", "list", *place))
    found.faults.extend(f"{place[-1]}/{name}: missing" for name in wanted if name not in there)
    for name in there:
        rules = _rules(ask("servicebus", "topic", "subscription", "rule", "list", *place, "--subscription-name", name))
        line = f"{place[-1]}/{name}: {rules}"
        if name not in wanted:
            _undeclared(line, rules, found=found)
        elif rules == wanted[name]:
            found.as_declared.append(line)
        else:
            found.faults.append(f"{line}; should be {wanted[name]}")


def _undeclared(line: str, rules: Rules, *, found: Found) -> None:
    if any(ADDRESSED.search(each or "") for each in rules.values()):
        found.left_over.append(f"{line}; a step of another release, which no function of this one reads")
    else:
        found.theirs.append(f"{line}; another component's")


def _names(listed: list[dict[str, Any]] | None) -> list[str]:
    return [each["name"] for each in listed or []]


def _rules(listed: list[dict[str, Any]] | None) -> Rules:
    return {rule["name"]: (rule.get("sqlFilter") or {}).get("sqlExpression") for rule in listed or []}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python infra/rules.py", description="Are the rules the declared ones?")
    parser.add_argument("--resource-group", required=True)
    parser.add_argument("--namespace", required=True)
    options = vars(parser.parse_args(arguments))
    try:
        found = compared(json.loads(TOPOLOGY.read_text()), **options)
    except (CommandFailed, NotYet, SmokeFailed) as exc:
        found = Found(faults=[str(exc)])
    for line in [*found.as_declared, *found.theirs]:
        print(line)
    for fault in [*found.faults, *found.left_over]:
        print(f"FAILED  {fault}", file=sys.stderr)
    return 1 if found.faults or found.left_over else 0


if __name__ == "__main__":
    sys.exit(main())
