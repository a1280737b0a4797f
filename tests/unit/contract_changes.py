"""Changes of the present contracts: those that break who built on them, with what is said of it, and welcome ones."""

import json
from collections.abc import Callable
from typing import Any

from contracts.endpoints import ROOT
from contracts.files import FOLDER
from contracts.released import contracts_in

type Json = dict[str, Any]
type Change = Callable[[Json], object]

PRESENT = contracts_in(ROOT / FOLDER)
API: Json = json.loads(PRESENT["openapi.json"])
SETTLED = "events/regispay.payment.settled.v1.schema.json"
POST, GET = "/api/payments", "/api/payments/{payment_id}"
LIST = "/api/ops/dead-letters"
CLOSED = {"additionalProperties": False}
KEY: Json = API["webhooks"]["payment_settled"]["post"]["parameters"][0]


def changed(document: Json, change: Change) -> Json:
    new: Json = json.loads(json.dumps(document))  # a copy, several times as fast as copy.deepcopy
    change(new)
    return new


def schema(document: Json, name: str, *fields: str) -> Any:
    found = document["components"]["schemas"][name]
    for field in fields:
        found = found["properties"][field]
    return found


def parameter(document: Json, name: str) -> Any:
    return next(each for each in document["paths"][LIST]["get"]["parameters"] if each["name"] == name)


def operation(document: Json, path: str = POST) -> Any:
    item = document["paths"][path]
    return item["post"] if path == POST else next(iter(item.values()))


def webhook(document: Json) -> Any:
    return document["webhooks"]["payment_settled"]["post"]


def answer(document: Json) -> Any:
    """What a receiver says that has taken it."""
    return webhook(document)["responses"]["2XX"]


def renamed(held: Json, name: str, to: str) -> None:
    held[to] = held.pop(name)


