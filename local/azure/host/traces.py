"""The trace in which a function runs: what the host tells it of the span that the host itself has begun.

As in Azure only with telemetryMode OpenTelemetry, and only for what arrives from outside: a request or a message. A
change of the feed and a timer begin no trace that their function would learn of. Must not know who asks.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from local.azure.host.wire import TraceContext

NONE = TraceContext()
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Traces:
    """Begins the host's spans, where the app has asked for them. They are exported nowhere."""

    is_on: bool

    def span(self, caller: str, *, attributes: Mapping[str, str], state: str = "") -> TraceContext:
        """A span in the trace of the caller's `traceparent`, or in a fresh, sampled one where it brings none."""
        if not self.is_on:
            return NONE
        given = _TRACE_PARENT.fullmatch(caller)
        trace, flags = given.groups() if given else (os.urandom(16).hex(), "01")
        parent = f"00-{trace}-{os.urandom(8).hex()}-{flags}"
        return TraceContext(parent, state if given else "", dict(attributes))
