"""Compares the rules of the deployed subscriptions with infra/topology.json, through the Azure CLI.

A subscription without its rule takes what is addressed to others, and one with a second rule takes everything. Changes
nothing. Imports nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.azure_cli import CommandFailed, az_json
from infra.smoke_http import NotYet

TOPOLOGY = Path(__file__).resolve().parent / "topology.json"

RULE = "$Default"
"""Takes the place of the match-all rule with which a subscription is born."""

type Rules = dict[str, str | None]
"""By name, the SQL expression; None for a rule of another kind."""


def faults(topology: dict[str, Any], *, resource_group: str, namespace: str) -> list[str]:
    """One line per subscription whose rules are not the declared one. Prints those that are as they should be."""
    found: list[str] = []
    for topic in topology["serviceBus"]["topics"]:
        for subscription in topic["subscriptions"]:
            place = ["--topic-name", topic["name"], "--subscription-name", subscription["name"]]
            rules = _rules(["--resource-group", resource_group, "--namespace-name", namespace, *place])
            line = f"{topic['name']}/{subscription['name']}: {rules}"
            if rules == {RULE: subscription["rule"]}:
                print(line)
            else:
                found.append(f"{line}; should be {{{RULE!r}: {subscription['rule']!r}}}")
    return found


def _rules(place: list[str]) -> Rules:
    """Raises CommandFailed, NotYet."""
    listed = az_json("servicebus", "topic", "subscription", "rule", "list", *place)
    return {rule["name"]: (rule.get("sqlFilter") or {}).get("sqlExpression") for rule in listed or []}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python infra/rules.py", description="Are the rules the declared ones?")
    parser.add_argument("--resource-group", required=True)
    parser.add_argument("--namespace", required=True)
    options = parser.parse_args(arguments)
    topology = json.loads(TOPOLOGY.read_text())
    try:
        found = faults(topology, resource_group=options.resource_group, namespace=options.namespace)
    except (CommandFailed, NotYet) as exc:
        found = [str(exc)]
    for fault in found:
        print(f"FAILED  {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
