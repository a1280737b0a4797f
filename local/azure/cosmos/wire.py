"""The REST protocol: what requests and answers look like. Decides nothing and stores nothing."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote

from local.azure.cosmos import errors
from local.azure.cosmos.catalogue import Container
from local.azure.cosmos.charges import REFUSED
from local.azure.cosmos.errors import CosmosError
from local.azure.cosmos.state import Kind, Operation, Result
from local.azure.cosmos.values import Document, Json, dumps, loads

JSON: Final = "application/json"
LOOKED_UP: Final = (404, 409, 412)
"""Refusals that cost something, since the item was looked for."""
_HYBRID_ROW: Final = b"\x81"
"""The first byte of Microsoft's binary row format, in which the .NET client sends batches."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names in lower case, path segments unquoted."""

    method: str
    path: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    _own_activity_id: str = field(default_factory=lambda: str(uuid.uuid4()), repr=False, compare=False)

    @property
    def activity_id(self) -> str:
        """The client's name for this exchange, or one of ours: every answer carries one."""
        return self.headers.get("x-ms-activity-id") or self._own_activity_id

    @property
    def host(self) -> str:
        """The address at which the client asked."""
        if "host" not in self.headers:
            raise errors.bad_request(
                "The header Host is missing: the account answers with the address it was asked at."
            )
        return self.headers["host"]

    def flag(self, header: str) -> bool:
        return self.headers.get(header, "").lower() == "true"

    def page_size(self) -> int | None:
        """None when the service may choose."""
        try:
            wanted = int(self.headers.get("x-ms-max-item-count", "-1"))
        except ValueError as exc:
            raise errors.bad_request("x-ms-max-item-count is not a number") from exc
        return wanted if wanted > 0 else None

    def wait_s(self, header: str) -> float:
        """How long the answer may be delayed. A text that is no number is no wish."""
        wanted = self.headers.get(header, "")
        return int(wanted) / 1000 if re.fullmatch(r"[0-9]{1,5}", wanted) else 0.0

    def document(self) -> Document:
        """The body as a JSON object."""
        body = self.json()
        if not isinstance(body, dict):
            raise errors.bad_request("The request payload is invalid. Ensure to provide a valid request payload.")
        return body

    def json(self) -> Json:
        try:
            return loads(self.body.decode("utf-8-sig"))
        except ValueError as exc:
            raise errors.bad_request("The request payload is invalid.") from exc


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def charge(self) -> float:
        return float(self.headers.get("x-ms-request-charge", 0))


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks for: the operation by name and what it is about."""

    operation: str
    database: str = ""
    container: str = ""
    item: str = ""


def identify(request: Request) -> Call:
    """Name the operation. One that nobody handles is named too, so that the refusal can say what it was."""
    path = request.path
    kinds = path[::2]
    if kinds == ():
        return Call("account_read")
    if kinds == ("dbs",):
        return Call(_resource("database", request), *path[1:])
    if kinds == ("dbs", "colls"):
        return Call(_resource("container", request), path[1], *path[3:])
    if kinds == ("dbs", "colls", "pkranges") and request.method == "GET" and len(path) == 5:
        return Call("ranges", path[1], path[3])
    if kinds == ("dbs", "colls", "docs") and len(path) == 5:
        return Call(_on_items(request), path[1], path[3])
    if kinds == ("dbs", "colls", "docs"):
        verbs = {"GET": "read", "PUT": "replace", "DELETE": "delete", "PATCH": "patch"}
        return Call(verbs.get(request.method, request.method), path[1], path[3], path[5])
    return Call(f"{request.method} /{'/'.join(kinds)}", *path[1:4:2])


def _resource(kind: str, request: Request) -> str:
    if len(request.path) % 2:
        verbs = {"GET": "list", "POST": "query" if request.flag("x-ms-documentdb-isquery") else "create"}
    else:
        verbs = {"GET": "read", "DELETE": "delete", "PUT": "replace"}
    return f"{kind}_{verbs.get(request.method, request.method)}"


def _on_items(request: Request) -> str:
    if request.method == "GET":
        return "feed" if "a-im" in request.headers else "list"
    if request.method != "POST":
        return f"{request.method} /docs"
    marks = {
        "x-ms-cosmos-is-query-plan-request": "query_plan",
        "x-ms-cosmos-is-batch-request": "batch",
        "x-ms-documentdb-isquery": "query",
        "x-ms-documentdb-is-upsert": "upsert",
    }
    return next((name for header, name in marks.items() if request.flag(header)), "create")


def operation_of(request: Request, call: Call) -> Operation:
    """The single operation that a request on one item describes."""
    kind = Kind(call.operation)
    return Operation(
        kind,
        id=call.item,
        document=request.document() if kind in (Kind.CREATE, Kind.UPSERT, Kind.REPLACE) else None,
        if_match=request.headers.get("if-match"),
        if_none_match=request.headers.get("if-none-match"),
    )


def batch_of(request: Request) -> list[Operation]:
    """The operations of a transactional batch."""
    if request.body.startswith(_HYBRID_ROW):
        raise errors.not_implemented("a batch as HybridRow (binary); JSON is understood")
    if not request.flag("x-ms-cosmos-batch-atomic"):
        raise errors.not_implemented("bulk (a batch that is not atomic)")
    entries = request.json()
    if not isinstance(entries, list):
        raise errors.bad_request("A batch is a list of operations.")
    return [_batched(entry) for entry in entries]


def _batched(entry: Json) -> Operation:
    if not isinstance(entry, dict):
        raise errors.bad_request("An operation of a batch is an object.")
    name, document = str(entry.get("operationType")), entry.get("resourceBody")
    if name.lower() not in list(Kind):
        raise errors.not_implemented(f"{name} in a batch")
    return Operation(
        Kind(name.lower()),
        id=str(entry.get("id", "")),
        document=document if isinstance(document, dict) else None,
        if_match=_text(entry.get("ifMatch")),
        if_none_match=_text(entry.get("ifNoneMatch")),
    )


def _text(value: Json) -> str | None:
    return None if value is None else str(value)


def query_of(request: Request) -> tuple[str, dict[str, Json]]:
    """The text of a query and its parameters."""
    body = request.document()
    text, given = body.get("query"), body.get("parameters", [])
    if not isinstance(text, str) or not isinstance(given, list):
        raise errors.bad_request("A query needs its text, and parameters in a list.")
    return text, dict(map(_parameter, given))


def _parameter(entry: Json) -> tuple[str, Json]:
    if not isinstance(entry, dict) or "name" not in entry:
        raise errors.bad_request("A parameter of a query is an object with a name and a value.")
    return str(entry["name"]), entry.get("value")


def since_of(request: Request) -> int:
    """If-Modified-Since in seconds since the epoch, 0 when there is none."""
    header = request.headers.get("if-modified-since")
    try:
        return int(parsedate_to_datetime(header).timestamp()) if header else 0
    except ValueError as exc:
        raise errors.bad_request(f"If-Modified-Since is not a date: {header}") from exc


def lsn_of(etag: str) -> int:
    """The sequence number in a feed's etag."""
    digits = etag.strip('"')
    if not re.fullmatch(r"[0-9]{1,18}", digits):  # more does not fit into a row
        raise errors.bad_request(f"If-None-Match is not a continuation of this feed: {etag}")
    return int(digits)


