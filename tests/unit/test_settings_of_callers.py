"""Settings that say who is let in are read strictly, and refused where they would let in anybody."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from shared.callers import ON_AZURE, SIGN_IN
from shared.settings import Platform, SettingsFault, read_settings
from tests.conftest import REQUIRED_SETTINGS

DIGEST = hashlib.sha256(b"key-1").hexdigest()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Only the settings that have no default, and nothing that Azure sets."""
    for name, value in REQUIRED_SETTINGS.items():
        monkeypatch.setenv(name, value)
    for name in (*ON_AZURE, SIGN_IN, "DEVELOPMENT_PRINCIPAL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_every_mark_of_azure_is_looked_at() -> None:
    assert {field.alias for field in Platform.model_fields.values()} == {*ON_AZURE, SIGN_IN}


def test_by_default_a_key_is_the_merchants_and_nobody_operates(environment: pytest.MonkeyPatch) -> None:
    settings = read_settings()

    assert (settings.merchants, settings.api_auth, settings.ops_auth) == ({}, "key", "none")
    assert settings.development_principal is None
    assert settings.hosts == set()


def test_a_table_of_keys_is_read(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MERCHANT_KEYS", f'{{"{DIGEST}": "merchant-2"}}')

    settings = read_settings()

    assert settings.merchants == {DIGEST: "merchant-2"}
    assert hash(settings), "telemetry is kept by the settings"


def test_a_digest_may_be_written_in_capitals(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MERCHANT_KEYS", json.dumps({DIGEST.upper(): "merchant-2"}))

    assert read_settings().merchants == {DIGEST: "merchant-2"}


@pytest.mark.parametrize(
    "table",
    [
        "",
        "{",
        "[]",
        "null",
        '{"key-1-s3cret": "m"}',
        f'{{"{DIGEST}": "m", "{DIGEST.upper()}": "m"}}',
        f'{{"{DIGEST}0": "m"}}',
        f'{{"{DIGEST}": ""}}',
        f'{{"{DIGEST}": "{"s3cret" * 11}"}}',
        f'{{"{DIGEST}": 1}}',
        f'{{"{DIGEST}": null}}',
        f'{{"{DIGEST}": "m", "{DIGEST}": "s3cret"}}',
        "[" * 100_000,
    ],
)
def test_a_table_that_is_none_is_named_and_not_shown(environment: pytest.MonkeyPatch, table: str) -> None:
    environment.setenv("MERCHANT_KEYS", table)

    with pytest.raises(SettingsFault, match="MERCHANT_KEYS") as caught:
        read_settings()

    assert "s3cret" not in str(caught.value)
    assert DIGEST not in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("API_AUTH", "none"), ("OPS_AUTH", "key"), ("API_AUTH", "Entra")])
def test_only_known_doors_can_be_named(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv("WEBSITE_INSTANCE_ID", "1")
    environment.setenv(name, value)

    with pytest.raises(SettingsFault, match=name):
        read_settings()


def test_on_a_laptop_there_may_be_a_development_principal(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DEVELOPMENT_PRINCIPAL", "developer")
    environment.setenv("DEVELOPMENT_HOSTS", "App, host.docker.internal,")
    environment.setenv("WEBSITE_HOSTNAME", "localhost:7071")  # what Core Tools sets

    settings = read_settings()

    assert settings.development_principal == "developer"
    assert settings.hosts == {"app", "host.docker.internal"}


def test_an_empty_development_principal_is_none(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DEVELOPMENT_PRINCIPAL", "")
    environment.setenv("WEBSITE_INSTANCE_ID", "1")

    assert read_settings().development_principal is None


@pytest.mark.parametrize("mark", [*ON_AZURE, "WEBSITE_AUTH_ENABLED"])
def test_on_azure_a_development_principal_stops_the_app(environment: pytest.MonkeyPatch, mark: str) -> None:
    environment.setenv("DEVELOPMENT_PRINCIPAL", "developer")
    environment.setenv(mark, "True")

    with pytest.raises(SettingsFault, match="DEVELOPMENT_PRINCIPAL"):
        read_settings()


@pytest.mark.parametrize(
    ("connection", "identity"),
    [
        ("CosmosConnection", "CosmosConnection__accountEndpoint"),
        ("ServiceBusConnection", "ServiceBusConnection__fullyQualifiedNamespace"),
    ],
)
def test_a_managed_identity_is_azure_too(environment: pytest.MonkeyPatch, connection: str, identity: str) -> None:
    environment.delenv(connection)
    environment.setenv(identity, "https://somewhere")
    environment.setenv("DEVELOPMENT_PRINCIPAL", "developer")

    with pytest.raises(SettingsFault, match="DEVELOPMENT_PRINCIPAL"):
        read_settings()


@pytest.mark.parametrize("setting", ["API_AUTH", "OPS_AUTH"])
def test_entra_is_believed_only_on_azure(environment: pytest.MonkeyPatch, setting: str) -> None:
    environment.setenv(setting, "entra")

    with pytest.raises(SettingsFault, match=f"{setting}: entra is for Azure"):
        read_settings()

    environment.setenv("WEBSITE_INSTANCE_ID", "1")
    assert "entra" in (read_settings().api_auth, read_settings().ops_auth)


@pytest.mark.parametrize("said", ["False", "false", "0"])
@pytest.mark.parametrize("setting", ["API_AUTH", "OPS_AUTH"])
def test_entra_is_not_believed_where_the_platform_says_that_it_is_off(
    environment: pytest.MonkeyPatch, setting: str, said: str
) -> None:
    environment.setenv("WEBSITE_INSTANCE_ID", "1")
    environment.setenv("WEBSITE_AUTH_ENABLED", said)
    environment.setenv(setting, "entra")

    with pytest.raises(SettingsFault, match=f"{setting}: entra needs the platform's authentication"):
        read_settings()


def a_secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


FIRST, SECOND, THIRD = a_secret(b"1" * 24), a_secret(b"2" * 64), a_secret(b"3" * 24)


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        (FIRST, (FIRST,)),
        (f" {FIRST}\n{SECOND} ", (FIRST, SECOND)),
        ("", ()),
        ("@Microsoft.KeyVault(VaultName=kv;SecretName=provider-webhook-secrets)", ()),
    ],
)
def test_the_provider_signs_with_one_secret_or_two_or_is_not_known(
    environment: pytest.MonkeyPatch, text: str, secrets: tuple[str, ...]
) -> None:
    environment.setenv("PROVIDER_WEBHOOK_SECRETS", text)

    assert read_settings().webhook_secrets == secrets


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "s3cret",
        "whsec_",
        "whsec_s3cret!",
        base64.b64encode(b"s3cret" * 5).decode(),
        a_secret(b"s" * 23),
        a_secret(b"s" * 65),
        f"{FIRST} {SECOND} {THIRD}",
        f"{FIRST},{SECOND}",
    ],
)
def test_secrets_that_cannot_be_used_are_none_and_stop_no_payment(environment: pytest.MonkeyPatch, text: str) -> None:
    """They come from a vault at any hour. The provider is told to come back, and somebody is woken."""
    environment.setenv("PROVIDER_WEBHOOK_SECRETS", text)

    assert read_settings().webhook_secrets == ()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("s3cret", "s3cret"),
        ("", None),
        ("@Microsoft.KeyVault(VaultName=kv;SecretName=provider-api-key)", None),
    ],
)
def test_the_provider_is_sent_a_key_or_nothing_in_its_place(
    environment: pytest.MonkeyPatch, text: str, key: str | None
) -> None:
    environment.setenv("PROVIDER_API_KEY", text)

    sent = read_settings().provider_api_key

    assert (sent.get_secret_value() if sent else None) == key


