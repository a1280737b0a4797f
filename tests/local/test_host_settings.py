"""How settings, connections, host.json and route templates are read: by the rules of the Functions host."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.azure.host.errors import CannotStart
from local.azure.host.hostjson import HostOptions, ServiceBusOptions, read_host_json
from local.azure.host.routes import parse_route
from local.azure.host.settings import Connection, Settings, apply_local_settings


def connection(name: str, **environ: str) -> Connection:
    return Settings(environ).connection(name, endpoint_key="accountEndpoint", where="f: connection")


def test_every_name_between_percent_signs_is_replaced() -> None:
    settings = Settings({"A": "one", "Section__B": "two"})

    assert settings.resolve("%a%-%Section:B%-c", where="f") == "one-two-c"


def test_a_connection_may_be_a_connection_string() -> None:
    assert connection("C", C="text") == Connection("C", connection_string="text")


@pytest.mark.parametrize("winner", ["ConnectionStrings__AzureWebJobsC", "AzureWebJobsC", "ConnectionStrings__C", "C"])
def test_the_host_looks_for_a_connection_in_a_fixed_order(winner: str) -> None:
    order = ["ConnectionStrings__AzureWebJobsC", "AzureWebJobsC", "ConnectionStrings__C", "C"]
    environ = {name: name for name in order[order.index(winner) :]}

    assert connection("C", **environ).connection_string == winner


def test_a_connection_may_be_an_endpoint_and_an_identity() -> None:
    found = connection("C", C__accountEndpoint="https://x", C__credential="managedidentity", C__clientId="7")

    assert found == Connection("C", endpoint="https://x", credential="managedidentity", client_id="7")


def test_a_section_before_the_plain_name_wins() -> None:
    assert connection("C", AzureWebJobsC__accountEndpoint="https://x", C="text").endpoint == "https://x"


def test_a_connection_that_is_not_set_is_named_with_both_ways_to_set_it() -> None:
    with pytest.raises(CannotStart, match=r"the connection C is not set: give C \(.*\) or C__accountEndpoint"):
        connection("C")


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_environment_wins_over_local_settings(tmp_path: Path) -> None:
    environ = {"A": "environment"}
    content = {"Values": {"A": "file", "B": "file"}, "ConnectionStrings": {"C": "text"}}

    apply_local_settings(write(tmp_path / "local.settings.json", content), environ)

    assert environ == {"A": "environment", "B": "file", "ConnectionStrings__C": "text"}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "is not JSON"),
        ([], "does not hold a JSON object"),
        ({"IsEncrypted": True}, "is encrypted"),
        ({"Values": {"A": 1}}, "the setting A in Values is not a string"),
    ],
)
def test_local_settings_that_func_would_not_take_are_refused(tmp_path: Path, content: object, named: str) -> None:
    with pytest.raises(CannotStart, match=named):
        apply_local_settings(write(tmp_path / "local.settings.json", content), {})


def read(folder: Path, **extensions: Any) -> HostOptions:
    write(folder / "host.json", {"version": "2.0", "logging": {}, "extensions": extensions})
    return read_host_json(folder)


def test_host_json_without_extensions_means_the_defaults_of_the_host(tmp_path: Path) -> None:
    options = read(tmp_path)

    assert options.route_prefix == "api"
    assert options.service_bus == ServiceBusOptions(prefetch_count=0, auto_complete=True, lock_renewal_s=300.0)
    assert options.service_bus.max_concurrent_calls % 16 == 0


def test_host_json_is_obeyed(tmp_path: Path) -> None:
    options = read(
        tmp_path,
        http={"routePrefix": ""},
        serviceBus={
            "prefetchCount": 5,
            "autoCompleteMessages": False,
            "maxAutoLockRenewalDuration": "1.00:01:00.5",
            "maxConcurrentCalls": 2,
        },
    )

    assert options == HostOptions(
        "", ServiceBusOptions(5, auto_complete=False, lock_renewal_s=86460.5, max_concurrent_calls=2)
    )


@pytest.mark.parametrize(("given", "seconds"), [("00:05:00", 300.0), ("-1", None), (None, 1800.0)])
def test_a_function_has_the_time_that_host_json_says_or_half_an_hour(
    tmp_path: Path, given: str | None, seconds: float | None
) -> None:
    write(tmp_path / "host.json", {"version": "2.0"} | ({"functionTimeout": given} if given else {}))

    assert read_host_json(tmp_path).function_timeout_s == seconds


def test_a_function_is_switched_off_by_the_name_with_dots_alone() -> None:
    assert Settings({"AzureWebJobs.f.Disabled": "true"}).disables("f")
    assert Settings({"AzureWebJobs.F.disabled": "1"}).disables("f")
    assert not Settings({"AzureWebJobs__f__Disabled": "true"}).disables("f")
    assert not Settings({"AzureWebJobs.f.Disabled": "false"}).disables("f")


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/x", "/api/x/", {}),
        ("api/x", "/API/X", {}),
        ("api/x", "/api", None),
        ("api/{a}/{b?}", "/api/1", {"a": "1"}),
        ("api/{a}/{b?}", "/api/1/2", {"a": "1", "b": "2"}),
        ("api/{a}/{b?}", "/api/1/2/3", None),
        ("api/{a:int}", "/api/x", None),
        ("api/{a:guid}", "/api/6F9619FF-8B86-D011-B42D-00C04FC964FF", {"a": "6F9619FF-8B86-D011-B42D-00C04FC964FF"}),
        ("api/{*rest}", "/api", {"rest": ""}),
        ("api/{*rest}", "/api/a%20b/c%2Fd", {"rest": "a b/c%2Fd"}),
    ],
)
def test_a_route_matches_as_in_asp_net(template: str, path: str, values: dict[str, str] | None) -> None:
    assert parse_route(template, where="f").match(path) == values


@pytest.mark.parametrize("template", ["a/{x:regex(.*)}", "a/{x}-{y}", "a/{*rest}/b", "a/{x?}/b"])
def test_a_template_that_is_not_implemented_is_refused(template: str) -> None:
    with pytest.raises(CannotStart):
        parse_route(template, where="f")
