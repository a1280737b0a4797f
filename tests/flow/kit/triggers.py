"""The product's functions for messages, feeds and timers. Each is fired with what the local host and the runtime's
converters make of a message or of a page of documents.

So what a trigger file loses or forges on the way to its verb shows in every test of a world. Knows no payment.
"""

import json
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import cache
from typing import Any

import azure.functions as func
from azure.functions.cosmosdb import CosmosDBTriggerConverter
from azure.functions.decorators.function_app import Function
from azure.functions.meta import Datum
from azure.functions.servicebus import ServiceBusMessageInConverter
from azure.servicebus import ServiceBusReceivedMessage

from functions import advance, drain, measure, project, publish, recover, sweep
from functions.edge import CutShort
from local.azure.host.delivery import invocation_of
from local.azure.host.wire import TypedData
from shared.services import Services
from tests.crashes import Killed
from tests.flow.kit.doors import LOCAL

_SERVICES: ContextVar[Callable[[], Services]] = ContextVar("services")
"""Of the world whose function is called."""


@cache
def _functions() -> dict[str, Function]:
    """By name. One set for all worlds: the functions keep nothing, and making them takes as long as ten requests."""

    async def current() -> Services:
        return _SERVICES.get()()

    app = func.FunctionApp()
    app.register_functions(advance.blueprint(current))
    app.register_functions(recover.blueprint(current, doors=LOCAL))
    for feed in (publish, project):
        app.register_functions(feed.blueprint(current, feed_poll_delay_ms=1000))
    for timer in (drain, measure, sweep):
        app.register_functions(timer.blueprint(current, schedule="0 * * * * *"))
    return {str(each.get_function_name()): each for each in app.get_functions()}


class Triggers:
    """What wakes the functions of one world."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def fire(self, name: str, message: ServiceBusReceivedMessage) -> None:
        """Raises what the host, the converter or the function raises."""
        function = _functions()[name]
        trigger = function.get_trigger()
        assert trigger is not None
        invocation = invocation_of(message, binary=trigger.get_dict_repr().get("dataType") is func.DataType.BINARY)
        metadata = {field: _datum(value) for field, value in invocation.metadata.items()}
        converted = ServiceBusMessageInConverter.decode(_datum(invocation.data), trigger_metadata=metadata)
        await self._called(name, message=converted)

    async def feed(self, name: str, documents: Sequence[dict[str, Any]]) -> None:
        """A page of the change feed. Raises what the converter or the function raises."""
        page = CosmosDBTriggerConverter.decode(Datum(json.dumps(documents), "json"), trigger_metadata=None)
        await self._called(name, documents=page)

    async def tick(self, name: str) -> None:
        """The time of the timer has come."""
        await self._called(name, timer=None)

    async def _called(self, name: str, **argument: object) -> None:
        """A worker that dies reaches no edge: what stands for that here goes on beyond it."""
        token = _SERVICES.set(self._services)
        try:
            await _functions()[name].get_user_function()(**argument)
        except CutShort as cut:
            if isinstance(cut.__cause__, Killed):
                raise cut.__cause__ from None
            raise
        finally:
            _SERVICES.reset(token)


def _datum(value: TypedData) -> Datum:
    kind = value.WhichOneof("data")
    return Datum(getattr(value, str(kind)), kind)
