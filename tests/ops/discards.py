"""Discards of many as the app answers them, and somebody who is asked."""

import io
from typing import Any

from tests.ops.scripted import Json, Scripted, letter, page_of

LIST = "GET /api/ops/dead-letters"
ALL = ("discard", "--all", "--reason", "nobody waits for it")


class Terminal(io.StringIO):
    """Somebody who types this."""

    def isatty(self) -> bool:
        return True


def answered(number: int, *, to: str = "end", **changes: Any) -> tuple[int, Json]:
    """What the app says of the discard of a letter, done or not."""
    body = {
        "letter_id": letter(number)["id"],
        "discarded": to != "keep",
        "comes_to": to,
        "why": f"because {number}",
        "cause": None,
        "money": f"cap_{number}" if to == "note" else None,
        **changes,
    }
    return (200 if body["discarded"] else 409), body


def path_of(number: int) -> str:
    return f"POST /api/ops/dead-letters/{letter(number)['id']}/discard"


def discarding(app: Scripted, number: int, *, would: str = "end", does: str | None = None) -> None:
    """The letter's discard comes to this, and when it is done, to that."""
    app.scripts[path_of(number)] = lambda asked: answered(
        number, to=would if asked.body.get("dry_run") else does or would
    )


def listed(app: Scripted, *letters: Json, **comes_to: str) -> None:
    """These letters are open; each discard comes to its word, by the letter's number, or to an end."""
    app.on(LIST, (200, page_of(letters)))
    for each in letters:
        number = int(each["id"][-12:])
        discarding(app, number, would=comes_to.get(f"n{number}", "end"))


def told(app: Scripted, *, dry: bool) -> list[int]:
    """The numbers of the letters whose discard was asked for."""
    asked = [each for each in app.asked if each.path.endswith("/discard")]
    return sorted(int(each.path.split("/")[-2][-12:]) for each in asked if bool(each.body.get("dry_run")) is dry)
