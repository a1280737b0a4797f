"""`infra/guard.py`: production is not deployed to unasked, and not with the values of another environment."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.guard import OF_THE_REPOSITORY, SAID_SO, THE_WORDS, main
from tests.infra.stage import Stage, staged, step_on
from tests.infra.test_workflows import ROOT, jobs

REVIEWED = {"protected_by": ["required_reviewers", "branch_policy"]}


@pytest.fixture
def github(tmp_path: Path) -> Stage:
    stage = staged(tmp_path / "stage")
    stage.keep(github=REVIEWED)
    return stage


type Printed = pytest.CaptureFixture[str]


def known(variables: dict[str, str]) -> dict[str, str]:
    return {"GITHUB_REPOSITORY": "owner/name", "REPOSITORY_VARIABLES": json.dumps(variables)}


def asked(github: Stage, environment: str = "prod", **variables: str) -> int:
    """The exit code. In this process."""
    with pytest.MonkeyPatch.context() as here:
        step_on(github, here, **known(variables))
        here.setattr(sys, "argv", ["guard.py", environment])
        return main()


def test_the_job_starts_it_as_a_file(github: Stage) -> None:
    command, environment = [sys.executable, str(ROOT / "infra/guard.py"), "prod"], {**github.environment, **known({})}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stdout) == (0, "ok      prod waits for an approval\n")


def test_production_that_waits_for_an_approval_may_be_deployed_to(github: Stage, capsys: Printed) -> None:
    assert asked(github, AZURE_DEPLOY="true", COLOUR="blue") == 0

    assert capsys.readouterr().out == "ok      prod waits for an approval\n"


@pytest.mark.parametrize("protected_by", [[], ["branch_policy"], ["wait_timer"]])
def test_production_without_reviewers_is_refused(protected_by: list[str], github: Stage, capsys: Printed) -> None:
    github.keep(github={"protected_by": protected_by})

    assert asked(github) == 1

    printed = capsys.readouterr().out
    assert "FAILED  prod would be deployed to without an approval\nNEXT    give its environment" in printed


def test_that_nobody_need_approve_is_said_in_words_and_not_with_a_switch(github: Stage) -> None:
    github.keep(github={"protected_by": []})

    assert asked(github, **{SAID_SO: "true"}) == 1
    assert asked(github, **{SAID_SO: THE_WORDS}) == 0


def test_production_whose_environment_cannot_be_seen_is_refused(github: Stage, capsys: Printed) -> None:
    github.answers("gh api", (1, '{"message": "Not Found"}', "gh: Not Found (HTTP 404)"))

    assert asked(github) == 1

    printed = capsys.readouterr().out
    assert "Not Found (HTTP 404)\nNEXT    " in printed


@pytest.mark.parametrize("name", ["OPS_CLIENT_ID", "AZURE_CLIENT_ID", "SMOKE_PAYMENT_METHOD"])
def test_production_takes_no_value_that_is_set_for_the_whole_repository(
    name: str, github: Stage, capsys: Printed
) -> None:
    """GitHub fills what an environment lacks from there, and azd writes it there."""
    assert asked(github, AZURE_DEPLOY="true", **{name: "of-dev"}) == 1

    printed = capsys.readouterr().out
    assert f"FAILED  prod would take from the whole repository: {name}\nNEXT    gh variable delete" in printed


def test_another_environment_than_production_is_not_held_to_it(github: Stage) -> None:
    github.keep(github={"protected_by": []})

    assert asked(github, "dev", OPS_CLIENT_ID="of-dev") == 0


def test_the_runs_that_wait_in_front_are_named_with_the_way_to_end_them(github: Stage, capsys: Printed) -> None:
    github.answers("gh run list", (0, "17\n23", ""))

    assert asked(github) == 0

    printed = capsys.readouterr().out
    assert [line.rpartition(": ")[2] for line in printed.splitlines()[1:]] == [
        "gh run cancel 17",
        "gh run cancel 23",
    ]


@pytest.mark.parametrize("name", ["deploy/guard", "rollback/guard"])
def test_the_guard_sees_the_variables_of_the_repository_and_stands_before_production(name: str) -> None:
    found = dict(jobs())
    guard, after = found[name], found["deploy/prod" if name.startswith("deploy") else "rollback/deploy"]
    (step,) = [step for step in guard["steps"] if "run" in step]

    assert "environment" not in guard, "with one, GitHub would mix its variables in"
    assert "guard" in after["needs"]
    assert step["env"]["REPOSITORY_VARIABLES"] == "${{ toJSON(vars) }}"
    assert guard["permissions"] == {"contents": "read", "actions": "read"}


def test_what_stays_with_the_repository_is_what_no_environment_can_hold() -> None:
    """A job's `if` is read before its environment is entered, and the guard has none."""
    conditions = " ".join(job.get("if", "") for name, job in jobs() if name.startswith("deploy/"))

    assert {name for name in OF_THE_REPOSITORY if f"vars.{name}" in conditions} == OF_THE_REPOSITORY - {SAID_SO}
