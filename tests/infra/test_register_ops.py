"""Who may call, and as what: the app roles of the registration, who is given them, and that nobody else has a token."""

import re
import uuid
from pathlib import Path

import pytest

from infra import app_roles
from infra.app_roles import MEANING, OF_A_MERCHANT, OF_THE_CHECK, role_id
from infra.register_ops import main
from infra.smoke_doors import ways
from tests.infra.deployment import Azure, played
from tests.infra.registration import GRANT, MANY, PRINCIPAL, REGISTRATION, directory, grown, registering, roles
from tests.infra.stage import Stage
from tests.infra.standin import Answer


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return registering(tmp_path, monkeypatch)


def changes(azure: Stage) -> list[list[str]]:
    return [call for call in azure.calls("az", "rest", "--method") if call[3] != "get"]


def test_the_registration_has_the_four_roles_under_ids_that_never_change(azure: Stage) -> None:
    assert main([]) == 0

    made = directory(azure)["roles"][REGISTRATION]
    assert {role["value"]: role["id"] for role in made} == {
        "Payments.Create": "8378ff53-d22d-5386-88d8-739aa735114e",
        "Payments.Read": "d2516c3e-cdc7-58b3-a5a2-a44f6c3badd0",
        "Payments.Refund": "297747e3-8a90-5774-a3bb-b9cb6968d565",
        "Operations": "e62d8e22-1ca4-56f1-aba2-3321fa3e7c85",
    }
    assert all(role["isEnabled"] and role["displayName"] and role["description"] for role in made)
    assert {tuple(role["allowedMemberTypes"]) for role in made} == {("User", "Application")}


def test_nobody_has_a_token_without_a_role_and_that_holds_before_anybody_has_one(azure: Stage) -> None:
    assert main(["--operator", "person-2"]) == 0

    assert directory(azure)["required"] == {PRINCIPAL: True}
    said = [" ".join(call) for call in changes(azure)]
    (shut,) = [number for number, call in enumerate(said) if "appRoleAssignmentRequired" in call]
    (given,) = [number for number, call in enumerate(said) if "/appRoleAssignedTo" in call]
    assert shut < given


def test_whoever_makes_the_registration_may_run_the_check_of_a_deployment(azure: Stage) -> None:
    assert main([]) == 0

    assert roles(azure) == {"person-1": {"Operations", "Payments.Create", "Payments.Read", "Payments.Refund"}}


def test_an_application_that_is_signed_in_is_known_by_its_object_id(azure: Stage) -> None:
    azure.keep(signed_in={"type": "servicePrincipal", "name": "deployer-1"})

    assert main([]) == 0

    assert roles(azure) == {"sp-of-deployer-1": set(OF_THE_CHECK)}


def test_each_is_given_what_it_is_named_for_and_nothing_else(azure: Stage) -> None:
    assert main(["--operator", "person-2", "--operator", "group-1", "--smoke", "sp-3", "--merchant", "shop-4"]) == 0

    assert roles(azure) == {
        "person-2": {"Operations"},
        "group-1": {"Operations"},
        "sp-3": {"Operations", "Payments.Create", "Payments.Read", "Payments.Refund"},
        "sp-of-shop-4": {"Payments.Create", "Payments.Read", "Payments.Refund"},
    }


def test_one_who_is_named_twice_over_has_both(azure: Stage) -> None:
    assert main(["--operator", "person-2", "--smoke", "person-2"]) == 0

    assert roles(azure) == {"person-2": set(OF_THE_CHECK)}


def test_running_it_again_changes_neither_roles_nor_grants(azure: Stage) -> None:
    words = ["--operator", "person-2", "--merchant", "shop-4"]
    assert main(words) == 0
    before, made = directory(azure), len(changes(azure))

    assert main(words) == 0

    again = [" ".join(call) for call in changes(azure)[made:]]
    assert directory(azure) == before
    assert not [call for call in again if "appRoles" in call or "appRoleAssignedTo" in call]


@pytest.mark.parametrize("word", ["--operator", "--revoke"])
def test_what_azure_has_said_it_is_not_asked_again(word: str, azure: Stage) -> None:
    """The Azure CLI takes half a second and more for each."""
    assert main(["--operator", "person-2"]) == 0
    before = len(azure.calls("az", "ad"))

    assert main([word, "person-2"]) == 0

    said = [" ".join(call) for call in azure.calls("az", "ad")[before:]]
    assert len(said) == len(set(said)) == 4


def test_roles_that_somebody_else_has_made_stay(azure: Stage) -> None:
    theirs = {"id": str(uuid.uuid4()), "value": "Reports.Read", "isEnabled": True, "origin": "Application"}
    azure.keep(directory={"roles": {REGISTRATION: [theirs]}})

    assert main([]) == 0

    assert theirs in directory(azure)["roles"][REGISTRATION]
    assert len(directory(azure)["roles"][REGISTRATION]) == 1 + len(MEANING)


def test_a_role_that_was_changed_by_hand_is_put_right(azure: Stage) -> None:
    off = {"id": role_id("Operations"), "value": "Operations", "isEnabled": False, "origin": "Application"}
    azure.keep(directory={"roles": {REGISTRATION: [off]}})

    assert main([]) == 0

    (role,) = [each for each in directory(azure)["roles"][REGISTRATION] if each["value"] == "Operations"]
    assert role["isEnabled"]


