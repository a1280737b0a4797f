"""The OpenAPI document, made of what the decorators declare, operations.py says and the models hold. Writes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from openapi_pydantic import (
    Components,
    Example,
    Header,
    Info,
    License,
    MediaType,
    OpenAPI,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Response,
    Schema,
    Server,
    Tag,
)
from openapi_pydantic import Link as LinkObject
from openapi_pydantic import Operation as OperationObject
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from pydantic import BaseModel

from contracts import answers, samples
from contracts.doors import ROLE
from contracts.endpoints import Endpoint
from contracts.operation import EVERYWHERE, HTML, OF_CALLERS, Operation, Success
from contracts.operations import OPERATIONS
from contracts.schemas import of_query, tidy
from contracts.webhooks import webhooks
from contracts.words import ABOUT, HEADERS, REQUEST_HEADERS, SECURITY, TAGS
from functions.guard import READS
from functions.problems import CONTENT_TYPE, STATUS_OF
from functions.route import CORRELATION

type Json = dict[str, Any]

_JSON = "application/json"
_ASKS_TO_WAIT = frozenset({429, 503})
_NO_TOKEN = "No token, or none that is believed. The platform says so, and there is no body."  # noqa: S105 - says that there is none
_NO_KEY = "No key, or none that opens this. The host says so, and there is no body."


def document(endpoints: Sequence[Endpoint], *, version: str) -> Json:
    """The whole contract. Raises KeyError for a function without an entry in operations.py."""
    paths: dict[str, PathItem] = {}
    for endpoint in sorted(endpoints, key=lambda each: (_tag_order(each), each.path, each.method)):
        item = paths.setdefault(_path(endpoint), PathItem())
        setattr(item, endpoint.method.lower(), _operation(endpoint))
    described = OpenAPI(
        openapi="3.1.1",
        info=Info(title="Regis Pay", version=version, description=ABOUT, license=License(name="MIT", identifier="MIT")),
        servers=[Server(url="/", description="Where this document was read.")],
        tags=[Tag(name=name, description=says) for name, says in TAGS.items()],
        paths=paths,
        webhooks=webhooks(),
        components=Components(
            securitySchemes={name: dict(scheme) for name, scheme in SECURITY.items()},
            headers={name: Header.model_validate(header) for name, header in HEADERS.items()},
            examples={code: Example(value=sample) for code, sample in samples.problems().items()},
        ),
    )
    whole = construct_open_api_with_schema_class(described, schema_classes=[answers.Problem])
    told = tidy(whole.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True))
    _add_roles(told, endpoints)
    return told


def _add_roles(told: Json, endpoints: Sequence[Endpoint]) -> None:
    """At the end: the library's walk through its models fails at a field that is not OpenAPI's."""
    for endpoint in endpoints:
        if endpoint.needs:
            told["paths"][_path(endpoint)][endpoint.method.lower()][ROLE] = str(endpoint.needs)


def _path(endpoint: Endpoint) -> str:
    return f"/api/{endpoint.path}"


def _tag_order(endpoint: Endpoint) -> int:
    return list(TAGS).index(OPERATIONS[endpoint.name].tag)


def _operation(endpoint: Endpoint) -> OperationObject:
    said = OPERATIONS[endpoint.name]
    return OperationObject(
        operationId=endpoint.name,
        tags=[said.tag],
        summary=said.summary,
        description=_description(endpoint, said),
        parameters=list(_parameters(said)) or None,
        requestBody=_body(endpoint.name, said),
        responses={str(status): response for status, response in sorted(_responses(endpoint, said).items())},
        security=_security(endpoint),
    )


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    """Any one of them opens it. Where merchants sign in, a token is asked for beside the key, never in its place."""
    if endpoint.level == "function":
        return [{"FunctionKey": []}, {"FunctionKeyInQuery": []}]
    return [{"Entra": [endpoint.needs]}] if endpoint.needs else []


def _description(endpoint: Endpoint, said: Operation) -> str | None:
    role = f"Needs the role `{endpoint.needs}`, which a function key has." if endpoint.level == "function" else ""
    role = role or (f"Needs the role `{endpoint.needs}`." if endpoint.needs else "")
    return "\n\n".join(part for part in (said.says, role) if part) or None


def _parameters(said: Operation) -> Iterator[Parameter]:
    for name, says in said.path.items():
        schema = {"type": "string", "format": "uuid"}
        yield _parameter({"name": name, "in": "path", "required": True, "description": says, "schema": schema})
    for name, schema, is_required in of_query(said.query) if said.query else ():
        fields = {"description": schema.pop("description", None), "schema": schema}
        yield _parameter({"name": name, "in": "query", "required": is_required, **fields})
    for name in said.headers:
        required = name in said.requires
        yield _parameter({"name": name, "in": "header", "required": required, **REQUEST_HEADERS[name]})


def _parameter(fields: Json) -> Parameter:
    return Parameter.model_validate({name: value for name, value in fields.items() if value is not None})


def _body(name: str, said: Operation) -> RequestBody | None:
    if said.body is None:
        return None
    content = _content(said.body, {"example": samples.requests()[name]})
    return RequestBody(required=said.body_is_required, content={_JSON: content})


def _content(model: type[BaseModel], more: Json | None = None) -> MediaType:
    return MediaType(schema=PydanticSchema(schema_class=model), **(more or {}))


def _responses(endpoint: Endpoint, said: Operation) -> dict[int, Response]:
    found = {status: _success(endpoint.name, status, said=said) for status in said.answers}
    for status, codes in _by_status((*said.problems, *EVERYWHERE, *_of_callers(endpoint))).items():
        content = {CONTENT_TYPE: _problem(codes)}
        if status in found:
            found[status].content = {**(found[status].content or {}), **content}
            continue
        waits = ("Retry-After",) if status in _ASKS_TO_WAIT else ()
        says = " ".join(f"`{code}`: {STATUS_OF[code][1]}" for code in codes)
        found[status] = Response(description=says, headers=_headers(waits), content=content)
    if endpoint.needs:
        found[401] = Response(description=_NO_KEY if endpoint.level == "function" else _NO_TOKEN)
    return found


def _of_callers(endpoint: Endpoint) -> Sequence[str]:
    """Who is let in: functions/route.py."""
    of_pages = () if endpoint.method in READS else ("origin_refused",)
    return (*(OF_CALLERS if endpoint.needs else ()), *of_pages)


def _by_status(codes: Sequence[str]) -> Mapping[int, Sequence[str]]:
    statuses = sorted({STATUS_OF[code][0] for code in codes})
    return {status: [code for code in codes if STATUS_OF[code][0] == status] for status in statuses}


def _problem(codes: Sequence[str]) -> MediaType:
    examples = {code: Reference(**{"$ref": f"#/components/examples/{code}"}) for code in codes}
    return _content(answers.Problem, {"examples": examples})


def _success(name: str, status: int, *, said: Operation) -> Response:
    success: Success = said.answers[status]
    content = None
    if success.model:
        sample = samples.answers().get(name) if status == min(said.answers) else None
        content = {_JSON: _content(success.model, {"example": sample} if sample else None)}
    elif name == "get_docs" and status == 200:
        content = {HTML: MediaType(schema=Schema(type="string"))}
    links = _links(said) if status == min(said.answers) else None
    return Response(description=success.says, headers=_headers(success.headers), content=content, links=links)


def _links(said: Operation) -> dict[str, LinkObject | Reference] | None:
    return {
        each.to: LinkObject(operationId=each.to, parameters=dict(each.parameters), description=each.says)
        for each in said.links
    } or None


def _headers(names: Sequence[str]) -> dict[str, Header | Reference]:
    return {name: Reference(**{"$ref": f"#/components/headers/{name}"}) for name in (CORRELATION, *names)}
