"""A copy of the tree to spoil, and pytest in it. The tree itself is never written to."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.mutants import plugin
from tests.mutants.source import Mutant

ARGUMENTS = (
    "-n",
    "0",
    "--dist",
    "no",
    "-p",
    "tests.mutants.plugin",
    "--hypothesis-seed=0",
    "--durations=0",
    "--tb=short",
)
INVARIANT_RUNS = 100
"""Far fewer than in `make test`: each costs about 50 ms."""
TEST_LIMIT_S = 60
"""For one test: then it hangs, and the mutant is noticed."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of pytest. failures: the tests that failed, or what else went wrong. hung: it was ended by us."""

    failures: list[str]
    seconds: dict[str, float]
    took_s: float
    hung: bool
    output: str

    @property
    def failed(self) -> str | None:
        """The first failure; None when all passed."""
        return self.failures[0] if self.failures else None


@dataclass(frozen=True, slots=True)
class Copy:
    """A folder with all files that git knows or would take up."""

    root: Path

    @classmethod
    def made(cls, tree: Path, *, into: Path) -> "Copy":
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=tree,
            check=True,
            capture_output=True,
        )
        for name in listed.stdout.decode().split("\0"):
            source = tree / name
            if name and source.is_file() and not source.is_symlink():
                (into / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, into / name)
        return cls(into)

    async def tried(self, mutant: Mutant, *, tests: Sequence[Sequence[str]], limit_s: float) -> Ran:
        """Put the mutant in, run the parts of the tests until one fails, take it out again. Limit for each part."""
        path = self.root / mutant.path
        original = path.read_bytes()
        _forget_compiled(path)
        path.write_bytes(mutant.applied(original))
        took_s = 0.0
        try:
            for part in tests:
                ran = await self.ran(part, "-x", limit_s=limit_s)
                took_s += ran.took_s
                if ran.failed:
                    break
            return replace(ran, took_s=took_s)
        finally:
            path.write_bytes(original)
            _forget_compiled(path)

    async def ran(self, tests: Sequence[str] | None, *arguments: str, limit_s: float) -> Ran:
        """tests: ids, in their order; None: those that the arguments name. Limit for all of them together."""
        told, chosen = self.root / ".mutants-told.json", self.root / ".mutants-chosen.json"
        told.unlink(missing_ok=True)
        environment = {**os.environ, plugin.TOLD: str(told), "INVARIANT_RUNS": str(INVARIANT_RUNS)}
        environment["COVERAGE_CORE"] = "ctrace"  # the faster one cannot say whose test ran a line
        files: list[str] = []
        if tests is not None:
            chosen.write_text(json.dumps(tests))
            # nothing that was compiled from a mutant may stay behind
            environment |= {plugin.CHOSEN: str(chosen), "PYTHONDONTWRITEBYTECODE": "1"}
            files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        command = [sys.executable, "-m", "pytest", *ARGUMENTS, f"--timeout={TEST_LIMIT_S}", *arguments, *files]
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.root,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        hung = False
        try:
            async with asyncio.timeout(limit_s):
                output, _ = await process.communicate()
        except TimeoutError:
            hung, output = True, b""
        finally:
            _end_group(process)
            await process.wait()
        return _read(told, process.returncode, took_s=time.monotonic() - began, hung=hung, output=output.decode())


def _read(told: Path, status: int | None, *, took_s: float, hung: bool, output: str) -> Ran:
    found = json.loads(told.read_text()) if told.exists() else {"failed": [], "seconds": {}}
    failed = found["failed"]
    if not failed and (hung or status not in (0, 5)):
        failed = ["it hangs" if hung else f"pytest ends with {status}"]
    if status == 5:
        raise RuntimeError(f"no test was run:\n{output}")
    return Ran(failed, found["seconds"], took_s, hung, output)


def _end_group(process: asyncio.subprocess.Process) -> None:
    """What the tests started as well."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _forget_compiled(path: Path) -> None:
    """A compiled file counts as current by time and size, and a mutant may have both of the original."""
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()
