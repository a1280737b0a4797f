"""`infra/deploy.py`: what may pass by itself is waited for while there is time, with tokens that still hold."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.servicebus._common.constants import JWT_TOKEN_SCOPE
from azure.servicebus.exceptions import ServiceBusAuthenticationError, ServiceBusAuthorizationError

from infra import deployed, smoke, smoke_bus, smoke_options
from infra.deploy_options import Options
from infra.smoke_http import NotYet, SmokeFailed
from tests.infra.deployment import BUSY, FORBIDDEN, Azure, Printed, played


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    yield from played(tmp_path, monkeypatch)


TIMES = {
    "az functionapp function list": 1,
    "az functionapp keys list": 1,
    "az account get-access-token": 1,
    "az servicebus topic list": 1,
    "az servicebus topic subscription list": 15,
    "az servicebus topic subscription rule list": 9,
    "az rest": 2,  # before the app is waited for, and after
}
"""How often a check asks when all answers come."""


@pytest.mark.parametrize("what", [what for what in TIMES if what != "az rest"])
def test_what_may_pass_is_waited_for(what: str, azure: Azure) -> None:
    azure.stage.answers(what, FORBIDDEN, BUSY)

    assert azure.run("check") == 0

    assert len(azure.stage.calls(*what.split())) == TIMES[what] + 2


def test_a_check_asks_no_oftener_than_it_says(azure: Azure) -> None:
    assert azure.run("check") == 0

    assert {what: len(azure.stage.calls(*what.split())) for what in TIMES} == TIMES


def test_the_triggers_are_synced_before_the_app_is_waited_for_and_again_when_it_answers(
    azure: Azure, capsys: Printed
) -> None:
    """A site whose triggers nobody has read may not start; one that is down may refuse the first."""
    azure.stage.answers("az rest", BUSY, FORBIDDEN, BUSY)

    assert azure.run("check") == 0

    printed = capsys.readouterr().out
    assert len(azure.stage.calls("az", "rest")) == 4
    assert re.search(r"^ok +sync: not yet; .*Service Unavailable", printed, re.M)
    assert re.search(r"^ok +triggers: the platform has read them", printed, re.M)


def test_a_bus_whose_roles_still_spread_is_waited_for(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = iter([ServiceBusAuthorizationError(), ServiceBusAuthenticationError()])

    def dies(_client: object, message_ids: set[str], *, reason: str) -> None:
        for refusal in refused:
            raise refusal
        for each in message_ids:
            azure.app.died(message_id=each, payment_id=None, reason=reason)

    monkeypatch.setattr(smoke_bus, "_send_and_dead_letter", dies)
    monkeypatch.setenv("SMOKE_PRINCIPAL_ID", "person-1")

    assert azure.run("check") == 0

    assert next(refused, None) is None


def test_every_token_is_fetched_while_githubs_word_still_holds(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """It holds for five minutes, and is shown once more for each new audience."""
    used: list[str] = []

    def dead_letter(_bus: str, *, message_ids: set[str], reason: str, token: str) -> None:
        used.append(token)
        for each in message_ids:
            azure.app.died(message_id=each, payment_id=None, reason=reason)

    monkeypatch.setattr(smoke_bus, "dead_letter", dead_letter)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("SMOKE_PRINCIPAL_ID", "person-1")
    azure.stage.keep(signed_in_with="GitHub's word")

    assert azure.run("check") == 0, capsys.readouterr().out

    assert used == ["token-of-https://servicebus.azure.net/"]
    assert any(each.endswith("Bearer token-of-api://ops-1") for each in azure.app.asked)


def test_the_token_of_the_bus_is_for_the_audience_that_the_sdk_asks_for() -> None:
    assert f"{deployed.BUS}/.default" == JWT_TOKEN_SCOPE
    assert smoke_bus.Fetched("t").get_token(JWT_TOKEN_SCOPE).token == "t"


@pytest.mark.parametrize("state", ["Running", "Accepted", "Deploying"])
def test_a_deployment_that_is_still_under_way_is_waited_for(state: str, azure: Azure, capsys: Printed) -> None:
    """A run that was cut off leaves its own going, and Azure refuses a second one of that name."""
    azure.stage.answers("az deployment sub show", (0, state, ""), (0, state, ""))

    assert azure.run("idle", "--deployment", "regis-pay-dev") == 0

    assert len(azure.stage.calls("az", "deployment", "sub", "show", "--name", "regis-pay-dev")) == 3
    assert "regis-pay-dev has ended: Succeeded" in capsys.readouterr().out


def test_a_name_that_was_never_deployed_is_idle(azure: Azure) -> None:
    gone = "ERROR: (DeploymentNotFound) Deployment 'regis-pay-dev' could not be found."
    azure.stage.answers("az deployment sub show", (3, "", gone))

    assert azure.run("idle", "--deployment", "regis-pay-dev") == 0


def test_a_deployment_that_does_not_end_stops_the_run_and_says_how_to_end_it(azure: Azure, capsys: Printed) -> None:
    azure.stage.keep(provisioning="Running")

    assert azure.run("idle", "--deployment", "regis-pay-dev", "--limit-s", "0.3") == 1

    assert re.search(
        r"FAILED  idle: .*Running\nNEXT    wait for it, or `az deployment sub cancel", capsys.readouterr().out
    )


def test_all_waiting_of_one_run_together_has_one_limit() -> None:
    """The job that runs it ends too, and then nobody says what was waited for."""
    asked: list[str] = []
    options = Options(Path(), limit_s=60, started=time.monotonic() - 60)

    def ask() -> None:
        asked.append("once")
        raise NotYet("403")

    with pytest.raises(SmokeFailed, match=r"not within 0 s; last seen: 403"):
        options.patiently(ask, what="the functions")

    assert asked == ["once"]


def test_the_smoke_test_begins_nothing_after_the_limit(capsys: Printed) -> None:
    assert smoke.run(smoke_options.Options(url="http://127.0.0.1:1", until=time.monotonic())) == 1

    assert "FAILED  live: expected it to begin in time" in capsys.readouterr().out
