"""The folder that holds what the local platform stores: who may use it, what a reset deletes, which run is using it.

Knows no service.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from local.descendants import living

if sys.platform != "win32":
    import fcntl

DEFAULT_DATA = Path(".local")
_STORING = ("cosmos", "servicebus", "provider", "stripe")
_ORPHANS_ARE_GONE_WITHIN_S = 20.0
_LOOK_AGAIN_S = 0.1


class FolderUnusable(Exception):
    """The folder cannot be written, or another run owns it: two would write the same files."""


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[int | None]:
    """Owns the folder until the end of the block. Gives the lock's descriptor, None where the system has no such locks.

    Whoever inherits the descriptor shares the ownership: services that outlive a killed starter for a moment keep the
    next one out until they have closed their files. Raises FolderUnusable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a+")
    except OSError as exc:
        raise FolderUnusable(f"{folder} cannot be used ({exc.strerror}): choose another folder with --data") from exc
    with lock:
        if sys.platform == "win32":
            yield None
            return
        _take(lock, folder)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock.fileno()


def kept_for(folder: Path, service: str, *, others: Iterable[str]) -> None:
    """Raises FolderUnusable when another of these services has stored something here: what it began is not known to
    this one, and payments that wait would be made twice.
    """
    for other in others:
        if other != service and (folder / f"{other}.sqlite").exists():
            raise FolderUnusable(
                f"{folder} has payments of `local {other}`, which `local {service}` does not know and could charge"
                " once more: choose another folder with --data, or forget them with --reset (make run RESET=1)"
            )


def reset(folder: Path) -> None:
    """Forgets everything the services stored. Touches nothing else, whatever folder was named."""
    for service in _STORING:
        for ending in ("", "-wal", "-shm"):
            (folder / f"{service}.sqlite{ending}").unlink(missing_ok=True)


@contextlib.contextmanager
def word_left(folder: Path, word: Mapping[str, object]) -> Iterator[None]:
    """While the block runs, `word_found` tells other processes what is at home here."""
    note = folder / "up.json"
    note.write_text(json.dumps({"pid": os.getpid(), **word}, indent=2))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def word_found(folder: Path) -> dict[str, str] | None:
    """What a live run left; None when nothing runs, also when a run was killed and could not take its word back."""
    try:
        note: dict[str, object] = json.loads((folder / "up.json").read_text())
    except (OSError, ValueError):
        return None
    pid = note.pop("pid")
    return {name: str(value) for name, value in note.items()} if isinstance(pid, int) and _is_alive(pid) else None


def _take(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    except BlockingIOError as exc:
        lock.seek(0)
        pid = lock.read().strip()
        if pid.isdecimal() and _is_alive(int(pid)):
            raise FolderUnusable(
                f"another run (process {pid}) uses {folder}: stop it, or choose another folder with --data"
            ) from exc
    print(f"the services of a killed run still close their files in {folder}; waiting for them", file=sys.stderr)
    _take_from_orphans(lock, folder)


def _take_from_orphans(lock: IO[str], folder: Path) -> None:
    for _ in range(round(_ORPHANS_ARE_GONE_WITHIN_S / _LOOK_AGAIN_S)):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_LOOK_AGAIN_S)
    raise FolderUnusable(
        f"services of a run that was killed still use {folder}: end them (`lsof {folder}/.lock` lists them)"
    )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return sys.platform == "win32" or bool(living([pid]))  # one that nobody has buried yet is gone as well
