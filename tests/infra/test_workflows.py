"""The workflows and what surrounds them: valid, least rights, pinned, bounded, in step with the rest of the tree."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML  # comes with check-jsonschema

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))

COMPILING = "python infra/bicep_check.py --install"
PREPARING = ("actions/checkout@", "actions/setup-python@")

type Job = dict[str, Any]


@cache
def loaded(path: Path) -> dict[str, Any]:
    """Read once, so nobody may change it."""
    held: dict[str, Any] = YAML(typ="safe").load(path)
    return held


def jobs() -> Iterator[tuple[str, Job]]:
    """Of all workflows, by `workflow/job`."""
    for path in WORKFLOWS:
        yield from ((f"{path.stem}/{name}", job) for name, job in loaded(path)["jobs"].items())


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in jobs():
        yield from ((name, step) for step in job.get("steps", ()))
    for path in ACTIONS:
        yield from ((path.parent.name, step) for step in loaded(path)["runs"]["steps"])


def tool(name: str, *arguments: str | Path) -> str:
    """What a tool of the development environment says; it must be content."""
    command = [str(Path(sys.executable).parent / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_workflows_of_the_delivery_are_there() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "deploy", "nightly", "pins", "release", "rollback", "what-if"]


def test_zizmor_finds_no_weakness() -> None:
    tool("zizmor", "--offline", "--strict-collection", GITHUB)


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", ACTIONS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
        ("vendor.compose-spec", [ROOT / "compose.yaml"]),
    ],
)
def test_the_public_schema_holds(schema: str, paths: list[Path]) -> None:
    assert paths

    tool("check-jsonschema", "--builtin-schema", schema, *paths)


def test_every_action_of_others_is_pinned_by_commit_and_says_its_version() -> None:
    lines = [line.strip() for path in [*WORKFLOWS, *ACTIONS] for line in path.read_text().splitlines()]
    used = [line.removeprefix("- ") for line in lines if re.match(r"(- )?uses:", line)]

    assert used
    for line in used:
        assert re.fullmatch(r"uses: ([\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\$/\.github/[\w./-]+)", line), line


def test_one_action_has_one_version_everywhere() -> None:
    text = "\n".join(path.read_text() for path in [*WORKFLOWS, *ACTIONS])
    pins: dict[str, set[str]] = {}

    for action, pin in re.findall(r"uses: ([\w-]+/[\w./-]+)@(.+)", text):
        pins.setdefault(action, set()).add(pin)

    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_what_the_repository_uses_of_itself_is_there() -> None:
    own = {step["uses"] for _, step in [*steps(), *jobs()] if str(step.get("uses", "")).startswith("$/")}

    assert own == {"$/.github/workflows/ci.yml", "$/.github/actions/deploy"}
    assert (GITHUB / "workflows/ci.yml").is_file()
    assert (GITHUB / "actions/deploy/action.yml").is_file()


def test_no_right_is_given_to_a_whole_workflow_and_few_to_a_job() -> None:
    allowed = {("contents", "read"), ("id-token", "write"), ("pull-requests", "write"), ("attestations", "read")}
    more = {
        "release/publish": {("contents", "write"), ("attestations", "write")},
        "pins/propose": {("contents", "write")},
        "deploy/guard": {("actions", "read")},
        "rollback/guard": {("actions", "read")},
    }

    assert [path.stem for path in WORKFLOWS if loaded(path)["permissions"] != {}] == []
    assert [
        name for name, job in jobs() if not set(job["permissions"].items()) <= allowed | more.get(name, set())
    ] == []


def test_what_may_sign_in_to_azure_may_not_write_to_github_and_runs_in_an_environment() -> None:
    """The release shows GitHub's word for who it is to whoever keeps statements, and to nobody in Azure."""
    signing_in = {name: job for name, job in jobs() if "id-token" in job["permissions"]}
    stating = signing_in.pop("release/publish")

    assert signing_in.keys() == {"deploy/dev", "deploy/prod", "rollback/deploy", "what-if/ask", "nightly/azure"}
    for name, job in signing_in.items():
        assert "write" not in {value for right, value in job["permissions"].items() if right != "id-token"}, name
        assert "environment" in job, name
    assert stating["environment"] == "release"
    assert not [step for step in stating["steps"] if "azure" in str(step).lower() or "checkout" in str(step)]


