"""An app without a purpose: its functions write to the file RECORD what a Functions host hands to them."""

import asyncio
import json
import logging
import os
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
LIFE = uuid.uuid4().hex
"""Another one each time this is imported: by it a worker is told from the one that takes its place."""
MEETING = threading.Barrier(12)


def record(**seen: Any) -> None:
    line = json.dumps({**seen, "life": LIFE, "at": time.time()}) + "\n"
    with Path(os.environ["RECORD"]).open("a", encoding="utf-8") as file:
        file.write(line)


def trace_of(context: func.Context) -> dict[str, Any]:
    trace = context.trace_context
    return {"parent": trace.trace_parent, "attributes": sorted(trace.attributes or {})}


def status_of(timer: Any) -> Any:
    """It has more than its annotated class says."""
    return timer.schedule_status


@app.route("echo")
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    seen = {
        "headers": dict(req.headers),
        "params": dict(req.params),
        "body": len(req.get_body()),
        "trace": trace_of(context),
        "life": LIFE,
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route("order/{x}")
async def a_wild(req: func.HttpRequest) -> str:
    return "a_wild"


@app.route("order/fixed")
async def b_literal(req: func.HttpRequest) -> str:
    return "b_literal"


@app.route("dot")
async def off_by_a_dot(req: func.HttpRequest) -> str:
    return "on"


@app.route("lines")
async def off_by_lines(req: func.HttpRequest) -> str:
    return "on"


@app.route("locked", auth_level=func.AuthLevel.FUNCTION)
async def locked(req: func.HttpRequest) -> str:
    return "open"


@app.route("wait")
async def wait(req: func.HttpRequest) -> str:
    record(waiting=req.params["s"])
    await asyncio.sleep(float(req.params["s"]))
    return "waited"


@app.route("meet")
def meet(req: func.HttpRequest) -> str:
    """Answers only when twelve calls are there at the same time."""
    try:
        MEETING.wait(timeout=5)
    except threading.BrokenBarrierError:
        return "alone"
    return "met"


class NoOrdinaryException(BaseException):
    """Passes every `except Exception`."""


LEAVING: dict[str, type[BaseException]] = {
    "cancelled": asyncio.CancelledError,
    "own": NoOrdinaryException,
    "exit": SystemExit,
    "interrupt": KeyboardInterrupt,
}


@app.route("leave/{how}")
async def leave(req: func.HttpRequest) -> str:
    raise LEAVING[req.route_params["how"]]


@app.route("logs")
async def logs(req: func.HttpRequest) -> str:
    for name in ("azure.core.pipeline", "uamqp", "probe", "azure.functions.probe"):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger(name).log(level, "mark-%s-%s", name, logging.getLevelName(level))
    print("mark-print", flush=True)
    return "logged"


@app.service_bus_topic_trigger(
    arg_name="message", connection="ServiceBusConnection", topic_name="probe", subscription_name="text"
)
async def on_text(message: func.ServiceBusMessage, context: func.Context) -> None:
    body = message.get_body().decode()
    record(
        text=body,
        id=message.message_id,
        subject=message.subject,
        content_type=message.content_type,
        properties=message.application_properties,
        enqueued=str(message.enqueued_time_utc),
        expires=str(message.expires_at_utc),
        delivery=message.delivery_count,
        trace=trace_of(context),
    )
    if body.startswith("wait "):
        await asyncio.sleep(float(body.split()[1]) if message.delivery_count == 1 else 0)
        record(done=body, delivery=message.delivery_count)
    if body.startswith("leave ") and message.delivery_count == 1:
        raise LEAVING[body.split()[1]]


@app.service_bus_topic_trigger(
    arg_name="message",
    connection="ServiceBusConnection",
    topic_name="probe",
    subscription_name="binary",
    data_type=func.DataType.BINARY,
)
async def on_binary(message: func.ServiceBusMessage) -> None:
    record(binary=message.get_body().decode(), id=message.message_id)


@app.cosmos_db_trigger(
    arg_name="documents",
    connection="CosmosConnection",
    database_name="probe",
    container_name="events",
    lease_container_name="leases",
    lease_container_prefix="probe-",
    start_from_beginning=True,  # type: ignore[arg-type] # azure-functions 2.3 annotates this flag as a time
    feed_poll_delay=500,
)
@app.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:01")
async def on_change(documents: func.DocumentList, context: func.Context) -> None:
    ids = [document["id"] for document in documents]
    number = documents[-1].to_dict()["_lsn"]
    record(changes=ids, number=number, retry=context.retry_context.retry_count, trace=trace_of(context))
    for document in documents:
        await asyncio.sleep(document.to_dict().get("wait_s", 0))
        if texts := document.to_dict().get("texts"):
            record(texts=texts)
    record(seen=ids)


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
async def each_second(timer: func.TimerRequest, context: func.Context) -> None:
    record(second=status_of(timer), past_due=timer.past_due, trace=trace_of(context))


@app.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=True)
async def each_minute(timer: func.TimerRequest) -> None:
    record(minute=status_of(timer), past_due=timer.past_due)


@app.timer_trigger(arg_name="timer", schedule="%SLOW_SCHEDULE%", use_monitor=False)
async def overrun(timer: func.TimerRequest) -> None:
    record(overrun=timer.past_due)
    await asyncio.sleep(float(os.environ["OVERRUN_S"]))
