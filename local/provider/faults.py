"""Random faults for storms: which fault, if any, meets a call.

The same seed, request and attempt always meet the same fault. Knows nothing of payments. The caller decides whether
the work is done before a time-out.
"""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Self


class Fault(StrEnum):
    """What meets a call."""

    ERROR = "5xx"
    TIMEOUT_DID_IT = "timeout_did_it"
    TIMEOUT_DID_NOTHING = "timeout_did_nothing"
    TOO_MANY = "429"


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of all calls (0 to 1, together at most 1) that meet each fault."""

    rate_5xx: float = 0.0
    rate_timeout_did_it: float = 0.0
    rate_timeout_did_nothing: float = 0.0
    rate_429: float = 0.0
    seed: int = 0
    hold_s: float | None = None
    """How long a time-out holds the response before the connection is cut; None: as the service was started."""

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> Self:
        """Raises ValueError that names the field."""
        known = {field.name for field in fields(cls)}
        for name, value in body.items():
            if name not in known:
                raise ValueError(f"unknown field {name}: one of {', '.join(sorted(known))}")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} must be a number")
        faults = cls(**body)  # type: ignore[arg-type]  # names and types are checked above
        rates = (faults.rate_5xx, faults.rate_timeout_did_it, faults.rate_timeout_did_nothing, faults.rate_429)
        if min(rates) < 0 or sum(rates) > 1:
            raise ValueError("the rates must be at least 0 and together at most 1")
        return faults

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def draw(self, call: str) -> Fault | None:
        """The fault of one call. `call` names request and attempt, so the order of arrival changes nothing."""
        point = random.Random(f"{self.seed}:{call}").random()
        for fault, rate in (
            (Fault.ERROR, self.rate_5xx),
            (Fault.TIMEOUT_DID_IT, self.rate_timeout_did_it),
            (Fault.TIMEOUT_DID_NOTHING, self.rate_timeout_did_nothing),
            (Fault.TOO_MANY, self.rate_429),
        ):
            if point < rate:
                return fault
            point -= rate
        return None
