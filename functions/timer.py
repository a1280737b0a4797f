"""A timer as a trigger, declared once. Knows no verb."""

from collections.abc import Awaitable, Callable

import azure.functions as func

from functions.edge import edge
from functions.failures import called
from shared import signals
from shared.services import GetServices, Services

type Verb = Callable[[Services], Awaitable[object]]


def on_tick(bp: func.Blueprint, name: str, *, schedule: str, services: GetServices, verb: Verb) -> None:
    """The timer wakes the verb; the next tick makes up for a missed one.

    A tick that came to its end is counted, since a timer that is dead, or fails each time, tells nothing else.
    """

    @bp.function_name(name)
    @bp.timer_trigger(arg_name="timer", schedule=schedule, use_monitor=True, run_on_startup=False)
    @edge
    @called(name)
    async def tick(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger binds by this name
        at_hand = await services()
        await verb(at_hand)
        at_hand.telemetry.count(signals.TIMER_TICKS, timer=name)
