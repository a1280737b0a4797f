"""The money that the check of a deployment takes: it is given back, or whoever reads of it knows how, and just once."""

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra import deployed, smoke
from infra.smoke import run
from infra.smoke_http import Api
from infra.smoke_options import Options
from tests.infra.deployment import Azure, Printed, played
from tests.infra.played_app import PlayedApp, serving
from tests.infra.test_smoke import options

ACCEPTED = re.compile(
    r"^NOTE    payment (\S+) is .*: POST (\S+) with the Idempotency-Key (\S+) and the body {}", re.MULTILINE
)
AFRESH = re.compile(
    r"^FAILED  refunds: .*\nNEXT .* POST (\S+) with the Idempotency-Key (\S+) and the body {}", re.MULTILINE
)

OTHERWISE = re.compile(r"^FAILED  voids: .*\nNEXT .* POST (\S+) with the Idempotency-Key (\S+) and", re.MULTILINE)


@pytest.fixture
def app() -> PlayedApp:
    return PlayedApp(starts_after=0)


@pytest.fixture
def url(app: PlayedApp) -> Iterator[str]:
    with serving(app) as address:
        yield address


def ended(printed: str) -> list[str]:
    return re.findall(r"^(?:ok|FAILED) +\w+", printed, re.MULTILINE)


def only(found: Mapping[str, object]) -> str:
    (key,) = found
    return key


def test_it_gives_back_all_that_it_took_and_once(app: PlayedApp, url: str) -> None:
    app.refund_answers = [503, 429]

    assert run(options(url)) == 0

    taken = {payment_id for payment_id, status in app.payments.items() if status == "completed"}
    assert {refund["payment_id"] for refund in app.refunds.values()} == taken
    assert len(app.refunds) == len(taken) == 1


def test_the_request_that_is_told_is_the_one_that_it_sends_itself(app: PlayedApp, url: str, capsys: Printed) -> None:
    """With another key, whoever follows it would give the money back a second time."""
    assert run(options(url)) == 0

    told = ACCEPTED.search(capsys.readouterr().out)
    assert told is not None
    assert told[3] == only(app.refunds)
    assert f"POST {told[2]}" in app.asked


@pytest.mark.parametrize("fault", [{"completes_as": "created"}, {"times_charged": 2}, {"refund_answers": [403]}])
def test_whatever_ends_it_who_reads_it_knows_how_to_give_the_money_back_and_not_twice(
    fault: dict[str, object], app: PlayedApp, url: str, capsys: Printed
) -> None:
    for name, value in fault.items():
        setattr(app, name, value)

    assert run(options(url, provider_url=url, limit_s=0.3)) == 1

    printed = capsys.readouterr().out
    told = ACCEPTED.search(printed)
    assert told is not None
    assert printed.index(told[0]) < printed.index("FAILED")
    assert told.groups() == (
        payment := told[1],
        f"/api/payments/{payment}/refunds",
        payment.replace("-", "-refund-", 1),
    )
    assert payment in app.payments


@pytest.mark.parametrize("fault", [{"times_charged": 2}, {"completes_as": "settled"}])
def test_what_was_paid_is_given_back_though_the_payment_is_not_as_it_should_be(
    fault: dict[str, object], app: PlayedApp, url: str, capsys: Printed
) -> None:
    for name, value in fault.items():
        setattr(app, name, value)

    assert run(options(url, provider_url=url, limit_s=0.3)) == 1

    assert ended(capsys.readouterr().out)[-2:] == ["FAILED  pays", "ok      refunds"]
    assert [refund["status"] for refund in app.refunds.values()] == ["refunded"]


