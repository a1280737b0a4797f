"""The OpenAPI document as one page of HTML: no script, nothing to load. Knows OpenAPI, and nothing of payments."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

type Json = dict[str, Any]

_STYLE = """
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:64rem;padding:1rem}
a{color:LinkText}code,pre{font:.9rem/1.4 ui-monospace,monospace}
pre{overflow-x:auto;padding:.75rem;border:1px solid GrayText;border-radius:.25rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0}caption{text-align:left;font-weight:600}
th,td{border:1px solid GrayText;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:break-word}
td code{overflow-wrap:anywhere}td a,td:last-child code{overflow-wrap:break-word}
th{font-weight:600}section{border-top:1px solid GrayText;margin-top:1.5rem}
.method{font-weight:700}nav ul{columns:20rem}
"""


def page(document: Json) -> str:
    """The whole page."""
    info = document["info"]
    title = f"{escape(info['title'])} {escape(info['version'])}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{title}: HTTP API</title><style>{_STYLE}</style></head><body>",
        f"<header><h1>{title}</h1>{_prose(info['description'])}",
        '<p>For machines: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p></header>',
        f"<nav aria-label='Contents'>{_contents(document)}</nav><main>",
        *_operations(document),
        _keys(document),
        _headers(document),
        _problems(document),
        *_models(document),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _each(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def _contents(document: Json) -> str:
    entries = [(op["operationId"], f"{method} {path}") for method, path, op in _each(document)]
    entries += [(item["post"]["operationId"], f"sent: {name}") for name, item in document["webhooks"].items()]
    entries += [("keys", "Keys"), ("headers", "Headers of answers"), ("problems", "Problem codes")]
    entries += [(f"model-{name}", name) for name in document["components"]["schemas"]]
    return "<ul>" + "".join(f'<li><a href="#{to}">{escape(text)}</a></li>' for to, text in entries) + "</ul>"


def _operations(document: Json) -> Iterator[str]:
    sent = [("POST to your notification_url", item["post"]) for item in document["webhooks"].values()]
    asked = [(f"{method} {path}", operation) for method, path, operation in _each(document)]
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'].capitalize())}</h2>{_prose(tag['description'])}"
        for where, operation in (*asked, *sent):
            if operation["tags"] == [tag["name"]]:
                yield _operation(where, operation)


def _operation(where: str, operation: Json) -> str:
    name = operation["operationId"]
    keys = " or ".join(f"<code>{escape(key)}</code>" for each in operation["security"] for key in each)
    parts = [
        f'<section id="{name}" aria-labelledby="h-{name}">',
        f'<h3 id="h-{name}"><code class="method">{escape(where)}</code></h3>',
        f"<p>{_words(operation['summary'])}</p>{_prose(operation.get('description', ''))}",
        f"<p>Key: {keys or 'none, it is open'}. Operation id: <code>{name}</code>.</p>",
        _parameters(operation.get("parameters", [])),
        _body(operation.get("requestBody")),
        _answers(operation["responses"]),
    ]
    return "".join([*parts, "</section>"])


def _parameters(parameters: Iterable[Json]) -> str:
    rows = [
        (_code(each["name"]), each["in"], _schema(each["schema"]), _must(each), _words(each.get("description", "")))
        for each in parameters
    ]
    return _table(("name", "in", "what it holds", "required", "meaning"), rows, caption="Parameters")


def _must(each: Json) -> str:
    return "yes" if each.get("required") else "no"


def _body(body: Json | None) -> str:
    if body is None:
        return ""
    ((media_type, content),) = body["content"].items()
    needed = "" if body["required"] else ", may be absent"
    head = f"<p>Body, {_code(media_type)}{needed}: {_schema(content['schema'])}</p>"
    return head + _example(content)


def _answers(responses: Mapping[str, Json]) -> str:
    rows = [(status, _content(each), _words(each["description"]), _names(each)) for status, each in responses.items()]
    first = next(iter(responses.values())).get("content", {}).get("application/json", {})
    return _table(("status", "body", "when", "headers"), rows, caption="Answers") + _example(first)


def _content(response: Json) -> str:
    bodies = [_schema(each["schema"]) for each in response.get("content", {}).values()]
    return " or ".join(bodies) or "none"


def _names(response: Json) -> str:
    return ", ".join(map(_code, response.get("headers", {})))


def _example(content: Json) -> str:
    if "example" not in content:
        return ""
    text = escape(json.dumps(content["example"], indent=2, ensure_ascii=False))
    return f"<details><summary>Example</summary><pre>{text}</pre></details>"


def _keys(document: Json) -> str:
    schemes = document["components"]["securitySchemes"]
    rows = [
        (_code(name), _words(f"{each.get('in', 'header')} `{each.get('name', 'Authorization')}`"), _said(each))
        for name, each in schemes.items()
    ]
    return f'<section id="keys"><h2>Keys</h2>{_table(("name", "where", "what it is"), rows)}</section>'


def _headers(document: Json) -> str:
    headers = document["components"]["headers"]
    rows = [(_code(name), _schema(each["schema"]), _said(each)) for name, each in headers.items()]
    table = _table(("header", "what it holds", "meaning"), rows)
    return f'<section id="headers"><h2>Headers of answers</h2>{table}</section>'


def _said(each: Json) -> str:
    return _words(each.get("description", ""))


def _problems(document: Json) -> str:
    examples = [each["value"] for each in document["components"]["examples"].values()]
    rows = [(_code(each["code"]), str(each["status"]), _words(each["title"])) for each in examples]
    table = _table(("code", "status", "meaning"), sorted(rows, key=lambda row: row[1]))
    return f'<section id="problems"><h2>Problem codes</h2>{table}</section>'


def _models(document: Json) -> Iterator[str]:
    yield "<h2>Models</h2>"
    for name, schema in document["components"]["schemas"].items():
        rows = [
            (_code(field), _schema(each), "yes" if field in schema.get("required", []) else "no", _said(each))
            for field, each in schema.get("properties", {}).items()
        ]
        table = _table(("field", "what it holds", "always", "meaning"), rows)
        flat = "" if rows else f"<p>{_schema({**schema, 'description': ''})}</p>"
        yield f'<section id="model-{name}"><h3>{escape(name)}</h3><p>{_said(schema)}</p>{table}{flat}</section>'


def _schema(schema: Json) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f'<a href="#model-{name}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_schema, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_schema(schema['items'])}"
    inner = schema.get("additionalProperties")
    kind = f"object of {_schema(inner)}" if isinstance(inner, dict) else escape(str(schema.get("type", "anything")))
    return kind + "".join(f"; {limit}" for limit in _limits(schema))


def _limits(schema: Json) -> Iterator[str]:
    for word, says in _SAID_OF_LIMITS.items():
        if word in schema:
            yield f"{says} {_code(schema[word])}"
    for word, says in (("enum", "one of"), ("x-extensible-enum", "so far")):
        if word in schema:
            yield f"{says} {', '.join(map(_code, schema[word]))}"


_SAID_OF_LIMITS = {
    "const": "always",
    "format": "format",
    "pattern": "matches",
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "shortest",
    "maxLength": "longest",
    "maxProperties": "entries at most",
    "default": "if absent",
}


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, caption: str = "") -> str:
    lines = [_row(row) for row in rows]
    if not lines:
        return ""
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    return f"<table>{named}<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _row(row: tuple[str, ...]) -> str:
    first, *rest = row
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'


def _code(text: object) -> str:
    return f"<code>{escape(str(text))}</code>"


def _prose(text: str) -> str:
    return "".join(f"<p>{_words(each)}</p>" for each in text.split("\n\n") if each)


def _words(text: str) -> str:
    """Code and strong text of Markdown; all else as it is."""
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", coded)
