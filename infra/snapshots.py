"""What each environment would be in Azure, evaluated without Azure and committed: infra/snapshots/*.json.

`python infra/snapshots.py` evaluates infra/ again and compares; with `--write` it writes. So a pull request shows what
it would change in Azure. What comes from outside (names, addresses, ids) is a dummy. Imports nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import difflib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.bicep_check import INFRA, Compiler, CompilerMissing, CompilerWrong, find, sources

HOW = "python infra/snapshots.py --write"
"""The one command; the last word of every complaint."""

PARAMETERS = {
    "dev": "dev.bicepparam",
    "prod": "prod.bicepparam",
    "closed": "snapshots/closed.bicepparam",
    "egress": "snapshots/egress.bicepparam",
}
"""By snapshot: what is evaluated. `egress` and `closed` are nobody's: dev with one switch turned, with the others."""

SUBSCRIPTION, TENANT = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
PLACE = ["--subscription-id", SUBSCRIPTION, "--tenant-id", TENANT, "--location", "westeurope"]
"""Without a subscription most names stay formulas. Names hold a hash of it, so those of Azure differ."""

DUMMIES = {
    "PROVIDER_BASE_URL": "https://provider.example",
    "MERCHANT_ID": "merchant-1",
    "MERCHANT_KEYS": json.dumps({"0" * 63 + "8": "shop-1"}),
    "OPS_CLIENT_ID": "00000000-0000-0000-0000-000000000003",
    "SMOKE_PRINCIPAL_ID": "00000000-0000-0000-0000-000000000006",
    "ALERT_EMAILS": "operators@example.org",
}
"""For every variable that a parameter file reads: no value of anybody's shell gets into a snapshot."""

ROLES = re.compile(r"[rR]oleAssignments$")

BY_HAND = "no deployment deletes it. Where it was deployed, delete it by hand; it has another hash in its name"
"""docs/decisions/0027 says why no deployment stack does that."""

SHOWN_LINES = 60
"""Of a difference; the rest shows `git diff` after writing."""


class NotEvaluated(Exception):
    """The compiler gave no snapshot. Says for which parameters, and what it said."""


def evaluated(path: Path, name: str, *, folder: Path = INFRA, environment: Mapping[str, str] = DUMMIES) -> str:
    """The snapshot of a name, as it is committed, by the compiler at the path. Raises NotEvaluated."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch).resolve() / "infra"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__", "*.py", "*.md"))
        parameters = copy / PARAMETERS[name]
        compiler = Compiler(path, os.environ | environment)
        said = compiler.said(copy, "snapshot", str(parameters), "--mode", "overwrite", *PLACE)
        made = parameters.with_suffix(".snapshot.json")
        if said or not made.is_file():
            raise NotEvaluated(f"{PARAMETERS[name]}: {'; '.join(said) or 'the compiler wrote nothing'}")
        return _canonical(json.loads(made.read_text()))


def _canonical(snapshot: dict[str, Any]) -> str:
    """The compiler orders everything in the same way at each run, but for the outputs."""
    ordered = {**snapshot, "outputs": dict(sorted(snapshot["outputs"].items()))}
    return json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"


def fingerprints(folder: Path) -> dict[str, str]:
    """What the snapshots are made of, by file. Comments and empty lines do not count."""
    read = [*sources(folder), *(folder / name for name in ("bicepconfig.json", "topology.json", "workbook.json"))]
    return {path.relative_to(folder).as_posix(): _fingerprint(path.read_text()) for path in read}


def _fingerprint(text: str) -> str:
    counted = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("//")]
    return hashlib.sha256("\n".join(counted).encode()).hexdigest()[:16]


def stale(folder: Path = INFRA) -> list[str]:
    """The files that are not as they were when the snapshots were written. Needs no compiler."""
    written = json.loads((folder / "snapshots" / "sources.json").read_text())
    now = fingerprints(folder)
    return sorted(name for name in now.keys() | written.keys() if now.get(name) != written.get(name))


def differences(path: Path, folder: Path = INFRA, *, names: Iterable[str] = PARAMETERS) -> list[str]:
    """What a deployment would do otherwise than the committed snapshots say, as the lines of a diff."""
    said = list[str]()
    for name in names:
        committed = (folder / "snapshots" / f"{name}.json").read_text().splitlines()
        now = evaluated(path, name, folder=folder).splitlines()
        said += difflib.unified_diff(committed, now, f"{name}.json, committed", f"{name}.json, now", lineterm="", n=1)
    return said


def write(path: Path, folder: Path = INFRA) -> list[str]:
    """All of them, or none: they are evaluated before the first is written. Raises NotEvaluated.

    Returns what infra/ no longer makes, and what therefore stays in Azure until a person deletes it.
    """
    made = {name: evaluated(path, name, folder=folder) for name in PARAMETERS}
    gone = [f"{name}: {each}" for name, text in made.items() for each in no_longer_made(folder, name, now=text)]
    made["sources"] = json.dumps(fingerprints(folder), indent=2) + "\n"
    for name, text in made.items():
        (folder / "snapshots" / f"{name}.json").write_text(text)
    return gone


def no_longer_made(folder: Path, name: str, *, now: str) -> list[str]:
    """The resources of a committed snapshot that are not in another, but for roles: infra/roles.py finds those."""
    committed = folder / "snapshots" / f"{name}.json"
    before, after = (_made(text) for text in (committed.read_text() if committed.is_file() else "{}", now))
    return [before[each] for each in before.keys() - after.keys()]


def _made(snapshot: str) -> dict[str, str]:
    """By id: type and name."""
    resources = json.loads(snapshot).get("predictedResources", [])
    return {r["id"]: f"{r['type']} {r['name']}" for r in resources if not ROLES.search(r["type"])}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python infra/snapshots.py", description="What infra/ would be in Azure.")
    parser.add_argument("--write", action="store_true", help="write infra/snapshots/ instead of comparing with it")
    parser.add_argument("folder", type=Path, nargs="?", default=INFRA)
    options = parser.parse_args(arguments)
    try:
        path = find(os.environ)
        if options.write:
            gone = write(path, options.folder)
            print("written: look at `git diff infra/snapshots`")
            print("".join(f"STAYS   {each}: {BY_HAND}\n" for each in sorted(gone)), end="")
            return 0
        differing = differences(path, options.folder)
    except (CompilerMissing, CompilerWrong, NotEvaluated) as fault:
        print(f"FAILED  {fault}", file=sys.stderr)
        return 2
    if not differing and not (changed := stale(options.folder)):
        print("the committed snapshots are what infra/ would be in Azure")
        return 0
    shown = differing[:SHOWN_LINES] or [f"no difference in Azure, but {', '.join(changed)} changed"]
    print("\n".join([*shown, f"FAILED  infra/ and infra/snapshots/ differ: {HOW}"]), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
