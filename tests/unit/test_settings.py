"""The app starts only with settings that fit together, and says which one does not."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import wiring
from shared.domain.payment import Step
from shared.domain.retry import Retries, RetryPolicy
from shared.services import Limits
from shared.settings import SettingsFault, read_settings
from tests.conftest import REQUIRED_SETTINGS


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Only the settings that have no default."""
    for name, value in REQUIRED_SETTINGS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_required_settings_are_enough(environment: pytest.MonkeyPatch) -> None:
    assert read_settings().merchant_id == "merchant-1"


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("CosmosConnection", "CosmosConnection"),
        ("ServiceBusConnection", "ServiceBusConnection"),
        ("PROVIDER_BASE_URL", "PROVIDER_BASE_URL"),
        ("MERCHANT_ID", "MERCHANT_ID"),
    ],
)
def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch, missing: str, named: str) -> None:
    environment.delenv(missing)

    with pytest.raises(SettingsFault, match=named):
        read_settings()


def test_a_wrong_setting_is_named_and_its_value_is_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PROVIDER_TIMEOUT_S", "s3cret")

    with pytest.raises(SettingsFault, match="PROVIDER_TIMEOUT_S") as caught:
        read_settings()

    assert "s3cret" not in str(caught.value)


def test_freshness_must_stay_below_the_window_in_which_topics_drop_repeats(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("FRESH_S", "3600")

    with pytest.raises(SettingsFault, match="FRESH_S"):
        read_settings()


@pytest.mark.parametrize("limit", ["PROVIDER_TIMEOUT_S", "NOTIFIER_TIMEOUT_S"])
@pytest.mark.parametrize("seconds", ["30", "31"])
def test_a_turn_must_last_longer_than_any_of_its_calls(
    environment: pytest.MonkeyPatch, limit: str, seconds: str
) -> None:
    environment.setenv("TURN_LIMIT_S", "30")
    environment.setenv(limit, seconds)

    with pytest.raises(SettingsFault, match=f"TURN_LIMIT_S must be longer than .*{limit}"):
        read_settings()


@pytest.mark.parametrize(
    "name", ["TURN_LIMIT_S", "NEVER_SEEN_AFTER_S", "SWEEP_LIMIT", "SWEEP_MARGIN_S", "REPLAYS_AT_ONCE"]
)
@pytest.mark.parametrize("value", ["0", "-1"])
def test_nobody_waits_for_no_time_at_all(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)

    with pytest.raises(SettingsFault, match=name):
        read_settings()


@pytest.mark.parametrize("name", ["SERVICEBUS_SENDERS", "REPLAYS_AT_ONCE"])
@pytest.mark.parametrize("value", ["0", "-1", "", "all"])
def test_fewer_than_one_at_once_is_refused(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)

    with pytest.raises(SettingsFault, match=name):
        read_settings()


def test_unless_it_is_said_each_topic_has_a_sender(environment: pytest.MonkeyPatch) -> None:
    assert read_settings().servicebus_senders is None

    environment.setenv("SERVICEBUS_SENDERS", "6")

    assert read_settings().servicebus_senders == 6


def test_a_turn_that_would_outlast_the_lock_of_its_message_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TURN_LIMIT_S", "60")

    with pytest.raises(SettingsFault, match="TURN_LIMIT_S must stay below the lock of a message, 60 s"):
        read_settings()


def test_what_is_set_is_what_the_verbs_keep_to(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TURN_LIMIT_S", "41")
    environment.setenv("NEVER_SEEN_AFTER_S", "7")
    environment.setenv("SWEEP_LIMIT", "3")
    environment.setenv("REPLAYS_AT_ONCE", "5")

    limits = wiring.limits(read_settings())

    assert limits.turn_limit == timedelta(seconds=41)
    assert limits.quiet == timedelta(seconds=48)
    assert limits.sweep_limit == 3
    assert limits.replays_at_once == 5


seconds = st.floats(min_value=0.1, max_value=100_000)


@given(
    st.builds(RetryPolicy, st.integers(1, 60), seconds, seconds),
    *[seconds.map(lambda each: timedelta(seconds=each))] * 4,
    st.sampled_from(Step),
)
def test_nobody_starts_a_step_again_while_a_message_of_it_may_still_be_at_work(
    policy: RetryPolicy,
    fresh: timedelta,
    turn_limit: timedelta,
    never_seen_after: timedelta,
    margin: timedelta,
    step: Step,
) -> None:
    limits = Limits(
        retries=Retries(create=policy, settle=policy, notify=policy, void=policy, notify_failure=policy),
        fresh=fresh,
        request_id_valid=timedelta(hours=24),
        expires_after=timedelta(hours=24),
        turn_limit=turn_limit,
        never_seen_after=never_seen_after,
        sweep_margin=margin,
        sweep_limit=6,
        topic_patience=timedelta(minutes=2),
        replays_at_once=16,
    )

    horizon = limits.horizon(step)

    assert horizon >= fresh + turn_limit  # a first delivery that nobody fences
    assert horizon >= timedelta(seconds=policy.horizon_s()) + limits.quiet + margin  # retries, the last of them quiet


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert('{trace_id}')",
        "data:text/html,{trace_id}",
        "//traces.example/{trace_id}",
        "https://traces.example/",
        "https://traces.example/{trace_id}/{trace_id}",
        "https://{trace_id}.example/",
        "https:///{trace_id}",
        "https://traces.example/a b/{trace_id}",
        "https://traces.example/\n{trace_id}",
        "https://[traces/{trace_id}",
    ],
)
def test_a_browser_is_led_to_a_trace_and_nowhere_else(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("TRACE_VIEWER_URL", url)

    with pytest.raises(SettingsFault, match=r"^TRACE_VIEWER_URL: ") as refused:
        read_settings()

    assert "traces" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("https://traces.example/t/{trace_id}?view=all", "https://traces.example/t/{trace_id}?view=all"),
        ("http://127.0.0.1:18888/traces/detail/{trace_id}", "http://127.0.0.1:18888/traces/detail/{trace_id}"),
        ("", None),
    ],
)
def test_where_a_trace_is_looked_at_is_told_as_it_is_set(
    environment: pytest.MonkeyPatch, url: str, read: str | None
) -> None:
    environment.setenv("TRACE_VIEWER_URL", url)

    assert read_settings().trace_viewer_url == read


def test_an_identity_stands_in_for_a_connection_string(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("CosmosConnection")
    environment.setenv("CosmosConnection__accountEndpoint", "https://account.documents.azure.com:443/")
    environment.setenv("CosmosConnection__clientId", "0000")

    settings = read_settings()

    assert settings.cosmos_endpoint == "https://account.documents.azure.com:443/"
    assert settings.cosmos_client_id == "0000"
