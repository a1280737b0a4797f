"""Timer triggers: waits for the schedule, fires, waits again. Must not know other triggers.

Nothing is stored, so a time that passed while the host was not running is not made up for (Azure keeps that in a blob).
A time that passes while the function still runs is made up for at once, with the past-due flag set.
"""

import datetime as dt
import json
from collections.abc import Awaitable, Callable

from local.azure.host.errors import InvocationFailed
from local.azure.host.pacing import Stop
from local.azure.host.retry import invoke_with_retries
from local.azure.host.triggers import TimerTrigger
from local.azure.host.wire import RetryContext, TypedData
from local.azure.host.worker import Function, Invocation

type Clock = Callable[[], dt.datetime]
type Invoke = Callable[[Function, Invocation], Awaitable[object]]


class Timer:
    """Fires one function by its schedule, one call at a time."""

    def __init__(self, trigger: TimerTrigger, *, invoke: Invoke, clock: Clock, stop: Stop) -> None:
        self._trigger = trigger
        self._invoke = invoke
        self._clock = clock
        self._stop = stop

    async def work(self) -> None:
        """Until told to stop; a call under way is finished, a pause between retries is not."""
        seen = self._clock()
        if self._trigger.run_on_startup:
            await self._fire(seen, is_past_due=False)
        while (due := self._trigger.schedule.next_after(seen)) is not None:
            now = self._clock()
            is_past_due = due <= now
            if not is_past_due:
                await self._stop.pause((due - now).total_seconds())
            if self._stop.is_told:
                return
            await self._fire(due, is_past_due=is_past_due)
            # One late call stands for all the times that had passed by then, as in Azure.
            seen = now if is_past_due else due

    async def _fire(self, due: dt.datetime, *, is_past_due: bool) -> None:
        following = self._trigger.schedule.next_after(due)
        status = {"Last": _text(due), "LastUpdated": _text(due), "Next": _text(following) if following else None}
        timer = json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": is_past_due})

        async def once(retry: RetryContext) -> object:
            return await self._invoke(self._trigger.function, Invocation(data=TypedData(json=timer), retry=retry))

        try:
            await invoke_with_retries(once, policy=self._trigger.retry, pause=self._stop.pause)
        except InvocationFailed:
            return  # whoever invoked has logged it; the next time of the schedule comes


def _text(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="seconds")
