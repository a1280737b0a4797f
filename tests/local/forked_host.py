"""The host's command line in a child that is forked from a process which has imported the host, but run nothing.

For tests that start it thirty times to hear why it does not start: the imports are most of what a start costs.
"""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.waiting import LIMIT_S

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["local.azure.host.command"])


async def refused(*arguments: str, settings: Mapping[str, str], log: Path) -> str:
    """What it wrote to standard error before it ended with 1."""
    child = _FORKS.Process(target=_run, args=(arguments, dict(settings), log), daemon=True)
    return await asyncio.to_thread(_ended, child, log)


def _ended(child: ForkServerProcess, log: Path) -> str:
    child.start()
    child.join(LIMIT_S)
    child.kill()  # one that was not refused serves on
    assert child.exitcode == 1
    return log.read_text()


def _run(arguments: tuple[str, ...], settings: Mapping[str, str], log: Path) -> None:
    from local.azure.host.command import main

    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), sys.stderr.fileno())
    os.environ |= settings
    sys.exit(main(["--port", "0", *arguments]))
