"""The step that deploys and checks, against a stand-in for `az`, and a server that plays the app and its site."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra import deployed, smoke_bus
from infra.deploy import main
from infra.package import BUILD_ID, write_zip
from tests.conftest import Declared
from tests.infra.played_app import PlayedApp, serving
from tests.infra.stage import Answer, Stage, staged

FORBIDDEN: Answer = (1, "", "ERROR: (AuthorizationFailed) The client does not have authorization to perform action")
BUSY: Answer = (1, "", "ERROR: Operation returned an invalid status 'Service Unavailable'")
NOT_FOUND: Answer = (3, "", "ERROR: (ResourceNotFound) The Resource 'Microsoft.Web/sites/func-abc' was not found")


@dataclass(frozen=True)
class Azure:
    """A deployment: the played app, the tools, the package, and how to run the script against them."""

    app: PlayedApp
    stage: Stage
    package: Path
    outputs: dict[str, str]

    def run(self, command: str, *more: str) -> int:
        limits = ["--limit-s", "20", "--pause-s", "0.01"]
        return main([command, "--package", str(self.package), *limits, *more])

    def functions(self, *names: str, off: str | None = None) -> None:
        """What the platform lists from now on."""
        listed = [{"name": f"func-abc/{name}", "isDisabled": name == off} for name in names]
        self.stage.answers("az functionapp function list", *[(0, json.dumps(listed), "")] * 99)


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    app, stage, package = PlayedApp(starts_after=0, discard_busy=0), staged(tmp_path / "stage"), tmp_path / "app.zip"
    write_zip(package, {BUILD_ID: b"abc123\n"})
    with serving(app) as url:
        outputs = {
            "AZURE_RESOURCE_GROUP": "rg-regis-pay-dev",
            "AZURE_FUNCTION_APP_NAME": "func-abc",
            "SERVICE_APP_URL": url,
            "SERVICEBUS_NAMESPACE": "bus-abc",
        }
        stage.keep(scm=url.removeprefix("http://"))
        monkeypatch.setattr(deployed, "SCM", "http://{}")
        monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
        for name, value in (stage.environment | outputs | {"AZURE_ENV_NAME": "dev", "OPS_CLIENT_ID": "ops-1"}).items():
            monkeypatch.setenv(name, value)
        yield Azure(app, stage, package, outputs)


def steps(printed: str) -> list[tuple[str, str]]:
    """How each step ended; those of the smoke test are its own."""
    return [found for found in re.findall(r"^(ok|FAILED) +(\w+):", printed, re.MULTILINE) if found[1] not in SMOKE]


SMOKE = {"live", "ready", "pays", "refuses", "voids", "parked", "forwarded"}
READY = [("ok", "needs"), ("ok", "package"), ("ok", "outputs")]
CHECKED = [("ok", name) for name in ("build", "triggers", "functions", "rules", "works")]

type Printed = pytest.CaptureFixture[str]


def test_a_deployment_that_works_passes_every_step(azure: Azure, capsys: Printed) -> None:
    assert azure.run("check") == 0

    printed = capsys.readouterr().out
    assert steps(printed) == READY + CHECKED
    assert "NEXT" not in printed
    assert {letter["status"] for letter in azure.app.letters} == {"discarded"}


def test_the_declared_functions_are_those_of_the_app(declared_functions: dict[str, Declared]) -> None:
    assert json.loads(deployed.DECLARED.read_text()) == sorted(declared_functions), (
        "write the names of the functions into infra/functions.json: the deployed ones are compared with them"
    )


def mangled(outputs: dict[str, str]) -> dict[str, Any]:
    """As Azure Resource Manager has been seen to write names: azurE_RESOURCE_GROUP."""
    parts = {name: name.split("_", 1) for name in outputs}
    spelled = {name: f"{head[:-1].lower()}{head[-1]}_{rest}" for name, (head, rest) in parts.items()}
    return {spelled[name]: {"type": "String", "value": value} for name, value in outputs.items()}


def test_the_names_of_a_deployment_are_read_from_azure_in_whatever_case(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    for name in azure.outputs:
        monkeypatch.delenv(name)
    azure.stage.keep(outputs=mangled(azure.outputs))

    assert azure.run("check", "--deployment", "regis-pay-dev") == 0

    assert steps(capsys.readouterr().out) == READY + CHECKED
    assert azure.stage.calls("az", "deployment", "sub", "show", "--name", "regis-pay-dev")


@pytest.mark.parametrize("lost", ["AZURE_FUNCTION_APP_NAME", "SERVICEBUS_NAMESPACE"])
@pytest.mark.parametrize("where", [[], ["--deployment", "regis-pay-dev"]], ids=["environment", "azure"])
def test_a_name_that_is_missing_stops_the_run_and_nothing_is_done(
    lost: str, where: list[str], azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.delenv(lost)
    azure.stage.keep(outputs=mangled({name: value for name, value in azure.outputs.items() if name != lost}))

    assert azure.run("code", *where) == 1

    printed = capsys.readouterr().out
    assert re.search(
        rf"^FAILED  outputs: {lost}.*\nNEXT    see whether the deployment of infra/main.bicep", printed, re.M
    )
    assert azure.app.packages == []


def test_the_package_is_uploaded_as_it_is_and_nothing_is_built_in_azure(azure: Azure, capsys: Printed) -> None:
    assert azure.run("code") == 0

    assert steps(capsys.readouterr().out) == [*READY, ("ok", "code")]
    assert azure.app.packages == [azure.package.read_bytes()]
    assert azure.app.asked[0] == "POST /api/publish Bearer token-of-management"


def test_the_upload_waits_while_the_roles_still_spread(azure: Azure, capsys: Printed) -> None:
    azure.app.takes_package = [403, 403]

    assert azure.run("code") == 0

    assert [each.split()[1] for each in azure.app.asked].count("/api/publish") == 3
    assert len(azure.app.packages) == 1


def test_a_package_that_the_site_could_not_store_yet_is_uploaded_again(azure: Azure) -> None:
    text = "InaccessibleStorageException: Failed to upload blob: 403 (This request is not authorized)"
    azure.app.deployments = [{"status": 1}, {"status": 3, "status_text": text}, {"status": 2}]

    assert azure.run("code") == 0

    assert len(azure.app.packages) == 2


def test_a_site_that_forgets_a_deployment_has_ended_it(azure: Azure) -> None:
    azure.app.deployments = [{"code": 404}, {"status": 2}, *[{"code": 404}] * 9]

    assert azure.run("code") == 0


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ({"takes_package": [400]}, "400"),
        ({"deployments": [{"status": 3, "status_text": "no host.json"}]}, "failed, no host.json"),
        ({"deployments": [{"status": 5, "status_text": "another one"}]}, "conflict, another one"),
    ],
)
def test_a_package_that_is_refused_for_good_stops_at_once(
    spoil: dict[str, Any], says: str, azure: Azure, capsys: Printed
) -> None:
    vars(azure.app).update(spoil)

    assert azure.run("code") == 1

    assert re.search(rf"^FAILED  code: .*{says}.*\nNEXT    ", capsys.readouterr().out, re.M)
    assert [each.split()[1] for each in azure.app.asked].count("/api/publish") == 1


def test_a_role_that_never_comes_stops_the_upload_at_its_limit_and_says_so(azure: Azure, capsys: Printed) -> None:
    azure.app.takes_package = [403] * 10_000

    assert azure.run("code", "--limit-s", "0.2") == 1

    printed = capsys.readouterr().out
    assert re.search(r"^FAILED  code: .*not within 0.2 s; last seen: .* 403 .*\nNEXT    if it says 403", printed, re.M)


@pytest.mark.parametrize("what", ["az rest", "az functionapp function list", "az functionapp keys list"])
def test_what_may_pass_is_waited_for(what: str, azure: Azure) -> None:
    azure.stage.answers(what, FORBIDDEN, BUSY)

    assert azure.run("check") == 0

    assert len(azure.stage.calls(*what.split())) == 3


@pytest.mark.parametrize(
    ("step", "what"),
    [("triggers", "az rest"), ("functions", "az functionapp function list"), ("works", "az functionapp keys list")],
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

    ((*_, url),) = azure.stage.calls("az", "rest", "--method", "post", "--url")
    site = "/subscriptions/{subscriptionId}/resourceGroups/rg-regis-pay-dev/providers/Microsoft.Web/sites/func-abc"
    assert url.startswith(f"{site}/host/default/sync?api-version=")


def test_the_subscription_is_the_one_that_azd_chose(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "sub-1")

    assert azure.run("check") == 0

    assert all(call[-2:] == ["--subscription", "sub-1"] for call in azure.stage.calls("az"))


ALL = json.loads(deployed.DECLARED.read_text())


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ([], "0 functions; missing: accept_payment, "),
        ([name for name in ALL if name != "void_payment"], "22 functions; missing: void_payment"),
        ([*ALL, "old_step"], "24 functions; not declared: old_step"),
    ],
    ids=["none", "one is missing", "one is left over"],
)
def test_functions_that_are_not_the_declared_ones_are_named(
    listed: list[str], says: str, azure: Azure, capsys: Printed
) -> None:
    azure.functions(*listed)

    assert azure.run("check", "--limit-s", "0.5") == 1

    printed = capsys.readouterr().out
    assert re.search(rf"^FAILED  functions: .*not within 0.5 s; last seen: {says}", printed, re.M)


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
    dead: Callable[[PlayedApp], None], says: str, azure: Azure, capsys: Printed
) -> None:
    dead(azure.app)

    assert azure.run("check", "--limit-s", "1") == 1

    printed = capsys.readouterr().out
    assert steps(printed)[-1] == ("FAILED", "works")
    assert says in printed


def test_an_older_build_that_still_answers_stops_the_run(azure: Azure, capsys: Printed) -> None:
    azure.app.build = "older"

    assert azure.run("check", "--limit-s", "0.3") == 1

    assert re.search(r"^FAILED  build: GET /api/health: not within 0.3 s", capsys.readouterr().out, re.M)


def test_a_package_of_another_commit_is_not_deployed(azure: Azure, capsys: Printed) -> None:
    assert azure.run("code", "--build-id", "def456") == 1

    printed = capsys.readouterr().out
    assert re.search(r"^FAILED  package: .* is of build abc123 and not def456\nNEXT    build it", printed, re.M)
    assert azure.app.packages == []


@pytest.mark.parametrize("package", [None, b"not a zip", b""], ids=["missing", "no zip", "empty"])
def test_what_is_no_package_is_not_deployed(package: bytes | None, azure: Azure, capsys: Printed) -> None:
    azure.package.unlink() if package is None else azure.package.write_bytes(package)

    assert azure.run("code") == 1

    assert re.search(r"^FAILED  package: .*is no package", capsys.readouterr().out, re.M)


def test_in_prod_no_token_of_the_local_provider_stands_in_for_a_real_one(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("AZURE_ENV_NAME", "prod")
    monkeypatch.setenv("SMOKE_PAYMENT_METHOD", " ")

    assert azure.run("needs") == 1

    printed = capsys.readouterr().out
    assert "FAILED  needs: not set: SMOKE_PAYMENT_METHOD, SMOKE_PARKING_METHOD\nNEXT    set it" in printed


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

    def dead_letter(bus: str, *, message_ids: set[str], reason: str) -> None:
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
    assert masked == (["master-key", "token-of-api://ops-1"] if where else [])
    assert "master-key" not in printed.out, "what is written there is kept in the summary of the run"


def test_without_the_azure_cli_the_run_stops_and_says_so(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("PATH", str(azure.package.parent))

    assert azure.run("code") == 1

    assert "FAILED  code: az functionapp show" in capsys.readouterr().out
