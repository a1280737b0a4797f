"""A process and all that it has started, of any generation: a child may lead a session of its own, where no signal to a
group reaches it. Knows no service.
"""

import asyncio
import collections
import contextlib
import os
import signal
import subprocess
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

_PROC = Path("/proc")
_LOOK_AGAIN_S = 0.01


def descendants(pid: int) -> list[int]:
    """Those that live, parents before children. Whoever has lost a parent is nobody's descendant any more."""
    children: dict[int, list[int]] = collections.defaultdict(list)
    for child, parent in _living():
        children[parent].append(child)
    found = [pid]
    for each in found:  # grows as it goes
        found += children[each]
    return found[1:]


def kill_with_descendants(pid: int) -> set[int]:
    """SIGKILL to all of them; who they were. All are halted first: one that is shot while it starts another leaves an
    orphan that nobody finds.
    """
    halted: set[int] = set()
    while new := {pid, *descendants(pid)} - halted:
        tell(new, signal.SIGSTOP)
        halted |= new
    tell(halted, signal.SIGKILL)
    return halted


def tell(pids: Iterable[int], number: signal.Signals) -> None:
    """Sends the signal to those that live."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def living(pids: Iterable[int]) -> set[int]:
    """Those that have not ended."""
    return set(pids) & {pid for pid, _ in _living()}


def orphans(pids: Iterable[int]) -> set[int]:
    """The living ones that descend from no other in the list."""
    left = living(pids)
    return left - {child for pid in left for child in descendants(pid)}


async def gone(pids: Collection[int]) -> None:
    """Returns when all have ended; the caller sets a limit."""
    while living(pids):  # noqa: ASYNC110 - only a parent is told of an end, and these are not all our children
        await asyncio.sleep(_LOOK_AGAIN_S)


def _living() -> Iterator[tuple[int, int]]:
    """Each process and its parent, but for those that have ended and wait to be buried."""
    lines = _from_proc() if (_PROC / "self" / "stat").exists() else _from_ps()
    for pid, state, parent in lines:
        if not state.startswith("Z"):
            yield int(pid), int(parent)


def _from_proc() -> Iterator[tuple[str, str, str]]:
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                # 12 (the name, in which anything may stand) S 1 ...
                state, parent, *_ = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                yield folder.name, state, parent


def _from_ps() -> Iterator[tuple[str, str, str]]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    for line in listed.stdout.splitlines():
        pid, state, parent = line.split()
        yield pid, state, parent