BREAKS: dict[str, tuple[Change, str]] = {
    "an operation is gone": (lambda d: d["paths"].pop(GET), f"GET {GET}: taken away"),
    "an operation has another tag": (
        lambda d: operation(d).update(tags=["operations"]),
        f"POST {POST}: not tagged payments any more",
    ),
    "an operation has another id": (lambda d: operation(d).update(operationId="pay"), "called pay"),
    "a parameter is gone": (
        lambda d: operation(d, LIST)["parameters"].remove(parameter(d, "step")),
        "query step: taken away",
    ),
    "a parameter is required": (lambda d: parameter(d, "step").update(required=True), "query step: required now"),
    "a new parameter is required": (
        lambda d: operation(d, LIST)["parameters"].append({"in": "query", "name": "x", "required": True, "schema": {}}),
        "query x: new, and required",
    ),
    "a parameter takes fewer values": (
        lambda d: parameter(d, "status")["schema"]["enum"].pop(),
        "query status: the value 'closed'",
    ),
    "a parameter takes less": (lambda d: parameter(d, "limit")["schema"].update(maximum=100), "maximum 200 beyond 100"),
    "a parameter means something else when it is left out": (
        lambda d: parameter(d, "limit")["schema"].update(default=10),
        "default 10 where it was 50",
    ),
    "a field is required": (
        lambda d: schema(d, "PaymentRequest")["required"].append("description"),
        "body.description: not always there",
    ),
    "a new field is required": (
        lambda d: (
            schema(d, "PaymentRequest")["properties"].update(x={"type": "string"}),
            schema(d, "PaymentRequest")["required"].append("x"),
        ),
        "body.x: not always there",
    ),
    "a field is not taken any more": (
        lambda d: schema(d, "PaymentRequest")["properties"].pop("metadata"),
        "body.metadata: not known",
    ),
    "a field takes less": (
        lambda d: schema(d, "PaymentRequest", "reference").update(maxLength=32),
        "body.reference: maxLength 64 beyond 32",
    ),
    "a field takes no null": (
        lambda d: schema(d, "PaymentRequest", "description")["anyOf"].pop(),
        "body.description: null",
    ),
    "a field has another pattern": (
        lambda d: schema(d, "PaymentRequest", "payment_method").update(pattern="^pm_"),
        "body.payment_method: pattern",
    ),
    "a field has a pattern": (
        lambda d: schema(d, "ReplayManyRequest", "page")["anyOf"][0].update(pattern="^[a-z]"),
        "body.page: pattern none",
    ),
    "a field is of another type": (
        lambda d: schema(d, "PaymentRequest", "amount_minor").update(type="string"),
        "body.amount_minor: integer where there was string",
    ),
    "a switch is the other way round": (
        lambda d: schema(d, "ReplayManyRequest", "dry_run").update(default=True),
        "body.dry_run: default True where it was False",
    ),
    "a body is required": (
        lambda d: operation(d, f"{LIST}/{{letter_id}}/replay")["requestBody"].update(required=True),
        "body: required now",
    ),
    "a media type is not taken": (
        lambda d: operation(d)["requestBody"]["content"].update(
            {"application/x": operation(d)["requestBody"]["content"].pop("application/json")}
        ),
        "application/json is not taken any more",
    ),
    "a success is gone": (
        lambda d: operation(d)["responses"].update({"200": operation(d)["responses"].pop("202")}),
        "202: taken away",
    ),
    "an answer has another media type": (
        lambda d: operation(d)["responses"]["202"]["content"].pop("application/json"),
        "no application/json any more",
    ),
    "a header is gone": (
        lambda d: operation(d)["responses"]["202"]["headers"].pop("Location"),
        "header Location: taken away",
    ),
    "a header is not always there": (
        lambda d: d["components"]["headers"]["ETag"].update(required=False),
        "header ETag: not always there",
    ),
    "an answer lacks a field": (
        lambda d: schema(d, "Payment")["properties"].pop("failure_told"),
        ".failure_told: taken away",
    ),
    "a field of a field is gone": (lambda d: schema(d, "Wait")["properties"].pop("reason"), ".waiting[].reason: taken"),
    "a field of what may be null is gone": (
        lambda d: schema(d, "PaymentRow")["properties"].pop("currency"),
        "dead-letters/{letter_id} 200.payment.currency: taken away",
    ),
    "a field is not always told": (
        lambda d: schema(d, "Payment")["required"].remove("metadata"),
        ".metadata: not always there",
    ),
    "a field may be null": (
        lambda d: schema(d, "Payment")["properties"].update(
            reference={"anyOf": [{"type": "string"}, {"type": "null"}]}
        ),
        ".reference: null where there was string",
    ),
    "a number may be larger": (
        lambda d: schema(d, "Payment", "amount_minor").update(maximum=10**15),
        ".amount_minor: maximum",
    ),
    "a number may be smaller": (
        lambda d: schema(d, "Payment", "amount_minor").pop("minimum"),
        ".amount_minor: minimum",
    ),
    "a number may have fractions": (
        lambda d: schema(d, "Payment", "amount_minor").update(type="number"),
        ".amount_minor: number where there was integer",
    ),
    "a number has no limit any more": (
        lambda d: schema(d, "Payment", "amount_minor").pop("maximum"),
        ".amount_minor: maximum none beyond 999999999999",
    ),
    "a text is no time any more": (
        lambda d: schema(d, "Payment", "initiated_at").pop("format"),
        ".initiated_at: format none",
    ),
    "a closed list has a new value": (
        lambda d: schema(d, "LetterStatus")["enum"].append("lost"),
        ".status: the value 'lost'",
    ),
    "a closed list is open": (lambda d: schema(d, "LetterStatus").pop("enum"), ".status: any value where there were 3"),
    "a known value is gone": (
        lambda d: schema(d, "Payment", "status")["x-extensible-enum"].remove("settled"),
        ".status: the value 'settled' is gone",
    ),
    "a number has another format": (
        lambda d: schema(d, "Payment", "amount_minor").update(format="int32"),
        ".amount_minor: format int32 is not int64",
    ),
    "a number of a request has another format": (
        lambda d: schema(d, "PaymentRequest", "amount_minor").update(format="int32"),
        "body.amount_minor: format int64 is not int32",
    ),
    "a number has no format any more": (
        lambda d: schema(d, "Ledger", "net_minor").pop("format"),
        ".ledger.net_minor: format none is not int64",
    ),
    "an answer is closed": (
        lambda d: schema(d, "Payment").update(CLOSED),
        f"GET {GET} 200: closed where more fields might come",
    ),
    "a field of an answer is closed": (
        lambda d: schema(d, "Ledger").update(CLOSED),
        f"GET {GET} 200.ledger: closed where more fields might come",
    ),
    "a webhook is closed": (
        lambda d: schema(d, "PaymentSettledNotice").update(CLOSED),
        "webhook payment_settled: closed where more fields might come",
    ),
    "a request that is open is closed": (
        lambda d: schema(d, "NewsOf").update(CLOSED),
        "body.data: any field where only some are known",
    ),
    "metadata holds more than text": (
        lambda d: schema(d, "Payment", "metadata").update(additionalProperties=True),
        ".metadata.*: anything where there was string",
    ),
    "a server is gone": (lambda d: d.update(servers=[{"url": "/v2"}]), "server /: taken away"),
    "a webhook is gone": (lambda d: d["webhooks"].pop("payment_failed"), "webhook payment_failed: taken away"),
    "a webhook tells less": (
        lambda d: schema(d, "PaymentSettledNotice")["required"].remove("subject"),
        "webhook payment_settled.subject: not always there",
    ),
    "a webhook is of another media type": (
        lambda d: d["webhooks"]["payment_settled"]["post"]["requestBody"].update(content={}),
        "webhook payment_settled: no application/cloudevents+json any more",
    ),
    "a webhook has another tag": (
        lambda d: webhook(d).update(tags=["payments"]),
        "webhook payment_settled: not tagged webhooks any more",
    ),
    "a webhook has another id": (lambda d: webhook(d).update(operationId="tell"), "called tell where it was tell_pay"),
    "a webhook is no POST": (
        lambda d: d["webhooks"].update(payment_settled={"put": d["webhooks"]["payment_settled"]["post"]}),
        "webhook payment_settled: taken away",
    ),
    "a webhook comes without a header": (
        lambda d: webhook(d)["parameters"].pop(0),
        "webhook payment_settled header Idempotency-Key: taken away",
    ),
    "a webhook comes without a header now and then": (
        lambda d: webhook(d)["parameters"][0].update(required=False),
        "webhook payment_settled header Idempotency-Key: not always there",
    ),
    "a header of a webhook is no text": (
        lambda d: webhook(d)["parameters"][0]["schema"].update(type="integer"),
        "webhook payment_settled header Idempotency-Key: integer where there was string",
    ),
    "a webhook lacks a field": (
        lambda d: schema(d, "PaymentSettledNotice")["properties"].pop("traceparent"),
        "webhook payment_settled.traceparent: taken away",
    ),
    "a webhook may have no body": (
        lambda d: webhook(d)["requestBody"].update(required=False),
        "webhook payment_settled body: not always there",
    ),
    "a webhook has no body": (
        lambda d: webhook(d).pop("requestBody"),
        "webhook payment_settled: no application/cloudevents+json any more",
    ),
    "one success is taken where all were": (
        lambda d: renamed(webhook(d)["responses"], "2XX", "200"),
        "webhook payment_settled answer 2XX: not taken any more",
    ),
    "a success means something of its own": (
        lambda d: webhook(d)["responses"].update({"202": {"description": "Ask again."}}),
        "webhook payment_settled answer 202: has a meaning of its own now",
    ),
    "a failure means something of its own": (
        lambda d: webhook(d)["responses"].update({"410": {"description": "Told no more."}}),
        "webhook payment_settled answer 410: has a meaning of its own now",
    ),
    "what is answered to a webhook is no rule any more": (
        lambda d: webhook(d)["responses"].pop("default"),
        "webhook payment_settled answer default: not taken any more",
    ),
    "a webhook wants a body": (
        lambda d: answer(d).update(content={"application/json": {"schema": {}}}),
        "webhook payment_settled answer 2XX body: new",
    ),
    "a webhook wants a header": (
        lambda d: answer(d).update(headers={"X-Told": {"required": True, "schema": {"type": "string"}}}),
        "webhook payment_settled answer 2XX header X-Told: new, and required",
    ),
    "a problem code is gone": (
        lambda d: d["components"]["examples"].pop("page_unknown"),
        "problem page_unknown: taken away",
    ),
    "a problem code has another status": (
        lambda d: d["components"]["examples"]["page_unknown"]["value"].update(status=409),
        "problem page_unknown: status 409 where there was 422",
    ),
}

