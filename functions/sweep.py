"""sweep: a timer wakes it, to start what stands still. Translates nothing but the tick."""

import azure.functions as func

from functions.edge import edge
from shared.services import GetServices
from shared.verbs.sweep import sweep


def blueprint(services: GetServices, *, schedule: str) -> func.Blueprint:
    """The function `sweep_payments`. The next tick makes up for a missed one."""
    bp = func.Blueprint()

    @bp.function_name("sweep_payments")
    @bp.timer_trigger(arg_name="timer", schedule=schedule, use_monitor=True, run_on_startup=False)
    @edge
    async def sweep_payments(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger binds by this name
        await sweep(services=await services())

    return bp
