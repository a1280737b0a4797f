"""The check after a deployment, against an app played by a small server: it passes, and it fails for each fault."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.servicebus.exceptions import ServiceBusAuthorizationError

from infra import smoke_bus, smoke_refund
from infra.smoke import SMALLEST, main, run
from infra.smoke_options import Options
from infra.smoke_payments import DOES_NOT_HAPPEN, TOLD
from shared import flow
from shared.codec.facts import FORMS
from shared.domain.events import PaymentFailureTold
from shared.domain.payment import Status, Step
from tests.infra.played_app import PlayedApp, serving


@pytest.fixture
def app() -> PlayedApp:
    return PlayedApp()


@pytest.fixture
def url(app: PlayedApp) -> Iterator[str]:
    with serving(app) as address:
        yield address


def options(url: str, **changes: Any) -> Options:
    return Options(**{"url": url, "expect_build": "abc123", "start_limit_s": 30.0, "limit_s": 30.0, **changes})


def test_it_passes_an_app_that_works_and_leaves_no_dead_letter_open(
    app: PlayedApp, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(options(url, provider_url=url)) == 0

    printed = capsys.readouterr().out
    assert re.findall(r"^(\S+) +(\w+):", printed, re.MULTILINE) == [
        ("ok", "live"),
        ("ok", "ready"),
        ("ok", "pays"),
        ("ok", "refunds"),
        ("ok", "refuses"),
        ("ok", "hears"),
        ("ok", "voids"),
        ("ok", "parked"),
    ]
    assert [letter["status"] for letter in app.letters] == ["discarded"]


def test_it_waits_until_the_new_build_answers(app: PlayedApp, url: str) -> None:
    app.starts_after = 5

    assert run(options(url)) == 0

    assert app.health_asked == 6


def test_it_sends_its_key_from_the_environment(app: PlayedApp, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app.key = "a-key"
    monkeypatch.setenv("SMOKE_KEY", "a-key")

    assert main(["--url", url, "--limit-s", "30"]) == 0


def test_a_dead_letter_is_found_among_the_pages_of_others(app: PlayedApp, url: str) -> None:
    for number in range(3):
        app.died(message_id=f"other-{number}", payment_id=f"other-{number}", reason="retries_exhausted")

    assert run(options(url)) == 0

    assert [letter["status"] for letter in app.letters] == ["open", "open", "open", "discarded"]


def spoil(**changes: object) -> Callable[[PlayedApp], None]:
    def spoiled(app: PlayedApp) -> None:
        for name, value in changes.items():
            setattr(app, name, value)

    return spoiled


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        (spoil(build="older"), "live: GET /api/health: not within 0.3 s"),
        (spoil(completes_as="failed"), "pays: expected payment .* completed"),
        (spoil(completes_as="settled"), "pays: GET /api/payments/.*: not within"),
        (spoil(completes_as="initiated"), "pays: .*so publish_events or create_payment did not happen"),
        (spoil(completes_as="created"), "pays: .*so publish_events or settle_payment did not happen"),
        (spoil(completes_as="settled"), "pays: .*so publish_events or notify_merchant did not happen"),
        (spoil(voids_as="failed"), "voids: .*so publish_events or void_payment did not happen"),
        (spoil(voids_as="completed"), "voids: expected payment .* voided"),
        (spoil(tells=False), "voids: .*notify_merchant_of_failure did not happen"),
        (spoil(projects=False), "parked: .*so project_payments did not happen"),
        (spoil(repeats=False), "pays: expected the first answer again"),
        (spoil(times_charged=2), "pays: expected charged once"),
        (
            spoil(refunds_as="pending"),
            "refunds: refund .* of payment .*so publish_events or refund_payment did not happen",
        ),
        (
            spoil(refunds_as="failed"),
            "refunds: expected refund refund-smoke-refund-.* of payment smoke-.* to be refunded",
        ),
        (
            spoil(refund_answers=[403]),
            "refunds: expected 202 for the refund of payment smoke-.*; came 403 .*role_missing",
        ),
        (spoil(refund_answers=[503] * 10**4), "refunds: POST /api/payments/smoke-.*/refunds: not within"),
        (spoil(refuses_with="another"), "refuses: expected 422 request_invalid"),
        (spoil(parks_with="retries_exhausted"), "parked: expected a dead letter with reason our_fault"),
        (spoil(discard_busy=10**6), "parked: POST .*/discard: not within"),
        (spoil(key="another"), "pays: expected 202 for a payment; came 401"),
    ],
)
def test_it_fails_and_says_why(
    fault: Callable[[PlayedApp], None],
    failed: str,
    app: PlayedApp,
    url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fault(app)

    assert run(options(url, provider_url=url, start_limit_s=0.3, limit_s=0.3)) == 1

    assert re.search(f"^FAILED  {failed}", capsys.readouterr().out, re.MULTILINE)


def test_an_app_that_does_not_answer_fails_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(options("http://127.0.0.1:1", start_limit_s=0)) == 1

    assert "ConnectionRefusedError" in capsys.readouterr().out


@pytest.mark.parametrize("quicker", [[1], [4, 3], [4, 4, 4, 4, 0]])
def test_the_brokers_road_is_tried_again_when_the_step_was_quicker(
    quicker: list[int], app: PlayedApp, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`quicker`: how many of the four messages the step gets first, in each try."""
    tries = iter(quicker)

    def dead_letter(_bus: str, *, message_ids: set[str], reason: str, token: None) -> None:
        parked = next(tries)
        for number, message_id in enumerate(sorted(message_ids)):
            app.died(message_id=message_id, payment_id=None, reason="unreadable" if number < parked else reason)

    monkeypatch.setattr(smoke_bus, "dead_letter", dead_letter)

    assert run(options(url, bus="Endpoint=sb://played")) == 0

    assert "forwarded: dead letters" in capsys.readouterr().out
    assert {letter["status"] for letter in app.letters} == {"discarded"}


