"""What infra/ would deploy is what the code needs, and nothing else. Each check is shown to see its fault.

The checks are functions over infra/, so the real folder and the copies with a fault go through the same code.
"""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Declared
from tests.infra import (
    access_checks,
    alert_checks,
    app_checks,
    door_checks,
    language_checks,
    naming_checks,
    network_checks,
    recording_checks,
    topology_checks,
    watch_checks,
)
from tests.infra.checking import Check, Seed
from tests.infra.product import INFRA, Infra, Product, emitted_signals
from tests.infra.seeds import SEEDS as SEEDS_OF_TOPOLOGY_AND_ACCESS
from tests.infra.seeds_app import SEEDS as SEEDS_OF_THE_APP
from tests.infra.seeds_doors import SEEDS as SEEDS_OF_THE_DOORS
from tests.infra.seeds_network import SEEDS as SEEDS_OF_THE_NETWORK
from tests.infra.seeds_told import SEEDS as SEEDS_OF_WHAT_IS_TOLD

CHECKS: list[Check] = [
    *language_checks.CHECKS,
    *topology_checks.CHECKS,
    *access_checks.CHECKS,
    *network_checks.CHECKS,
    *app_checks.CHECKS,
    *door_checks.CHECKS,
    *naming_checks.CHECKS,
    *watch_checks.CHECKS,
    *alert_checks.CHECKS,
    *recording_checks.CHECKS,
]

SEEDS = [
    *SEEDS_OF_TOPOLOGY_AND_ACCESS,
    *SEEDS_OF_THE_NETWORK,
    *SEEDS_OF_THE_APP,
    *SEEDS_OF_THE_DOORS,
    *SEEDS_OF_WHAT_IS_TOLD,
]


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
def test_a_seeded_fault_is_seen(seed: Seed[Check], tmp_path: Path, product: Product) -> None:
    faults = seed.check(seed.planted(tmp_path), product)

    assert any(seed.says in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("trigger", "missing"),
    [
        ({"connection": "OtherConnection"}, "OtherConnection__credential"),
        ({"subscriptionName": "%OTHER_SUBSCRIPTION%"}, "OTHER_SUBSCRIPTION"),
    ],
    ids=["its connection", "a name"],
)
def test_a_trigger_that_names_a_setting_which_no_environment_has_is_seen(
    trigger: dict[str, Any], missing: str, infra: Infra, product: Product
) -> None:
    step = product.functions["settle_payment"]
    one_more = dataclasses.replace(step, trigger={**step.trigger, **trigger})
    with_it = dataclasses.replace(product, functions={**product.functions, "one_more": one_more})

    faults = app_checks.settings_are_those_of_the_code(infra, with_it)

    assert faults == [f"{missing}: needed, and not set"] * len(infra.snapshots)


def test_a_route_of_which_nobody_has_said_whether_it_is_open_is_seen(infra: Infra, product: Product) -> None:
    health = product.functions["health"]
    one_more = dataclasses.replace(health, trigger={**health.trigger, "route": "health/of/everything"})
    with_it = dataclasses.replace(product, functions={**product.functions, "one_more": one_more})

    faults = door_checks.doors_are_as_the_table_says(infra, with_it)

    assert "one_more at /api/health/of/everything: nobody has said whether it is open" in faults


def test_every_check_is_shown_to_see_a_fault() -> None:
    assert {seed.check for seed in SEEDS} == set(CHECKS)
