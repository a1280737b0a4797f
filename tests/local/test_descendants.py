"""Finding and killing what a process has started, wherever that went."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import descendants as module
from local.descendants import descendants, gone, kill_with_descendants, living, orphans, tell

SLEEPER = "import time; time.sleep(600)"
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""
needs_ps = pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps")


class ParentAndChild:
    """A process and the child that it has started, which leads a session of its own."""

    def __init__(self) -> None:
        self.parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
        assert self.parent.stdout is not None
        self.child = int(self.parent.stdout.readline())


@pytest.fixture
def family() -> Iterator[ParentAndChild]:
    started = ParentAndChild()
    yield started
    tell([started.child], signal.SIGKILL)
    started.parent.kill()
    started.parent.communicate()


def test_a_child_in_a_session_of_its_own_is_found_from_any_generation(family: ParentAndChild) -> None:
    assert descendants(family.parent.pid) == [family.child]
    assert {family.parent.pid, family.child} <= set(descendants(os.getpid()))


@needs_ps
def test_where_there_is_no_proc_ps_tells_the_same(family: ParentAndChild, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PROC", Path("/nowhere"))

    assert descendants(family.parent.pid) == [family.child]


async def test_a_kill_reaches_all(family: ParentAndChild) -> None:
    killed = kill_with_descendants(family.parent.pid)

    assert killed == {family.parent.pid, family.child}
    await asyncio.wait_for(gone(killed), 10)
    assert living(killed) == set()


async def test_a_wait_for_what_lives_on_ends_at_the_callers_limit(family: ParentAndChild) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await gone({family.child})


@pytest.mark.skipif(sys.platform != "linux", reason="only there a process names itself in /proc")
def test_a_name_may_hold_anything() -> None:
    renamed = "from pathlib import Path; Path('/proc/self/comm').write_text('a) Z 1 b'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", renamed], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()

        found = descendants(os.getpid())
        process.kill()

    assert process.pid in found


def test_an_orphan_is_one_whose_parent_has_ended(family: ParentAndChild) -> None:
    both = [family.parent.pid, family.child]
    before = orphans(both)

    family.parent.kill()
    family.parent.wait()

    assert (before, orphans(both)) == ({family.parent.pid}, {family.child})
