"""`azd up`: its file agrees with infra/, every hook runs, and one of them makes one app registration and no secret."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML  # comes with check-jsonschema

from infra import azure_cli, register_ops
from infra.package import FILES, PACKAGES, SITE_PACKAGES
from infra.register_ops import name_of
from tests.infra.played_app import PlayedApp, serving
from tests.infra.product import INFRA, ROOT, Infra
from tests.infra.stage import Stage, staged, step_on
from tests.infra.standin import Answer

AZURE_YAML: dict[str, Any] = YAML(typ="safe").load(ROOT / "azure.yaml")
PARAMETERS: dict[str, Any] = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
HOOK = INFRA / "register_ops.py"

TOLD = ["azd", "env", "set", "OPS_CLIENT_ID", "app-1", "--environment", "dev"]
GRAPH = "https://graph.microsoft.com/v1.0"
NOT_KNOWN_YET: Answer = (1, "", "ERROR: Resource 'app-1' does not exist or one of its queried references")


@pytest.fixture
def azure(tmp_path: Path) -> Stage:
    return staged(tmp_path / "stage")


def run(azure: Stage, **more: str) -> str:
    """What the hook writes for a script to read. In this process; fails with what it says went wrong."""
    said, complained = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as here, redirect_stdout(said), redirect_stderr(complained):
        step_on(azure, here, **{"AZURE_ENV_NAME": "dev", **more})
        code = register_ops.main([])
    return checked(code, said.getvalue(), complained.getvalue())


def started(azure: Stage) -> str:
    """As azd starts it."""
    command, environment = [sys.executable, str(HOOK)], {**azure.environment, "AZURE_ENV_NAME": "dev"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=110)
    return checked(done.returncode, done.stdout, done.stderr)


def checked(code: int, said: str, complained: str) -> str:
    if code:
        assert said == "", "a script reads standard output, and would go on with it"
    assert code == 0, complained
    return said


def bodies(azure: Stage) -> list[dict[str, Any]]:
    """What Microsoft Graph was told, in order."""
    return [json.loads(call[call.index("--body") + 1]) for call in azure.calls("az", "rest") if "--body" in call]


def hooks() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each by its name; those of the service too."""
    yield from AZURE_YAML["hooks"].items()
    yield from AZURE_YAML["services"]["app"]["hooks"].items()


def test_the_service_of_azd_is_the_tag_of_the_site() -> None:
    (service,) = AZURE_YAML["services"]

    modules = Infra(INFRA).files["main.bicep"].modules()

    assert modules["functionApp"]["params"]["serviceName"] == service
    assert f"SERVICE_{service.upper()}_URL" in Infra(INFRA).files["main.bicep"].outputs


def test_the_files_that_azd_is_told_of_are_there() -> None:
    assert {path for _, hook in hooks() for path in re.findall(r"infra/\w+\.py", hook["posix"]["run"])} == {
        "infra/register_ops.py",
        "infra/package.py",
        "infra/deploy.py",
    }
    assert AZURE_YAML["infra"] == {"provider": "bicep", "path": "infra", "module": "main"}


def test_each_hook_is_the_same_line_in_both_shells() -> None:
    for name, hook in hooks():
        assert hook["windows"]["run"] == hook["posix"]["run"].replace(".venv/bin/", ".venv/Scripts/"), name
        assert (hook["posix"]["shell"], hook["windows"]["shell"]) == ("sh", "pwsh"), name
        assert hook["posix"].get("continueOnError") is None, name
        assert "\n" not in hook["posix"]["run"], name


def test_azd_ships_what_was_built_here() -> None:
    service = AZURE_YAML["services"]["app"]

    assert service["remoteBuild"] is False
    assert f"--folder {service['dist']}" in service["hooks"]["prepackage"]["posix"]["run"]


def test_the_template_says_which_release_of_the_project_it_is() -> None:
    (version,) = re.findall(r'(?m)^version = "(.+)"$', (ROOT / "pyproject.toml").read_text())

    assert AZURE_YAML["metadata"]["template"] == f"{AZURE_YAML['name']}@{version}"


def test_azd_asks_for_nothing_but_what_it_cannot_know() -> None:
    asked = {name for name, entry in PARAMETERS.items() if re.fullmatch(r"\$\{\w+\}", str(entry["value"]))}

    unknowable = {"environmentName", "location", "providerBaseUrl", "opsClientId"}
    assert asked == unknowable, "each more is one more question before the first deployment: can it have a default?"


