"""Timer triggers: waits for the schedule, fires, waits again. Must not know other triggers.

Nothing is stored, so a time that passed while the host was not running is not made up for (Azure keeps that in a blob).
A time that passes while the function still runs is made up for at once, with the past-due flag set.
"""

import datetime as dt
import json
from collections.abc import Awaitable, Callable

from local.host.errors import InvocationFailed
from local.host.messages import RetryContext, TypedData
from local.host.pacing import Stop
from local.host.retry import invoke_with_retries
from local.host.triggers import TimerTrigger
from local.host.worker import Function, Invocation

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
        last = self._clock()
        if self._trigger.run_on_startup:
            await self._fire(last, due=last, is_past_due=False)
        while (due := self._trigger.schedule.next_after(last)) is not None:
            early_s = (due - self._clock()).total_seconds()
            if early_s > 0 and not await self._stop.pause(early_s):
                return
            if self._stop.is_told:
                return
            await self._fire(last, due=due, is_past_due=early_s <= 0)
            # Several times missed make one call, as in Azure: go on from the newest that has passed.
            last = max(due, self._newest_missed(due))

    def _newest_missed(self, due: dt.datetime) -> dt.datetime:
        now, newest = self._clock(), due
        while (following := self._trigger.schedule.next_after(newest)) is not None and following <= now:
            later = self._trigger.schedule.next_after(following)
            if later is None or later > now:
                return newest
            newest = following
        return newest

    async def _fire(self, last: dt.datetime, *, due: dt.datetime, is_past_due: bool) -> None:
        following = self._trigger.schedule.next_after(due)
        status = {"Last": _text(last), "LastUpdated": _text(last), "Next": _text(following) if following else None}
        timer = json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": is_past_due})

        async def once(retry: RetryContext) -> object:
            return await self._invoke(self._trigger.function, Invocation(data=TypedData(json=timer), retry=retry))

        try:
            await invoke_with_retries(once, policy=self._trigger.retry, pause=self._stop.pause)
        except InvocationFailed:
            return  # whoever invoked has logged it; the next time of the schedule comes


def _text(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="seconds")
