"""May this environment be deployed to from GitHub? `python infra/guard.py prod`, before the job that has the rights.

GitHub makes an environment that a workflow names and that is not there, without any protection. A repository's plan may
know no approvals. And what an environment lacks, GitHub fills from the variables of the whole repository, which are
dev's then. All three would deploy to production, and none would say so. Runs in a job without an environment: there
`vars` are those of the repository. Standard library only; asks `gh`.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.deploy_options import Stopped

WORKFLOW = Path(__file__).resolve().parent.parent / ".github" / "workflows" / "deploy.yml"

SAID_SO = "PROD_WITHOUT_APPROVAL"
THE_WORDS = "whoever may push to main may deploy to production"
OF_THE_REPOSITORY = frozenset({"AZURE_DEPLOY", SAID_SO})
ONE_FOR_ALL = frozenset({"AZURE_TENANT_ID", "AZURE_LOCATION"})
"""May be set for the repository or its organisation. All others that the workflow reads belong to an environment."""

APPROVALS = (
    "give its environment required reviewers (docs/deploy.md; in a private repository GitHub Enterprise has them), "
    f'or say that nobody need approve: gh variable set {SAID_SO} --body "{THE_WORDS}"'
)
OWN = "gh variable delete NAME, and set it for each environment with gh variable set NAME --env ENVIRONMENT"


def guarded(environment: str, *, repository: str, variables: dict[str, str]) -> str:
    """What was seen, in one line. variables: those of the whole repository. Raises Stopped."""
    if environment.lower() != "prod":
        return f"{environment} asks for no approval"
    read = set(re.findall(r"\bvars\.(\w+)", WORKFLOW.read_text())) - OF_THE_REPOSITORY - ONE_FOR_ALL
    if shared := sorted(read & {name.upper() for name, text in variables.items() if text}):
        raise Stopped(f"{environment} would take from the whole repository: {', '.join(shared)}", do=OWN)
    asked = ["api", f"repos/{repository}/environments/{environment}", "--jq", ".protection_rules[].type"]
    if "required_reviewers" in _gh(*asked).split():
        return f"{environment} waits for an approval"
    if variables.get(SAID_SO, "").strip() != THE_WORDS:
        raise Stopped(f"{environment} would be deployed to without an approval", do=APPROVALS)
    return f"{environment} waits for nobody: {THE_WORDS}"


def waiting() -> list[str]:
    """The runs that wait for an approval: they come first, whoever asks later."""
    listed = ["run", "list", "--workflow", WORKFLOW.name, "--status", "waiting", "--json", "databaseId"]
    return _gh(*listed, "--jq", ".[].databaseId").split()


def _gh(*words: str) -> str:
    """Raises Stopped."""
    done = subprocess.run(["gh", *words], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603, S607 - our own words
    if done.returncode:
        raise Stopped(f"gh {' '.join(words)}: {done.stderr.strip()}", do="see whether the environment is there")
    return done.stdout


def main() -> int:
    (environment,) = sys.argv[1:]
    variables = json.loads(os.environ["REPOSITORY_VARIABLES"])
    try:
        print(f"ok      {guarded(environment, repository=os.environ['GITHUB_REPOSITORY'], variables=variables)}")
        for run in waiting():
            print(f"WAITING run {run} waits for its approval and goes first. If it must not: gh run cancel {run}")
    except Stopped as exc:
        print(f"FAILED  {exc}\nNEXT    {exc.do}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
