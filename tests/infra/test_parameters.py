"""The parameters of infra/main.bicep: what azd can hand over, what is chosen once, and that both are said."""

import re

from tests.infra.product import INFRA, ROOT, Infra
from tests.unit.docs_tables import bare, table

MAIN = Infra(INFRA).files["main.bicep"]
DECLARED = dict(re.findall(r"(?m)^param (\w+) (\S+|\{[^}]*\}\S*)(?: =|$)", MAIN.text))
"""By name, the type."""

FROM_AZD = {
    "alertEmails": "string",
    "apiAuth": "string",
    "budgetStart": "string",
    "developerRoles": "bool",
    "fixedEgress": "bool",
    "instanceMemoryMb": "int",
    "lockEventStore": "bool",
    "merchantId": "string",
    "monthlyBudget": "int",
    "privateNetworking": "bool",
    "providerKeyInVault": "bool",
    "serviceBusSku": "string",
}
"""What `azd env set` may change. azd reads a text for a bool or an int; for an array it does not."""


def test_what_azd_may_set_is_of_a_type_that_a_text_can_be() -> None:
    assert {name: DECLARED.get(name) for name in FROM_AZD} == FROM_AZD


def test_whatever_azd_may_set_can_do_without() -> None:
    """An empty setting is no question before the first deployment."""
    needed = {name for name, node in MAIN.tree["parameters"].items() if node["default"] is None}

    assert needed & set(FROM_AZD) == {"merchantId"}, "main.parameters.json has a default for it"


def test_azd_offers_only_regions_that_have_flex() -> None:
    (allowed,) = re.findall(
        r"@allowed\(\[\n((?:  '\w+'\n)+)\]\)\n@metadata\(\{ azd: \{ type: 'location' \} \}\)", MAIN.text
    )
    regions = re.findall(r"\w+", allowed)

    assert "westeurope" in regions
    assert regions == sorted(set(regions))


def test_what_is_chosen_once_says_so_where_it_is_set_and_in_the_guide() -> None:
    once = set(
        re.findall(r"@description\('Only at creation\.[^\n]*\n(?:@[^\n]*\n| {2}'\w+'\n|\]\)\n)*param (\w+)", MAIN.text)
    )
    told = {bare(name) for row in table("scale.md", heading="parameter") for name in row["parameter"].split(", ")}

    assert once == told
    assert {"cosmosCapacity", "serviceBusSku", "privateNetworking", "location"} <= once


def said(value: str) -> str:
    """A value of Bicep as the guide says it."""
    value = re.sub(r"\[\{ name: 'function:(\w+)', instanceCount: (\d+) \}\]", r"\1, \2", value.strip("'"))
    return re.sub(r"Continuous(\d+)Days", r"\1 days", {"": "none", "0": "none", "[]": "none"}.get(value, value))


def test_what_the_guide_says_of_an_environment_is_what_it_gets() -> None:
    """A default that changes changes every environment that does not set it."""
    defaults = dict(re.findall(r"(?m)^param (\w+) (?:\{[^}]*\})?\S* = (.+)$", MAIN.text))
    changed = dict(re.findall(r"(?m)^param (\w+) = (.+)$", (INFRA / "prod.bicepparam").read_text()))
    rows = [row for row in table("deploy.md", heading="parameter") if "prod.bicepparam" in row]

    for row in rows:
        names = row["parameter"].split(", ")
        dev, prod = (
            row[column].split(", ") if len(names) > 1 else [row[column]]
            for column in ("default (dev)", "prod.bicepparam")
        )
        assert {said(defaults[name]) for name in names} == set(dev), names
        assert {said((defaults | changed)[name]) for name in names} == set(prod), names
    assert len(rows) > 15


def test_an_environment_is_found_again_by_where_it_is() -> None:
    """What azd, and whoever signs in, needs beside names."""
    for name in ("dev", "prod", "closed"):
        outputs = Infra(INFRA).snapshot(name).outputs
        assert outputs["AZURE_LOCATION"] == "westeurope"
        assert outputs["AZURE_TENANT_ID"].endswith("02")


def test_who_has_one_address_is_told_it() -> None:
    outputs = {name: Infra(INFRA).snapshot(name).outputs["EGRESS_ADDRESS"] for name in ("dev", "closed")}

    assert outputs["dev"] == ""
    assert "publicIPAddresses" in outputs["closed"]


def test_every_output_of_a_script_or_guide_is_there_and_no_other() -> None:
    """AZURE_... are azd's own; the rest somebody reads."""
    readers = [*(ROOT / ".github").rglob("*.yml"), *ROOT.glob("docs/*.md"), *INFRA.glob("*.sh"), ROOT / "README.md"]
    text = "\n".join(path.read_text() for path in readers)

    outputs = Infra(INFRA).snapshot("dev").outputs

    unread = {name for name in outputs if not name.startswith("AZURE_") and not re.search(rf"\b{name}\b", text)}
    assert unread == set()
