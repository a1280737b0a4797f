"""The check of the deployed rules, with an Azure CLI that is played by a script."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.rules import TOPOLOGY, main

PLAYED_AZ = f"""#!{sys.executable}
import json, os, sys
given = dict(zip(sys.argv[6:-1:2], sys.argv[7::2]))
assert sys.argv[1:6] == ["servicebus", "topic", "subscription", "rule", "list"], sys.argv
assert (given["--resource-group"], given["--namespace-name"]) == ("rg", "bus"), given
print(json.dumps(json.loads(os.environ["RULES"])[given["--topic-name"] + "/" + given["--subscription-name"]]))
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the Azure CLI is played by a script with a shebang")


def declared() -> dict[str, list[dict[str, Any]]]:
    """What `az` lists when all is as it should be."""
    return {
        f"{topic['name']}/{each['name']}": [{"name": "$Default", "sqlFilter": {"sqlExpression": each["rule"]}}]
        for topic in json.loads(TOPOLOGY.read_text())["serviceBus"]["topics"]
        for each in topic["subscriptions"]
    }


def checked(rules: dict[str, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    (tmp_path / "az").write_text(PLAYED_AZ)
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("RULES", json.dumps(rules))
    return main(["--resource-group", "rg", "--namespace", "bus"])


def test_it_lists_every_subscription_with_the_declared_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(declared(), tmp_path, monkeypatch) == 0

    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == list(declared())


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"name": "$Default", "sqlFilter": {"sqlExpression": "1=1"}}],
        [{"name": "$Default", "correlationFilter": {"to": "settle"}}],
        [
            {"name": "$Default", "sqlFilter": {"sqlExpression": "sys.To IS NULL OR sys.To = 'settle'"}},
            {"name": "another", "sqlFilter": {"sqlExpression": "1=1"}},
        ],
    ],
    ids=["none", "match-all", "another kind", "a second one"],
)
def test_any_other_rule_fails_it_and_is_named(
    rules: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoiled = declared() | {"payment-created/settle": rules}

    assert checked(spoiled, tmp_path, monkeypatch) == 1

    assert capsys.readouterr().err.startswith("FAILED  payment-created/settle:")
