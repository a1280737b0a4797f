"""When to try again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.payment import Step
from shared.domain.retry import RetryPolicy
from shared.ports.provider import Busy, Unknown
from shared.settings import Settings

POLICY = RetryPolicy(attempts=6, base_s=5, cap_s=60)


@pytest.mark.parametrize(("attempt", "longest"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (500, 60)])
def test_the_longest_wait_doubles_up_to_the_cap(attempt: int, longest: float) -> None:
    assert POLICY.delay_s(attempt, jitter=1.0) == longest


@given(st.integers(1, 1000), st.floats(0, 1))
def test_full_jitter_draws_from_zero_to_the_longest_wait(attempt: int, jitter: float) -> None:
    assert 0 <= POLICY.delay_s(attempt, jitter=jitter) <= POLICY.cap_s


def test_retry_after_is_honoured_and_capped() -> None:
    assert POLICY.delay_s(1, jitter=0.0, retry_after_s=7) == 7
    assert POLICY.delay_s(1, jitter=0.0, retry_after_s=86_400) == 60


def test_the_production_defaults_last_at_least_an_hour_on_average() -> None:
    settings = Settings.model_construct()

    for step in Step:
        policy = settings.retries.of(step)
        average_s = sum(policy.delay_s(attempt, jitter=0.5) for attempt in range(1, policy.attempts))
        assert average_s >= 3600, step


def test_who_names_no_time_to_wait_is_tried_again_when_the_policy_says() -> None:
    assert Busy("why").retry_after_s == Unknown("why").retry_after_s == 0
