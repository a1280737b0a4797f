"""What libraries and the edge of a function write to Python's logging, as log records. Knows no signal of ours.

The Functions host forwards a worker's logging only while the worker exports nothing itself, so what is not exported
here is seen by nobody.
"""

import logging

from opentelemetry import context
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as EXPORTING
from opentelemetry.sdk._logs import LoggerProvider

TOLD = "regispay"
"""The logger of what telemetry tells: it is exported by itself, with its attributes."""

_OWN = (TOLD, "opentelemetry", "azure.monitor")
"""Whatever exporters complain of would be the next thing that they have to export."""

_SEVERITY = {
    logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR,
    logging.CRITICAL: SeverityNumber.FATAL,
}
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What every log record has, or gets from whoever formats it; the rest is what somebody gave along with this one."""


class LineHandler(logging.Handler):
    """Exports what is at least a warning, with its exception and with what was given along."""

    def __init__(self, logs: LoggerProvider) -> None:
        super().__init__(logging.WARNING)
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        if _is_own(record.name) or context.get_value(EXPORTING):
            return
        try:
            body = record.getMessage()
        except (TypeError, ValueError):  # as logging's own handlers: whoever wrote it must not fail by it
            self.handleError(record)
            return
        self._logs.get_logger(record.name).emit(
            severity_number=_SEVERITY.get(record.levelno, SeverityNumber.WARN),
            severity_text=record.levelname.lower(),
            body=body,
            attributes=_given(record),
            exception=record.exc_info[1] if record.exc_info else None,
        )


def export_lines(logs: LoggerProvider) -> None:
    """From here on lines of this process are exported; to the last provider that was given, and to no other."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, LineHandler)]:
        root.removeHandler(handler)
    root.addHandler(LineHandler(logs))


def _is_own(name: str) -> bool:
    return any(name == own or name.startswith(f"{own}.") for own in _OWN)


def _given(record: logging.LogRecord) -> dict[str, str | int | float]:
    given = {name: value for name, value in vars(record).items() if name not in _PLAIN}
    return {name: value for name, value in given.items() if isinstance(value, str | int | float)}
