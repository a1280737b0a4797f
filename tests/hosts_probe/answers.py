"""What Microsoft's host answered (answers.json), and where ours is known to answer otherwise."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parent / "answers.json"


@dataclass(frozen=True)
class Answer:
    real: str
    ours: str | None = None
    """Where it differs; then COVERAGE.md has the reason."""
    seen: str = ""
    """Where it was not the probe that saw it."""


def kept() -> dict[str, dict[str, Answer]]:
    """By session and question."""
    found: dict[str, dict[str, dict[str, str]]] = json.loads(_FILE.read_text()) if _FILE.exists() else {}
    return {
        session: {question: Answer(**said) for question, said in answers.items()} for session, answers in found.items()
    }


def write(session: str, answers: Mapping[str, str]) -> None:
    """Keep what Microsoft's host says now; where ours differs stays as it was."""
    before = kept()
    known = before.get(session, {})
    before[session] = {
        question: Answer(real, known[question].ours if question in known else None)
        for question, real in answers.items()
    }
    content = {
        name: {
            q: {"real": a.real}
            | ({"ours": a.ours} if a.ours is not None else {})
            | ({"seen": a.seen} if a.seen else {})
            for q, a in said.items()
        }
        for name, said in before.items()
    }
    _FILE.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