def test_what_azd_takes_where_nothing_is_set_is_the_default_of_main_bicep() -> None:
    texts = {name: str(entry["value"]) for name, entry in PARAMETERS.items()}
    given = {name: found[1] for name, text in texts.items() if (found := re.fullmatch(r"\$\{\w+=(.*)\}", text))}
    declared = dict(re.findall(r"(?m)^param (\w+) \S+ = (.+)$", (INFRA / "main.bicep").read_text()))

    assert {"alertEmails", "instanceMemoryMb", "privateNetworking", "monthlyBudget"} <= given.keys()
    assert {name: text for name, text in given.items() if name in declared and declared[name].strip("'") != text} == {}
    assert given.keys() - declared.keys() == {"merchantId"}, "which main.bicep leaves to whoever deploys"


def test_what_the_pipeline_is_given_is_what_the_workflow_reads() -> None:
    workflow = (ROOT / ".github/workflows/deploy.yml").read_text()

    assert [name for name in AZURE_YAML["pipeline"]["variables"] if f"vars.{name}" not in workflow] == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a hook finds where azd runs it."""
    folder = tmp_path / "checkout"
    for name in ("infra", *PACKAGES):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    (folder / "requirements.txt").write_text("".join(map(pin, FEW)))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


FEW = ("azure-functions", "werkzeug", "markupsafe")
"""What one library needs: that the whole of it is installed and runs is for tests/package."""


def pin(name: str) -> str:
    """As it is pinned, with its hashes."""
    (found,) = re.findall(rf"(?m)^{name}==.*\n(?: .*\n)+", (ROOT / "requirements.txt").read_text())
    return str(found)


def hook(name: str, *, checkout: Path, environment: dict[str, str]) -> str:
    """Runs the line that azd would run."""
    line = dict(hooks())[name]["posix"]["run"]
    done = subprocess.run(
        ["sh", "-c", line], cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(600)  # installs what it packs
def test_every_hook_of_azd_up_runs_and_what_was_packed_is_what_is_checked(checkout: Path, azure: Stage) -> None:
    """In the order of `azd up`, with what azd has in its environment at the time."""
    environment = {**azure.environment, "AZURE_ENV_NAME": "dev"}

    hook("prepackage", checkout=checkout, environment=environment)
    hook("preprovision", checkout=checkout, environment=environment)

    shipped = checkout / AZURE_YAML["services"]["app"]["dist"]
    assert (shipped / "function_app.py").is_file()
    assert (shipped / SITE_PACKAGES / "azure/functions/__init__.py").is_file()
    assert azure.calls("azd") == [TOLD]

    build = (shipped / "shared/build_id.txt").read_text().strip()
    with serving(PlayedApp(build=build, token="token-of-api://app-1")) as url:
        outputs = {"AZURE_RESOURCE_GROUP": "rg", "AZURE_FUNCTION_APP_NAME": "func-abc", "SERVICEBUS_NAMESPACE": "bus"}
        told = {"OPS_CLIENT_ID": "app-1", "PROVIDER_BASE_URL": "https://a-7090.devtunnels.ms"}
        known = {**environment, **outputs, "SERVICE_APP_URL": url, **told}
        said = hook("postdeploy", checkout=checkout, environment=known)

    assert re.findall(r"^(\w+) +(?:package|functions|works):", said, re.MULTILINE) == ["ok"] * 3


def test_the_hook_registers_one_app_however_often_it_runs(azure: Stage) -> None:
    run(azure)
    started(azure)

    assert len(azure.calls("az", "ad", "app", "create")) == 1
    assert len(azure.calls("az", "ad", "sp", "create")) == 1
    assert azure.calls("azd") == [TOLD] * 2


def test_an_environment_whose_name_begins_alike_has_another_registration(azure: Stage) -> None:
    azure.keep(apps={f"{name_of('dev', subscription='sub-1')}2": "app-of-dev2"})

    said = run(azure, AZURE_SUBSCRIPTION_ID="sub-1")

    assert "app-of-dev2" not in said
    assert [call[4] for call in azure.calls("azd")] == ["app-2"]


def test_two_environments_of_one_name_in_two_subscriptions_have_a_registration_each(azure: Stage) -> None:
    """To tear one down deletes its own, and not that of the other."""
    first, second = (run(azure, AZURE_SUBSCRIPTION_ID=each) for each in ("sub-1", "sub-2"))

    assert (first, second) == ("OPS_CLIENT_ID=app-1\n", "OPS_CLIENT_ID=app-2\n")


def test_where_azd_has_chosen_none_the_subscription_is_the_default_one(azure: Stage) -> None:
    run(azure)

    (created,) = azure.calls("az", "ad", "app", "create")
    assert name_of("dev", subscription="00000000-0000-0000-0000-00000000000A") in created


def test_another_tenant_than_that_of_the_subscription_is_not_registered_in(azure: Stage) -> None:
    """`az ad` works in the tenant of the default account, whatever subscription azd has chosen."""
    azure.keep(tenants={"default": "tenant-1", "sub-2": "tenant-2"})

    with pytest.raises(AssertionError, match=r"tenant-1, .*tenant-2\n *NEXT    az account set --subscription sub-2"):
        run(azure, AZURE_SUBSCRIPTION_ID="sub-2")

    assert azure.calls("az", "ad") == []


@pytest.mark.parametrize("word", ["applications(appId='a')", "a&b", "a|b", "a>b", "a^b", "%PATH%"])
def test_on_windows_no_word_is_given_that_a_batch_file_takes_apart(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_cli, "WINDOWS", True)

    with pytest.raises(azure_cli.CommandFailed, match="az on Windows is a batch file"):
        azure_cli.az("rest", "--url", word)


def test_az_is_started_with_the_very_words_and_what_it_says_comes_back(
    azure: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process, where most tests here have it answer in their own."""
    monkeypatch.setenv("PATH", azure.environment["PATH"])
    monkeypatch.setenv("STAGE", str(azure.folder))
    words = ["ad", "app", "list", "--display-name", "it's \"Zoë's\" $HOME; a", "--filter", "", "--query", "[0].appId"]
    azure.answers("az ad app list", (0, "first\nsecond", "a warning\n"), (1, "half", "ERROR: no such\n"))

    assert azure_cli.az(*words) == "first\nsecond"
    with pytest.raises(azure_cli.CommandFailed, match=r"^az ad app list .*: ERROR: no such$"):
        azure_cli.az(*words)

    assert azure.calls() == [["az", *words]] * 2


