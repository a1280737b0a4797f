"""advance: a message on a step's own subscription wakes it. Translates the message for the verb. Knows no rule."""

import azure.functions as func

from functions.edge import edge
from functions.failures import called
from shared import flow
from shared.codec.arrivals import arrived
from shared.codec.deliveries import Delivery
from shared.domain.payment import Step
from shared.services import GetServices
from shared.verbs.advance import advance

CONNECTION = "ServiceBusConnection"

AS_BYTES = func.DataType.BINARY
"""How every trigger here takes a body. Of text that is a JSON object the host would make what it says of the message
itself: id, deliveries, properties (azure-functions-host, Utility.ApplyBindingData). Bytes it leaves alone.
"""


def blueprint(services: GetServices) -> func.Blueprint:
    """One function per step. Returning completes the message; raising abandons it, and the broker delivers it again."""
    bp = func.Blueprint()
    for step, name in flow.FUNCTION_OF.items():
        _register(bp, step, name=name, services=services)
    return bp


def _register(bp: func.Blueprint, step: Step, *, name: str, services: GetServices) -> None:
    place = flow.PLACE_OF[step]

    @bp.function_name(name)
    @bp.service_bus_topic_trigger(
        arg_name="message",
        connection=CONNECTION,
        topic_name=place.topic,
        subscription_name=place.subscription,
        data_type=AS_BYTES,
    )
    @edge
    @called(name)
    async def advance_payment(message: func.ServiceBusMessage) -> None:
        await advance(delivery(message, queue=str(place)), step=step, services=await services())


def delivery(message: func.ServiceBusMessage, *, queue: str) -> Delivery:
    """What the runtime hands over, for the verbs."""
    return arrived(message, body=message.get_body(), delivery_count=message.delivery_count or 1, queue=queue)