WELCOME: dict[str, Change] = {
    "a new operation": lambda d: d["paths"].update({"/api/refunds": {"get": {"operationId": "x", "responses": {}}}}),
    "a new parameter": lambda d: operation(d, LIST)["parameters"].append({"in": "query", "name": "x", "schema": {}}),
    "a parameter takes more": lambda d: parameter(d, "limit")["schema"].update(maximum=500),
    "a parameter takes another value": lambda d: parameter(d, "status")["schema"]["enum"].append("lost"),
    "a new field of a request": lambda d: schema(d, "PaymentRequest")["properties"].update(x={"type": "string"}),
    "a field of a request may be left out": lambda d: schema(d, "PaymentRequest")["required"].remove("reference"),
    "a new field of an answer": lambda d: schema(d, "Payment")["properties"].update(surcharges={"type": "array"}),
    "a field is always told": lambda d: schema(d, "Payment")["required"].append("failure_told"),
    "a new value of what may grow": lambda d: schema(d, "Payment", "status")["x-extensible-enum"].append("refunded"),
    "a new problem code": lambda d: d["components"]["examples"].update(x={"value": {"status": 403, "code": "x"}}),
    "a new status of a problem": lambda d: operation(d)["responses"].update({"451": {"description": "No."}}),
    "another tag beside its own": lambda d: operation(d)["tags"].append("operations"),
    "an answer that does not say that it is open, and is": lambda d: schema(d, "Payment").pop("additionalProperties"),
    "a request is open": lambda d: schema(d, "PaymentRequest").update(additionalProperties=True),
    "other words": lambda d: operation(d).update(summary="Pay", description="Pay."),
    "a link more or less": lambda d: operation(d)["responses"]["202"].pop("links"),
    "a new server": lambda d: d["servers"].append({"url": "https://pay.example"}),
    "other words about a server": lambda d: d["servers"][0].pop("description"),
    "a new webhook": lambda d: d["webhooks"].update({"payment_lost": d["webhooks"]["payment_failed"]}),
    "a webhook has a new header": lambda d: webhook(d)["parameters"].append(
        {"in": "header", "name": "x", "schema": {}}
    ),
    "a webhook is signed": lambda d: webhook(d).update(security=[{"Signature": []}]),
    "a webhook tells more": lambda d: schema(d, "PaymentSettledNotice")["properties"].update(x={"type": "string"}),
    "a receiver may say more": lambda d: answer(d).update(headers={"X-Told": {"schema": {"type": "string"}}}),
}

BOTH_WAYS = {
    "an operation has another id",
    "an operation has another tag",
    "a new parameter is required",
    "a parameter means something else when it is left out",
    "a new field is required",
    "a field has another pattern",
    "a field is of another type",
    "a switch is the other way round",
    "a media type is not taken",
    "a success is gone",
    "a closed list has a new value",
    "a closed list is open",
    "a number has another format",
    "a number of a request has another format",
    "an answer is closed",
    "a field of an answer is closed",
    "a webhook is closed",
    "a server is gone",
    "a webhook has another id",
    "a webhook has another tag",
    "a webhook is no POST",
    "a header of a webhook is no text",
    "a failure means something of its own",
    "a webhook wants a body",
    "a webhook wants a header",
    "a problem code has another status",
}
"""Breaks that are breaks undone as well: neither is less than the other. To undo any other is welcome."""
