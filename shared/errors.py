"""Foreseen faults: each has a stable code and a next action. Knows no layer above and no SDK."""

from enum import StrEnum
from typing import ClassVar


class Then(StrEnum):
    """The next action after a fault. The steps know whether the provider is asked first."""

    RETRY = "retry"  # nothing was done: do it again, later
    RELOAD = "reload"  # somebody was first, or maybe it was us: load and decide again
    PARK = "park"  # a person must look at it


class PaymentsError(Exception):
    """A fault that was foreseen. The message says what was tried, with ids, and what to do; never a secret."""

    code: ClassVar[str] = "payments_error"
    then: ClassVar[Then] = Then.RETRY


class StreamMoved(PaymentsError):
    """Another event stands where ours should have gone. Nothing of ours was written."""

    code, then = "stream_moved", Then.RELOAD


class AppendUnknown(PaymentsError):
    """The store did not say whether it wrote. Load to find out."""

    code, then = "append_unknown", Then.RELOAD


class StoreBusy(PaymentsError):
    """The store refused for now; nothing was written."""

    code, then = "store_busy", Then.RETRY


class StoreThrottles(StoreBusy):
    """The store is asked for more than it is sized for. retry_after_s: when to come again.

    Counted as what it is a kind of. Only a caller over HTTP is told the difference.
    """

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreRefuses(PaymentsError):
    """The store refuses for a reason that is ours to mend, such as rights or a missing container."""

    code, then = "store_refuses", Then.RETRY


class StreamMissing(PaymentsError):
    """A message speaks of a payment whose stream is not there (yet): a replica may lag."""

    code, then = "stream_missing", Then.RETRY


class TurnOver(PaymentsError):
    """An attempt took too long before its call began. Nothing was sent."""

    code, then = "turn_over", Then.RETRY


class BusUnavailable(PaymentsError):
    """The broker did not take the messages, or did not confirm it. Sending them again is safe: ids stay the same."""

    code, then = "bus_unavailable", Then.RETRY


class Unreadable(PaymentsError):
    """A document or message is not what it should be; no repeat will change that."""

    code, then = "unreadable", Then.PARK


class PageUnknown(PaymentsError):
    """A listing was asked to go on from a place that it has never named. Asking the same again changes nothing."""

    code, then = "page_unknown", Then.RELOAD


class RowsNotReady(PaymentsError):
    """The read model is being filled for the first time: what a list would show is not all that there is."""

    code, then = "list_not_ready", Then.RETRY


class LetterMoved(PaymentsError):
    """Another operator's action on this dead letter was first. Nothing was done: look again."""

    code, then = "letter_moved", Then.RELOAD
