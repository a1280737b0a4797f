"""`GET /tail?topic=NAME` of the administration: what goes to the subscriptions of topics, a line of JSON each.

As long as the caller listens, from then on. Without a topic, of all. Decides nothing.
"""

import asyncio
import json
from contextlib import suppress

from aiohttp import web

from local.azure.servicebus.entities import Body, Topic
from local.azure.servicebus.sections import batch_members
from local.azure.servicebus.state import Broker
from local.azure.servicebus.values import Malformed

_SIGN_OF_LIFE_S = 5.0
"""An empty line, so that a caller who has gone is noticed."""


async def tail(request: web.Request, broker: Broker) -> web.StreamResponse:
    """404 with the known topics when one is not there."""
    known = {topic.name.lower(): topic.name for topic in broker.topics.values()}
    asked = request.query.getall("topic", [*known])
    if unknown := [name for name in asked if name.lower() not in known]:
        return web.json_response({"error": f"there is no topic {unknown[0]}", "topics": [*known.values()]}, status=404)
    answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await answer.prepare(request)
    with broker.taps.open({known[name.lower()] for name in asked}) as tap, suppress(ConnectionError):
        await answer.write(b"\n")
        while True:
            line = b""
            with suppress(TimeoutError):
                came = await asyncio.wait_for(tap.waiting.get(), _SIGN_OF_LIFE_S)
                if came is None:
                    break
                missed, tap.missed = tap.missed, 0
                line = json.dumps(_line(*came, missed=missed)).encode()
            await answer.write(line + b"\n")
    return answer


def _line(topic: Topic, body: Body, *, missed: int) -> dict[str, object]:
    system, application = body.envelope.system, body.envelope.application
    return {
        "topic": topic.name,
        "message_id": body.envelope.message_id,
        "subject": system["subject"],
        "to": system["to"],
        "properties": {str(name): str(value) for name, value in application.items()},
        "body": _text(body.payload),
        "missed": missed,
    }


def _text(payload: bytes) -> str | None:
    """None for a body of another kind than bytes."""
    try:
        return b"".join(batch_members(payload)).decode(errors="replace") or None
    except Malformed:
        return None
