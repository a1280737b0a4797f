"""The AsyncAPI document: on which topic which event comes. Made of the map and the events' schemas. Writes nothing."""

from typing import Any

from contracts import events
from contracts.schemas import mapped
from shared import flow
from shared.codec.cloud_events import CONTENT_TYPE
from shared.codec.facts import FORMS

type Json = dict[str, Any]

_ABOUT = """Integration events of payments, for other components.

Each topic of Azure Service Bus has one type of event, as a CloudEvent 1.0 in structured JSON. Subscribe with \
the rule `sys.To IS NULL` in the place of `$Default`: what is addressed to one step (retries, replays) is not for you.

An event comes at least once; a repeat has the same `id`. Events of one payment may overtake each other: \
`data.version` orders them. Ignore fields that you do not know."""

_NAMESPACE = "Azure Service Bus. The caller needs the role Azure Service Bus Data Receiver on its subscription."
_LOCAL = "What `make run` starts; it prints the connection string. The port is the one that it was given."
_MESSAGE = "The Service Bus message id is the event's `id`, the subject its type without `regispay.` and `.v1`."


def document(*, version: str) -> Json:
    """AsyncAPI 3.0. The application that it describes is this one, which sends; a subscriber receives."""
    kinds = {event["type"]: event for event in events.samples_by_type().values()}
    topics = {f"regispay.{FORMS[route.event].name}.v1": route.topic for route in flow.MAP}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Regis Pay: integration events",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "MIT"},
            "tags": [{"name": "payments"}],
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": _servers(),
        "channels": {topic: _channel(kind, topic) for kind, topic in topics.items()},
        "operations": {f"send_{topic.replace('-', '_')}": _operation(kind, topic) for kind, topic in topics.items()},
        "components": {
            "messages": {kind: _message(kind, sample) for kind, sample in kinds.items()},
            "schemas": _schemas(),
        },
    }


def _servers() -> Json:
    namespace = {"namespace": {"description": "The output SERVICEBUS_NAMESPACE of a deployment."}}
    return {
        "azure": {
            "host": "{namespace}.servicebus.windows.net",
            "protocol": "amqps",
            "protocolVersion": "1.0",
            "description": _NAMESPACE,
            "variables": namespace,
        },
        "local": {"host": "127.0.0.1:5672", "protocol": "amqp", "protocolVersion": "1.0", "description": _LOCAL},
    }


def _channel(kind: str, topic: str) -> Json:
    return {
        "address": topic,
        "title": topic,
        "description": f"A subscription of yours is read at `{topic}/Subscriptions/NAME`.",
        "messages": {kind: {"$ref": f"#/components/messages/{_escaped(kind)}"}},
    }


def _operation(kind: str, topic: str) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{_escaped(kind)}"}],
    }


def _message(kind: str, sample: Json) -> Json:
    return {
        "name": kind,
        "title": kind,
        "description": _MESSAGE,
        "contentType": CONTENT_TYPE,
        "correlationId": {"description": "The payment's id.", "location": "$message.payload#/subject"},
        "payload": {"$ref": f"#/components/schemas/{_escaped(kind)}"},
        "examples": [{"name": "sample", "payload": sample}],
    }


def _schemas() -> Json:
    """One document holds all, so what the types share stands in it once. Raises ValueError if it differs."""
    found: Json = {}
    for kind, schema in events.schemas().items():
        own = {name: value for name, value in schema.items() if name not in ("$schema", "$id", "$defs")}
        for name, each in {**schema.get("$defs", {}), kind: own}.items():
            here = mapped(each, _pointed_here)
            if found.setdefault(name, here) != here:
                raise ValueError(f"{name} is not the same in every type of event")
    return found


def _pointed_here(schema: Json) -> Json:
    if "$ref" not in schema:
        return schema
    return {**schema, "$ref": schema["$ref"].replace("#/$defs/", "#/components/schemas/")}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
