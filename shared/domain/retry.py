"""When to try again: exponential backoff with full jitter. Knows no clock and draws no random numbers itself."""

from dataclasses import dataclass
from typing import assert_never

from shared.domain.payment import Step


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a step is tried in all, and how long it waits in between.

    The wait before attempt n (n >= 1) is drawn evenly from 0 to min(cap_s, base_s * 2^(n-1)). That is full jitter, from
    the comparison in "Exponential Backoff And Jitter" of the AWS Architecture Blog (2015).
    """

    attempts: int
    base_s: float
    cap_s: float

    def delay_s(self, attempt: int, *, jitter: float, retry_after_s: float = 0.0) -> float:
        """Seconds to wait before `attempt`; jitter is a number from 0 to 1.

        A provider's Retry-After is honoured as the least wait, up to the cap.
        """
        drawn = jitter * self._longest_s(attempt)
        return max(drawn, min(retry_after_s, self.cap_s))

    def horizon_s(self) -> float:
        """The longest time, in seconds, that may pass between the first and the last attempt."""
        return sum(max(self._longest_s(attempt), self.cap_s) for attempt in range(1, self.attempts))

    def _longest_s(self, attempt: int) -> float:
        # 2^40 times any base is beyond every cap; a larger exponent would only overflow the float
        return min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 40))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """The policy of every step; the type checker finds a step without one. cancel waits as void does,
    refund as settle, and notice as notify_failure.
    """

    create: RetryPolicy
    settle: RetryPolicy
    notify: RetryPolicy
    void: RetryPolicy
    notify_failure: RetryPolicy

    def of(self, step: Step) -> RetryPolicy:
        match step:
            case Step.CREATE:
                return self.create
            case Step.SETTLE | Step.REFUND:
                return self.settle
            case Step.NOTIFY:
                return self.notify
            case Step.CANCEL | Step.VOID:
                return self.void
            case Step.NOTIFY_FAILURE | Step.NOTICE:
                return self.notify_failure
            case _:
                assert_never(step)
