"""What the steps of a deployment are told, and how they stop: the command line, a place, a fault with a way on.

Knows no step.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.smoke_http import eventually


class Stopped(Exception):
    """A step that failed, and what to do next."""

    def __init__(self, what: str, *, do: str) -> None:
        super().__init__(what)
        self.do = do


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says.

    limit_s: for all waiting of one run together, because the job that runs it has an end too. back: an older release
    comes back, so what a newer one has left is told and stops nothing.
    """

    package: Path
    deployment: str | None = None
    build_id: str | None = None
    back: bool = False
    limit_s: float = 1200.0
    pause_s: float = 5.0
    started: float = field(default_factory=time.monotonic)

    @property
    def until(self) -> float:
        """By the monotonic clock."""
        return self.started + self.limit_s

    @property
    def left_s(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def patiently[T](self, ask: Callable[[], T], *, what: str) -> T:
        return eventually(ask, what=what, limit_s=self.left_s, pause_s=self.pause_s)


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is."""

    group: str
    app: str
    url: str
    namespace: str

    @property
    def site(self) -> list[str]:
        """As the Azure CLI wants the app named."""
        return ["--resource-group", self.group, "--name", self.app]
