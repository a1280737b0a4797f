"""One setting says which provider's API is spoken, and whatever else the settings say of a provider goes to it."""

import aiohttp
import pytest

from shared.adapters.provider.client import HttpProvider
from shared.adapters.stripe.client import StripeProvider
from shared.ports.provider import Call
from shared.settings import SettingsFault, read_settings
from shared.wiring import provider_of
from tests.builders import a_payment
from tests.conftest import REQUIRED_SETTINGS
from tests.contract.odd_server import Said, odd_server


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in REQUIRED_SETTINGS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize(
    ("said", "adapter"), [(None, HttpProvider), ("regis", HttpProvider), ("stripe", StripeProvider)]
)
async def test_the_setting_chooses_the_adapter(
    environment: pytest.MonkeyPatch, said: str | None, adapter: type
) -> None:
    if said:
        environment.setenv("PROVIDER_API", said)

    async with aiohttp.ClientSession() as http:
        assert type(provider_of(read_settings(), http)) is adapter


def test_an_api_that_nobody_speaks_is_refused_by_name(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PROVIDER_API", "paypal")

    with pytest.raises(SettingsFault, match="PROVIDER_API"):
        read_settings()


async def test_address_and_key_reach_the_second_adapter(environment: pytest.MonkeyPatch) -> None:
    async with aiohttp.ClientSession() as http, odd_server() as odd:
        base = odd.answering(Said(200, b"{}"))
        environment.setenv("PROVIDER_API", "stripe")
        environment.setenv("PROVIDER_API_KEY", "sk_test_1")
        environment.setenv("PROVIDER_BASE_URL", base)

        await provider_of(read_settings(), http).create(a_payment().payment, Call(request_id="r-1", traceparent=None))

    assert odd.sent[base] == [("POST", "/v1/payment_intents")]
    assert odd.headers[base][0]["Authorization"] == "Bearer sk_test_1"