def session_headers(container: Container, range_id: int, *, lsn: int) -> dict[str, str]:
    """Where the answer stands: the one physical partition it speaks for, and how far that was.

    A token names one partition, also where an answer came from several: clients refuse a list.
    """
    return {
        "x-ms-alt-content-path": quote(container.link),
        "x-ms-content-path": container.rid,
        "x-ms-documentdb-partitionkeyrangeid": str(range_id),
        "x-ms-session-token": f"{range_id}:-1#{lsn}",
        "lsn": str(lsn),
    }


def answer(
    request: Request, status: int, *, body: str = "", charge: float = 0.0, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with the headers that every answer has."""
    common = {
        "content-type": JSON,
        "x-ms-activity-id": request.activity_id,
        "x-ms-request-charge": str(charge),
        "x-ms-version": request.headers.get("x-ms-version", ""),
    }
    return Response(status, common | dict(headers or {}), body.encode())


def refusal(request: Request, error: CosmosError) -> Response:
    """A refusal in the service's shape: the reason stands in a JSON text inside the message."""
    activity = request.activity_id
    if error.status in (401, 501):
        message = f"{error.message}\r\nActivityId: {activity}"
    else:
        uri = "/" + "/".join(request.path)
        message = f"Message: {dumps({'Errors': [error.message]})}\r\nActivityId: {activity}, Request URI: {uri}"
    headers = {"x-ms-substatus": str(error.substatus)} if error.substatus else {}
    if error.retry_after_ms is not None:
        headers["x-ms-retry-after-ms"] = str(error.retry_after_ms)
    charge = REFUSED if error.status in LOOKED_UP else 0.0
    body = dumps({"code": error.code, "message": message})
    return answer(request, error.status, body=body, charge=charge, headers=headers)


def listing(rid: str, name: str, *, entries: list[str]) -> str:
    """A list of resources, each already JSON text."""
    return f'{{"_rid":{dumps(rid)},"{name}":[{",".join(entries)}],"_count":{len(entries)}}}'


def batched(result: Result) -> str:
    """The entry of one operation in the answer to a batch."""
    entry: Document = {"statusCode": result.status, "requestCharge": result.charge}
    if result.error is not None and result.error.substatus:
        entry["subStatusCode"] = result.error.substatus
    if result.row is None:
        return dumps(entry)
    entry["eTag"] = result.row.etag
    body = f',"resourceBody":{result.row.body}' if result.row.body else ""
    return f"{dumps(entry)[:-1]}{body}}}"
