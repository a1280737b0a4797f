"""When a failed invocation is tried again: the arithmetic of the Functions host, with pauses in the test's hands."""

import datetime as dt
from itertools import islice

import pytest

from local.azure.host.errors import InvocationFailed
from local.azure.host.retry import ENDLESS, RetryPolicy, invoke_with_retries, policy_of
from local.azure.host.wire import RetryContext, RpcRetryOptions

EXPONENTIAL = RetryPolicy(ENDLESS, minimum_s=1.0, maximum_s=30.0)


class Flaky:
    """Fails a number of times, then succeeds."""

    def __init__(self, *, failures: int) -> None:
        self.contexts: list[RetryContext] = []
        self._failures = failures

    async def __call__(self, context: RetryContext) -> None:
        self.contexts.append(context)
        if len(self.contexts) <= self._failures:
            raise InvocationFailed("f", reason=f"failure {len(self.contexts)}")


class Pauses:
    """Passes at once, up to a number of pauses; then says that the host is stopping."""

    def __init__(self, limit: int = 1000) -> None:
        self.seconds: list[float] = []
        self._limit = limit

    async def __call__(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return len(self.seconds) < self._limit


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        pytest.param(0.5, [1, 2, 3, 5, 9, 17, 30, 30, 30], id="in the middle"),
        pytest.param(0.0, [1, 1.8, 2.6, 4.2, 7.4, 13.8, 26.6, 30, 30], id="a fifth below"),
        pytest.param(1.0, [1, 2.2, 3.4, 5.8, 10.6, 20.2, 30, 30, 30], id="a fifth above"),
    ],
)
def test_exponential_pauses_grow_by_powers_of_two_and_stay_at_the_maximum(draw: float, expected: list[float]) -> None:
    pauses = list(islice(EXPONENTIAL.delays(lambda: draw), len(expected)))

    assert pauses == pytest.approx(expected)


def test_an_endless_policy_never_runs_out_of_pauses() -> None:
    tiny = RetryPolicy(ENDLESS, minimum_s=0.0, maximum_s=5.0)

    assert len(list(islice(tiny.delays(), 2000))) == 2000


def test_a_fixed_delay_is_always_the_same() -> None:
    fixed = policy_of(RpcRetryOptions(2, "fixed_delay", delay_interval=dt.timedelta(seconds=4)))

    assert fixed is not None
    assert list(islice(fixed.delays(), 4)) == [4.0] * 4


def test_a_function_without_a_decorator_has_no_policy() -> None:
    assert policy_of(None) is None


def test_the_decorators_intervals_become_seconds() -> None:
    declared = RpcRetryOptions(
        ENDLESS,
        "exponential_backoff",
        minimum_interval=dt.timedelta(seconds=1),
        maximum_interval=dt.timedelta(seconds=30),
    )

    assert policy_of(declared) == EXPONENTIAL


async def test_each_try_knows_its_number_the_limit_and_what_failed_before() -> None:
    flaky, pauses = Flaky(failures=2), Pauses()

    succeeded = await invoke_with_retries(flaky, policy=EXPONENTIAL, pause=pauses, draw=lambda: 0.5)

    assert succeeded
    assert [(c.retry_count, c.max_retry_count) for c in flaky.contexts] == [(0, -1), (1, -1), (2, -1)]
    assert [c.exception and c.exception.message for c in flaky.contexts] == [None, "failure 1", "failure 2"]
    assert pauses.seconds == [1.0, 2.0]


async def test_a_finite_policy_gives_up_after_its_last_try() -> None:
    flaky = Flaky(failures=9)
    policy = RetryPolicy(2, minimum_s=1.0, maximum_s=1.0)

    with pytest.raises(InvocationFailed, match="failure 3"):
        await invoke_with_retries(flaky, policy=policy, pause=Pauses())

    assert len(flaky.contexts) == 3


async def test_without_a_policy_the_first_failure_is_final() -> None:
    flaky = Flaky(failures=1)

    with pytest.raises(InvocationFailed, match="failure 1"):
        await invoke_with_retries(flaky, policy=None, pause=Pauses())

    assert len(flaky.contexts) == 1


async def test_a_pause_that_is_broken_off_leaves_the_matter_undecided() -> None:
    flaky = Flaky(failures=9)

    assert not await invoke_with_retries(flaky, policy=EXPONENTIAL, pause=Pauses(limit=3))

    assert len(flaky.contexts) == 3
