"""The local host is asked what Microsoft's was asked. It answers alike, or as answers.json says that it differs."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.hosts_probe.answers import Answer, kept
from tests.hosts_probe.faults import FAULTS
from tests.hosts_probe.questions import RUNNING, Session
from tests.hosts_probe.sessions import SESSIONS
from tests.hosts_probe.stopping import STOPPING
from tests.hosts_probe.world import Asking, world

KEPT = kept()
QUICK: Mapping[str, Asking] = {
    **dict.fromkeys(("serving", "without telemetry", "keys"), Asking()),
    "stopped": Asking(pace=0.3),
    "stopped with a request": Asking(pace=0.2),
}
"""What is asked here, and how much faster. `python -m tests.hosts_probe` asks the rest, which takes longer; what ends a
worker is in test_host_timeout.py too."""
NOT_AT_THIS_PACE = "it takes", "a timer of seconds after SIGTERM"


def expected(answers: Mapping[str, Answer]) -> dict[str, str]:
    """Of ours."""
    return {
        question: answer.real if answer.ours is None else answer.ours
        for question, answer in answers.items()
        if not question.endswith(NOT_AT_THIS_PACE)
    }


@pytest.mark.long
@pytest.mark.parametrize("name", QUICK)
async def test_it_does_as_microsofts_host_did(name: str, tmp_path: Path) -> None:
    session: Session = SESSIONS[name]

    async with world(tmp_path) as at:
        answers = await session(QUICK[name], at)

    asked = {question: answer for question, answer in answers.items() if not question.endswith(NOT_AT_THIS_PACE)}
    assert asked == expected(KEPT[name])


@pytest.mark.long
@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_that_it_refuses_names_what_microsofts_host_did_with_it(name: str, tmp_path: Path) -> None:
    async with world(tmp_path) as at:
        answers = await FAULTS[name](Asking(), at)

    assert answers == expected(KEPT[name])


def test_every_question_has_been_put_to_microsofts_host() -> None:
    assert set(KEPT) == {*RUNNING, *STOPPING, *FAULTS}


def test_every_answer_that_differs_is_explained() -> None:
    coverage = (Path(__file__).parents[2] / "local" / "azure" / "host" / "COVERAGE.md").read_text()

    differing = [question for said in KEPT.values() for question, answer in said.items() if answer.ours is not None]

    assert [question for question in differing if f"*{question}*" not in " ".join(coverage.split())] == []
