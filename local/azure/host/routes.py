"""Route templates of HTTP triggers, as ASP.NET Core writes and matches them. Must not know HTTP or the app.

A template is split into segments; a segment is literal text, one parameter `{id}`, `{id:guid}`, `{id?}`, or at the end
`{*rest}`. Mixed segments such as `{name}.{ext}` and unknown constraints are refused by name.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from local.azure.host.errors import CannotStart

_PARAMETER = re.compile(r"^\{(?P<rest>\*{0,2})(?P<name>\w+)(?::(?P<constraint>\w+))?(?P<optional>\??)\}$")
_ENCODED_SLASH = re.compile("%2F", re.IGNORECASE)
_CONSTRAINTS = {
    None: re.compile(r"[\s\S]*"),
    "guid": re.compile(r"\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?", re.IGNORECASE),
    "int": re.compile(r"[+-]?\d{1,10}"),
    "long": re.compile(r"[+-]?\d{1,19}"),
    "bool": re.compile(r"true|false", re.IGNORECASE),
    "alpha": re.compile(r"[a-z]*", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class _Segment:
    literal: str | None = None
    name: str = ""
    constraint: str | None = None
    is_optional: bool = False
    takes_rest: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    template: str
    segments: tuple[_Segment, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """The route values in a still percent-encoded path, or None when it is another route's."""
        parts = [part for part in path.split("/") if part]
        values: dict[str, str] = {}
        for at, segment in enumerate(self.segments):
            if segment.takes_rest:
                values[segment.name] = _decoded("/".join(parts[at:]))
                return values
            if at >= len(parts):
                return values if segment.is_optional else None
            text = _decoded(parts[at])
            if not _fits(segment, text):
                return None
            if segment.literal is None:
                values[segment.name] = text
        return values if len(parts) <= len(self.segments) else None


def _decoded(text: str) -> str:
    """Without percent-encoding, but for the slash, which ASP.NET Core leaves encoded in route values."""
    return unquote(_ENCODED_SLASH.sub("%252F", text))


def _fits(segment: _Segment, part: str) -> bool:
    if segment.literal is not None:
        return segment.literal.casefold() == part.casefold()
    return _CONSTRAINTS[segment.constraint].fullmatch(part) is not None


def parse_route(template: str, *, where: str) -> Route:
    """Read a template; `where` names the function, for the message of a fault."""
    texts = [text for text in template.split("/") if text]
    segments = tuple(_parse_segment(text, where=where) for text in texts)
    for segment in segments[:-1]:
        if segment.takes_rest or segment.is_optional:
            raise CannotStart(f"{where}: in the route '{template}' only the last part may be optional or take the rest")
    return Route(template, segments)


def _parse_segment(text: str, *, where: str) -> _Segment:
    if not {"{", "}"} & set(text):
        return _Segment(literal=text)
    match = _PARAMETER.match(text)
    if match is None or match["constraint"] not in _CONSTRAINTS:
        raise CannotStart(f"{where}: the route part '{text}' is not implemented by the local host", there="starts")
    return _Segment(
        name=match["name"],
        constraint=match["constraint"],
        is_optional=bool(match["optional"]),
        takes_rest=bool(match["rest"]),
    )
