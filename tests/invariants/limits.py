"""The numbers of the product that the worlds run with: as shipped, with fewer attempts so that they end."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

from shared.domain.retry import Retries, RetryPolicy
from shared.services import Limits

NEVER_SEEN_AFTER_S = 90.0
TURN_LIMIT_S = 30.0
_POLICY = RetryPolicy(attempts=3, base_s=5, cap_s=120)
_TELLING = RetryPolicy(attempts=2, base_s=5, cap_s=120)

_VALUES: dict[str, Any] = {
    "retries": Retries(create=_POLICY, settle=_POLICY, void=_POLICY, notify=_TELLING, notify_failure=_TELLING),
    "fresh": timedelta(seconds=3000),
    "request_id_valid": timedelta(hours=24),
    "expires_after": timedelta(hours=24),
    "sweep_margin": timedelta(seconds=900),
    "turn_limit": timedelta(seconds=TURN_LIMIT_S),
    "never_seen_after": timedelta(seconds=NEVER_SEEN_AFTER_S),
    "quiet": timedelta(seconds=TURN_LIMIT_S + NEVER_SEEN_AFTER_S),
    "sweep_limit": 3,
    "topic_patience": timedelta(minutes=2),
    "replays_at_once": 16,
}

LIMITS = Limits(**{each.name: _VALUES[each.name] for each in fields(Limits) if each.name in _VALUES})
