"""A name that stands in several places is the same in all of them: topology, flow, decorators, settings, host.json."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.functions import DataType

from functions.edge import LIMIT_S
from functions.route import NEEDED
from shared import flow
from shared.adapters.cosmos import letters, overview
from shared.adapters.servicebus.lines import CALL_LIMIT_S
from shared.domain.payment import Step
from shared.ports.letter_box import LetterFilter
from shared.ports.overview import RowFilter
from shared.settings import DUPLICATE_DETECTION_WINDOW_S, MESSAGE_LOCK_S, Settings
from shared.steps.turn import RECORDED_WITHIN_S
from shared.wiring import START_LIMIT_S
from tests.conftest import REQUIRED_SETTINGS, Declared
from tests.e2e.attacking import CHANGES, READS

ROOT = Path(__file__).parent.parent.parent
TOPOLOGY: dict[str, Any] = json.loads((ROOT / "infra" / "topology.json").read_text())
HOST: dict[str, Any] = json.loads((ROOT / "host.json").read_text())
SAMPLE: dict[str, str] = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
CALLS = (*CHANGES, *READS)
TOPICS = {topic["name"]: topic for topic in TOPOLOGY["serviceBus"]["topics"]}
CONTAINERS = {container["name"]: container for container in TOPOLOGY["cosmos"]["containers"]}
OF_THE_HOST = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage", "PYTHON_ENABLE_OPENTELEMETRY"}


def test_the_host_adds_no_header_and_answers_no_page_of_another_site() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())

    assert "customHeaders" not in HOST["extensions"]["http"]
    assert "CORS" not in sample.get("Host", {})


def triggers(functions: dict[str, Declared], kind: str) -> dict[str, dict[str, Any]]:
    return {name: f.trigger for name, f in functions.items() if f.trigger["type"] == kind}


def test_a_steps_subscription_takes_what_is_for_all_and_what_is_for_it_alone() -> None:
    for place in flow.PLACE_OF.values():
        (sub,) = [s for s in TOPICS[place.topic]["subscriptions"] if s["name"] == place.subscription]

        assert sub["rule"] == f"sys.To IS NULL OR sys.To = '{place.subscription}'"
        assert sub["forwardDeadLetteredMessagesTo"] == flow.DEAD_LETTER_TOPIC


def test_the_event_topics_drop_repeats_and_the_dead_letter_topic_does_not() -> None:
    windows = {name: topic["duplicateDetectionWindow"] for name, topic in TOPICS.items()}

    assert windows.pop(flow.DEAD_LETTER_TOPIC) is None
    assert set(windows.values()) == {"PT1H"}
    assert timedelta(hours=1).total_seconds() == DUPLICATE_DETECTION_WINDOW_S
    assert Settings.model_construct().fresh_s < DUPLICATE_DETECTION_WINDOW_S


def test_each_subscription_has_exactly_one_function(declared_functions: dict[str, Declared]) -> None:
    listened = [
        (t["topicName"], t["subscriptionName"]) for t in triggers(declared_functions, "serviceBusTrigger").values()
    ]
    declared = [(topic["name"], sub["name"]) for topic in TOPICS.values() for sub in topic["subscriptions"]]

    assert sorted(listened) == sorted(declared)


def test_what_wakes_a_function_is_handed_to_the_argument_of_its_name(declared_functions: dict[str, Declared]) -> None:
    bound = {name: [function.trigger["name"]] for name, function in declared_functions.items()}
    taken = {name: [each for each in f.parameters if each != "context"] for name, f in declared_functions.items()}

    assert bound == taken, "`context` is the host's own"


def test_every_function_stands_behind_the_edge(declared_functions: dict[str, Declared]) -> None:
    """Else something that is no exception could leave it, and the host would end the whole process for that."""
    assert [name for name, function in declared_functions.items() if not function.is_guarded] == []


def test_what_a_function_raises_is_told_under_the_name_that_azure_knows(
    declared_functions: dict[str, Declared],
) -> None:
    assert {name: function.told_as for name, function in declared_functions.items()} == {
        name: name for name in declared_functions
    }


def test_the_longest_turn_that_there_can_be_ends_by_its_own_limits() -> None:
    """A process that starts, calls up to the limit of a turn, and a store that hangs: in the attempt, and once more
    when the merchant is given up. Then a broker that does: copy, then letter.
    """
    longest_s = START_LIMIT_S + MESSAGE_LOCK_S + 2 * RECORDED_WITHIN_S + 2 * CALL_LIMIT_S

    assert longest_s < LIMIT_S, "then the edge cuts it, and what was heard is asked for again"


def test_the_edge_ends_what_lasts_too_long_well_before_the_host_does() -> None:
    minutes, seconds = map(int, HOST["functionTimeout"].split(":")[1:])

    assert 0.8 * (60 * minutes + seconds) >= LIMIT_S


@pytest.mark.parametrize("category", ["Microsoft.AspNetCore", "System.Net.Http"])
def test_the_host_writes_no_addresses_into_the_log(category: str) -> None:
    """A caller's key may stand in one. The default level replaces the host's own filter, which would drop them."""
    assert HOST["logging"]["logLevel"][category] == "Warning"


def test_no_message_may_rewrite_what_is_said_of_it(declared_functions: dict[str, Declared]) -> None:
    """The host parses text, and leaves bytes alone."""
    listening = triggers(declared_functions, "serviceBusTrigger")

    assert {name: trigger.get("dataType") for name, trigger in listening.items()} == dict.fromkeys(
        listening, DataType.BINARY.value
    )


def test_every_timer_has_a_time_that_a_setting_says(declared_functions: dict[str, Declared]) -> None:
    schedules = {trigger["schedule"] for trigger in triggers(declared_functions, "timerTrigger").values()}

    fields = [name for name in Settings.model_fields if name.endswith("_schedule")]
    assert schedules == {getattr(Settings.model_construct(), name) for name in fields}


def test_a_tick_that_was_missed_is_made_up_for_and_a_start_is_no_tick(declared_functions: dict[str, Declared]) -> None:
    timers = triggers(declared_functions, "timerTrigger")

    assert {(trigger["useMonitor"], trigger["runOnStartup"]) for trigger in timers.values()} == {(True, False)}


ENDPOINTS = {
    "accept_payment": "function POST payments",
    "get_payment": "function GET payments/{payment_id}",
    "request_cancel": "function POST payments/{payment_id}/cancel",
    "hear_provider": "anonymous POST provider/events",
    "request_refund": "function POST payments/{payment_id}/refunds",
    "get_payment_events": "function GET payments/{payment_id}/events",
    "list_notifications": "function GET payments/{payment_id}/notifications",
    "inspect_notifications": "anonymous GET ops/payments/{payment_id}/notifications",
    "resend_notification": "function POST payments/{payment_id}/notifications/{notification_id}/resend",
    "get_openapi": "anonymous GET openapi.json",
    "get_docs": "anonymous GET docs",
    "get_console": "anonymous GET console/{*path}",
    "search_payments": "function GET payments",
    "health": "anonymous GET health",
    "ready": "anonymous GET health/ready",
    "list_payments": "anonymous GET ops/payments",
    "watch_flow": "anonymous GET ops/flow",
    "show_caller": "anonymous GET ops/me",
    "count_dead_letters": "anonymous GET ops/dead-letters/summary",
    "resend_any_notification": "anonymous POST ops/payments/{payment_id}/notifications/{notification_id}/resend",
    "inspect_payment": "anonymous GET ops/payments/{payment_id}",
    "inspect_payment_events": "anonymous GET ops/payments/{payment_id}/events",
    "list_dead_letters": "anonymous GET ops/dead-letters",
    "get_dead_letter": "anonymous GET ops/dead-letters/{letter_id}",
    "replay_dead_letters": "anonymous POST ops/dead-letters/replay",
    "drain_dead_letters": "anonymous POST ops/dead-letters/drain",
    "replay_dead_letter": "anonymous POST ops/dead-letters/{letter_id}/replay",
    "discard_dead_letter": "anonymous POST ops/dead-letters/{letter_id}/discard",
    "erase_payment": "anonymous POST ops/payments/{payment_id}/erase",
}
"""Whether the host asks for a key, and where it is. Who is let in by the app stands in tests/flow/test_callers.py."""


def test_every_endpoint_is_attacked_but_the_open_ones(declared_functions: dict[str, Declared]) -> None:
    """What the provider calls has attacks of its own."""
    guarded = {
        f"{trigger['methods'][0].value} /api/{trigger['route']}"
        for name, trigger in triggers(declared_functions, "httpTrigger").items()
        if NEEDED[name]
    }

    named = {re.sub(r"\{(\w+)\}", r"{\1_id}", str(call)) for call in (*CHANGES, *READS)}
    assert named == guarded


def test_every_endpoint_is_where_it_is_called_and_asks_for_the_key_of_its_callers(
    declared_functions: dict[str, Declared],
) -> None:
    found = triggers(declared_functions, "httpTrigger")

    assert {
        name: f"{trigger['authLevel']} {'/'.join(method.value for method in trigger['methods'])} {trigger['route']}"
        for name, trigger in found.items()
    } == ENDPOINTS


def test_no_route_hides_another_one(declared_functions: dict[str, Declared]) -> None:
    """Of those that fit, the host takes the first by the names of the functions, and not the one that fits best."""
    found = triggers(declared_functions, "httpTrigger")
    routes = [(f"{found[name]['methods'][0].value} {found[name]['route']}", name) for name in sorted(found)]

    hidden = [
        f"{later} is answered by {earlier}"
        for number, (route, earlier) in enumerate(routes)
        for other, later in routes[number + 1 :]
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route)), other)
    ]

    assert hidden == []


def test_every_blueprint_is_registered() -> None:
    written = {path.stem for path in (ROOT / "functions").glob("*.py") if "\ndef blueprint(" in path.read_text()}

    registered = re.findall(
        r"^app\.register_functions\((\w+)\.blueprint\(", (ROOT / "function_app.py").read_text(), flags=re.MULTILINE
    )

    assert sorted(registered) == sorted(written)


def test_change_feed_triggers_use_declared_containers_and_their_own_lease_prefix(
    declared_functions: dict[str, Declared],
) -> None:
    feeds = triggers(declared_functions, "cosmosDBTrigger")

    assert len({trigger["leaseContainerPrefix"] for trigger in feeds.values()}) == len(feeds) > 0
    for trigger in feeds.values():
        assert trigger["databaseName"] == TOPOLOGY["cosmos"]["database"] == flow.DATABASE
        assert {trigger["containerName"], trigger["leaseContainerName"]} <= set(CONTAINERS)
        assert trigger["createLeaseContainerIfNotExists"] is False
        assert trigger["startFromBeginning"] is True


def test_change_feed_triggers_retry_for_ever(declared_functions: dict[str, Declared]) -> None:
    feeds = [f for f in declared_functions.values() if f.trigger["type"] == "cosmosDBTrigger"]

    for function in feeds:
        assert function.retry is not None
        assert (function.retry["strategy"], function.retry["max_retry_count"]) == ("exponential_backoff", "-1")
        assert function.retry["maximum_interval"] == "00:00:30"


def test_triggers_connect_by_the_names_that_settings_read(declared_functions: dict[str, Declared]) -> None:
    aliases = {field.alias for field in Settings.model_fields.values() if field.alias}

    connections = {f.trigger["connection"] for f in declared_functions.values() if "connection" in f.trigger}

    assert connections == {"CosmosConnection", "ServiceBusConnection"}
    assert connections <= aliases


def test_the_sample_settings_hold_what_is_required_and_nothing_unknown() -> None:
    known = {(field.alias or name.upper()) for name, field in Settings.model_fields.items()}

    assert set(REQUIRED_SETTINGS) <= set(SAMPLE)
    assert set(SAMPLE) - OF_THE_HOST <= known


def test_the_sample_retries_exhaust_within_seconds() -> None:
    settings = Settings.model_validate(SAMPLE)

    for step in Step:
        assert settings.retries.of(step).horizon_s() <= 30


def test_every_placeholder_in_a_trigger_is_a_setting(declared_functions: dict[str, Declared]) -> None:
    placeholders = set(re.findall(r"%([^%]+)%", repr(declared_functions)))

    assert placeholders <= set(SAMPLE)


def test_the_host_completes_messages_and_keeps_locks_longer_than_a_call() -> None:
    bus = HOST["extensions"]["serviceBus"]

    assert bus["autoCompleteMessages"] is True
    assert HOST["extensions"]["http"]["routePrefix"] == "api"
    for topic in TOPICS.values():
        assert all(sub["lockDuration"] == "PT1M" for sub in topic["subscriptions"])
    assert Settings.model_construct().provider_timeout_s < 60
    assert Settings.model_construct().notifier_timeout_s < 60
    assert Settings.model_construct().turn_limit_s < MESSAGE_LOCK_S == 60


def test_the_store_is_read_only_by_what_is_indexed() -> None:
    assert CONTAINERS[flow.EVENTS] == {"name": "events", "partitionKey": "/paymentId", "indexed": ["/paymentId/?"]}
    assert CONTAINERS[flow.LEASES]["partitionKey"] == "/id"


def test_dead_letters_are_asked_only_by_what_is_indexed_and_nothing_else_is() -> None:
    """But for the texts that a person looks for: those are sought in each letter that the rest has left."""
    source = Path(letters.__file__).read_text()
    fields = {name for name in LetterFilter.__dataclass_fields__ if name not in ("like", "payments")}
    of_times = {"recorded_from": "recorded_at", "recorded_before": "recorded_at"}
    asked = {of_times.get(name, name) for name in fields}

    assert {each for each in asked if f"c.{each}" in source or f'("{each}"' in source} == asked
    assert CONTAINERS[flow.DEAD_LETTERS]["partitionKey"] == "/id"
    assert {*CONTAINERS[flow.DEAD_LETTERS]["indexed"]} == {f"/{name}/?" for name in asked}


def test_the_read_model_is_asked_only_by_what_is_indexed_and_nothing_else_is() -> None:
    """A term that nobody queries costs each write; what is sorted by a term that is not there is refused."""
    source = Path(overview.__file__).read_text()
    conditions = re.sub(r'SELECT [^"]*? FROM c\b', "", source)  # what is selected is not asked by
    by_id = {"payment_id": "id"}  # the one term that the store always indexes
    filters = {by_id.get(name, name) for name in RowFilter.__dataclass_fields__}
    of_places_and_times = {"id", "low", "high", "waiting", "moved_before"}
    asked = {*re.findall(r"\bc\.(\w+)", conditions), *filters} - of_places_and_times

    rows = CONTAINERS[flow.PAYMENTS]

    assert rows["partitionKey"] == "/merchant_month"
    assert {*rows["indexed"]} == {f"/{name}/?" for name in asked | {"merchant_month"}}
