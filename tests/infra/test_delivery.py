"""How the workflows deliver: in order, one at a time, everywhere in the same way, in the time that a job has."""

import re

import pytest

from infra.deploy_options import Options
from infra.deployed import OUTPUTS, PAYMENT_LIMIT_S
from infra.package import PACKAGE
from infra.smoke_tokens import LOCAL_TOKENS, SAID_SO
from tests.infra.test_workflows import ACTIONS, GITHUB, ROOT, WORKFLOWS, jobs, loaded, steps


def test_one_run_at_a_time_and_a_deployment_is_neither_cut_off_nor_dropped_for_a_newer_one() -> None:
    """One that waits for its approval holds the group. Without `queue`, of those behind it only the last would stay: a
    push would drop a rollback."""
    groups = {path.stem: loaded(path).get("concurrency") for path in WORKFLOWS}
    deploying = {name: job["concurrency"] for name, job in jobs() if "concurrency" in job}

    assert {name for name, group in groups.items() if group is None} == {"deploy", "rollback"}
    assert deploying == {
        "rollback/deploy": {"group": "deploy-${{ inputs.environment }}", "queue": "max", "cancel-in-progress": False},
        "deploy/dev": {"group": "deploy-dev", "queue": "max", "cancel-in-progress": False},
        "deploy/prod": {"group": "deploy-prod", "queue": "max", "cancel-in-progress": False},
    }


INFRASTRUCTURE_S, BESIDE_S = 30 * 60, 10 * 60
"""What Azure may take for a new environment, and the steps that only install, sign in and sleep."""


def test_what_a_deployment_waits_for_ends_before_its_job_does() -> None:
    """A job that is killed leaves its deployment going in Azure, and nobody says what was waited for.

    The check overruns its limit by what it has begun: a payment, which it waits for thrice, and its refund, likewise.
    """
    waiting = [step for name, step in steps() if name == "deploy" and "infra/deploy.py" in step.get("run", "")]
    limited_s = len(waiting[1:]) * Options(PACKAGE).limit_s + 6 * PAYMENT_LIMIT_S

    ends_s = {name: 60 * job["timeout-minutes"] for name, job in jobs() if "actions/deploy" in str(job.get("steps"))}

    assert [re.findall(r"deploy\.py (\w+)", step["run"])[0] for step in waiting] == ["needs", "idle", "code", "check"]
    assert set(ends_s) == {"deploy/dev", "deploy/prod", "rollback/deploy"}
    assert min(ends_s.values()) > limited_s + INFRASTRUCTURE_S + BESIDE_S


def test_nothing_stands_between_a_sign_in_and_what_takes_its_tokens() -> None:
    """What GitHub vouches for at the sign-in holds for five minutes."""
    (action,) = ACTIONS
    taken = loaded(action)["runs"]["steps"]
    (check,) = [number for number, step in enumerate(taken) if "deploy.py check" in step.get("run", "")]

    assert taken[check - 1]["uses"].startswith("azure/login@")
    assert taken[check]["run"].startswith("python infra/deploy.py check")


def test_prod_comes_after_dev_and_dev_after_the_tests() -> None:
    found = dict(jobs())

    assert found["deploy/dev"]["needs"] == "ci"
    assert found["deploy/prod"]["needs"] == ["dev", "guard"]
    assert (found["deploy/dev"]["environment"], found["deploy/prod"]["environment"]) == ("dev", "prod")


@pytest.mark.parametrize("other", ["deploy/dev", "rollback/deploy"])
def test_every_environment_is_deployed_in_the_same_way_and_so_is_a_rollback(other: str) -> None:
    first, prod = dict(jobs())[other], dict(jobs())["deploy/prod"]

    assert first["env"] == prod["env"]
    for theirs, ours in zip(first["steps"], prod["steps"], strict=True):
        given = {name: value for name, value in theirs["with"].items() if name != "back"}
        assert theirs["uses"] == ours["uses"]
        assert {**given, "environment": "prod"} == {"environment": "prod", **ours["with"]}
        assert theirs["with"].get("back") == ("true" if other == "rollback/deploy" and "location" in given else None)


def test_the_package_is_built_in_one_place_only_and_the_same_file_is_deployed() -> None:
    building = [name for name, step in steps() if "make package" in step.get("run", "")]
    deploying = [name for name, step in steps() if "infra/deploy.py code" in step.get("run", "")]
    handed_on = [step["with"]["path"] for _, step in steps() if step.get("with", {}).get("name") == "app"]

    assert building == ["ci/package"]
    assert deploying == ["deploy"]
    assert set(handed_on) == {"dist/app.zip", "dist"}
    assert str(PACKAGE.relative_to(ROOT)) == "dist/app.zip"


def test_what_is_deployed_is_checked_and_is_of_the_commit_that_is_deployed() -> None:
    """The rules, the build, the functions and both roads: tests/infra/test_deploy.py."""
    (action,) = ACTIONS
    commands = [step["run"] for step in loaded(action)["runs"]["steps"] if "run" in step]
    (needs, idle, create, code, check) = (
        next(number for number, command in enumerate(commands) if words in command)
        for words in (
            "deploy.py needs",
            "deploy.py idle",
            "az deployment sub create",
            "deploy.py code",
            "deploy.py check",
        )
    )

    assert needs < idle < create < code < check
    assert '--build-id "$(git rev-parse HEAD)"' in commands[code]
    assert '--build-id $GITHUB_SHA"' in (GITHUB / "workflows/ci.yml").read_text()


def test_whatever_the_check_asks_for_is_given_to_it() -> None:
    (action,) = ACTIONS
    given = [
        step["env"].keys() for step in loaded(action)["runs"]["steps"] if "infra/deploy.py c" in step.get("run", "")
    ]
    asked = {*OUTPUTS, *LOCAL_TOKENS, "SMOKE_VOIDING_METHOD", "SMOKE_NOTIFICATION_URL", "AZURE_ENV_NAME"}

    assert [asked - names for names in given] == [set(), set()]
    of_the_job = {"OPS_CLIENT_ID", "SMOKE_PRINCIPAL_ID", "PROVIDER_BASE_URL", SAID_SO}
    assert of_the_job <= dict(jobs())["deploy/prod"]["env"].keys()


def test_no_token_of_the_local_provider_stands_in_a_workflow() -> None:
    assert [path.stem for path in [*WORKFLOWS, *ACTIONS] if re.search(r"\bpm_\w+", path.read_text())] == []


def test_a_rollback_deploys_the_released_file_and_no_other() -> None:
    (download,) = [step["run"] for step in dict(jobs())["rollback/package"]["steps"] if "run" in step]
    (publish,) = [step["run"] for step in dict(jobs())["release/publish"]["steps"] if "run" in step]
    attested = [step["with"] for name, step in steps() if "attest" in str(step.get("uses"))]

    assert publish.startswith('gh release create "$GITHUB_REF_NAME" dist/app.zip --verify-tag')
    assert attested == [{"subject-path": "dist/app.zip"}]
    assert download.index("gh release download") < download.index("gh attestation verify dist/app.zip")
    assert "package" in dict(jobs())["rollback/deploy"]["needs"]
