"""The two ways in which the host tells of trouble. Must not know any trigger."""


class CannotStart(Exception):
    """The app, its settings or its surroundings make a start pointless. One line: the fault and what to do."""

    def __init__(self, fault: str) -> None:
        super().__init__(" ".join(fault.split()))


class InvocationFailed(Exception):
    """A function raised, or its input or output could not be converted. `stack_trace` is the runtime's own."""

    def __init__(self, function: str, *, reason: str, stack_trace: str = "") -> None:
        super().__init__(reason)
        self.function = function
        self.stack_trace = stack_trace
