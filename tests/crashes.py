"""Make a worker crash right before or right after any call through a port, or any other step that its host takes.

The product's code does not know of this. Its ports are wrapped instead, all of them and by reflection, so that a call
which is added tomorrow is covered too. Knows no port by name and nothing of payments.
"""

import dataclasses
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import wraps
from typing import Any, NoReturn


class Killed(BaseException):
    """The worker is gone: like kill -9, this passes every `except Exception`. Its state must be thrown away."""


class Side(StrEnum):
    """On which side of a call the crash comes."""

    BEFORE = "before"
    AFTER = "after"


def _killed(where: str) -> NoReturn:
    raise Killed(where)


@dataclass(slots=True)
class CrashPlan:
    """Counts the calls, and crashes at one of them, once. Without `at` and `named` it only counts.

    at: the number of the call, from 0. named: the first call of this name; for hosts that do many things at the same
    time, where numbers mean nothing. die: how the worker ends; `os._exit` in a process of its own.
    """

    at: int | None = None
    side: Side = Side.BEFORE
    named: str | None = None
    die: Callable[[str], NoReturn] = _killed
    calls: list[str] = field(default_factory=list)
    has_crashed: bool = False
    _begins: set[int] = field(default_factory=set)

    def begin_act(self) -> None:
        """What the host does from here on does not follow from what it did before: a message, a page, a request."""
        self._begins.add(len(self.calls))

    @property
    def points(self) -> list[tuple[int, Side]]:
        """Where a crash leaves a world behind that no other crash does, after a run that only counted.

        That is before each call. Between two calls of one act nothing happens outside the process, so that after the
        one is before the other; only after the last call of an act is the act over, and not repeated.
        """
        last = {number - 1 for number in {*self._begins, len(self.calls)} if number}
        return sorted(
            [(number, Side.BEFORE) for number in range(len(self.calls))] + [(number, Side.AFTER) for number in last]
        )

    async def run[T](self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call. A crash planned after it comes whether the call succeeds or raises."""
        number = len(self.calls)
        self.calls.append(name)
        self._crash_if_planned(number, Side.BEFORE)
        try:
            return await call()
        finally:
            self._crash_if_planned(number, Side.AFTER)

    def _crash_if_planned(self, number: int, side: Side) -> None:
        is_the_one = number == self.at or self.calls[number] == self.named
        if is_the_one and side is self.side and not self.has_crashed:
            self.has_crashed = True
            self.die(f"{side} {self.calls[number]}")


class CrashingPort:
    """A port whose async methods run by a crash plan. Everything else of it is unchanged."""

    def __init__(self, port: object, name: str, plan: CrashPlan) -> None:
        self._port, self._name, self._plan = port, name, plan

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if not inspect.iscoroutinefunction(found):
            return found

        @wraps(found)
        async def planned(*args: object, **named: object) -> object:
            return await self._plan.run(f"{self._name}.{method}", lambda: found(*args, **named))

        return planned


def with_crashes[S](services: S, plan: CrashPlan) -> S:
    """The same frozen dataclass, and every port in it runs by the plan.

    A port is a field whose value has async methods. Clock and telemetry have none: they do nothing outside the process,
    so a crash beside such a call is a crash beside the port call before or after it.
    """
    if not dataclasses.is_dataclass(services) or isinstance(services, type):
        raise TypeError("services is the dataclass that holds the ports")
    ports = {name: getattr(services, name) for name in (part.name for part in dataclasses.fields(services))}
    replaced = {name: CrashingPort(port, name, plan) for name, port in ports.items() if _is_port(port)}
    return dataclasses.replace(services, **replaced)


def _is_port(value: object) -> bool:
    methods = (getattr(type(value), name, None) for name in dir(type(value)) if not name.startswith("_"))
    return any(map(inspect.iscoroutinefunction, methods))
