"""The secret with which `make run` signs what it tells merchants: the one in the sample of the settings, or none.

Everybody knows it, so it may be shown. Reads no other secret.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from standardwebhooks import Webhook

SAMPLE = Path(__file__).parents[1] / "local.settings.sample.json"
SECRETS = "MERCHANT_WEBHOOK_SECRETS"


def sample_secret(sample: Path = SAMPLE) -> str | None:
    """The newest secret of the merchant that a laptop has; None where the sample names none."""
    values: dict[str, str] = json.loads(sample.read_text())["Values"]
    secrets: dict[str, str] = json.loads(values.get(SECRETS) or "{}")
    newest, *_ = [*secrets.get(values.get("MERCHANT_ID", ""), "").split(), None]
    return newest


def is_signed_with(secret: str, headers: Mapping[str, str], *, body: str) -> bool:
    """Whether one of the signatures is that of this secret, however long ago it was made. headers: in small letters."""
    try:
        moment = datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=UTC)
        expected = Webhook(secret).sign(headers["webhook-id"], moment, body)
    except (KeyError, ValueError, OverflowError):
        return False
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected.encode(), each.encode()) for each in given)
