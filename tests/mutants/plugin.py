"""A plugin of pytest, in the process that tries one mutant: only the chosen tests, in the chosen order.

Tells in a file which tests failed, the first one first, and how long each one took.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

CHOSEN = "MUTANTS_CHOSEN"
"""Names a JSON file: the ids of the tests, in order."""
TOLD = "MUTANTS_TOLD"
"""Names the file for what is found."""


class Chosen:
    """What this process is to run, and what it found."""

    def __init__(self, chosen: list[str] | None, told: Path) -> None:
        self.order = None if chosen is None else {name: number for number, name in enumerate(chosen)}
        self.told = told
        self.failed: list[str] = []
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            _tell_at_once(item)
        if self.order is not None:
            items[:] = [item for item in items if item.nodeid in self.order]
            items.sort(key=lambda item: self.order[item.nodeid] if self.order else 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self._note(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._note(f"{report.nodeid} (at import)")

    def pytest_sessionfinish(self) -> None:
        self._tell()

    def _note(self, test: str) -> None:
        if test not in self.failed:
            self.failed.append(test)
            self._tell()

    def _tell(self) -> None:
        self.told.write_text(json.dumps({"failed": self.failed, "seconds": self.seconds}))


def _tell_at_once(item: pytest.Item) -> None:
    """A run of the invariants that breaks one need not be shortened: that it breaks is enough."""
    module: Any = getattr(item, "module", None)
    if item.nodeid.startswith("tests/invariants/") and hasattr(module, "shortest"):
        module.shortest = lambda ended, *, judge: ended  # noqa: ARG005 - the name is the function's


def pytest_configure(config: pytest.Config) -> None:
    if TOLD in os.environ:
        chosen = json.loads(Path(os.environ[CHOSEN]).read_text()) if CHOSEN in os.environ else None
        config.pluginmanager.register(Chosen(chosen, Path(os.environ[TOLD])))
