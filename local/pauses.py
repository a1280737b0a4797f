"""How long after a death a service is started again. Knows no process and no clock."""

FIRST_S = 3.0
LONGEST_S = 60.0
SOON_S = 20.0
"""Whoever dies within this time after it was ready, or before it was, may do so each time: then the pause grows."""


class Pauses:
    """Of one service. first_s: the pause after a death that nobody can expect to come again."""

    def __init__(self, first_s: float = FIRST_S) -> None:
        self._first_s = first_s
        self.in_a_row = 0
        """How many deaths there were, each soon after a start."""

    def after(self, lived_s: float, *, was_asked_for: bool) -> float:
        """Seconds to wait after a death. lived_s: since it was ready; 0 where it never was.

        A death that was asked for says nothing of the service.
        """
        if was_asked_for or lived_s >= SOON_S:
            self.in_a_row = 0
            return self._first_s
        self.in_a_row += 1
        return float(min(self._first_s * 2 ** (self.in_a_row - 1), max(LONGEST_S, self._first_s)))
