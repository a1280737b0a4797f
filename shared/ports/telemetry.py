"""Spans, lines and figures for operators. Never raises."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol


class Span(Protocol):
    """A piece of work under a trace."""

    @property
    def traceparent(self) -> str | None:
        """W3C trace context to hand on."""

    def note(self, **attributes: str | int | float) -> None:
        """Add attributes to the span."""


class Level(StrEnum):
    """How loud a line is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Telemetry(Protocol):
    """Spans and figures. Never raises."""

    def span(
        self, name: str, *, traceparent: str | None = None, linked: bool = False, **attributes: str | int
    ) -> AbstractContextManager[Span]:
        """A span under traceparent. linked: also a link to it, for work that resumes an old trace."""

    def log(self, name: str, fields: Mapping[str, str | int | float], *, level: Level = Level.INFO) -> None:
        """One line: an event name such as `advance.recorded`, and fields."""

    def count(self, name: str, value: int = 1, **attributes: str | int) -> None:
        """Add to a counter."""

    def gauge(self, name: str, value: float, **attributes: str | int) -> None:
        """Set a gauge. It is told once for each time that it is set."""

    def observe(self, name: str, value: float, **attributes: str | int) -> None:
        """Record a value of a histogram."""

    def flush(self) -> None:
        """What was counted leaves now, since this process may be gone before the next interval. Returns at once."""
