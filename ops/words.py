"""The words that the app knows, for options and their completion. A test holds them to the app's own. Knows no HTTP."""

STEPS = (
    "cancel",
    "create",
    "notice",
    "notify",
    "notify_failure",
    "publish",
    "refund",
    "settle",
    "unknown",
    "void",
)
OWED = tuple(step for step in STEPS if step != "publish")
SEVERITIES = ("high", "low", "normal")
REASONS = (
    "MaxDeliveryCountExceeded",
    "TTLExpiredException",
    "captured_after_failure",
    "captured_late",
    "charged_not_recorded",
    "charged_twice",
    "notification_undelivered",
    "our_fault",
    "outcome_unprovable",
    "provider_changed",
    "refused",
    "refused_by_broker",
    "retries_exhausted",
    "stands_still",
    "topic_refuses",
    "unknown",
    "unmappable",
    "unreadable",
)
MONEY_TO_GIVE_BACK = ("captured_after_failure", "captured_late", "charged_twice")
PAYMENT_STATUSES = ("initiated", "created", "settled", "completed", "failed", "voided", "unknown")
LETTER_STATUSES = ("open", "taken_up", "closed", "any")
