"""Whether an answer, or an event, is as the contract says. For tests: stricter than a caller should be.

A caller ignores what it does not know. Here an unknown field, value, status or code is a fault: the document lacks it.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from contracts.schemas import mapped
from functions.problems import CONTENT_TYPE

type Json = dict[str, Any]

OF_OTHER_SITES = "access-control-"
"""How the headers begin by which a browser lets a page of another site read an answer. None of ours may have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer as it came. body: parsed where it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Contract:
    """A document to hold answers to."""

    document: Json

    @functools.cached_property
    def closed(self) -> Json:
        """The same, with every answer closed."""
        return closed(self.document)

    @functools.cached_property
    def operations(self) -> dict[str, tuple[str, re.Pattern[str], Json]]:
        """By operation id: the method, the path, and what is said."""
        return {
            operation["operationId"]: (method.upper(), _pattern(path), operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
        }

    def named(self, method: str, path: str) -> str | None:
        """The operation that is called so; None when there is none. A path without a parameter goes before others."""
        fits = [
            name for name, (its, pattern, _) in self.operations.items() if its == method and pattern.fullmatch(path)
        ]
        return min(fits, key=lambda name: self.operations[name][1].pattern.count("["), default=None)

    def faults(self, operation_id: str, given: Given) -> list[str]:
        """What is not as it is said; empty when all is."""
        if operation_id not in self.operations:
            return [f"{operation_id} is not in the document"]
        response = self.operations[operation_id][2]["responses"].get(str(given.status))
        if response is None:
            return [f"{operation_id} does not say that it may answer {given.status}: {given.body}"]
        found = [*self._of_headers(response, given), *self._of_body(response, given)]
        return [f"{operation_id} {given.status}: {each}" for each in found]

    def _of_headers(self, response: Json, given: Given) -> list[str]:
        told = {name.lower(): value for name, value in given.headers.items()}
        found = [f"{name} shows it to pages of other sites" for name in told if name.startswith(OF_OTHER_SITES)]
        for name, reference in response.get("headers", {}).items():
            header = self.document["components"]["headers"][reference["$ref"].rsplit("/", 1)[-1]]
            value = told.get(name.lower())
            if value is None:
                found += [f"no {name}"] if header.get("required") else []
            elif not jsonschema_rs.is_valid(header["schema"], value):
                found.append(f"{name} is {value!r}")
        return found

    def _of_body(self, response: Json, given: Given) -> list[str]:
        contents: Json = response.get("content", {})
        if not contents:
            return [f"a body where none is said: {given.body}"] if given.body else []
        told = {name.lower(): value for name, value in given.headers.items()}.get("content-type", "")
        media_type = told.split(";")[0].strip()
        if media_type not in contents:
            return [f"{media_type or 'no media type'} instead of {' or '.join(contents)}"]
        if media_type == "text/html":
            return []
        schema = contents[media_type]["schema"]
        found = [f"{error.instance_path}: {error.message}" for error in self._validator(schema).iter_errors(given.body)]
        if media_type == CONTENT_TYPE and not found and given.body["code"] not in contents[media_type]["examples"]:
            found.append(f"the code {given.body['code']} is not said")
        return found

    def _validator(self, schema: Json) -> Any:  # noqa: ANN401 - the library's type has no public name
        return self._of_schema(json.dumps(schema))

    @functools.cached_property
    def _of_schema(self) -> Callable[[str], Any]:
        """By the schema alone: the components are large, and the same for each."""
        components = self.closed["components"]
        return functools.cache(lambda schema: _validator({**json.loads(schema), "components": components}))


def _validator(schema: Json) -> Any:  # noqa: ANN401
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


@functools.cache
def _validator_of_event(schema: str) -> Any:  # noqa: ANN401
    return _validator(closed(json.loads(schema)))


def event_faults(schema: Json, event: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """What of an event is not as its schema says."""
    errors = _validator_of_event(json.dumps(schema)).iter_errors(event)
    return [f"{error.instance_path}: {error.message}" for error in errors]


def closed(document: Json) -> Json:
    """Without what a caller has to expect: unknown fields, and unknown values of what may grow. Maps of names that
    anybody may choose, which have no fields of their own, stay as they are.
    """

    def change(schema: Json) -> Json:
        if "x-extensible-enum" in schema:
            return {**schema, "enum": schema["x-extensible-enum"]}
        if isinstance(schema.get("properties"), dict) and schema.get("additionalProperties", True) is True:
            return {**schema, "additionalProperties": False}
        return schema

    shut: Json = mapped(document, change)
    return shut


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
