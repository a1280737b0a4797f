"""The facts by which tests tell what became of a payment. An event that is added later has tests of its own."""

from collections.abc import Iterable

TOLD = frozenset(
    {"initiated", "created", "settled", "completed", "cancel_requested", "failed", "voided"}
    | {"refund_requested", "refunded", "refund_failed"}
    | {"dispute_opened", "dispute_won", "dispute_lost"}
)
COMPLETED = ["initiated", "created", "settled", "completed"]
"""The facts of a payment that went well."""

STEPS = frozenset({"create", "settle", "notify", "cancel", "void", "notify_failure", "refund", "notice"})
"""The steps that tests tell of."""


def facts_in(types: Iterable[str]) -> list[str]:
    """These among the stored types, such as `payment.created`, in their order and as often as they stand there."""
    names = (name.removeprefix("payment.") for name in types)
    return [name for name in names if name in TOLD]
