"""measure: a timer wakes it, to say how much waits. Translates nothing but the tick."""

import azure.functions as func

from functions.timer import on_tick
from shared.services import GetServices
from shared.verbs.measure import measure_backlog


def blueprint(services: GetServices, *, schedule: str) -> func.Blueprint:
    """The function `measure_backlog`."""
    bp = func.Blueprint()
    on_tick(
        bp,
        "measure_backlog",
        schedule=schedule,
        services=services,
        verb=lambda at_hand: measure_backlog(services=at_hand),
    )
    return bp
