"""An event as Standard Webhooks writes it: body, headers and signature. Sends nothing, and keeps nothing.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from standardwebhooks import Webhook

from local.provider.events import Event

LOCAL_KEY = "whsec_cmVnaXMgcGF5LCBsb2NhbCBkZXZlbG9wbWVudCBvbmx5"
"""Signs the local provider's events where no other is given. No secret: everybody knows it, as the emulators' keys."""
_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
"""What the specification asks of a key."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told of events, and by which key the receiver knows that it is us."""

    url: str
    key: str = LOCAL_KEY
    limit_s: float = 10.0
    """How long one attempt may take."""

    def __post_init__(self) -> None:
        """Raises ValueError, without the key."""
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"{self.url} is no http address")
        try:
            key = base64.b64decode(self.key.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if not self.key.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
            raise ValueError(f"the key of the events must be {_PREFIX} and 24 to 64 bytes in Base64")


def message(event: Event) -> bytes:
    """The body: the same at each attempt."""
    about = {"dispute_id": event.dispute_id, "payment_reference": event.payment_reference}
    return json.dumps({"type": event.type, "timestamp": event.timestamp, "data": about}).encode()


def signed(event: Event, body: bytes, *, key: str, at: datetime) -> Mapping[str, str]:
    """The headers of an attempt at this time. The id is the event's, so the receiver knows a repeat."""
    return {
        "Content-Type": "application/json",
        "webhook-id": event.event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(event.event_id, at, body.decode()),
    }
