"""Whose tokens the check of a deployment pays with: those of the local provider mean something else to another one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.smoke_tokens import methods, to_be_set
from tests.infra.deployment import Azure, Printed, played


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    yield from played(tmp_path, monkeypatch)


NOT_SET = "FAILED  needs: not set: SMOKE_PAYMENT_METHOD, SMOKE_PARKING_METHOD\nNEXT    set it"


@pytest.mark.parametrize("name", ["prod", "Prod", "production", "PROD-EU"])
def test_in_production_no_token_of_the_local_provider_stands_in_whatever_is_said_of_it(
    name: str, azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("AZURE_ENV_NAME", name)
    monkeypatch.setenv("PROVIDER_IS_LOCAL", "true")
    monkeypatch.setenv("SMOKE_PAYMENT_METHOD", " ")

    assert azure.run("needs") == 1

    assert NOT_SET in capsys.readouterr().out


@pytest.mark.parametrize(
    "address", ["", "https://pay.example", "https://devtunnels.ms.pay.example", "https://localhost.pay.example"]
)
def test_another_provider_is_sent_none_of_the_local_ones_tokens(
    address: str, azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """Also where nothing is called production: a token may mean something else to it."""
    monkeypatch.setenv("PROVIDER_BASE_URL", address)

    assert azure.run("check") == 1

    assert NOT_SET in capsys.readouterr().out
    assert azure.app.payments == {}


@pytest.mark.parametrize("address", ["https://a1-7090.euw.devtunnels.ms", "http://127.0.0.1:7090", "http://localhost"])
def test_the_local_provider_is_known_by_its_address(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_ENV_NAME", "dev")
    monkeypatch.setenv("PROVIDER_BASE_URL", address)

    assert to_be_set() == []
    assert methods() == ("pm_ok", "pm_invalid", "pm_settle_declined")


def test_the_local_provider_behind_another_address_is_said_to_be_it(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDER_BASE_URL", "https://tunnel.example")
    monkeypatch.setenv("PROVIDER_IS_LOCAL", "true")

    assert azure.run("check") == 0
