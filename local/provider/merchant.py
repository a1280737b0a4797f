"""The merchant's side: endpoints that take notifications well or badly, and a log of what arrived.

Knows no protocol and nothing of the provider that shares its port.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from local.provider.store import Key, Record

MERCHANT_KEY = "whsec_cmVnaXMgcGF5IG1lcmNoYW50LCBsb2NhbCBkZXZlbG9wbWVudCBvbmx5"
"""By which the local merchant knows the app, as local.settings.sample.json has it. No secret: everybody knows it."""
_SIGNATURE = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Endpoint(StrEnum):
    """The last part of a notification_url: how this merchant answers."""

    OK = "ok"
    FAILS_TWICE = "fails-twice"
    DOWN = "down"
    SLOW = "slow"


@dataclass(slots=True)
class Notification:
    """What arrived under one request id. times_forged: how often its signature was not the app's, or too old."""

    request_id: str
    payment_id: str
    type: str
    endpoint: str
    times_seen: int = 0
    times_accepted: int = 0
    times_forged: int = 0


class Merchant:
    """One merchant with four web servers. An answer is 204 once it has accepted, 500 or 503 before, and 401 to what is
    not signed as the app signs.
    """

    def __init__(self) -> None:
        self._lock = Webhook(MERCHANT_KEY)
        self._notifications: dict[Key, Notification] = {}
        self._refused: dict[str, int] = {}
        self._changed: dict[Key, Record] = {}
        self.is_broken = True
        """Whether the endpoint that is down until repair is down."""

    def is_signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether the app has sent it, within the last five minutes."""
        sent = {name: headers[name] for name in _SIGNATURE if name in headers}
        try:
            self._lock.verify(body, sent, json_parse=False)
        except (WebhookVerificationError, ValueError):
            return False
        return True

    def receive(self, endpoint: Endpoint, *, request_id: str, payment_id: str, event_type: str, is_signed: bool) -> int:
        """Returns the status code of the answer."""
        fresh = Notification(request_id=request_id, payment_id=payment_id, type=event_type, endpoint=endpoint)
        key = (endpoint.value, request_id)
        notification = self._notifications.setdefault(key, fresh)
        notification.times_seen += 1
        status_code = self._answer(endpoint, payment_id) if is_signed else 401
        notification.times_forged += status_code == 401
        notification.times_accepted += status_code == 204
        self._changed["notification", ":".join(key)] = asdict(notification)
        return status_code

    def notifications(self, payment_id: str | None = None) -> list[Record]:
        listed = self._notifications.values()
        return [asdict(each) for each in listed if payment_id is None or each.payment_id == payment_id]

    def switch(self, *, is_broken: bool) -> None:
        self.is_broken = is_broken
        self._changed["merchant", ""] = {"is_broken": is_broken}

    def drain(self) -> Mapping[Key, Record]:
        """The records that changed since the last call."""
        changed, self._changed = self._changed, {}
        return changed

    def restore(self, kind: str, record: Mapping[str, object]) -> None:
        """Takes a stored record back. Other kinds than the merchant's own are not touched."""
        if kind == "merchant":
            self.is_broken = bool(record["is_broken"])
        elif kind == "notification":
            notification = Notification(**record)  # type: ignore[arg-type]  # as stored
            self._notifications[notification.endpoint, notification.request_id] = notification
            if notification.endpoint == Endpoint.FAILS_TWICE:
                failed = notification.times_seen - notification.times_accepted - notification.times_forged
                self._refused[notification.payment_id] = self._refused.get(notification.payment_id, 0) + failed

    def _answer(self, endpoint: Endpoint, payment_id: str) -> int:
        if endpoint is Endpoint.DOWN and self.is_broken:
            return 503
        if endpoint is Endpoint.FAILS_TWICE and self._refused.get(payment_id, 0) < 2:
            self._refused[payment_id] = self._refused.get(payment_id, 0) + 1
            return 500
        return 204
