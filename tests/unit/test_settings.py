"""The app starts only with settings that fit together, and says which one does not."""

import pytest

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


def test_an_identity_stands_in_for_a_connection_string(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("CosmosConnection")
    environment.setenv("CosmosConnection__accountEndpoint", "https://account.documents.azure.com:443/")
    environment.setenv("CosmosConnection__clientId", "0000")

    settings = read_settings()

    assert settings.cosmos_endpoint == "https://account.documents.azure.com:443/"
    assert settings.cosmos_client_id == "0000"
