"""`infra/deploy.py code`: the package goes up as it is, and the upload waits for what passes by itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.deployment import READY, Azure, Printed, mangled, played, steps


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    yield from played(tmp_path, monkeypatch)


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
    azure.app.deployments = [{"code": 404}, {"status": 2}, *({"code": 404} for _ in range(9))]

    assert azure.run("code") == 0


def test_a_site_that_never_knew_the_deployment_has_not_ended_it(azure: Azure, capsys: Printed) -> None:
    azure.app.deployments = [{"code": 404} for _ in range(10_000)]

    assert azure.run("code", "--limit-s", "0.5") == 1

    assert re.search(r"^FAILED  code: the end of deployment deployment-1: .*404", capsys.readouterr().out, re.M)


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
    assert re.search(
        r"^FAILED  code: .*not within [\d.]+ s; last seen: .* 403 .*\nNEXT    if it says 403", printed, re.M
    )


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


def test_without_the_azure_cli_the_run_stops_and_says_so(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("PATH", str(azure.package.parent))

    assert azure.run("code") == 1

    assert "FAILED  code: az functionapp show" in capsys.readouterr().out
