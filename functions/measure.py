"""measure: a timer wakes it, to say how much waits. Translates nothing but the tick."""

import azure.functions as func

from functions.edge import edge
from shared.services import GetServices
from shared.verbs.measure import measure_backlog


def blueprint(services: GetServices, *, schedule: str) -> func.Blueprint:
    """The function `measure_backlog`. The next tick makes up for a missed one."""
    bp = func.Blueprint()

    @bp.function_name("measure_backlog")
    @bp.timer_trigger(arg_name="timer", schedule=schedule, use_monitor=True, run_on_startup=False)
    @edge
    async def measure(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger binds by this name
        await measure_backlog(services=await services())

    return bp
