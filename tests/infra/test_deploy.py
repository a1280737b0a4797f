"""`infra/deploy.py check`: it passes a deployment that works, and each fault stops it with the next thing to do."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra import deployed, smoke_bus
from tests.conftest import Declared
from tests.infra.deployment import CHECKED, Azure, Printed, mangled, played, steps
from tests.infra.played_app import PlayedApp
from tests.infra.standin import Answer

NOT_FOUND: Answer = (3, "", "ERROR: (ResourceNotFound) The Resource 'Microsoft.Web/sites/func-abc' was not found")


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    yield from played(tmp_path, monkeypatch)


def test_a_deployment_that_works_passes_every_step(azure: Azure, capsys: Printed) -> None:
    assert azure.run("check") == 0

    printed = capsys.readouterr().out
    assert steps(printed) == CHECKED
    assert "NEXT" not in printed
    assert {letter["status"] for letter in azure.app.letters} == {"discarded"}


def test_the_declared_functions_are_those_of_the_app(declared_functions: dict[str, Declared]) -> None:
    assert json.loads(deployed.DECLARED.read_text()) == sorted(declared_functions), (
        "write the names of the functions into infra/functions.json: the deployed ones are compared with them"
    )


def test_the_names_of_a_deployment_are_read_from_azure_in_whatever_case(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    for name in azure.outputs:
        monkeypatch.delenv(name)
    azure.stage.keep(outputs=mangled(azure.outputs))

    assert azure.run("check", "--deployment", "regis-pay-dev") == 0

    assert steps(capsys.readouterr().out) == CHECKED
    assert azure.stage.calls("az", "deployment", "sub", "show", "--name", "regis-pay-dev")


@pytest.mark.parametrize(
    ("step", "what"),
    [("sync", "az rest"), ("functions", "az functionapp function list"), ("works", "az functionapp keys list")],
)
def test_what_does_not_pass_stops_at_once_and_nothing_after_it_runs(
    step: str, what: str, azure: Azure, capsys: Printed
) -> None:
    azure.stage.answers(what, NOT_FOUND)

    assert azure.run("check") == 1

    printed = capsys.readouterr().out
    assert steps(printed)[-1] == ("FAILED", step)
    assert "was not found" in printed
    assert printed.splitlines()[-1].startswith("NEXT    ")
    assert len(azure.stage.calls(*what.split())) == 1


def test_the_triggers_are_synced_in_the_app_that_was_deployed_to(azure: Azure) -> None:
    azure.run("check")

    (url,) = {call[-1] for call in azure.stage.calls("az", "rest", "--method", "post", "--url")}
    site = "/subscriptions/{subscriptionId}/resourceGroups/rg-regis-pay-dev/providers/Microsoft.Web/sites/func-abc"
    assert url.startswith(f"{site}/host/default/sync?api-version=")


def test_the_subscription_is_the_one_that_azd_chose(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "sub-1")

    assert azure.run("check") == 0

    calls = [call for call in azure.stage.calls("az") if call[1] != "ad"]  # which is asked of the tenant
    assert all(call[-2:] == ["--subscription", "sub-1"] for call in calls)
    assert len(calls) > 10


ALL = json.loads(deployed.DECLARED.read_text())


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ([], "0 functions; missing: accept_payment, "),
        ([name for name in ALL if name != "void_payment"], f"{len(ALL) - 1} functions; missing: void_payment"),
        ([*ALL, "old_step"], f"{len(ALL) + 1} functions; not declared: old_step"),
    ],
    ids=["none", "one is missing", "one is left over"],
)
def test_functions_that_are_not_the_declared_ones_are_named(
    listed: list[str], says: str, azure: Azure, capsys: Printed
) -> None:
    azure.functions(*listed)

    assert azure.run("check", "--limit-s", "0.5") == 1

    printed = capsys.readouterr().out
    assert re.search(rf"^FAILED  functions: .*not within [\d.]+ s; last seen: {says}", printed, re.M)


def test_a_list_of_functions_that_comes_late_is_waited_for(azure: Azure) -> None:
    azure.stage.answers("az functionapp function list", (0, "[]", ""), (0, "", ""))

    assert azure.run("check") == 0


def test_a_function_that_is_switched_off_stops_the_run(azure: Azure, capsys: Printed) -> None:
    azure.functions(*ALL, off="settle_payment")

    assert azure.run("check") == 1

    printed = capsys.readouterr().out
    assert re.search(r"^FAILED  functions: switched off: settle_payment\nNEXT    start the app again", printed, re.M)


def test_a_rule_that_is_not_the_declared_one_stops_the_run(azure: Azure, capsys: Printed) -> None:
    match_all = json.dumps([{"name": "$Default", "sqlFilter": {"sqlExpression": "1=1"}}])
    azure.stage.answers("az servicebus topic subscription rule list", (0, match_all, ""))

    assert azure.run("check") == 1

    printed = capsys.readouterr().out
    assert re.search(r"^FAILED  rules: payment-initiated/create: .*1=1.*\nNEXT    see whether", printed, re.M)
    assert azure.app.payments == {}


LATER = {"payment-voided": {"refund": "sys.To IS NULL OR sys.To = 'refund'"}}


def test_a_subscription_that_no_function_reads_any_more_stops_the_run(azure: Azure, capsys: Printed) -> None:
    """It takes every event until its topic is full, and then nobody can send there."""
    azure.stage.keep(beside=LATER)

    assert azure.run("check") == 1

    printed = capsys.readouterr().out
    assert re.search(
        r"^FAILED  rules: payment-voided/refund: .*\nNEXT    what nobody reads fills its topic", printed, re.M
    )


def test_when_an_older_release_comes_back_what_the_newer_one_left_is_told_and_stops_nothing(
    azure: Azure, capsys: Printed
) -> None:
    azure.stage.keep(beside=LATER)

    assert azure.run("check", "--back") == 0

    assert re.search(r"^WARNING payment-voided/refund: ", capsys.readouterr().out, re.M)


def test_a_subscription_of_another_component_is_not_ours_to_judge(azure: Azure) -> None:
    azure.stage.keep(beside={"payment-settled": {"shipping": "sys.To IS NULL"}, "their-topic": {"theirs": "1=1"}})

    assert azure.run("check") == 0


def dead_step(app: PlayedApp) -> None:
    app.completes_as = "created"


def dead_projection(app: PlayedApp) -> None:
    app.projects = False


def dead_recorder(app: PlayedApp) -> None:
    app.records = False


@pytest.mark.parametrize(
    ("dead", "says"),
    [
        (dead_step, "publish_events or settle_payment did not happen"),
        (dead_projection, "project_payments did not happen"),
        (dead_recorder, "create_payment or record_dead_letter did not happen"),
    ],
)
def test_a_dead_function_behind_a_healthy_app_is_named(
    dead: Callable[[PlayedApp], None], says: str, azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    dead(azure.app)
    monkeypatch.setattr(deployed, "PAYMENT_LIMIT_S", 0.5)

    assert azure.run("check") == 1

    printed = capsys.readouterr().out
    assert steps(printed)[-1] == ("FAILED", "works")
    assert says in printed


def test_an_older_build_that_still_answers_stops_the_run(azure: Azure, capsys: Printed) -> None:
    azure.app.build = "older"

    assert azure.run("check", "--limit-s", "1") == 1

    assert re.search(r"^FAILED  build: GET /api/health: not within [\d.]+ s", capsys.readouterr().out, re.M)


def test_in_github_the_identity_that_tries_the_bus_has_to_be_named(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    assert azure.run("check") == 1

    assert "FAILED  needs: not set: SMOKE_PRINCIPAL_ID" in capsys.readouterr().out


def test_the_bus_is_tried_where_somebody_may_send(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    tried: list[str] = []

    def dead_letter(bus: str, *, message_ids: set[str], reason: str, token: str) -> None:
        tried.append(bus)
        for each in message_ids:
            azure.app.died(message_id=each, payment_id=None, reason=reason)

    monkeypatch.setattr(smoke_bus, "dead_letter", dead_letter)
    monkeypatch.setenv("SMOKE_PRINCIPAL_ID", "person-1")

    assert azure.run("check") == 0

    assert tried == ["bus-abc.servicebus.windows.net"]
    assert "works: every step" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("principal", "why"), [("", "SMOKE_PRINCIPAL_ID is not set"), ("person-1", "closed to public networks")]
)
def test_what_cannot_be_tried_is_said_and_all_the_rest_is_tried(
    principal: str, why: str, azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("SMOKE_PRINCIPAL_ID", principal)
    azure.stage.answers("az servicebus namespace show", (0, "Disabled", ""))

    assert azure.run("check") == 0

    assert re.search(rf"^ok +works: all but .*not tried: .*{why}", capsys.readouterr().out, re.M)


@pytest.mark.parametrize("api_auth", ["key", "entra"])
def test_the_app_is_called_as_its_doors_want_it(api_auth: str, azure: Azure, capsys: Printed) -> None:
    """Where the payments go by keys, nobody shows a token there."""
    azure.app.api_auth = api_auth
    azure.stage.keep(api_auth=api_auth)

    assert azure.run("check") == 0

    paid = {each for each in azure.app.asked if each.startswith("POST /api/payments")}
    assert {"Bearer" in each for each in paid} == {api_auth == "entra"}
    operated = [each for each in azure.app.asked if "?status=open" in each or "/discard" in each]
    assert {each.split(" ", 2)[2:] == ["Bearer token-of-api://ops-1"] for each in operated} == {True}
    assert not [call for call in azure.stage.calls("az") if "masterKey" in call], "nobody needs it"


@pytest.mark.parametrize(
    "refusal",
    [
        "ERROR: AADSTS50105: Your administrator has configured the application to block users",
        "ERROR: AADSTS501051: Application 'a'(deploy) is not assigned to a role for the application 'api://ops-1'",
    ],
    ids=["a person", "an application"],
)
def test_who_has_no_role_is_told_how_to_get_it_before_anything_is_tried(
    refusal: str, azure: Azure, capsys: Printed
) -> None:
    azure.stage.answers("az account get-access-token", (1, "", refusal))

    assert azure.run("check") == 1

    printed = capsys.readouterr().out
    assert steps(printed) == [("ok", "needs"), ("FAILED", "tokens")]
    assert re.search(r"^NEXT    have it given its roles: .*register_ops\.py --smoke OBJECT_ID", printed, re.M)
    assert azure.app.asked == []


def test_a_registration_that_gives_everybody_a_token_stops_the_run(azure: Azure, capsys: Printed) -> None:
    azure.stage.keep(required={"ops-1": False})

    assert azure.run("check") == 1

    printed = capsys.readouterr().out
    assert steps(printed)[-1] == ("FAILED", "assigned")
    assert re.search(r"^NEXT    have it given its roles", printed, re.M)
    assert azure.app.asked == []


def test_who_may_not_ask_about_the_registration_is_no_reason_to_stop(azure: Azure, capsys: Printed) -> None:
    """As GitHub's identity, which has no right in the directory."""
    azure.stage.answers("az ad sp show", (1, "", "ERROR: Insufficient privileges to complete the operation."))

    assert azure.run("check") == 0

    assert re.search(r"^ok +assigned: not looked at: .*Insufficient privileges", capsys.readouterr().out, re.M)


