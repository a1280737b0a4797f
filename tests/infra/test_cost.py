"""The cost tables of the documents: worked out, not typed, and every price says where it is from."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.cost import DOCUMENTS, HOW, TABLES, main, written
from infra.cost_model import GROUPS, Made, at_rest, logged_gb, per_million, polled_gb
from infra.prices import PRICES, QUANTITIES
from tests.conftest import Declared
from tests.infra.product import INFRA, ROOT

SNAPSHOTS = {name: json.loads((INFRA / "snapshots" / f"{name}.json").read_text()) for name in ("dev", "prod", "closed")}


def made(**changed: Any) -> dict[str, Made]:
    """What the snapshots make; a change takes a resource type away from all of them."""
    gone = set(changed.values())
    return {
        name: Made({"predictedResources": [r for r in held["predictedResources"] if r["type"] not in gone]})
        for name, held in SNAPSHOTS.items()
    }


def copy(folder: Path) -> Path:
    """The documents, and the snapshots that they are made of."""
    for name in [*DOCUMENTS, *(f"infra/snapshots/{each}.json" for each in SNAPSHOTS)]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text((ROOT / name).read_text())
    return folder


def test_the_tables_are_what_prices_and_snapshots_come_to() -> None:
    differing = [name for name in DOCUMENTS if written((ROOT / name).read_text(), made()) != (ROOT / name).read_text()]

    assert differing == [], HOW


def test_every_table_stands_in_one_document() -> None:
    text = "".join((ROOT / name).read_text() for name in DOCUMENTS)

    assert sorted(re.findall(r"<!-- cost: (.*?) -->", text)) == sorted(TABLES)


def test_every_number_says_where_it_is_from_and_none_is_a_float() -> None:
    numbers = [*PRICES.values(), *QUANTITIES.values()]

    assert all(each.unit and each.source for each in numbers)
    assert all(each.value > 0 for each in numbers)
    assert {name for name, each in PRICES.items() if "no price list" in each.source} == {
        name for name, each in PRICES.items() if each.assumed and name != "storage account, vault"
    }


def test_an_alert_more_costs_more() -> None:
    """The numbers of alerts are counted in the snapshots."""
    with_alerts, without = made()["prod"], made(gone="Microsoft.Insights/scheduledQueryRules")["prod"]

    dearer = sum(at_rest(with_alerts).values()) - sum(at_rest(without).values())

    assert dearer == with_alerts.queries * PRICES["query alert"].value
    assert with_alerts.queries > 10


def test_each_environment_pays_for_what_it_makes() -> None:
    dev, prod, closed = made().values()

    assert (dev.throughput, prod.throughput) == (0, 4000 + 4 * 1000)
    assert (dev.ready, prod.ready) == (0, 2)
    assert (dev.instance_gb, prod.instance_gb) == (Decimal("0.5"), Decimal(2))
    assert closed.bus > 60 * dev.bus
    assert dev.series == prod.series > 30


def test_a_group_of_functions_is_all_of_http_or_one_other_trigger(declared_functions: dict[str, Declared]) -> None:
    """As Flex Consumption scales: what a plan with zones keeps two of."""
    kinds = {name: each.trigger["type"] for name, each in declared_functions.items()}

    assert sorted(GROUPS) == sorted({"http" if kind == "httpTrigger" else f"function:{n}" for n, kind in kinds.items()})
    assert len(GROUPS) == 15


def test_a_plan_with_zones_pays_for_two_of_every_group_whatever_is_configured() -> None:
    """closed has zones and 2 of http configured; prod has 2 of one group."""
    assert made()["closed"].ready == 30
    assert made()["prod"].with_a_plan_in_zones().ready == 30
    assert made()["prod"].with_a_plan_in_zones().awake == 30
    assert made()["prod"].awake == 3


def test_what_is_configured_beyond_two_is_paid_for_too() -> None:
    scale = {"alwaysReady": [{"name": "http", "instanceCount": 5}], "instanceMemoryMB": 512}
    site = {"type": "Microsoft.Web/sites", "properties": {"functionAppConfig": {"scaleAndConcurrency": scale}}}
    plan = {"type": "Microsoft.Web/serverfarms", "properties": {"zoneRedundant": True}}

    assert Made({"predictedResources": [site, plan]}).ready == 5 + 14 * 2


BY_HAND = {
    # 730 h x 0.0135, 4 Mio. RU x 0.25, 3.2 s x 43,800 min x 0.5 GB x 0.000026, nothing ready,
    # (20 KB x 43,800 + 5 KB x 262,800 x 1) / 1,000,000 x 2.30
    "dev": "9.86 1.00 1.82 0.00 5.04 1.00",
    # 8,000 RU/s x 0.1 / 100 x 0.008 x 1.5 x 730; 2 instances x 2 GB x 2,628,000 s x 0.000004; 3 of them awake
    "prod": "9.86 70.08 7.29 42.05 11.08 1.00",
    # 30 instances x 2 GB x 2,628,000 s x 0.000004; 30 awake
    "prod in zones": "9.86 70.08 7.29 630.72 92.68 1.00",
}
"""Each line of the table but those of alerts, worked out with pen and paper; the totals below are their sums."""


@pytest.mark.parametrize(("name", "together"), [("dev", "18.72"), ("prod", "141.36"), ("prod in zones", "811.63")])
def test_what_was_worked_out_by_hand_comes_out(name: str, together: str) -> None:
    environment = made()[name.split(maxsplit=1)[0]]

    costs = at_rest(environment.with_a_plan_in_zones() if name.endswith("zones") else environment)

    counted = [cost for what, cost in costs.items() if not what.startswith("alerts")]
    assert " ".join(f"{cost:.2f}" for cost in counted) == BY_HAND[name]
    assert sum(counted) == pytest.approx(Decimal(together), abs=Decimal("0.02"))


def test_a_million_payments_come_to_what_was_worked_out_by_hand() -> None:
    assert sum(low for low, _ in list(per_million(busy=True).values())[:5]) == pytest.approx(Decimal("21.54"))


def test_sampling_spares_spans_and_nothing_else() -> None:
    whole, tenth, none = (logged_gb(Decimal(1000), ratio=Decimal(ratio)) for ratio in ("1", "0.1", "0"))

    assert whole - none == 10 * (tenth - none)
    assert none > 0
    assert polled_gb() > logged_gb(Decimal(1_000_000), ratio=Decimal(1))


def test_a_table_that_was_typed_is_found_and_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = copy(tmp_path) / "docs" / "deploy.md"
    page.write_text(page.read_text().replace("| 9.86 | 9.86 |", "| 9.86 | 9.87 |", 1))

    assert main([str(tmp_path)]) == 1
    assert (
        f"docs/deploy.md: its cost tables are not what prices and snapshots come to: {HOW}" in capsys.readouterr().err
    )

    assert main(["--write", str(tmp_path)]) == 0
    assert page.read_text() == (ROOT / "docs" / "deploy.md").read_text()


def test_a_table_that_nobody_knows_is_a_fault() -> None:
    with pytest.raises(KeyError, match="other"):
        written("<!-- cost: other -->\n<!-- /cost -->\n", made())
