"""`pytest tests/provider_conformance --adapter NAME`: the suite on one adapter, also on one that is not ours."""

import pytest

from tests.provider_conformance.bench import ADAPTERS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--adapter", action="append", help=f"one of {', '.join(ADAPTERS)}, or package.module:function of a bench"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "adapter" in metafunc.fixturenames:
        metafunc.parametrize("adapter", metafunc.config.getoption("--adapter", None) or sorted(ADAPTERS))