@pytest.mark.parametrize("path", ["/api/ops/dead-letters", "/api/payments/..", "/api/docs/%252e%252e", "/API/OPS"])
def test_a_name_that_a_stranger_gives_himself_is_believed_nowhere(path: str, azure: Azure, capsys: Printed) -> None:
    azure.app.believes = path

    assert azure.run("check") == 1

    printed = capsys.readouterr().out
    assert re.search(
        rf"^FAILED  shut: expected 4xx for GET {re.escape(path)}.* he is an operator; came 200", printed, re.M
    )


def test_who_has_a_token_without_the_role_is_told_so(azure: Azure, capsys: Printed) -> None:
    azure.app.lacks_role = True

    assert azure.run("check") == 1

    printed = capsys.readouterr().out
    assert re.search(r"^FAILED  parked: .*403 .*role_missing", printed, re.M)
    assert re.search(r"^NEXT    .*403 role_missing: have it given its roles", printed, re.M)


@pytest.mark.parametrize("where", ["", "true"], ids=["laptop", "github"])
def test_github_is_told_what_to_leave_out_of_its_logs(
    where: str, azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", where)
    monkeypatch.setenv("SMOKE_PRINCIPAL_ID", "person-1")
    azure.stage.answers("az servicebus namespace show", (0, "Disabled", ""))

    assert azure.run("check") == 0

    printed = capsys.readouterr()
    masked = re.findall(r"^::add-mask::(.+)$", printed.err, re.M)
    secrets = ["token-of-api://ops-1", "token-of-https://servicebus.azure.net/", "function-key"]
    assert masked == (secrets if where else [])
    assert "function-key" not in printed.out, "what is written there is kept in the summary of the run"
