"""Fixtures that every folder of tests may use."""

import inspect
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from azure.functions.decorators.function_app import Function
from hypothesis import HealthCheck, settings

from functions.edge import edge
from local.base.database import FSYNC
from tests import forks, hosts

os.environ.setdefault(FSYNC, "0")
"""Thousands of files of services begin empty here: their tests would wait for the disk a third of their time."""

# Both measure the machine and not the code: the first draw in a fresh clone also builds hypothesis' own tables.
settings.register_profile("regis", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("regis")

REQUIRED_SETTINGS = {
    "CosmosConnection": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=c2VjcmV0;",
    "ServiceBusConnection": "Endpoint=sb://127.0.0.1;SharedAccessKey=secret",
    "PROVIDER_BASE_URL": "http://127.0.0.1:7090",
    "MERCHANT_ID": "merchant-1",
}
"""The settings without a default; nothing listens there."""


@dataclass(frozen=True)
class Declared:
    """A function as its decorators declare it."""

    trigger: dict[str, Any]
    retry: dict[str, Any] | None
    parameters: list[str]
    is_guarded: bool
    told_as: str


@pytest.fixture(scope="session")
def declared_functions() -> dict[str, Declared]:
    """The functions of function_app.py. Once per process: azure-functions refuses to build them twice."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in REQUIRED_SETTINGS.items():
            patch.setenv(name, value)
        import function_app

        return dict(map(_declared, function_app.app.get_functions()))


def _declared(function: Function) -> tuple[str, Declared]:
    name, trigger = function.get_function_name(), function.get_trigger()
    assert name is not None
    assert trigger is not None
    fields = {field: getattr(value, "value", value) for field, value in trigger.get_dict_repr().items()}
    code = function.get_user_function()
    is_guarded = code.__code__ is edge(code).__code__
    parameters = list(inspect.signature(code).parameters)
    return name, Declared(
        fields, function.get_settings_dict("retry_policy") or None, parameters, is_guarded, code.__name__
    )


def pytest_configure(config: pytest.Config) -> None:
    hosts.refuse_workers(config)
    if "not long" in config.option.markexpr:
        forks.install()


LONGEST_FIRST = (
    "tests/flow/test_crashes.py",
    "tests/invariants/",
    "tests/e2e/test_many_payments.py",
    "tests/local/test_host_services.py",
    "tests/local/test_foreign_host.py",
    "tests/e2e/test_fuzz.py",
    "tests/e2e/test_storm.py",
    "tests/e2e/test_read_model.py",
    "tests/local/test_up.py",
    "tests/e2e/test_wire.py",
    "tests/local/test_servicebus_durability.py",
    "tests/local/test_emulators.py",
    "tests/flow/test_world.py",
)
"""A file stays in one process, so one that takes half a minute or more and comes last leaves the other process idle."""
BESIDE_LIGHT_ONES = ("tests/e2e/test_exits.py", "tests/unit/")
"""Come last and together: what must not meet a busy machine, and what is over soon and waits for nothing."""
WAITING = ("tests/browser/", "tests/contract/", "tests/e2e/", "tests/examples/", "tests/local/", "tests/ops/")
"""Where tests wait for other processes. Side by side they leave the processors idle; so each has others beside it."""


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _turn(file: str) -> int:
    for number, first in enumerate(LONGEST_FIRST):
        if file.startswith(first):
            return number - len(LONGEST_FIRST)
    return next((number for number, at in enumerate(BESIDE_LIGHT_ONES, 1) if file.startswith(at)), 0)


def _places(files: Iterable[str]) -> dict[str, float]:
    """Where each comes, from 0 on. Before those that come last, files that wait are spread among those that compute."""
    in_turn = sorted(files, key=_turn)
    last = [file for file in in_turn if _turn(file) > 0]
    waiting = [file for file in in_turn if file.startswith(WAITING) and file not in last]
    computing = [file for file in in_turn if file not in {*waiting, *last}]
    spread = {file: number / len(group) for group in (computing, waiting) for number, file in enumerate(group)}
    return spread | {file: 1.0 + number for number, file in enumerate(last)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pyproject.toml keeps xdist from sorting the files itself, by their number of tests."""
    places = _places(dict.fromkeys(map(_file, items)))
    items.sort(key=lambda item: places[_file(item)])
    for item in items:
        hosts.adapt(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures that tests recorded, such as a median, in every run's last lines."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
