"""Whose roles are taken away, and what is said of it: that nothing is left is said of nobody who has something."""

import re
from pathlib import Path

import pytest

from infra.app_roles import OF_THE_CHECK
from infra.register_ops import STILL_HELD, main
from tests.infra.registration import MANY, PRINCIPAL, directory, grown, registering, roles
from tests.infra.stage import Stage


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return registering(tmp_path, monkeypatch)


def test_who_is_no_operator_any_more_has_nothing_and_others_keep_theirs(
    azure: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["--operator", "person-2", "--smoke", "sp-3"]) == 0

    assert main(["--revoke", "SP-3"]) == 0

    assert roles(azure) == {"person-2": {"Operations"}}
    assert "SP-3 had 4 roles and has none; a token that is out holds on for an hour" in capfd.readouterr().err


@pytest.mark.parametrize("some_id", ["shop-4", "object-of-shop-4", "sp-of-shop-4"])
def test_an_application_loses_its_roles_by_whichever_of_its_ids_it_is_named(
    some_id: str, azure: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    """Roles are given by client id, and the portal shows that of the registration beside it."""
    assert main(["--merchant", "shop-4", "--operator", "group-1"]) == 0
    azure.keep(principals=["app-1", "shop-4"])
    put_into(azure, {"group-1": ["sp-of-shop-4"]})

    assert main(["--revoke", some_id]) == STILL_HELD

    assert roles(azure) == {"group-1": {"Operations"}}
    assert "sp-of-shop-4 had 3 roles and has none of its own" in capfd.readouterr().err


@pytest.mark.parametrize("some_id", ["no-such-person", "object-of-shop-4"])
def test_of_an_id_that_is_nobodys_it_is_not_said_that_nothing_is_left(
    some_id: str, azure: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    """A registration without a service principal in this tenant has no role here."""
    assert main(["--operator", "group-1", "--operator", "person-2", "--operator", "person-3"]) == 0
    put_into(azure, {"group-1": ["person-2"]})
    capfd.readouterr()

    assert main(["--revoke", "person-2", "--revoke", some_id, "--revoke", "person-3"]) == 1

    told = capfd.readouterr().err
    assert re.search(
        rf"^FAILED  {some_id}: there is nobody of this id.*\nNEXT    give the object id", told, re.MULTILINE
    )
    assert f"{some_id} had" not in told
    assert roles(azure) == {"group-1": {"Operations"}}, "the others are seen to"


def test_somebody_who_never_had_a_role_is_told_from_nobody(azure: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--operator", "person-2"]) == 0

    assert main(["--revoke", "person-3"]) == 0

    assert "person-3 had 0 roles and has none" in capfd.readouterr().err


def put_into(azure: Stage, members: dict[str, list[str]]) -> None:
    azure.keep(directory={**directory(azure), "members": members})


def test_who_still_has_a_role_by_a_group_is_told_with_a_code_of_its_own(
    azure: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["--operator", "group-1", "--operator", "group-2", "--operator", "person-2", "--smoke", "sp-3"]) == 0
    put_into(azure, {"group-1": ["person-2"], "group-2": ["person-3"], "group-3": ["person-2"]})
    capfd.readouterr()

    assert main(["--revoke", "Person-2"]) == STILL_HELD == 3

    told = capfd.readouterr()
    assert roles(azure) == {"group-1": {"Operations"}, "group-2": {"Operations"}, "sp-3": set(OF_THE_CHECK)}
    assert directory(azure)["looked_into"] == ["group-1", "group-2"]
    assert "Person-2 had 1 roles and has none of its own" in told.err
    assert re.findall(r"^(?:FAILED|NEXT) .*", told.err, re.MULTILINE) == [
        "FAILED  Person-2 still has the roles of group group-1",
        "NEXT    az ad group member remove --group group-1 --member-id Person-2",
    ]
    assert told.out == "OPS_CLIENT_ID=app-1\n"


def test_one_of_several_who_still_has_a_role_is_enough(azure: Stage) -> None:
    assert main(["--operator", "group-1", "--operator", "person-2", "--operator", "person-3"]) == 0
    put_into(azure, {"group-1": ["person-2"]})

    assert main(["--revoke", "person-2", "--revoke", "person-3"]) == STILL_HELD
    assert main(["--revoke", "person-3"]) == 0

    assert roles(azure) == {"group-1": {"Operations"}}


def test_a_group_that_has_no_role_any_more_gives_nobody_any(azure: Stage) -> None:
    assert main(["--operator", "group-1"]) == 0
    put_into(azure, {"group-1": ["person-2"]})

    assert main(["--revoke", "group-1"]) == 0
    assert main(["--revoke", "person-2"]) == 0


def test_every_group_with_a_role_is_asked_about(azure: Stage) -> None:
    groups = [f"group-{number:02}" for number in range(45)]
    assert main([word for group in groups[:2] for word in ("--operator", group)]) == 0
    given = directory(azure)
    (first, *_) = given["assigned"][PRINCIPAL]
    given["assigned"][PRINCIPAL] = [{**first, "id": f"given-{each}", "principalId": each} for each in groups]
    azure.keep(directory={**given, "members": {groups[-1]: ["person-2"]}})

    assert main(["--revoke", "person-2"]) == STILL_HELD


def test_an_operator_behind_all_others_loses_the_role(azure: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    grown(azure, principals=[*MANY, "person-9"])

    assert main(["--revoke", "person-9"]) == 0

    asked = [word for call in azure.calls("az", "rest", "--method", "get") for word in call]
    assert not [word for word in asked if re.search(r"[()&|<>^%]", word)], "az on Windows takes none of these"
    assert roles(azure).keys() == set(MANY)
    assert "person-9 had 1 roles and has none" in capfd.readouterr().err


def test_a_group_behind_all_others_is_named(azure: Stage) -> None:
    grown(azure, principals=[*MANY, "group-9"])
    put_into(azure, {"group-9": ["person-9"]})

    assert main(["--revoke", "person-9"]) == STILL_HELD


def test_where_it_may_not_be_asked_who_is_in_a_group_nothing_is_claimed(
    azure: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["--operator", "group-1"]) == 0
    asked = "az rest --method post --url https://graph.microsoft.com/v1.0/directoryObjects/person-2/checkMemberGroups"
    azure.answers(asked, (1, "", "ERROR: Bad Request: Insufficient privileges to complete the operation"))

    assert main(["--revoke", "person-2"]) == 1

    assert "FAILED  az rest" in capfd.readouterr().err


def test_taking_a_role_away_makes_no_registration(azure: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    """In another subscription than that of the environment there is none of its name."""
    assert main(["--revoke", "person-2"]) == 1

    assert re.search(r"^FAILED  nobody has a role: .*\nNEXT    name the registration", capfd.readouterr().err, re.M)
    assert azure.calls("az", "ad", "app", "create") == []
