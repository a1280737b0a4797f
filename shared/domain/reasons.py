"""Why a message was parked, how bad that is at least, and what to do about it. Knows no broker and no storage.

docs/operations.md shows this table; a test holds the two together in both directions.
"""

from enum import StrEnum
from typing import Self

from shared.domain.payment import Step


class Severity(StrEnum):
    """How soon a person must look."""

    LOW = "low"  # the payment itself has ended
    NORMAL = "normal"  # a payment waits
    HIGH = "high"  # money may be where the stream does not show it


class Reason(StrEnum):
    """A reason of ours, or one of the broker's that we know; the broker has others.

    least: the severity when nothing raises it. to_do: for the operator.
    """

    least: Severity
    to_do: str

    def __new__(cls, word: str, least: Severity, to_do: str) -> Self:  # noqa: PLR0917 - a member's values come by position
        reason = str.__new__(cls, word)
        reason._value_ = word
        reason.least = least
        reason.to_do = to_do
        return reason

    RETRIES_EXHAUSTED = "retries_exhausted", Severity.NORMAL, "mend the cause, replay"
    CHARGED_NOT_RECORDED = (
        "charged_not_recorded",
        Severity.HIGH,
        "it is recorded by itself when the store is back; else replay: the provider is asked, nothing is sent",
    )
    CHARGED_TWICE = (
        "charged_twice",
        Severity.HIGH,
        "unless a dispute has taken it: give the second charge back at the provider, or get the second refund; discard",
    )
    CAPTURED_LATE = (
        "captured_late",
        Severity.HIGH,
        "the payment had failed before: refund it at the provider, then discard and say so",
    )
    STANDS_STILL = (
        "stands_still",
        Severity.NORMAL,
        "the sweep started it again and again in vain: Application Insights, failures; mend, replay",
    )
    OUTCOME_UNPROVABLE = "outcome_unprovable", Severity.HIGH, "look at the provider's own books; then discard"
    PROVIDER_CHANGED = (
        "provider_changed",
        Severity.HIGH,
        "look in the books of the provider that it began with: set PROVIDER_API back and replay; or discard",
    )
    NOTIFICATION_UNDELIVERED = (
        "notification_undelivered",
        Severity.LOW,
        "when the merchant is well again, replay: it is told under the same request id",
    )
    OUR_FAULT = (
        "our_fault",
        Severity.NORMAL,
        "discard, and let the merchant send a new payment; replay only if the provider has forgotten the request",
    )
    CAPTURED_AFTER_FAILURE = (
        "captured_after_failure",
        Severity.HIGH,
        "of an earlier release: refund it at the provider, then discard and say so",
    )
    REFUSED = "refused", Severity.NORMAL, "`show ID`; usually discard"
    UNREADABLE = (
        "unreadable",
        Severity.NORMAL,
        "`show ID`: look at the body; deploy a version that reads it, replay",
    )
    UNMAPPABLE = (
        "unmappable",
        Severity.NORMAL,
        "deploy a version that reads it, replay: the document is read again",
    )
    REFUSED_BY_BROKER = "refused_by_broker", Severity.NORMAL, "`show ID`; there is no repair from outside"
    TOPIC_REFUSES = (
        "topic_refuses",
        Severity.NORMAL,
        "mend the topic: is it full, disabled, gone? Then replay: the document is read again",
    )
    MAX_DELIVERIES = (
        "MaxDeliveryCountExceeded",
        Severity.NORMAL,
        "Application Insights, failures; mend, replay",
    )
    EXPIRED = "TTLExpiredException", Severity.NORMAL, "`show ID`"
    UNKNOWN = "unknown", Severity.NORMAL, "`show ID`"


def severity_of(reason: str, *, step: str, answered: bool, is_readable: bool = True) -> Severity:
    """The reason's own; HIGH when the provider said yes to a step that moves money, and that is not recorded.

    HIGH as well when such a payment's stream cannot be read: nobody knows what was done. A word of the broker that is
    not a Reason counts as NORMAL.
    """
    if step in _MOVE_MONEY and (answered or not is_readable):
        return Severity.HIGH
    known = REASON_NAMED.get(reason)
    return known.least if known else Severity.NORMAL


REASON_NAMED = {reason.value: reason for reason in Reason}
_MOVE_MONEY = frozenset(step.value for step in Step if step.moves_money)