def test_what_was_paid_is_given_back_though_the_time_is_over(
    app: PlayedApp, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """The limit ends while it pays."""
    monkeypatch.setattr(smoke, "time", SimpleNamespace(monotonic=lambda: 1000.0 if app.payments else 0.0))

    assert run(options(url, until=500.0)) == 1

    assert ended(capsys.readouterr().out) == [
        "ok      live",
        "ok      ready",
        "ok      pays",
        "ok      refunds",
        "FAILED  refuses",
    ]
    assert [refund["status"] for refund in app.refunds.values()] == ["refunded"]


def test_where_nothing_was_sent_nothing_is_asked_back(app: PlayedApp, url: str, capsys: Printed) -> None:
    app.build = "older"

    assert run(options(url, start_limit_s=0)) == 1

    assert ended(capsys.readouterr().out) == ["FAILED  live"]
    assert not [each for each in app.asked if each.startswith("POST")]


def test_a_payment_whose_answer_was_lost_is_found_by_its_key_and_given_back(
    app: PlayedApp, url: str, capsys: Printed
) -> None:
    """limit_s=0: each question is asked once."""
    app.loses = 1

    assert run(options(url, limit_s=0)) == 1

    assert ended(capsys.readouterr().out)[-2:] == ["FAILED  pays", "ok      refunds"]
    assert len(app.orders) == len(app.payments) == len(app.refunds) == 1


def test_a_payment_whose_answer_never_comes_can_be_found_by_what_was_told_before_it_was_sent(
    app: PlayedApp, url: str, capsys: Printed
) -> None:
    app.loses = 10**6

    assert run(options(url, limit_s=0)) == 1

    printed = capsys.readouterr().out
    told = re.search(r"^NOTE    a payment is sent under the Idempotency-Key (\S+): GET (\S+) finds it", printed, re.M)
    assert told is not None
    assert printed.index("NOTE") < printed.index("FAILED")
    assert told[1] == only(app.orders)
    assert told[2] == f"/api/payments?reference={app.orders[told[1]]['reference']}"
    assert not re.search(r"\d", told[1]), "digits in a row may read as a card number, which no reference may hold"


def test_two_runs_pay_under_two_keys(app: PlayedApp, url: str) -> None:
    assert run(options(url)) == run(options(url)) == 0

    assert len(app.refunds) == 2


def test_a_payment_that_settles_late_is_waited_for(app: PlayedApp, url: str, capsys: Printed) -> None:
    app.completes_as, app.settles_after = "created", 1

    assert run(options(url, limit_s=1.0)) == 1

    assert ended(capsys.readouterr().out)[-2:] == ["FAILED  pays", "ok      refunds"]
    assert len(app.refunds) == 1


def test_a_payment_that_took_nothing_is_not_waited_for(app: PlayedApp, url: str, capsys: Printed) -> None:
    app.completes_as = "failed"

    assert run(options(url)) == 1

    printed = capsys.readouterr().out
    assert re.search(r"^ok      refunds: payment smoke-\w+ has taken nothing", printed, re.MULTILINE)


def test_a_refund_that_was_declined_is_told_with_another_key_that_gives_the_money_back(
    app: PlayedApp, url: str, capsys: Printed
) -> None:
    """Under the key of the first the app says 202 `pending` for ever, and nothing happens."""
    app.refunds_as = "failed"
    assert run(options(url)) == 1
    told = AFRESH.search(capsys.readouterr().out)
    assert told is not None
    app.refunds_as = "refunded"

    answer = Api(url).call("POST", told[1], body={}, key=told[2])

    assert answer.status == 202
    assert [refund["status"] for refund in app.refunds.values()] == ["failed", "refunded"]


def test_a_refund_that_is_parked_is_told_at_once_with_its_reason(app: PlayedApp, url: str, capsys: Printed) -> None:
    app.refunds_as = "parked"

    assert run(options(url)) == 1

    said = r"^FAILED  refunds: refund \S+ of payment \S+ is parked: our_fault\nNEXT    `python -m ops list`"
    assert re.search(said, capsys.readouterr().out, re.MULTILINE)
    after = app.asked[app.asked.index(next(each for each in app.asked if each.endswith("/refunds"))) :]
    assert len(after) == 2, "the request, and one look"


def test_a_refund_that_is_tried_again_blames_no_function(app: PlayedApp, url: str, capsys: Printed) -> None:
    app.refunds_as = "retrying"

    assert run(options(url, limit_s=0.3)) == 1

    assert re.search(r"^FAILED  refunds: .*last seen: pending, retrying since now", capsys.readouterr().out, re.M)


def test_what_was_to_be_voided_and_took_money_is_told_with_the_request_that_gives_it_back(
    app: PlayedApp, url: str, capsys: Printed
) -> None:
    app.voids_as = "completed"
    assert run(options(url)) == 1
    told = OTHERWISE.search(capsys.readouterr().out)
    assert told is not None

    assert Api(url).call("POST", told[1], body={}, key=told[2]).status == 202

    assert len(app.refunds) == 2


def test_each_wait_for_money_has_its_time_however_little_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    playing, told = played(tmp_path, monkeypatch), list[Options]()
    azure: Azure = next(playing)
    monkeypatch.setattr(smoke, "run", told.append)

    assert azure.run("check", "--limit-s", "60") == 0

    (given,) = told
    assert given.limit_s == deployed.PAYMENT_LIMIT_S > 60
    assert given.until is not None
    assert given.until < time.monotonic() + 60
    next(playing, None)