def test_what_may_write_runs_nothing_of_the_repository_and_nothing_that_was_just_installed() -> None:
    writing = {name: job for name, job in jobs() if job["permissions"].get("contents") == "write"}

    commands = {name: " ".join(step.get("run", "") for step in job["steps"]) for name, job in writing.items()}

    assert writing.keys() == {"release/publish", "pins/propose"}
    assert not [name for name, text in commands.items() if re.search(r"\b(make|python|pip|npm|uv)\b", text)]


def test_a_release_waits_for_its_contracts_and_its_tests() -> None:
    """A job that fails leaves out whatever needs it."""
    of_release = {name.removeprefix("release/"): job for name, job in jobs() if name.startswith("release/")}

    assert {name: job.get("needs") for name, job in of_release.items()} == {
        "contracts": None,
        "ci": "contracts",
        "publish": "ci",
    }
    assert [step["run"] for step in of_release["contracts"]["steps"] if "docs/contracts/released/" in str(step)]


def test_every_job_ends_by_itself() -> None:
    own = {name: job for name, job in jobs() if "steps" in job}

    assert {name: job.get("timeout-minutes") for name, job in own.items() if not job.get("timeout-minutes")} == {}


def test_a_failure_inside_a_pipe_stops_a_step() -> None:
    """The shell that GitHub takes when none is named goes on."""
    shells = {path.stem: loaded(path).get("defaults", {}).get("run", {}).get("shell") for path in WORKFLOWS}
    running = {name.split("/")[0] for name, job in jobs() for step in job.get("steps", ()) if "run" in step}

    assert {shells[name] for name in running} == {"bash"}
    assert {step["shell"] for path in ACTIONS for step in loaded(path)["runs"]["steps"] if "run" in step} == {"bash"}


def test_nothing_of_a_pull_request_from_outside_runs_with_rights() -> None:
    assert {path.stem: sorted(loaded(path)["on"]) for path in WORKFLOWS} == {
        "ci": ["pull_request", "workflow_call"],
        "deploy": ["push", "workflow_dispatch"],
        "nightly": ["schedule", "workflow_dispatch"],
        "pins": ["schedule", "workflow_dispatch"],
        "release": ["push"],
        "rollback": ["workflow_dispatch"],
        "what-if": ["pull_request"],
    }
    assert "head.repo.full_name == github.repository" in dict(jobs())["what-if/ask"]["if"]


def test_no_secret_is_used_anywhere() -> None:
    """Azure takes GitHub's word for who runs; what the environments differ in is no secret."""
    assert [path.name for path in [*WORKFLOWS, *ACTIONS] if "secrets." in path.read_text()] == []


def test_no_checkout_leaves_its_token_behind() -> None:
    checkouts = [step for _, step in steps() if str(step.get("uses", "")).startswith("actions/checkout@")]

    assert checkouts
    told = [dict(step["with"]) for step in checkouts]
    assert all(each.pop("persist-credentials") is False for each in told)
    assert [each for each in told if each] == [{"fetch-depth": 0}], "only the tests read history"


def test_what_azure_could_not_foresee_is_told_too() -> None:
    asking = next(step["run"] for _, step in steps() if "what-if.json" in step.get("run", ""))

    assert ".diagnostics" in asking


def test_what_the_parameter_files_read_is_set_wherever_they_are_used() -> None:
    """Those with a default too: one that nobody sets is a setting that nobody can change."""
    text = "\n".join(path.read_text() for path in ROOT.glob("infra/*.bicepparam"))
    read = set(re.findall(r"readEnvironmentVariable\('(\w+)'", text))
    asking = next(step for _, step in steps() if "what-if.json" in step.get("run", ""))

    assert read
    assert read <= dict(jobs())["deploy/dev"]["env"].keys()
    assert read <= asking["env"].keys()


def test_the_pinned_compiler_is_installed_and_content_before_anything_else_is_done_with_infra() -> None:
    """By the one command that people use too; it also makes the Azure CLI compile with that compiler.

    Where the values of an environment are given, nothing stands in for one that is not.
    """
    (action,) = ACTIONS
    places = [
        (dict(jobs())["ci/test"]["steps"], COMPILING),
        (dict(jobs())["what-if/ask"]["steps"], COMPILING),
        (loaded(action)["runs"]["steps"], f"{COMPILING} --values-given"),
    ]

    for place, command in places:
        before = [step for step in place if not str(step.get("uses", "")).startswith(PREPARING)]
        assert before[0].get("run") == command, place
    assert not [name for name, step in steps() if "az bicep" in step.get("run", "")]


