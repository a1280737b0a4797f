"""What is left of what broke, as a payment carries it. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """A step that broke and is not finished. cause: what its newest parking or resumption names.

    is_to_end: whether it was last resumed only to be ended.
    """

    step: str
    cause: str
    is_parked: bool
    reason: str
    is_to_end: bool = False


@dataclass(frozen=True, slots=True)
class SecondYes:
    """A reference of the provider beside the one of the step's own fact. is_seen_to: nobody has to act on it."""

    step: str
    reference: str
    is_seen_to: bool
