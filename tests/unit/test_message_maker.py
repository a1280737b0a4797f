"""Messages, their ids and the names of their properties are made in one place."""

import ast
from pathlib import Path

import pytest

from tests.unit.test_architecture import module_of, shipped

MAKER = "shared.codec.messages"
TABLE = "shared.codec.properties"
OF_THE_BROKER_ALONE = {"record_attempt", "DeadLetterReason", "DeadLetterErrorDescription"}
"""Names of properties that are no ordinary words: they may stand nowhere else."""


def faults(module: str, source: str) -> list[str]:
    """What makes a message, its id or the name of a property of its own."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Message":
            found.append(f"{module}:{node.lineno} makes a Message")
        if (
            isinstance(node, ast.keyword)
            and node.arg == "message_id"
            and isinstance(node.value, ast.JoinedStr | ast.BinOp)
        ):
            found.append(f"{module}:{node.lineno} makes a message id")
        if isinstance(node, ast.Constant) and node.value in OF_THE_BROKER_ALONE:
            found.append(f"{module}:{node.lineno} writes the property {node.value}")
        if isinstance(node, ast.keyword) and node.arg == "properties" and isinstance(node.value, ast.Dict):
            found.append(f"{module}:{node.lineno} writes properties")
    return found


@pytest.mark.parametrize("path", [path for path in shipped() if module_of(path) not in (MAKER, TABLE)], ids=module_of)
def test_nothing_but_the_maker_writes_an_id_or_a_property(path: Path) -> None:
    assert faults(module_of(path), path.read_text()) == []


@pytest.mark.parametrize(
    ("seeded", "says"),
    [
        ("Message(topic=t, message_id=i, body=b, subject=s)", "makes a Message"),
        ("park(message_id=f'{event_id}:{place}:0')", "makes a message id"),
        ("park(message_id=event_id + ':retry')", "makes a message id"),
        ("copy(properties={'attempt': 1})", "writes properties"),
        ("message['record_attempt'] = 1", "writes the property record_attempt"),
    ],
)
def test_a_second_maker_would_be_found(seeded: str, says: str) -> None:
    (fault, *_) = faults("shared.verbs.new", seeded)

    assert says in fault
