"""The reader that the checks of infra/ stand on gives what the Bicep compiler would."""

from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep_reader import read
from tests.infra.bicep_values import Unknown

HEAD = """
param given string
param sku string = 'Standard'
param private bool = false
var topics = [{ name: 'a', window: null, subs: ['x'] }, { name: 'b', window: 'PT1H', subs: ['y', 'z'] }]
var serverless = sku == 'serverless'
"""


def value_of(expression: str, folder: Path, **parameters: Any) -> Any:
    path = folder / "some.bicep"
    path.write_text(f"{HEAD}output answer string = {expression}\n")
    return read(path, **parameters).outputs["answer"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("sku == 'Premium' ? 'p' : 's'", "s"),
        ("private ? 'p' : sku == 'Standard' ? 's' : 't'", "s"),
        ("topics[1].name == 'b' ? 'yes' : 'no'", "yes"),
        ("map(filter(topics, topic => topic.window != null), topic => topic.name)", ["b"]),
        ("map(filter(topics, topic => topic.window == null), topic => topic.name)", ["a"]),
        ("flatten(map(topics, topic => map(topic.subs, sub => '${topic.name}/${sub}')))", ["a/x", "b/y", "b/z"]),
        ("union({ a: 1 }, private ? { b: 2 } : { c: 3 })", {"a": 1, "c": 3}),
        ("!empty(topics) ? 'some' : 'none'", "some"),
        ("serverless", False),
        ("'sku'", "sku"),
        ("'${sku}-x'", "Standard-x"),
        ("contains(topics[1].subs, 'z')", True),
    ],
)
def test_an_expression_has_its_value(expression: str, value: object, tmp_path: Path) -> None:
    assert value_of(expression, tmp_path) == value


def test_a_parameter_that_is_given_beats_its_default(tmp_path: Path) -> None:
    assert value_of("sku", tmp_path, sku="Premium") == "Premium"


@pytest.mark.parametrize("kind", ["{ *: string }", "{ name: string, count: int }[]", "{\n  name: string\n}"])
def test_what_a_type_says_of_an_object_changes_no_value(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "some.bicep"
    path.write_text(f"param typed {kind} = []\noutput answer array = typed\n")

    assert read(path).outputs == {"answer": []}


@pytest.mark.parametrize(
    "expression", ["given", "given == 'x' ? 1 : 2", "resourceGroup().id", "nowhere", "topics[0].no"]
)
def test_what_only_a_deployment_knows_stays_unknown(expression: str, tmp_path: Path) -> None:
    assert isinstance(value_of(expression, tmp_path), Unknown)


def test_a_loop_gives_one_resource_per_turn(tmp_path: Path) -> None:
    path = tmp_path / "some.bicep"
    path.write_text(
        f"{HEAD}resource all 'A.B/c@2024-01-01' = [for (topic, i) in topics: {{\n  name: '${{topic.name}}${{i}}'\n}}]\n"
    )

    assert [resource.body["name"] for resource in read(path).resources] == ["a0", "b1"]


def test_a_resource_waits_for_what_it_names_and_for_what_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "some.bicep"
    path.write_text(
        "resource a 'A.B/c@2024-01-01' = {\n  name: 'b'\n}\n"
        "resource b 'A.B/c@2024-01-01' = {\n  name: '${a.name}x'\n}\n"
        "resource c 'A.B/c@2024-01-01' = {\n  name: 'b'\n  dependsOn: [a]\n}\n"
    )

    assert read(path).waits_for() == {"a": frozenset(), "b": {"a"}, "c": {"a"}}
