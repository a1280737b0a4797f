"""`python -m tests.hosts_probe [SESSION...]`: asks the host, prints a table; `--write` keeps what a foreign one says.

The host is ours, or with E2E_HOST='func start' the one which that command starts. A session is a way to start a host;
without any named it goes through all, which takes some ten minutes with Microsoft's.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.foreign_host import adopt_orphans
from tests.hosts_probe.answers import kept, write
from tests.hosts_probe.questions import Answers
from tests.hosts_probe.sessions import SESSIONS
from tests.hosts_probe.world import Asking, asking, world


async def ask(name: str, how: Asking, *, folder: Path) -> Answers:
    async with world(folder) as at:
        return await SESSIONS[name](how, at)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts_probe", description=__doc__)
    parser.add_argument("sessions", nargs="*", help=", ".join(SESSIONS))
    parser.add_argument("--write", action="store_true", help="into answers.json, as what Microsoft's host said")
    given = parser.parse_args()
    how, failed = asking(), 0
    adopt_orphans()
    for name in given.sessions or SESSIONS:
        with tempfile.TemporaryDirectory(prefix="probe-") as folder:
            try:
                answers = asyncio.run(ask(name, how, folder=Path(folder)))
            except Exception as exc:  # noqa: BLE001 - the other sessions are asked all the same
                print(f"\n{name}: {type(exc).__name__}: {exc}", flush=True)
                failed += 1
                continue
        if given.write and how.is_foreign:
            write(name, answers)
        _print(name, answers)
    return 1 if failed else 0


def _print(name: str, answers: Answers) -> None:
    real = kept().get(name, {})
    print(f"\n{name}")
    for question, answer in answers.items():
        said = real.get(question)
        other = "" if said is None or said.real == answer else f"   <- Microsoft's host: {said.real}"
        print(f"  {question:<58} {answer}{other}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
