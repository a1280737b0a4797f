"""The product's topology with other components on it. Knows no message."""

import json
from pathlib import Path
from typing import Any

from local.supervisor import TOPOLOGY

QUIET, OPEN = "shipping", "audit"
"""Subscriptions of others: one with the rule that the documentation asks for, one with none."""


def with_others(folder: Path) -> Path:
    """The product's topology, and two more subscriptions on every event topic."""
    declared: dict[str, Any] = json.loads(TOPOLOGY.read_text())
    for topic in declared["serviceBus"]["topics"]:
        if topic["name"] != "payment-dead-letters":
            topic["subscriptions"].append({"name": QUIET, "rule": "sys.To IS NULL"})
            topic["subscriptions"].append({"name": OPEN, "rule": "1=1"})
    path = folder / "topology.json"
    path.write_text(json.dumps(declared))
    return path
