"""What infra/ would deploy is what the code needs, and nothing else. Each check is shown to see its fault.

The checks are functions over infra/, so the real folder and the copies with a fault go through the same code.
"""

from pathlib import Path

import pytest

from tests.conftest import Declared
from tests.unit import (
    infra_access_checks,
    infra_app_checks,
    infra_language_checks,
    infra_topology_checks,
    infra_watch_checks,
)
from tests.unit.infra_checking import Check, Seed
from tests.unit.infra_product import INFRA, Infra, Product, emitted_signals
from tests.unit.infra_seeds import SEEDS as SEEDS_OF_TOPOLOGY_AND_ACCESS
from tests.unit.infra_seeds_app import SEEDS as SEEDS_OF_THE_APP

CHECKS: list[Check] = [
    *infra_language_checks.CHECKS,
    *infra_topology_checks.CHECKS,
    *infra_access_checks.CHECKS,
    *infra_app_checks.CHECKS,
    *infra_watch_checks.CHECKS,
]

SEEDS = [*SEEDS_OF_TOPOLOGY_AND_ACCESS, *SEEDS_OF_THE_APP]


@pytest.fixture(scope="module")
def product(declared_functions: dict[str, Declared]) -> Product:
    return Product(declared_functions, emitted_signals())


@pytest.fixture(scope="module")
def infra() -> Infra:
    return Infra(INFRA)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_infra_passes(check: Check, infra: Infra, product: Product) -> None:
    assert check(infra, product) == []


@pytest.mark.parametrize("seed", SEEDS, ids=str)
def test_a_seeded_fault_is_seen(seed: Seed, tmp_path: Path, product: Product) -> None:
    faults = seed.faults(tmp_path, product)

    assert any(seed.says in fault for fault in faults), faults


def test_every_check_is_shown_to_see_a_fault() -> None:
    assert {seed.check for seed in SEEDS} == set(CHECKS)
