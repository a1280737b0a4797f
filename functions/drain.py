"""drain: a timer wakes it, to record what died on its way to being recorded. Translates nothing but the tick."""

import azure.functions as func

from functions.timer import on_tick
from shared.services import GetServices
from shared.verbs.recovery.drain import drain_all
from shared.verbs.recovery.keep import keep


def blueprint(services: GetServices, *, schedule: str) -> func.Blueprint:
    """The function `drain_recorder`."""
    bp = func.Blueprint()
    on_tick(
        bp,
        "drain_recorder",
        schedule=schedule,
        services=services,
        verb=lambda at_hand: drain_all(keep=keep, services=at_hand),
    )
    return bp