def test_nothing_that_the_hook_says_to_the_azure_cli_is_such_a_word(azure: Stage) -> None:
    run(azure)

    words = {word for call in azure.calls("az") for word in call if not word.startswith("{")}
    assert not [word for word in words if re.search(r"[()&|<>^%]", word)]
    assert {word for word in words if "graph.microsoft.com" in word} == {
        f"{GRAPH}/applications/object-of-app-1",
        f"{GRAPH}/servicePrincipals/sp-of-app-1",
        f"{GRAPH}/servicePrincipals/sp-of-app-1/appRoleAssignedTo",
    }


def test_by_hand_it_needs_no_environment_of_azd(azure: Stage) -> None:
    azure.answers("azd env set", (1, "", "ERROR: environment 'dev' does not exist"))

    assert run(azure) == "OPS_CLIENT_ID=app-1\n"


def test_the_hook_leaves_a_given_registration_alone(azure: Stage) -> None:
    said = run(azure, OPS_CLIENT_ID="given-1")

    assert "given-1" in said
    assert azure.calls("az") == []


def test_the_hook_exposes_the_scope_before_it_trusts_the_cli_with_it(azure: Stage) -> None:
    run(azure)

    exposed, trusted = (body for body in bodies(azure) if "api" in body)
    (scope,) = exposed["api"]["oauth2PermissionScopes"]
    (program,) = trusted["api"]["preAuthorizedApplications"]
    assert exposed["identifierUris"] == ["api://app-1"]
    assert program["delegatedPermissionIds"] == [scope["id"]]
    assert program["appId"] == "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "the Azure CLI, by which operators get a token"


def test_the_hook_makes_no_secret(azure: Stage) -> None:
    run(azure)

    said = [" ".join(call) for call in azure.calls("az")]
    assert not [call for call in said if "credential" in call or "password" in call or "secret" in call]


def test_a_registration_that_is_not_known_everywhere_yet_is_waited_for(azure: Stage) -> None:
    azure.answers("az ad sp create", NOT_KNOWN_YET)

    run(azure)

    assert len(azure.calls("az", "ad", "sp", "create")) == 2


@pytest.mark.parametrize(
    ("environment", "says"),
    [({"AZURE_ENV_NAME": ""}, "AZURE_ENV_NAME is ''"), ({"AZURE_ENV_NAME": "a' or true"}, "AZURE_ENV_NAME is ")],
)
def test_without_a_usable_name_the_hook_stops_and_asks_nothing(
    environment: dict[str, str], says: str, azure: Stage
) -> None:
    with pytest.raises(AssertionError, match=says):
        run(azure, **environment)

    assert azure.calls() == []


def test_who_may_not_register_apps_is_told_what_to_do(azure: Stage) -> None:
    azure.answers("az ad app create", (1, "", "ERROR: Insufficient privileges to complete the operation."))

    with pytest.raises(AssertionError, match=r"Insufficient privileges(.|\n)*NEXT    sign in"):
        started(azure)

    assert azure.calls("azd") == []