def test_a_step_that_gets_every_message_first_fails_it(
    app: PlayedApp, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def dead_letter(_bus: str, *, message_ids: set[str], reason: str, token: None) -> None:
        for message_id in message_ids:
            app.died(message_id=message_id, payment_id=None, reason="unreadable")

    monkeypatch.setattr(smoke_bus, "dead_letter", dead_letter)

    assert run(options(url, bus="Endpoint=sb://played")) == 1

    assert "FAILED  forwarded: of 20 messages" in capsys.readouterr().out


def test_a_bus_that_refuses_fails_it_and_names_the_roles(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(_bus: str, _token: None) -> None:
        raise ServiceBusAuthorizationError

    monkeypatch.setattr(smoke_bus, "_client", refuses)

    assert run(options(url, bus="bus.example", start_limit_s=0.5)) == 1

    assert re.search(r"^FAILED  forwarded: .*Data Sender and Receiver", capsys.readouterr().out, re.MULTILINE)


def test_the_step_whose_messages_it_dead_letters_is_one_of_the_topology() -> None:
    assert (smoke_bus.TOPIC, smoke_bus.SUBSCRIPTION) in {
        (place.topic, place.subscription) for place in flow.PLACE_OF.values()
    }


def test_the_function_that_is_blamed_for_a_standstill_is_the_one_that_the_flow_names() -> None:
    step = {Status.INITIATED: Step.CREATE, Status.CREATED: Step.SETTLE, Status.SETTLED: Step.NOTIFY}

    named = {status.value: f"publish_events or {flow.FUNCTION_OF[next_]}" for status, next_ in step.items()}

    assert flow.FUNCTION_OF[Step.NOTIFY_FAILURE] == "notify_merchant_of_failure"
    assert FORMS[PaymentFailureTold].name == TOLD
    assert f"publish_events or {flow.FUNCTION_OF[Step.REFUND]}" == smoke_refund.DOES_NOT_HAPPEN
    assert named | {"failed": f"publish_events or {flow.FUNCTION_OF[Step.VOID]}"} == DOES_NOT_HAPPEN


def test_it_pays_the_smallest_amount_there_is(app: PlayedApp, url: str) -> None:
    assert SMALLEST == 1
    assert run(options(url)) == 0, "the played app takes an order of 1 only"
