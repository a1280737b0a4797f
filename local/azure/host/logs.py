"""Which log lines appear, and under which name: those of the app as in Azure, those of this host in one line each.

In Azure the worker's root logger stands at INFO. Whatever is logged while a function runs, by the app or by an SDK,
leaves as `Function.NAME.User`; the name of the Python logger is lost. What is printed leaves as
`Host.Function.Console`. Must not know what a function does.
"""

import io
import logging
import sys
from collections.abc import Callable, Mapping

_SYSTEM = ("azure.functions", "azure_functions_runtime", "azure_functions_worker", "proxy_worker")
_LEVELS = {
    "trace": 0,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
_CONSOLE = "Host.Function.Console"

type Current = Callable[[], str]
"""The name of the function that runs here, or began the task that runs here; empty when none did."""


class AsInAzure(logging.Filter):
    """Lets through what would be seen, and names it as it would be named.

    The host's own SDKs log under the same names as the app's; they are told apart by whether a function runs.
    """

    def __init__(self, levels: Mapping[str, str], *, current: Current, verbose: bool) -> None:
        super().__init__()
        self._current = current
        self._levels = {name.casefold(): _LEVELS.get(level.casefold(), logging.INFO) for name, level in levels.items()}
        self._verbose = verbose

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == _CONSOLE:
            return record.levelno >= self._least(_CONSOLE)
        if record.name.startswith("local.azure.host"):
            return record.levelno >= (logging.DEBUG if self._verbose else logging.WARNING)
        function = self._current()
        if not function or record.name.startswith(_SYSTEM):
            return self._verbose and record.levelno >= (logging.WARNING if not function else logging.INFO)
        record.name = f"Function.{function}.User"
        return record.levelno >= max(self._least(record.name), logging.INFO)

    def _least(self, category: str) -> int:
        """What host.json says of the longest name that this one begins with, or else of `default`."""
        parts = category.casefold().split(".")
        names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
        return next((self._levels[name] for name in [*names, "default"] if name in self._levels), logging.INFO)


class Console(io.TextIOBase):
    """Standard output: what a function prints is a line of the log, all else goes where it went before."""

    def __init__(self, current: Current) -> None:
        self._before = sys.stdout
        self._current = current

    def write(self, text: str) -> int:
        if not self._current():
            return self._before.write(text)
        for line in text.splitlines():
            if line.strip():
                logging.getLogger(_CONSOLE).info("\n      %s", line)  # on a line of its own, as there
        return len(text)

    def flush(self) -> None:
        self._before.flush()


def log_to_stderr(levels: Mapping[str, str], *, current: Current, verbose: bool) -> None:
    """`levels`: those of host.json."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.getLogger().handlers[0].addFilter(AsInAzure(levels, current=current, verbose=verbose))
    logging.getLogger("local.azure.host").setLevel(logging.DEBUG if verbose else logging.WARNING)
    if not isinstance(sys.stdout, Console):
        sys.stdout = Console(current)
