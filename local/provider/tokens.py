"""The payment methods with fixed behaviour: what each one makes the provider do.

`docs/test-tokens.md` is this table for readers. Knows the words only; what a behaviour means is decided in `state.py`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Operation(StrEnum):
    """What can be asked of the provider for money to move or to stay."""

    CREATE = "create"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class Behaviour(StrEnum):
    """What happens to a call."""

    OK = "ok"
    DECLINED = "declined"
    INVALID = "invalid"
    SLOW = "slow"
    FAILS_TWICE = "fails twice"
    TIMES_OUT_ONCE = "times out once"
    DOWN = "down"


class DisputeStatus(StrEnum):
    """How a dispute stands, as seen by the merchant: who wins one keeps the money."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Token:
    """How the provider treats a payment made with this method, per operation."""

    create: Behaviour = Behaviour.OK
    capture: Behaviour = Behaviour.OK
    void: Behaviour = Behaviour.OK
    refund: Behaviour = Behaviour.OK
    dispute: DisputeStatus | None = None
    """How the dispute ends that follows each capture; None: none follows."""

    def behaviour(self, operation: Operation) -> Behaviour:
        return {
            Operation.CREATE: self.create,
            Operation.CAPTURE: self.capture,
            Operation.VOID: self.void,
            Operation.REFUND: self.refund,
        }[operation]


def _always(behaviour: Behaviour) -> Token:
    return Token(create=behaviour, capture=behaviour, void=behaviour, refund=behaviour)


TOKENS = {
    "pm_ok": Token(),
    "pm_declined": Token(create=Behaviour.DECLINED),
    "pm_slow": _always(Behaviour.SLOW),
    "pm_fails_twice": _always(Behaviour.FAILS_TWICE),
    "pm_times_out_once": Token(create=Behaviour.TIMES_OUT_ONCE),
    "pm_down": _always(Behaviour.DOWN),
    "pm_invalid": Token(create=Behaviour.INVALID),
    "pm_settle_declined": Token(capture=Behaviour.DECLINED),
    "pm_settle_times_out_once": Token(capture=Behaviour.TIMES_OUT_ONCE),
    "pm_settle_down": Token(capture=Behaviour.DOWN),
    "pm_settle_down_void_times_out_once": Token(capture=Behaviour.DOWN, void=Behaviour.TIMES_OUT_ONCE),
    "pm_settle_down_void_fails_twice": Token(capture=Behaviour.DOWN, void=Behaviour.FAILS_TWICE),
    "pm_refund_declined": Token(refund=Behaviour.DECLINED),
    "pm_refund_fails_twice": Token(refund=Behaviour.FAILS_TWICE),
    "pm_refund_times_out_once": Token(refund=Behaviour.TIMES_OUT_ONCE),
    "pm_refund_down": Token(refund=Behaviour.DOWN),
    "pm_refund_invalid": Token(refund=Behaviour.INVALID),
    "pm_void_times_out_once": Token(void=Behaviour.TIMES_OUT_ONCE),
    "pm_settle_declined_void_fails_twice": Token(capture=Behaviour.DECLINED, void=Behaviour.FAILS_TWICE),
    "pm_settle_declined_void_times_out_once": Token(capture=Behaviour.DECLINED, void=Behaviour.TIMES_OUT_ONCE),
    "pm_settle_declined_void_down": Token(capture=Behaviour.DECLINED, void=Behaviour.DOWN),
    "pm_disputed": Token(dispute=DisputeStatus.OPEN),
    "pm_dispute_won": Token(dispute=DisputeStatus.WON),
    "pm_dispute_lost": Token(dispute=DisputeStatus.LOST),
}
