"""What a function raises is told: with OpenTelemetry on, the host leaves that to the app. Knows no verb.

Through Python's logging and not through the services, because a function also fails when they cannot be built. Where
records are exported, shared/adapters/lines.py exports this one.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOG = logging.getLogger(__name__)

FAILED = "function.failed"
"""The log event, with the fields function and fault."""


@contextmanager
def told(function: str) -> Iterator[None]:
    """What leaves it is one line at ERROR, and goes on."""
    try:
        yield
    except Exception as fault:
        fields = {"function": function, "fault": type(fault).__name__}
        line = " ".join([FAILED, *(f"{name}={value}" for name, value in fields.items())])
        _LOG.error("%s: %s", line, fault, exc_info=fault, extra={"event_name": FAILED, **fields})
        raise


def called[F: Callable[..., object]](name: str) -> Callable[[F], F]:
    """For functions that are made in a loop: the name that Azure knows this one by."""

    def renamed(function: F) -> F:
        function.__name__ = name
        return function

    return renamed
