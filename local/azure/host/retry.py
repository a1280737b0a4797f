"""When a failed invocation is tried again: the retry policies of the Functions host. Must not know what is invoked.

The arithmetic is that of the host's (WebJobs SDK) retry strategies, read in its source.
"""

import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from local.azure.host.errors import InvocationFailed
from local.azure.host.wire import RetryContext, RpcException, RpcRetryOptions

ENDLESS = -1
_POWERS = 31  # 2**31 times a second is longer than any maximum that can be written

type Random = Callable[[], float]
type Pause = Callable[[float], Awaitable[bool]]
"""Waits that many seconds; False says that the wait was broken off: the host is stopping, or the lease is gone."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`minimum_s` equals `maximum_s` for a fixed delay."""

    max_retry_count: int
    minimum_s: float
    maximum_s: float

    @property
    def is_endless(self) -> bool:
        return self.max_retry_count == ENDLESS

    def delays(self, draw: Random = random.random) -> Iterator[float]:
        """Seconds to pause before each next try: the minimum first, then growing by powers of two, blurred by a fifth.

        Once the maximum is reached it stays there.
        """
        yield min(self.minimum_s, self.maximum_s)
        for power in range(_POWERS):
            delay = self.minimum_s + self.minimum_s * 2.0**power * (0.8 + 0.4 * draw())
            if delay >= self.maximum_s:
                break
            yield delay
        while True:
            yield self.maximum_s


def policy_of(options: RpcRetryOptions | None) -> RetryPolicy | None:
    """The policy that a decorator declared, as the runtime hands it over."""
    if options is None:
        return None
    if options.delay_interval is not None:
        fixed = options.delay_interval.total_seconds()
        return RetryPolicy(options.max_retry_count, fixed, fixed)
    minimum, maximum = options.minimum_interval, options.maximum_interval
    return RetryPolicy(
        options.max_retry_count,
        minimum.total_seconds() if minimum is not None else 0.0,
        maximum.total_seconds() if maximum is not None else float("inf"),
    )


async def invoke_with_retries(
    invoke: Callable[[RetryContext], Awaitable[object]],
    *,
    policy: RetryPolicy | None,
    pause: Pause,
    draw: Random = random.random,
) -> bool:
    """Invoke until it succeeds. True: it did. False: the pause was broken off, so nothing is decided yet.

    Raises `InvocationFailed` when there is no policy or the tries that it grants are used up.
    """
    limit = policy.max_retry_count if policy else 0
    delays = policy.delays(draw) if policy else iter(())
    attempt, context = 0, RetryContext(0, limit)
    while True:
        try:
            await invoke(context)
            return True
        except InvocationFailed as failed:
            if policy is None or (not policy.is_endless and attempt >= limit):
                raise
            attempt += 1
            context = RetryContext(attempt, limit, RpcException(str(failed), failed.stack_trace))
        if not await pause(next(delays)):
            return False