def of_merchants(**secrets: object) -> str:
    return json.dumps(secrets)


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        (of_merchants(shop=FIRST), {"shop": (FIRST,)}),
        (of_merchants(shop=f"{SECOND} {FIRST}", other=THIRD), {"shop": (SECOND, FIRST), "other": (THIRD,)}),
        (of_merchants(shop=f"{FIRST} {FIRST}"), {"shop": (FIRST, FIRST)}),
        (of_merchants(shop="s3cret", other=FIRST), {"other": (FIRST,)}),
        (of_merchants(shop=[FIRST], other=SECOND, more=None), {"other": (SECOND,)}),
        (of_merchants(shop=f"{FIRST} {SECOND} {THIRD}"), {}),
        ("", {}),
        ("{}", {}),
        (FIRST, {}),
        (json.dumps([FIRST]), {}),
        (f'{{"shop": "{FIRST}", "shop": "{SECOND}"}}', {}),
        (f'{{"shop": "{FIRST}", "other": "{SECOND}", "shop": "{THIRD}"}}', {"other": (SECOND,)}),
        (f'{{"shop": {{"a": "{FIRST}"}}, "other": "{SECOND}"}}', {"other": (SECOND,)}),
        (json.dumps([["shop", FIRST]]), {}),
        ("[" * 100_000, {}),
        ("@Microsoft.KeyVault(VaultName=kv;SecretName=merchant-webhook-secrets)", {}),
    ],
)
def test_each_merchant_has_secrets_of_its_own_and_those_that_cannot_be_used_are_none(
    environment: pytest.MonkeyPatch, text: str, secrets: dict[str, tuple[str, ...]]
) -> None:
    """They come from a vault at any hour, and stop neither the app nor another merchant's notifications."""
    environment.setenv("MERCHANT_WEBHOOK_SECRETS", text)

    settings = read_settings()

    assert settings.secrets_of_merchants == secrets
    assert FIRST not in repr(settings)


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        (of_merchants(shop=FIRST, other=FIRST), {}),
        (of_merchants(shop=FIRST, other=FIRST, more=SECOND), {"more": (SECOND,)}),
        (of_merchants(shop=f"{SECOND} {FIRST}", other=f"{FIRST} {THIRD}"), {"shop": (SECOND,), "other": (THIRD,)}),
        (of_merchants(shop=a_secret(b"4" * 25), other=a_secret(b"4" * 25).replace("A==", "B==")), {}),
        (of_merchants(shop=f"{FIRST} s3cret", other=FIRST), {}),
        (f'{{"shop": "{FIRST}", "shop": "{SECOND}", "other": "{FIRST}", "more": "{THIRD}"}}', {"more": (THIRD,)}),
    ],
)
def test_a_secret_that_two_merchants_know_is_neithers(
    environment: pytest.MonkeyPatch, text: str, secrets: dict[str, tuple[str, ...]]
) -> None:
    """Each of them could write to the other in our name, also where it has more of them than can be used."""
    environment.setenv("MERCHANT_WEBHOOK_SECRETS", text)

    assert read_settings().secrets_of_merchants == secrets


