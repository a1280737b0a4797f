"""Another component: keeps daily totals of settled and refunded payments. It shares no code with the payments.

A function for each of its subscriptions, and one that shows the totals. Returning completes a message. Raising gives it
back; after ten deliveries it is in the dead-letter queue of the subscription, which is this component's to look at.
"""

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path

import azure.functions as func
from totals import Totals

SUBSCRIPTION = "daily-totals"
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


def totals() -> Totals:
    return Totals(Path(os.environ.get("TOTALS_FILE", "totals.sqlite")))


async def count(message: func.ServiceBusMessage) -> None:
    """Raises NoEvent for what is none: it dies, and somebody looks at it."""
    await asyncio.to_thread(lambda: totals().count(json.loads(message.get_body())))


@app.service_bus_topic_trigger(
    arg_name="message",
    connection="ServiceBusConnection",
    topic_name="payment-settled",
    subscription_name=SUBSCRIPTION,
    data_type=func.DataType.BINARY,
)
async def count_settled(message: func.ServiceBusMessage) -> None:
    await count(message)


@app.service_bus_topic_trigger(
    arg_name="message",
    connection="ServiceBusConnection",
    topic_name="payment-refunded",
    subscription_name=SUBSCRIPTION,
    data_type=func.DataType.BINARY,
)
async def count_refunded(message: func.ServiceBusMessage) -> None:
    await count(message)


@app.route("totals", methods=["GET"])
async def show(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - nothing can be asked of it
    rows = await asyncio.to_thread(lambda: totals().all())
    return func.HttpResponse(json.dumps({"totals": [asdict(row) for row in rows]}), mimetype="application/json")
