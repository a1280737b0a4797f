"""drain: a timer wakes it, to record what died on its way to being recorded. Translates nothing but the tick."""

import azure.functions as func

from functions.edge import edge
from shared.services import GetServices
from shared.verbs.recovery.drain import drain_all
from shared.verbs.recovery.keep import keep


def blueprint(services: GetServices, *, schedule: str) -> func.Blueprint:
    """The function `drain_recorder`. The next tick makes up for a missed one."""
    bp = func.Blueprint()

    @bp.function_name("drain_recorder")
    @bp.timer_trigger(arg_name="timer", schedule=schedule, use_monitor=True, run_on_startup=False)
    @edge
    async def drain_recorder(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger binds by this name
        await drain_all(keep=keep, services=await services())

    return bp