def test_no_step_is_left_out_and_no_failure_is_passed_over() -> None:
    going_on = [name for name, each in [*steps(), *jobs()] if "continue-on-error" in each]
    sometimes = [(name, step["if"]) for name, step in steps() if "if" in step]
    jobs_sometimes = {name for name, job in jobs() if "if" in job}

    assert going_on == []
    assert sometimes == [("nightly/emulators", "failure()")]
    assert jobs_sometimes == {"deploy/dev", "deploy/guard", "what-if/ask", "nightly/azure"}, (
        "what a person asks for, such as a rollback, is done or fails: a job that is left out is green"
    )
    assert all(job["if"].startswith("vars.AZURE_") for _, job in jobs() if "if" in job)


def test_in_ci_the_tests_of_the_compiler_are_never_skipped() -> None:
    """BICEP names the compiler that the step before put there, and what is named and absent is a fault."""
    running = [step["run"] for step in dict(jobs())["ci/test"]["steps"] if "run" in step]

    assert running == [COMPILING, 'BICEP="$HOME/.azure/bin/bicep" make test']


def test_what_is_read_of_the_deployment_is_what_main_bicep_gives() -> None:
    outputs = set(re.findall(r"^output (\w+)", (ROOT / "infra/main.bicep").read_text(), re.MULTILINE))
    (action,) = ACTIONS

    asked = set(re.findall(r"steps\.infra\.outputs\.(\w+)", action.read_text()))

    assert asked
    assert asked <= outputs


def test_every_file_and_target_that_a_command_names_is_there() -> None:
    commands = "\n".join(step.get("run", "") for _, step in steps())
    makefile = (ROOT / "Makefile").read_text()

    missing = [
        name for name in re.findall(r"\binfra/[\w/.-]+\.(?:py|bicep)\b", commands) if not (ROOT / name).is_file()
    ]
    untold = [name for name in re.findall(r"\bmake ([\w./]+)", commands) if f"\n{name}:" not in makefile]

    assert missing == []
    assert untold == []


def test_nobody_is_named_as_an_owner() -> None:
    owners = re.findall(r"@\S+", (GITHUB / "CODEOWNERS").read_text())

    assert owners
    assert [owner for owner in owners if not re.fullmatch(r"@ORG/[\w-]+", owner)] == []


def test_every_place_that_has_an_owner_is_there() -> None:
    owned = re.findall(r"(?m)^/(\S+) +@", (GITHUB / "CODEOWNERS").read_text())

    assert owned
    assert [pattern for pattern in owned if not [*ROOT.glob(pattern)]] == []


def test_whatever_is_pinned_is_kept_up_to_date() -> None:
    watched = {each["package-ecosystem"] for each in loaded(GITHUB / "dependabot.yml")["updates"]}
    renewing = [step["run"] for name, step in steps() if name == "pins/renew" and "run" in step]

    assert watched == {"github-actions", "docker-compose", "devcontainers", "npm"}
    assert [command.split()[:2] for command in renewing] == [["make", "pin"], ["make", "test"]], "uv's pins, at once"


def test_the_emulators_are_pinned_checked_and_reachable_from_this_machine_only() -> None:
    services = loaded(ROOT / "compose.yaml")["services"]

    assert [name for name, each in services.items() if re.search(r":(latest|vnext-latest)$", each["image"])] == []
    assert [
        port for each in services.values() for port in each.get("ports", ()) if not port.startswith("127.0.0.1:")
    ] == []
    for name in ("storage", "cosmos", "servicebus"):
        assert f"http://{name}:" in str(services["ready"]["healthcheck"]["test"])
    assert services["servicebus"]["depends_on"]["mssql"]["condition"] == "service_healthy"


def test_the_emulator_mounts_the_configuration_that_is_generated() -> None:
    (mount,) = loaded(ROOT / "compose.yaml")["services"]["servicebus"]["volumes"]

    assert mount.split(":")[0] == "./infra/emulators/servicebus-config.json"
    assert (ROOT / mount.split(":")[0]).is_file()
