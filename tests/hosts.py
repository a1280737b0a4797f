"""Under which Functions host the end-to-end tests run: ours, or the one that the command in E2E_HOST starts.

The only place that knows of the switch: what runs, how much longer it may take, and which tests make no sense there.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.supervisor import TOPOLOGY, Platform, running_platform
from tests.audited import audited, hold_published
from tests.foreign_host import COMMAND, FOLDER, NoCommand, words

IS_FOREIGN = bool(os.environ.get(COMMAND))

PATIENCE = 4.0 if IS_FOREIGN else 1.0
"""By how much every limit is longer. Microsoft's host works on a minute after a kill: its leases last 60 s."""

ONLY_OURS = {
    "tests/e2e/test_fuzz.py": "callers are asked for keys that this host was given, and no other machine is reached",
    "tests/e2e/test_exits.py": "the host dies at points inside the product and inside our host's own settling",
    "tests/e2e/test_read_model.py::test_a_projector_that_is_killed": "the host dies at points inside the product",
    "tests/e2e/test_payment.py::test_while_nothing_happens_the_feeds_are_hardly_asked": "others ask as often as told",
}
"""Tests, or files of them, that are skipped under another host, and why."""


FUNCTION_KEY, ADMIN_KEY = (
    os.environ.get(name, key)
    for name, key in (("E2E_FUNCTION_KEY", "local-function-key"), ("E2E_ADMIN_KEY", "local-admin-key"))
)
"""The keys that a host asks for when it is told to. Ours takes these; another host is told them in its own way."""


def asking_for_keys() -> dict[str, str]:
    """The environment in which a host asks for keys, as Azure does."""
    if IS_FOREIGN:
        return {COMMAND: f"{os.environ[COMMAND]} --enableAuth"}
    return {
        "LOCAL_HOST_ENABLE_AUTH": "true",
        "LOCAL_HOST_FUNCTION_KEY": FUNCTION_KEY,
        "LOCAL_HOST_ADMIN_KEY": ADMIN_KEY,
    }


def patient(limit_s: float) -> float:
    """The limit, longer under another host than ours."""
    return limit_s * PATIENCE


@contextlib.asynccontextmanager
async def running(
    *,
    data: Path,
    environment: Mapping[str, str] | None = None,
    topology: Path = TOPOLOGY,
    others_send: bool = False,
    **arguments: Any,
) -> AsyncIterator[Platform]:
    """As `running_platform`, with the host that the switch says. What was published is held to its schemas at the end.

    others_send: the test puts messages on the topics that are not as any schema says.
    """
    if not others_send:
        topology = audited(topology, at=data.parent / f"{data.name}.audited.json")
    more: dict[str, Any] = {"environment": environment}
    if IS_FOREIGN:
        folder = {FOLDER: str(data.absolute() / "host")}  # noqa: ASYNC240 - asks nothing of the disk
        more = {
            "environment": {**(environment or {}), **folder},
            "modules": {"host": "tests.foreign_host"},
            "patience": PATIENCE,
        }
    async with running_platform(data=data, topology=topology, **more, **arguments) as platform:
        yield platform
    if not others_send:
        hold_published(data / "servicebus.sqlite")


def refuse_workers(config: pytest.Config) -> None:
    """Hosts at the same time would share what has a fixed port: Azurite. Nor does a run begin without a command."""
    if IS_FOREIGN:
        try:
            words(os.environ[COMMAND])
        except NoCommand as exc:
            raise pytest.UsageError(str(exc)) from exc
    if IS_FOREIGN and config.getoption("numprocesses", 0):
        raise pytest.UsageError(f"{COMMAND} is set: run the tests one after another, with -n 0")


def adapt(item: pytest.Item) -> None:
    """To the host that the switch says."""
    if not IS_FOREIGN:
        return
    for name, reason in ONLY_OURS.items():
        if item.nodeid.startswith(name):
            item.add_marker(pytest.mark.skip(reason=f"only with our own host: {reason}"))
    own = item.get_closest_marker("timeout")
    limit_s = float(own.args[0] if own else item.config.getini("timeout"))
    item.add_marker(pytest.mark.timeout(patient(limit_s)), append=False)
