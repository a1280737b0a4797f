"""A function app of every kind of trigger. What its functions see they write to the file RECORD, as lines of JSON."""

import asyncio
import json
import os
import time
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


def record(**seen: object) -> None:
    with Path(os.environ["RECORD"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(seen | {"at": time.time()}) + "\n")


def refuses() -> bool:
    return Path(os.environ["RECORD"] + ".refuse").exists()


@app.route("slow", auth_level=func.AuthLevel.ANONYMOUS)
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    record(slow="begun")
    await asyncio.sleep(float(req.params["s"]))
    return func.HttpResponse("done")


@app.service_bus_topic_trigger(
    arg_name="message",
    topic_name="payment-created",
    subscription_name="%SUBSCRIPTION%",
    connection="ServiceBusConnection",
)
async def on_message(message: func.ServiceBusMessage, context: func.Context) -> None:
    body = json.loads(message.get_body())
    record(
        message=body,
        id=message.message_id,
        delivery=message.delivery_count,
        to=message.to,
        subject=message.subject,
        content_type=message.content_type,
        properties=message.application_properties,
        enqueued=str(message.enqueued_time_utc),
        locked_until=message.locked_until,
    )
    record(message_trace=context.trace_context.trace_parent)
    await asyncio.sleep(body.get("takes_s", 0))
    if message.delivery_count <= body.get("fails", 0):
        raise ValueError("not yet")
    record(done=message.message_id)


@app.cosmos_db_trigger(
    arg_name="documents",
    connection="CosmosConnection",
    database_name="regis-pay",
    container_name="%EVENTS%",
    lease_container_name="%LEASES%",
    lease_container_prefix="sample-",
    start_from_beginning=True,  # type: ignore[arg-type] # azure-functions 2.3 annotates this flag as a time
    feed_poll_delay=50,
)
@app.retry(
    strategy="exponential_backoff",
    max_retry_count="-1",
    minimum_interval="00:00:01",
    maximum_interval="00:00:02",
)
async def on_change(documents: func.DocumentList, context: func.Context) -> None:
    ids = [document["id"] for document in documents]
    record(changes=ids, retry=context.retry_context.retry_count, changes_trace=context.trace_context.trace_parent)
    if refuses():
        raise ValueError("refused")


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
async def on_timer(timer: func.TimerRequest) -> None:
    record(timer=timer.past_due)
