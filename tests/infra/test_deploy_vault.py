"""docs/deploy.md puts secrets into the vault: each of them if there is one, and nobody keeps the right to do so."""

from pathlib import Path
from textwrap import indent

import pytest

from shared.callers import webhook_secrets
from tests.infra.standin import Answer
from tests.infra.test_deploy_guide import Told, blocks, typed

(MAKES,) = [block for block in blocks() if "> the-secrets.txt" in block]
(PUTS,) = [block for block in blocks() if "az keyvault secret set" in block]

pytestmark = pytest.mark.timeout(60)

REFUSED: Answer = (1, "", "ERROR: (Forbidden) Caller is not authorized to perform action. ForbiddenByRbac")


def done(folder: Path, *commands: str, **more: object) -> Told:
    """What came of typing them."""
    return typed("".join(f"\n\n{indent(each, '    ')}\n" for each in commands), folder, **more)


def put(told: Told) -> list[tuple[str, str]]:
    """The secret and its file, of each time that it was tried."""
    calls = told.stage.calls("az", "keyvault", "secret", "set")
    return [(call[call.index("--name") + 1], call[call.index("--file") + 1]) for call in calls]


def rights(told: Told) -> list[str]:
    """What was done with them, in order; each time the same."""
    calls = told.stage.calls("az", "role", "assignment")
    assert len({tuple(call[4:]) for call in calls}) <= 1
    return [call[3] for call in calls]


KEY, SECRETS = ("provider-api-key", "the-key.txt"), ("provider-webhook-secrets", "the-secrets.txt")


def test_both_are_put_where_the_app_looks_for_them(tmp_path: Path) -> None:
    told = done(tmp_path, MAKES, PUTS)

    assert told.code == 0, told.said[-2000:]
    assert put(told) == [KEY, SECRETS]
    assert rights(told) == ["create", "delete"]


def test_the_secret_that_the_guide_makes_is_one_that_the_app_takes(tmp_path: Path) -> None:
    assert done(tmp_path, MAKES, MAKES.replace("> the", ">> the")).code == 0

    made = webhook_secrets((tmp_path / "checkout" / "the-secrets.txt").read_text())

    assert len(set(made)) == 2


@pytest.mark.parametrize(
    ("before", "there"),
    [("rm the-key.txt", []), (f"{MAKES}rm the-key.txt", [SECRETS]), ("touch the-secrets.txt", [KEY])],
    ids=["none", "no key", "an empty file"],
)
def test_what_the_provider_has_not_is_left_out_and_the_right_goes_all_the_same(
    before: str, there: list[tuple[str, str]], tmp_path: Path
) -> None:
    told = done(tmp_path, before, PUTS)

    assert told.code == 0, told.said[-2000:]
    assert put(told) == there
    assert rights(told) == ["create", "delete"]


NO_WAIT = "sleep() { echo waited; }"


@pytest.mark.parametrize("secret", [KEY, SECRETS])
def test_each_is_tried_until_the_role_is_seen(secret: tuple[str, str], tmp_path: Path) -> None:
    start = f"az keyvault secret set --vault-name kv-abc --subscription Payments prod --name {secret[0]}"

    told = done(tmp_path, NO_WAIT, MAKES, PUTS, queue={start: [REFUSED, REFUSED]})

    assert told.code == 0, told.said[-2000:]
    assert put(told).count(secret) == 3
    assert rights(told) == ["create", "delete"]


INTERRUPTS = """mkdir more
printf '#!/bin/sh\\nkill -INT "$PPID"\\n' > more/sleep
chmod +x more/sleep
PATH="$PWD/more:$PATH"
"""
"""Ctrl-C, while it waits."""


def test_the_right_goes_also_when_somebody_ends_it(tmp_path: Path) -> None:
    """In a shell that, unlike bash, does not by itself do at a signal what is to be done at the end."""
    script = f"cat > puts.sh <<'END'\n{PUTS}END\n! sh -eu puts.sh\n"
    start = "az keyvault secret set"

    told = done(tmp_path, INTERRUPTS, script, queue={start: [REFUSED] * 99})

    assert put(told) == [KEY]
    assert rights(told) == ["create", "delete"]


AT_A_PROMPT = "set +e"
"""Where nothing stops by itself at a command that fails."""


@pytest.mark.parametrize("lost", ["az deployment sub show", "az keyvault show", "az ad signed-in-user show"])
def test_without_a_name_that_it_needs_nothing_is_done(lost: str, tmp_path: Path) -> None:
    told = done(tmp_path, AT_A_PROMPT, PUTS, queue={lost: [(1, "", "ERROR: not found")]})

    assert told.code != 0
    assert (put(told), rights(told)) == ([], [])


def test_an_output_that_is_not_there_is_named_and_nothing_is_done(tmp_path: Path) -> None:
    told = done(tmp_path, AT_A_PROMPT, PUTS, queue={"az deployment sub show": [(0, "{}", "")]})

    assert told.code != 0
    assert "FAILED  VAULT_NAME" in told.said
    assert not told.stage.calls("az", "keyvault")


def test_a_right_that_could_not_be_given_puts_nothing(tmp_path: Path) -> None:
    told = done(tmp_path, AT_A_PROMPT, PUTS, queue={"az role assignment create": [REFUSED]})

    assert told.code != 0
    assert put(told) == []


def test_no_secret_is_shown_on_the_screen() -> None:
    """The Azure CLI writes what it has put."""
    commands = [line for line in PUTS.splitlines() if "az keyvault secret set" in line]

    assert [line for line in commands if "--output none" not in line] == []
