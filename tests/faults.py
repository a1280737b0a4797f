"""Kill a worker right before or right after any call through a port, or any other step that its host takes.

The product's code stays free of this: its ports are wrapped, all of them and by reflection, so that a call which is
added tomorrow is met too. Knows no port by name and nothing of payments.
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
    """On which side of a call death comes."""

    BEFORE = "before"
    AFTER = "after"


def _killed(where: str) -> NoReturn:
    raise Killed(where)


@dataclass(slots=True)
class Tripwire:
    """Counts the calls that pass and kills at one of them, once. Without `at` and `named` it only counts.

    at: the number of the call, from 0. named: the first call of this name, where many things happen side by side and
    numbers say nothing. die: what death is; `os._exit` in a process of its own.
    """

    at: int | None = None
    side: Side = Side.BEFORE
    named: str | None = None
    die: Callable[[str], NoReturn] = _killed
    calls: list[str] = field(default_factory=list)
    has_killed: bool = False

    async def through[T](self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call. Whether it succeeds or raises, the death that comes after it comes."""
        number = len(self.calls)
        self.calls.append(name)
        self._meet(number, Side.BEFORE)
        try:
            return await call()
        finally:
            self._meet(number, Side.AFTER)

    def _meet(self, number: int, side: Side) -> None:
        is_the_one = number == self.at or self.calls[number] == self.named
        if is_the_one and side is self.side and not self.has_killed:
            self.has_killed = True
            self.die(f"{side} {self.calls[number]}")


class Watched:
    """A port whose async methods pass a tripwire. Everything else of it is as it was."""

    def __init__(self, port: object, name: str, wire: Tripwire) -> None:
        self._port, self._name, self._wire = port, name, wire

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if not inspect.iscoroutinefunction(found):
            return found

        @wraps(found)
        async def watched(*args: object, **named: object) -> object:
            return await self._wire.through(f"{self._name}.{method}", lambda: found(*args, **named))

        return watched


def watched[S](services: S, wire: Tripwire) -> S:
    """The same frozen dataclass with every port in it watched.

    A port is a field whose value has async methods. Clock and telemetry have none: they do nothing outside the process,
    so dying beside such a call is dying beside the port call before or after it.
    """
    if not dataclasses.is_dataclass(services) or isinstance(services, type):
        raise TypeError("services is the dataclass that holds the ports")
    ports = {name: getattr(services, name) for name in (part.name for part in dataclasses.fields(services))}
    replaced = {name: Watched(port, name, wire) for name, port in ports.items() if _is_port(port)}
    return dataclasses.replace(services, **replaced)


def _is_port(value: object) -> bool:
    methods = (getattr(type(value), name, None) for name in dir(type(value)) if not name.startswith("_"))
    return any(map(inspect.iscoroutinefunction, methods))
