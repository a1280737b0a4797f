"""The two ways in which the host tells of trouble. Must not know any trigger."""

WITHOUT_IT = "starts without it"
WITHOUT_ITS_ROUTE = "starts without it: 404"
EMPTY = "answers 404 to everything"
ENDS = "ends with exit code 0"
"""What Microsoft's host does in such a case."""


class CannotStart(Exception):
    """The app, its settings or its surroundings make a start pointless. One line: the fault and what to do.

    `there`: what Microsoft's host does instead of refusing, as far as it was seen.
    """

    def __init__(self, fault: str, *, there: str = "") -> None:
        super().__init__(" ".join(fault.split()) + (f" (Microsoft's host {there})" if there else ""))


class InvocationFailed(Exception):
    """A function raised, or its input or output could not be converted. `stack_trace` is the runtime's own."""

    def __init__(self, function: str, *, reason: str, stack_trace: str = "") -> None:
        super().__init__(reason)
        self.function = function
        self.stack_trace = stack_trace


class WorkerLeft(InvocationFailed):
    """A function was left by what ends a Python process: in Azure the worker is gone with all that runs in it."""
