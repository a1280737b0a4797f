"""Loads the app with azure-functions-runtime, the library that runs Python functions in Azure, and invokes it.

The only module that speaks to the runtime. Must not know what fires a function. The runtime keeps its registries in
module globals, so a process can load one app, once.
"""

import asyncio
import contextvars
import json
import logging
import os
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime

from local.azure.host.errors import EMPTY, ENDS, CannotStart, InvocationFailed, WorkerLeft
from local.azure.host.retry import RetryPolicy, policy_of
from local.azure.host.wire import (
    PROTOS,
    ParameterBinding,
    RetryContext,
    TraceContext,
    TypedData,
    request_of,
)

_log = logging.getLogger(__name__)
_running: contextvars.ContextVar[str] = contextvars.ContextVar("running", default="")
_names: dict[str, str] = {}
"""Of the functions that run, by invocation: a thread of the runtime's pool knows no more of the call."""

type Binding = dict[str, Any]
"""What one decorator declared, as function.json would hold it: camelCase keys, absent when not given."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the app, as its decorators declare it."""

    name: str
    function_id: str
    bindings: tuple[Binding, ...]
    retry: RetryPolicy | None

    @property
    def trigger(self) -> Binding:
        return next(b for b in self.bindings if str(b["type"]).endswith("Trigger"))


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a trigger hands to a function."""

    data: TypedData
    metadata: dict[str, TypedData] = field(default_factory=dict)
    trace: TraceContext = field(default_factory=TraceContext)
    retry: RetryContext = field(default_factory=RetryContext)


async def load(app: Path) -> list[Function]:
    """Import the app's function_app.py and index its functions.

    Raises `CannotStart` with the runtime's own text when a decorator or a parameter is wrong.
    """
    script = app / os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    if not script.is_file():
        raise CannotStart(f"{script} is missing, so there is no app to run: give the app's folder with --app DIR")
    sys.path.insert(0, str(app))
    runtime.start_threadpool_executor()
    init = SimpleNamespace(capabilities={}, function_app_directory=str(app))
    try:
        answer = await runtime.worker_init_request(request_of(PROTOS, worker_init_request=init))
    except (SystemExit, KeyboardInterrupt) as exc:
        raise CannotStart(f"{script} raises {type(exc).__name__}: an import must not end", there=EMPTY) from exc
    if answer.result.status == PROTOS.StatusResult.Failure:
        _log.debug("%s", answer.result.exception.stack_trace)
        # The runtime's own text, but for the search path that it adds to the name of a missing module.
        text = str(answer.result.exception.message).partition(". Current sys.path:")[0]
        raise CannotStart(f"{script} cannot be indexed: {text} (--verbose shows where)", there=ENDS)
    indexed = await runtime.functions_metadata_request(request_of(PROTOS, functions_metadata_request=SimpleNamespace()))
    functions = [_function(found) for found in indexed.function_metadata_results or ()]
    if not functions:
        raise CannotStart(f"{script} declares no function: decorate one, for example with @app.route")
    return functions


def _function(found: SimpleNamespace) -> Function:
    bindings = tuple(json.loads(raw) for raw in found.raw_bindings)
    return Function(found.name, found.function_id, bindings, policy_of(found.retry_options))


async def invoke(function: Function, invocation: Invocation) -> TypedData | None:
    """Run the function once; its return value, if it has one.

    Raises `InvocationFailed` when it raises or its input or output cannot be converted. Cancellation goes through.
    """
    invocation_id = str(uuid.uuid4())
    # The runtime sets this for functions in its thread pool only; for async ones the gRPC proxy does it, so we do.
    runtime.invocation_id_cv.set(invocation_id)
    _running.set(function.name)
    _names[invocation_id] = function.name
    message = SimpleNamespace(
        invocation_id=invocation_id,
        function_id=function.function_id,
        input_data=[ParameterBinding(function.trigger["name"], invocation.data)],
        trigger_metadata=invocation.metadata,
        trace_context=invocation.trace,
        retry_context=invocation.retry,
    )
    try:
        answer = await _answered(function, request_of(PROTOS, invocation_request=message))
    finally:
        del _names[invocation_id]
    if answer.result.status == PROTOS.StatusResult.Failure:
        failure = answer.result.exception
        raise InvocationFailed(function.name, reason=failure.message, stack_trace=failure.stack_trace)
    returned: TypedData | None = answer.return_value
    return returned


async def _answered(function: Function, request: SimpleNamespace) -> SimpleNamespace:
    """What the runtime says. Nothing, for ever, when the function was left by what is no Exception."""
    try:
        answer: SimpleNamespace = await runtime.invocation_request(request)
    except BaseException as exc:
        if _is_meant_for_us(exc):
            raise
        left_by = type(exc).__name__
        if isinstance(exc, SystemExit | KeyboardInterrupt):
            raise WorkerLeft(function.name, reason=left_by) from exc
        why = "which is no Exception: as in Azure nobody is answered until functionTimeout"
        _log.error("%s was left by %s, %s", function.name, left_by, why)
        await asyncio.get_running_loop().create_future()
        raise
    return answer


def running_function() -> str:
    """The name of the function that runs here, or began the task that runs here; empty when none did."""
    return _running.get() or _names.get(runtime.invocation_id_cv.get() or "", "")


def _is_meant_for_us(exc: BaseException) -> bool:
    """Whether it ends our task or the process; the runtime lets all pass that is no Exception, whoever raised it."""
    if isinstance(exc, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(exc, Exception | GeneratorExit)


def stop() -> None:
    """Let the threads of synchronous functions go; call it when none is running."""
    runtime.stop_threadpool_executor()
