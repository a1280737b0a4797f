"""What was released, and whether what stands here breaks it. Released files are only added: none is ever changed."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from contracts.breaks import api_breaks, event_breaks, topic_breaks
from contracts.doors import openings
from contracts.endpoints import ROOT
from contracts.files import FOLDER

RELEASED = ROOT / FOLDER / "released"
_API, _TOPICS, _EVENT = "openapi.json", "asyncapi.json", ".schema.json"


def versions(folder: Path = RELEASED) -> list[str]:
    """The oldest first. Without a release there is no folder: git keeps no empty one."""
    if not folder.is_dir():
        return []
    return sorted((each.name for each in folder.iterdir() if each.is_dir()), key=_numbers)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def series(version: str) -> tuple[int, ...]:
    """Within it nothing breaks: the major version, and before 1.0 the minor one too (Semantic Versioning)."""
    major, minor, *_ = _numbers(version)
    return (major,) if major else (major, minor)


def contracts_in(folder: Path) -> dict[str, str]:
    """The text of each contract by its path there; without what was released before."""
    paths = (path for path in folder.rglob("*.json") if folder / RELEASED.name not in path.parents)
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}


def broken(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What a release would break for those who built on an earlier one. By path, as contracts_in gives them.

    The API may break with a new series. An event may not: its version is part of its type, and a new one is another
    type beside it.
    """
    was, now = json.loads(old[_API]), json.loads(new[_API])
    found = api_breaks(was, now) if series(was["info"]["version"]) == series(now["info"]["version"]) else []
    if _TOPICS in old:
        found += (
            topic_breaks(json.loads(old[_TOPICS]), json.loads(new[_TOPICS]))
            if _TOPICS in new
            else [f"{_TOPICS}: taken away"]
        )
    for path in (each for each in old if each.endswith(_EVENT)):
        if path not in new:
            found.append(f"{path}: taken away")
        else:
            found += [f"{path}: {each}" for each in event_breaks(json.loads(old[path]), json.loads(new[path]))]
    return found


def opened(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Where a release would let in more than an earlier one, whatever their versions: that breaks nobody, and a new
    series must not hide it. By path, as contracts_in gives them.
    """
    return openings(json.loads(old[_API]), json.loads(new[_API]))


def unmeant(found: Iterable[str], meant: Mapping[str, str]) -> list[str]:
    """found: openings. meant: those that somebody has said yes to, with the reason. What is left, and what to do."""
    doors = set(found)
    return [
        *(f"{each}: shut it, or give the reason in contracts/opened.py" for each in sorted(doors - meant.keys())),
        *(f"{each}: no door is open so; take it out of contracts/opened.py" for each in sorted(meant.keys() - doors)),
        *(f"{each}: contracts/opened.py has no reason" for each, why in sorted(meant.items()) if not why.strip()),
    ]


def touched(repository: Path = ROOT) -> list[str]:
    """The released files that were ever changed, moved or removed. A shallow clone knows little of that."""
    where = ["--no-renames", "--diff-filter=a", "--name-only", "--", f"{FOLDER}/released/*.json"]
    found = [_git(repository, "log", "-m", "--format=", *where), _git(repository, "diff", "HEAD", *where)]
    return sorted({path for said in found for path in said.splitlines() if path})


def _git(repository: Path, *words: str) -> str:
    command = ["git", "-C", str(repository), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own words


def release(version: str, folder: Path = RELEASED) -> list[Path]:
    """Add what stands here as that version. Raises FileExistsError when it was released: it never changes again."""
    target = folder / version
    target.mkdir(parents=True)
    written = []
    for path, text in contracts_in(ROOT / FOLDER).items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
        written.append(file)
    return written
