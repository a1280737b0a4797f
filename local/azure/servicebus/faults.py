"""Faults that a test orders over the diagnostics port. The only place that knows them; the app never sees this.

Each fault has a count and is used up. The broker asks at the one point where a fault would take effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class FaultError(ValueError):
    """The order for a fault is not understood."""


class Faults(Protocol):
    """What the broker asks."""

    def copies(self, topic: str) -> int:
        """How many times a message is copied to each subscription."""

    def loses_lock(self, subscription: str) -> bool:
        """Is the settlement that comes now answered with a lost lock?"""

    def refusal(self, topic: str) -> str | None:
        """The condition with which the send that comes now is refused."""

    def cuts_after_accept(self, topic: str) -> bool:
        """Is the connection cut where the acknowledgement would be sent?"""


@dataclass(slots=True)
class _Fault:
    kind: str
    target: str
    left: int
    error: str


_TARGETS = {
    "refuse_sends": "topic",
    "accept_then_cut": "topic",
    "deliver_twice": "topic",
    "duplicate_delivery": "subscription",
}


class OrderedFaults:
    """The faults that are waiting to happen."""

    def __init__(self) -> None:
        self._waiting: list[_Fault] = []

    def order(self, wanted: object) -> None:
        """`kind`, the `topic` or `subscription` ("topic/sub") it is for, `count` (1), for refuse_sends `error`."""
        if not isinstance(wanted, Mapping):
            raise FaultError("a fault is an object with a kind")
        kind = str(wanted.get("kind"))
        if kind not in _TARGETS:
            raise FaultError(
                f"fault {kind!r} is not implemented; there are {', '.join(sorted(_TARGETS))}, drop_connections"
            )
        target, count = wanted.get(_TARGETS[kind]), wanted.get("count", 1)
        if not isinstance(target, str) or not isinstance(count, int) or count < 1:
            raise FaultError(f"{kind} needs {_TARGETS[kind]!r} and a positive count")
        self._waiting.append(_Fault(kind, target.lower(), count, str(wanted.get("error", "com.microsoft:server-busy"))))

    def waiting(self) -> list[dict[str, object]]:
        """What is still to come: kind, target and how often."""
        return [{"kind": one.kind, "target": one.target, "count": one.left} for one in self._waiting]

    def clear(self) -> None:
        self._waiting.clear()

    def copies(self, topic: str) -> int:
        return 2 if self._strikes("deliver_twice", topic) else 1

    def loses_lock(self, subscription: str) -> bool:
        return self._strikes("duplicate_delivery", subscription) is not None

    def refusal(self, topic: str) -> str | None:
        fault = self._strikes("refuse_sends", topic)
        return fault.error if fault else None

    def cuts_after_accept(self, topic: str) -> bool:
        return self._strikes("accept_then_cut", topic) is not None

    def _strikes(self, kind: str, target: str) -> _Fault | None:
        for fault in self._waiting:
            if fault.kind == kind and fault.target == target.lower():
                fault.left -= 1
                self._waiting = [one for one in self._waiting if one.left > 0]
                return fault
        return None