def test_a_grant_that_the_list_does_not_show_yet_is_no_fault(azure: Stage) -> None:
    azure.answers(GRANT, (1, "", "ERROR: Bad Request: Permission being assigned already exists on the object"))

    assert main(["--operator", "person-2"]) == 0


def test_a_role_of_which_the_service_principal_has_not_heard_yet_is_waited_for(azure: Stage) -> None:
    azure.answers(GRANT, (1, "", "ERROR: Bad Request: Permission being assigned was not found on application 'app-1'."))

    assert main(["--operator", "person-2"]) == 0

    assert len(azure.calls(*GRANT.split())) == 2


DENIED: Answer = (1, "", 'ERROR: Bad Request({"error":{"code":"Request_BadRequest","message":"No such principal"}})')


def test_who_may_not_give_a_role_is_told_what_to_do_and_azd_is_told_nothing(
    azure: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    azure.answers(GRANT, DENIED)

    assert main(["--operator", "person-2"]) == 1

    told = capfd.readouterr()
    assert told.out == ""
    assert re.search(
        r"^FAILED  az rest .*No such principal(.|\n)*^NEXT    sign in .*Cloud Application Admin", told.err, re.M
    )
    assert azure.calls("azd") == []
    assert directory(azure)["required"] == {PRINCIPAL: True}, "half done is shut and not open"


def test_what_was_given_is_told_and_not_where_a_script_reads(azure: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    azure.answers("azd env set", (0, "azd has kept it", ""))

    assert main(["--operator", "person-2"]) == 0

    told = capfd.readouterr()
    assert told.out == "OPS_CLIENT_ID=app-1\n"
    assert "person-2 has Operations; new: Operations" in told.err
    assert "azd has kept it" in told.err


def test_a_role_that_stands_behind_all_others_is_not_given_again(azure: Stage) -> None:
    grown(azure, principals=[*MANY, "person-9"])

    assert main(["--operator", "person-9"]) == 0

    assert len(azure.calls(*GRANT.split())) == 1, "the one to begin with"


def test_a_registration_of_ones_own_gets_roles_and_keeps_its_addresses(
    azure: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_CLIENT_ID", "own-1")
    monkeypatch.delenv("AZURE_ENV_NAME")

    assert main(["--operator", "person-2"]) == 0

    assert directory(azure)["required"] == {"sp-of-own-1": True}
    assert len(directory(azure)["roles"]["object-of-own-1"]) == len(MEANING)
    assert not [call for call in changes(azure) if "identifierUris" in " ".join(call)]
    assert azure.calls("azd") == []
    assert azure.calls("az", "ad", "app", "create") == []


@pytest.mark.parametrize("word", ["--operator", "--smoke", "--merchant", "--revoke"])
@pytest.mark.parametrize("text", ["", "person@example.org", "a b"])
def test_what_is_no_id_is_refused_before_anything_is_asked(
    word: str, text: str, azure: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([word, text])

    assert f"argument {word}: {text!r} is no id" in capfd.readouterr().err
    assert azure.calls() == []


NEEDS = {
    ("GET", "/api/health"): None,
    ("GET", "/api/health/ready"): None,
    ("POST", "/api/payments"): app_roles.CREATE,
    ("GET", "/api/payments/ID"): app_roles.READ,
    ("GET", "/api/payments/ID/events"): app_roles.READ,
    ("POST", "/api/payments/ID/refunds"): app_roles.REFUND,
    ("POST", "/api/provider/events"): None,
    ("GET", "/api/ops/dead-letters"): app_roles.OPERATE,
    ("GET", "/api/ops/dead-letters/ID"): app_roles.OPERATE,
    ("POST", "/api/ops/dead-letters/ID/discard"): app_roles.OPERATE,
}
"""The role that docs/api.md says a route needs."""


@pytest.mark.parametrize("api_auth", ["key", "entra"])
def test_who_runs_the_check_has_the_roles_that_its_calls_need_and_no_other(
    api_auth: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    playing = played(tmp_path, monkeypatch)
    deployment: Azure = next(playing)
    deployment.app.api_auth = api_auth
    deployment.stage.keep(api_auth=api_auth)
    monkeypatch.setenv("SMOKE_NOTIFICATION_URL", "https://merchant.example")

    assert deployment.run("check") == 0

    strangers = {("GET", path) for path in ways()} - NEEDS.keys()
    asked = {tuple(each.partition("?")[0].split()[:2]) for each in deployment.app.asked} - strangers
    called = {(method, re.sub(r"(payments|dead-letters)/[^/]+", r"\1/ID", path)) for method, path in asked}
    assert called == NEEDS.keys()
    assert {NEEDS[call] for call in called} - {None} == set(OF_THE_CHECK)
    next(playing, None)


def test_a_merchant_may_do_everything_with_its_payments_and_nothing_with_letters() -> None:
    assert set(OF_A_MERCHANT) == MEANING.keys() - {app_roles.OPERATE}
