"""Output that nobody reads any more, as after `... | head -1`. Knows no command."""

import os
import select
import sys
from typing import TextIO


def is_unread() -> bool:
    """Writes what is still to be written; whether nobody reads standard output or standard error any more.

    What is written there from then on goes nowhere, without a fault: also what the interpreter writes when it ends.
    """
    unread = [stream for stream in (sys.stdout, sys.stderr) if _has_lost_its_reader(stream)]
    for stream in unread:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return bool(unread)


def _has_lost_its_reader(stream: TextIO) -> bool:
    try:
        stream.flush()
        ends = select.poll()  # what is not buffered has failed before, and leaves nothing to flush
        ends.register(stream.fileno(), 0)
        return bool(ends.poll(0))
    except BrokenPipeError:
        return True
    except (OSError, ValueError):  # a full disk, or a stream that is no file
        return False
