"""Timer triggers: waits for the schedule, fires, waits again. Must not know other triggers.

Nothing is stored, so a time that passed while the host was not running is not made up for (Azure keeps that in a blob).
A time that passes while the function still runs is made up for at once.
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

_NEVER = dt.datetime(1, 1, 1, tzinfo=dt.UTC)

type Clock = Callable[[], dt.datetime]
type Invoke = Callable[[Function, Invocation], Awaitable[object]]


class Timer:
    """Fires one function by its schedule, one call at a time."""

    def __init__(self, trigger: TimerTrigger, *, invoke: Invoke, clock: Clock, stop: Stop) -> None:
        self._trigger = trigger
        self._invoke = invoke
        self._clock = clock
        self._stop = stop
        self._last = _NEVER

    async def work(self) -> None:
        """Until told to stop; a call under way is finished, a pause between retries is not."""
        seen = self._clock()
        if self._trigger.run_on_startup:
            await self._fire(seen)
        while (due := self._trigger.schedule.next_after(seen)) is not None:
            now = self._clock()
            is_late = due <= now
            if not is_late:
                await self._stop.pause((due - now).total_seconds())
            if self._stop.is_told:
                return
            await self._fire(due)
            # One late call stands for all the times that had passed by then, as in Azure.
            seen = now if is_late else due

    async def _fire(self, due: dt.datetime) -> None:
        status = self._status(due) if self._trigger.is_monitored else None
        self._last = self._clock()

        async def once(retry: RetryContext) -> object:
            data = TypedData(json=_timer(status))
            return await self._invoke(self._trigger.function, Invocation(data, retry=retry))

        try:
            await invoke_with_retries(once, policy=self._trigger.retry, pause=self._stop.pause)
        except InvocationFailed:
            return  # whoever invoked has logged it; the next time of the schedule comes

    def _status(self, due: dt.datetime) -> dict[str, str]:
        """As of the call before: `Next` is the time that has come now."""
        last = _text(self._last)
        return {"Last": last, "LastUpdated": last, "Next": _text(due)}


def timer_by_hand() -> str:
    """What a function gets when somebody calls it at the host's own address."""
    return _timer(None)


def _timer(status: dict[str, str] | None) -> str:
    return json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status or {}, "IsPastDue": False})


def _text(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="seconds")
