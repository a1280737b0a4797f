"""sweep: a timer wakes it, to start what stands still. Translates nothing but the tick."""

import azure.functions as func

from functions.timer import on_tick
from shared.services import GetServices
from shared.verbs.sweep import sweep


def blueprint(services: GetServices, *, schedule: str) -> func.Blueprint:
    """The function `sweep_payments`."""
    bp = func.Blueprint()
    on_tick(bp, "sweep_payments", schedule=schedule, services=services, verb=lambda at_hand: sweep(services=at_hand))
    return bp
