"""Which properties a container's indexing policy covers. Knows nothing of storage, queries or charges."""

from collections.abc import Iterator
from dataclasses import dataclass

from local.azure.cosmos.values import Document, Json

type Path = tuple[str, ...]

ALWAYS: tuple[Path, ...] = (("id",), ("_ts",))
"""Indexed whatever the policy says, as long as there is an index at all."""


@dataclass(frozen=True, slots=True)
class IndexingPolicy:
    """The included and excluded paths; the most specific one that matches decides."""

    included: tuple[Path, ...]
    excluded: tuple[Path, ...]
    enabled: bool = True

    def covers(self, path: Path) -> bool:
        """True when the scalar at this path is indexed. Array elements appear as `[]`."""
        if not self.enabled:
            return False
        return path in ALWAYS or _best(self.included, path) > _best(self.excluded, path)

    def indexed_leaves(self, document: Document) -> int:
        """How many scalars of the document are indexed."""
        if not self.enabled:
            return 0
        return sum(self.covers(path) for path in _leaves(document, ()))


def parse_policy(policy: Json) -> IndexingPolicy:
    """The policy of a container; none given means that everything is indexed."""
    if not isinstance(policy, dict):
        return IndexingPolicy(included=(("*",),), excluded=())
    return IndexingPolicy(
        included=_paths(policy.get("includedPaths")),
        excluded=_paths(policy.get("excludedPaths")),
        enabled=str(policy.get("indexingMode", "consistent")).lower() != "none",
    )


def policy_for(indexed: list[str]) -> Document:
    """The policy that indexes these paths only, as the topology declares them."""
    excluded = '/"_etag"/?' if "/*" in indexed else "/*"
    included: list[Json] = [{"path": path} for path in indexed]
    excluded_paths: list[Json] = [{"path": excluded}]
    return {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": included,
        "excludedPaths": excluded_paths,
    }


def _paths(entries: Json) -> tuple[Path, ...]:
    listed = entries if isinstance(entries, list) else []
    return tuple(_segments(str(entry.get("path"))) for entry in listed if isinstance(entry, dict))


def _segments(path: str) -> Path:
    return tuple(name.strip('"') for name in path.strip("/").split("/"))


def _best(patterns: tuple[Path, ...], path: Path) -> int:
    """How specific the best match is; -1 when nothing matches."""
    return max((_specific(pattern) for pattern in patterns if _matches(pattern, path)), default=-1)


def _specific(pattern: Path) -> int:
    return 2 * len(pattern) + (pattern[-1] == "?")


def _matches(pattern: Path, path: Path) -> bool:
    if pattern[-1] == "?":
        return path == pattern[:-1]
    return path[: len(pattern) - 1] == pattern[:-1]


def _leaves(value: Json, path: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, (*path, "[]"))
    else:
        yield path
