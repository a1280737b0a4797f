"""The product's topology, and changed copies of it: shorter locks, subscriptions of other components."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.supervisor import TOPOLOGY
from shared import flow

SHORTEST_LOCK = "PT5S"
"""The shortest that Azure allows. What a killed host had locked is delivered again after this time."""
QUIET, OPEN = "shipping", "audit"
OTHER_COMPONENTS = {QUIET: "sys.To IS NULL", OPEN: "1=1"}
"""Subscriptions of other components: one with the rule that the documentation asks for, one that takes everything."""


def declared() -> dict[str, Any]:
    """The product's topology, as it is deployed."""
    topology: dict[str, Any] = json.loads(TOPOLOGY.read_text())
    return topology


def changed_topology(
    folder: Path, *, lock_duration: str | None = None, more_subscriptions: Mapping[str, str] | None = None
) -> Path:
    """A file in the folder with the product's topology and these changes.

    lock_duration: of every subscription, in ISO 8601. more_subscriptions: added to every topic of events, as names
    with their SQL rules.
    """
    topology = declared()
    for topic in topology["serviceBus"]["topics"]:
        if topic["name"] != flow.DEAD_LETTER_TOPIC:
            added = (more_subscriptions or {}).items()
            topic["subscriptions"] += [{"name": name, "rule": rule} for name, rule in added]
        if lock_duration is not None:
            for subscription in topic["subscriptions"]:
                subscription["lockDuration"] = lock_duration
    path = folder / "topology.json"
    path.write_text(json.dumps(topology))
    return path
