"""Addresses of entities as clients write them: a URL or a path, in upper or lower case. Does not know which exist."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

CBS = "$cbs"
_MANAGEMENT = "$management"
_DEAD = "$deadletterqueue"


@dataclass(frozen=True, slots=True)
class Address:
    """`entity` is a topic, `topic/Subscriptions/sub` or the latter with `/$DeadLetterQueue`; empty for `$cbs`."""

    entity: str
    is_cbs: bool = False
    is_management: bool = False
    is_transfer_dead: bool = False

    @property
    def is_topic(self) -> bool:
        return "/" not in self.entity


def parse(text: str) -> Address:
    """The address in its canonical spelling."""
    path = unquote(urlsplit(text).path) if "://" in text else text
    parts = [part for part in path.split("/") if part]
    if [part.lower() for part in parts] == [CBS]:
        return Address("", is_cbs=True)
    is_management = bool(parts) and parts[-1].lower() == _MANAGEMENT
    if is_management:
        parts.pop()
    is_transfer_dead = len(parts) > 1 and parts[-1].lower() == _DEAD and parts[-2].lower() == "$transfer"
    return Address(
        "/".join(_canonical(part) for part in parts),
        is_management=is_management,
        is_transfer_dead=is_transfer_dead,
    )


def _canonical(part: str) -> str:
    return {"subscriptions": "Subscriptions", _DEAD: "$DeadLetterQueue"}.get(part.lower(), part)
