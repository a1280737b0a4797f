"""When the local host refuses to start: exit code 1 and one line that names the fault and what to do."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.local.host_support import APPS, spawn
from tests.local.terminal import taken_port

HOST_JSON: dict[str, Any] = {"version": "2.0"}
SETTINGS = {
    "Cosmos": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=c2VjcmV0;",
    "Bus": "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;",
}

FEED = """
@app.cosmos_db_trigger(arg_name="documents", connection="Cosmos", database_name="db", container_name="events", {more})
{retry}
def {name}(documents: func.DocumentList) -> None: ...
"""
ENDLESS = (
    '@app.retry(strategy="exponential_backoff", max_retry_count="-1",'
    ' minimum_interval="00:00:01", maximum_interval="00:00:30")'
)
FINITE = '@app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:01")'
BUS = """
@app.service_bus_topic_trigger(
    arg_name="message", connection="{connection}", topic_name="t", subscription_name="{sub}"{more}
)
{retry}
def on_message(message: {type}) -> None: ...
"""


def feed(name: str = "on_change", *, more: str = "start_from_beginning=True", retry: str = ENDLESS) -> str:
    return FEED.format(name=name, more=more, retry=retry)


def bus(
    *, connection: str = "Bus", sub: str = "s", more: str = "", retry: str = "", type_: str = "func.ServiceBusMessage"
) -> str:
    return BUS.format(connection=connection, sub=sub, more=more, retry=retry, type=type_)


def app_folder(folder: Path, source: str | None, *, host_json: object = HOST_JSON) -> Path:
    if source is not None:
        header = "import typing\nimport azure.functions as func\napp = func.FunctionApp()\n"
        (folder / "function_app.py").write_text(header + source, encoding="utf-8")
    if host_json is not None:
        (folder / "host.json").write_text(json.dumps(host_json), encoding="utf-8")
    return folder


async def refusal(app: Path, *arguments: str) -> str:
    """The one line with which the host refused."""
    host = await spawn(app, *arguments, settings=SETTINGS)
    assert await host.ended() == 1
    # azure-functions itself warns of an app without HTTP functions, whatever its other faults.
    [line] = [line for line in host.log.splitlines() if "Auth level is not applied" not in line]
    start = "the local host cannot start: "
    assert line.startswith(start)
    return line.removeprefix(start)


@pytest.mark.parametrize(
    ("source", "named"),
    [
        pytest.param(None, "function_app.py is missing", id="no function_app.py"),
        pytest.param("", "declares no function", id="no function"),
        pytest.param("import nothing_of_this_name", "No module named 'nothing_of_this_name'", id="a missing module"),
        pytest.param(
            '@app.route("x")\ndef f(request: func.HttpRequest) -> str: ...',
            "cannot load the f function: the following parameters are declared in Python but not in the function"
            " definition",
            id="a parameter without a binding, in the runtime's own words",
        ),
        pytest.param(
            '@app.queue_trigger(arg_name="m", queue_name="q", connection="C")\n'
            "def f(m: func.QueueMessage) -> None: ...",
            "f: queueTrigger is not implemented by the local host",
            id="another trigger",
        ),
        pytest.param(
            '@app.route("x")\n@app.queue_output(arg_name="o", queue_name="q", connection="C")\n'
            "def f(req: func.HttpRequest, o: func.Out[str]) -> str: ...",
            "f: the binding type queue is not implemented by the local host",
            id="another binding",
        ),
        pytest.param(bus(sub="%NOWHERE%"), "on_message: subscriptionName: no setting is named NOWHERE", id="%NAME%"),
        pytest.param(bus(sub="%NOWHERE"), "'%NOWHERE' has a % without its partner", id="an unclosed %"),
        pytest.param(bus(connection="Nowhere"), "on_message: connection: the connection Nowhere is not set", id="conn"),
        pytest.param(bus(retry=FINITE), "on_message: @retry is not supported on a serviceBusTrigger", id="bus retry"),
        pytest.param(
            bus(more=", is_sessions_enabled=True"), "on_message: isSessionsEnabled True is not", id="sessions"
        ),
        pytest.param(
            bus(more=", cardinality=func.Cardinality.MANY", type_="typing.List[func.ServiceBusMessage]"),
            "on_message: cardinality MANY is not implemented",
            id="messages by the batch",
        ),
        pytest.param(feed(retry=""), "on_change: a cosmosDBTrigger without an endless retry policy", id="no retry"),
        pytest.param(feed(retry=FINITE), "on_change: a cosmosDBTrigger without an endless retry policy", id="finite"),
        pytest.param(feed(more=""), "on_change: without start_from_beginning=True", id="from now"),
        pytest.param(
            feed(more='start_from_beginning=True, lease_container_name="events"'),
            "on_change: the lease container events is the monitored one",
            id="leases among the events",
        ),
        pytest.param(
            feed("one", more='start_from_beginning=True, lease_container_prefix="p"')
            + feed("two", more='start_from_beginning=True, lease_container_prefix="p"'),
            "one and two: they share the lease prefix 'p' in leases",
            id="one prefix for two",
        ),
        pytest.param(
            feed(more='start_from_beginning=True, change_feed_mode="AllVersionsAndDeletes"'),
            "on_change: the local host implements only the changeFeedMode LatestVersion",
            id="all versions",
        ),
        pytest.param(
            '@app.timer_trigger(arg_name="t", schedule="1 2 3")\ndef f(t: func.TimerRequest) -> None: ...',
            "f: schedule is '1 2 3': it must have six fields",
            id="a schedule of three fields",
        ),
        pytest.param(
            '@app.route("a-{x}")\ndef f(req: func.HttpRequest) -> str: ...',
            "f: the route part 'a-{x}' is not implemented",
            id="a mixed route part",
        ),
        pytest.param(
            '@app.route("x")\n' + FINITE + "\ndef f(req: func.HttpRequest) -> str: ...",
            "f: @retry is not supported on a httpTrigger",
            id="http retry",
        ),
    ],
)
async def test_an_app_that_cannot_run_as_declared_is_refused(tmp_path: Path, source: str | None, named: str) -> None:
    app = app_folder(tmp_path, source)

    assert named in await refusal(app)


@pytest.mark.parametrize(
    ("host_json", "named"),
    [
        pytest.param(None, "host.json is missing", id="none"),
        pytest.param({}, 'does not say "version": "2.0"', id="no version"),
        pytest.param(HOST_JSON | {"retry": {"strategy": "fixedDelay"}}, "retry for all functions", id="retry"),
        pytest.param(
            HOST_JSON | {"extensions": {"serviceBus": {"maxConcurrentCall": 1}}},
            "extensions.serviceBus.maxConcurrentCall is not a setting",
            id="an unknown key",
        ),
        pytest.param(
            HOST_JSON | {"extensions": {"serviceBus": {"messageHandlerOptions": {}}}},
            "extensions.serviceBus.messageHandlerOptions belongs to version 2",
            id="a key of the old extension",
        ),
        pytest.param(
            HOST_JSON | {"extensions": {"serviceBus": {"maxConcurrentCalls": 0}}},
            "extensions.serviceBus.maxConcurrentCalls is 0: it must be a whole number, 1 or more",
            id="no calls",
        ),
        pytest.param(
            HOST_JSON | {"extensions": {"serviceBus": {"maxAutoLockRenewalDuration": "5 minutes"}}},
            "extensions.serviceBus.maxAutoLockRenewalDuration is '5 minutes': it must be a time span",
            id="no time span",
        ),
    ],
)
async def test_a_host_json_that_would_not_be_obeyed_is_refused(tmp_path: Path, host_json: object, named: str) -> None:
    app = app_folder(tmp_path, bus(), host_json=host_json)

    assert named in await refusal(app)


async def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "is not a folder: give the app's folder with --app DIR" in await refusal(tmp_path / "nowhere")


async def test_required_keys_without_any_key_are_refused() -> None:
    assert "--enable-auth without a key lets nobody in" in await refusal(APPS / "web", "--enable-auth")


async def test_a_settings_file_that_is_named_but_missing_is_refused(tmp_path: Path) -> None:
    assert "none.json cannot be read" in await refusal(APPS / "web", "--settings", str(tmp_path / "none.json"))


async def test_a_taken_port_is_named() -> None:
    with taken_port() as port:
        host = await spawn(APPS / "web", "--port", str(port))

        assert await host.ended() == 1
    assert host.log.startswith(f"port {port} is taken, so the local host cannot start")