@pytest.mark.parametrize("mark", ON_AZURE)
@pytest.mark.parametrize("name", ["MERCHANT_WEBHOOK_SECRETS", "DEVELOPMENT_NOTIFICATIONS"])
def test_what_the_sample_says_of_notifications_is_for_laptops(
    environment: pytest.MonkeyPatch, mark: str, name: str
) -> None:
    values = json.loads((Path(__file__).parents[2] / "local.settings.sample.json").read_text())["Values"]
    environment.setenv(name, values[name])
    settings = read_settings()
    assert settings.secrets_of_merchants or settings.development_notifications

    environment.setenv(mark, "1")

    with pytest.raises(SettingsFault, match=name):
        read_settings()


def test_the_secret_that_everybody_knows_is_refused_also_where_nobody_would_be_told_by_it(
    environment: pytest.MonkeyPatch,
) -> None:
    values = json.loads((Path(__file__).parents[2] / "local.settings.sample.json").read_text())["Values"]
    (secret,) = json.loads(values["MERCHANT_WEBHOOK_SECRETS"]).values()
    environment.setenv("MERCHANT_WEBHOOK_SECRETS", of_merchants(shop=secret, other=secret))
    assert not read_settings().secrets_of_merchants

    environment.setenv(ON_AZURE[0], "1")

    with pytest.raises(SettingsFault, match="MERCHANT_WEBHOOK_SECRETS: everybody knows a secret in it"):
        read_settings()


@pytest.mark.parametrize("mark", ON_AZURE)
def test_the_secret_that_everybody_knows_is_for_laptops(environment: pytest.MonkeyPatch, mark: str) -> None:
    values = json.loads((Path(__file__).parents[2] / "local.settings.sample.json").read_text())["Values"]
    environment.setenv("PROVIDER_WEBHOOK_SECRETS", f"{FIRST} {values['PROVIDER_WEBHOOK_SECRETS']}")
    assert len(read_settings().webhook_secrets) == 2

    environment.setenv(mark, "1")

    with pytest.raises(SettingsFault, match="PROVIDER_WEBHOOK_SECRETS: everybody knows this secret"):
        read_settings()
