"""The provider's signed events: tells them from others' by the rules of Standard Webhooks. Knows no HTTP server.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import json
from collections.abc import Mapping, Sequence

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.adapters.provider.disputes import news_in
from shared.ports.provider_news import Garbled, News, NoSecret, NotSigned

HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class SignedNews:
    """secrets: each counts, so that one can follow another. None: nothing can be believed."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._locks = [Webhook(secret) for secret in secrets]

    def read(self, body: bytes, headers: Mapping[str, str]) -> News:
        if not self._locks:
            return NoSecret()
        sent = {name: headers[name] for name in HEADERS if name in headers}
        refusals = [_refusal(body, sent, by=lock) for lock in self._locks]
        if all(refusals):
            return NotSigned(str(refusals[0]), is_claimed=len(sent) == len(HEADERS))
        try:
            return news_in(json.loads(body))
        except (ValueError, RecursionError):
            return Garbled("the body is not JSON")


def _refusal(body: bytes, headers: dict[str, str], *, by: Webhook) -> str:
    """Why the signature does not count; empty when it does. The library leaves odd encodings to Python's errors."""
    try:
        by.verify(body, headers, json_parse=False)
    except WebhookVerificationError as exc:
        return f"{exc}." if exc.args else "Refused."
    except ValueError:
        return "The signature cannot be read."
    return ""
