"""sweep: timers wake it, to start what stands still and to measure what waits. Translates nothing but the tick."""

import azure.functions as func

from shared.services import GetServices
from shared.verbs.measure import measure_backlog
from shared.verbs.sweep import sweep


def blueprint(services: GetServices, *, sweep_schedule: str, backlog_schedule: str) -> func.Blueprint:
    """The functions `sweep_payments` and `measure_backlog`. A missed tick is made up for by the next one."""
    bp = func.Blueprint()

    @bp.function_name("sweep_payments")
    @bp.timer_trigger(arg_name="timer", schedule=sweep_schedule, use_monitor=True, run_on_startup=False)
    async def sweep_payments(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger binds by this name
        await sweep(services=await services())

    @bp.function_name("measure_backlog")
    @bp.timer_trigger(arg_name="timer", schedule=backlog_schedule, use_monitor=True, run_on_startup=False)
    async def measure(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger binds by this name
        await measure_backlog(services=await services())

    return bp
