"""MESSAGES"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An integration event on its way to a topic. `to` addresses one subscription; None reaches all."""

    topic: str
    message_id: str
    body: str
    subject: str
    to: str | None = None
    properties: Mapping[str, str | int] = field(default_factory=dict)


ATTEMPT, RUN, ANSWERED = "attempt", "run", "answered"
"""Application properties of addressed copies."""


FEED_RUN = "0"


_RUN = re.compile(r"0|[rs][1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message as the broker delivers it; delivery_count is 1 the first time."""

    message_id: str
    body: str
    subject: str
    delivery_count: int
    properties: Mapping[str, object]
