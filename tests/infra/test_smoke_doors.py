"""The doors that the check of a deployment tries: those that stand open, and the one at which the provider tells."""

import re
from collections.abc import Iterator

import pytest

from infra.smoke import run
from infra.smoke_doors import OPEN, OPERATORS, ways
from tests.infra.deployment import Printed
from tests.infra.played_app import PlayedApp, Reply, serving
from tests.infra.product import INFRA
from tests.infra.test_smoke import options


@pytest.fixture
def app() -> PlayedApp:
    return PlayedApp(starts_after=0)


@pytest.fixture
def url(app: PlayedApp) -> Iterator[str]:
    with serving(app) as address:
        yield address


def test_every_door_that_stands_open_is_tried_and_no_other() -> None:
    text = (INFRA / "modules" / "functionapp.bicep").read_text()
    listed = re.findall(r"(?m)^var (?:openPaths|apiPaths) = \[(.*)\]$", text)
    paths = {path.removesuffix("/*") for line in listed for path in re.findall(r"'([^']+)'", line)}

    assert len(listed) == 2
    assert set(OPEN) == paths
    assert all(f"{path}/..{OPERATORS}" in ways() for path in paths)


@pytest.mark.parametrize("open_one", ["/api/provider/events/", "/api/openapi.json/"])
def test_a_way_by_any_open_door_fails_it(open_one: str, app: PlayedApp, url: str, capsys: Printed) -> None:
    app.believes, app.token = f"{open_one}..", "a-token"

    assert run(options(url, bearer="a-token")) == 1

    assert f"FAILED  shut: expected 4xx for GET {open_one}.." in capsys.readouterr().out


def test_where_no_secret_is_set_it_says_that_disputes_will_not_be_heard(
    app: PlayedApp, url: str, capsys: Printed
) -> None:
    """A provider may tell nothing by itself."""
    app.news = [(503, {"code": "provider_not_known"})]

    assert run(options(url)) == 0

    told = re.search(r"^NOTE    .*provider-webhook-secrets.*disputes will not be heard", capsys.readouterr().out, re.M)
    assert told is not None


def test_where_the_provider_is_known_nothing_is_noted_of_it(url: str, capsys: Printed) -> None:
    assert run(options(url)) == 0

    assert "disputes" not in capsys.readouterr().out


def test_an_app_that_is_busy_is_asked_again_whether_it_hears(app: PlayedApp, url: str, capsys: Printed) -> None:
    app.news = [(503, {"code": "store_busy"}), (502, {}), *app.news]

    assert run(options(url)) == 0

    assert "ok      hears: what nobody has signed is refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer",
    [(401, {}), (404, {}), (403, {"code": "caller_unknown"}), (200, {"status": "recorded"})],
    ids=["the door is shut", "there is no such function", "another refusal", "taken unsigned"],
)
def test_a_provider_that_cannot_be_heard_or_need_not_sign_fails_it(
    answer: Reply, app: PlayedApp, url: str, capsys: Printed
) -> None:
    app.news = [answer]

    assert run(options(url)) == 1

    said = rf"^FAILED  hears: expected 403 signature_refused .*; came {answer[0]} .*\nNEXT    "
    assert re.search(said, capsys.readouterr().out, re.MULTILINE)
