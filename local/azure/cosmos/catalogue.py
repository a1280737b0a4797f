"""Databases and containers: their names, resource ids and definitions. Knows no items and no protocol."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from local.azure.cosmos import errors
from local.azure.cosmos.indexing import IndexingPolicy, parse_policy, policy_for
from local.azure.cosmos.keys import PhysicalRange, parse_path, resource_id, split
from local.azure.cosmos.store import Store
from local.azure.cosmos.values import Document, Json, dumps

CONTAINER_BIT: Final = 0x80000000
"""Set in the second part of a container's resource id, as the service does."""


@dataclass(frozen=True, slots=True)
class Database:
    number: int
    id: str
    rid: str
    properties: Document


@dataclass(frozen=True, slots=True)
class Container:
    """A container as the rules need it; `properties` is what clients are shown."""

    number: int
    database: Database
    id: str
    rid: str
    key_path: tuple[str, ...]
    ranges: tuple[PhysicalRange, ...]
    default_ttl: int | None
    indexing: IndexingPolicy
    properties: Document

    @property
    def rid_number(self) -> int:
        return CONTAINER_BIT | self.number

    @property
    def link(self) -> str:
        return f"dbs/{self.database.id}/colls/{self.id}"

    @property
    def rid_link(self) -> str:
        return f"dbs/{self.database.rid}/colls/{self.rid}"


class Catalogue:
    """All databases and containers of the account. Kept in memory as read from the tables."""

    def __init__(self, store: Store, *, clock: Callable[[], float], partitions: int) -> None:
        self._store = store
        self._clock = clock
        self._partitions = partitions
        self._databases: dict[str, Database] = {}
        self._containers: dict[tuple[str, str], Container] = {}
        self.reload()

    def reload(self) -> None:
        """Read everything again: after a change, and after a commit that failed."""
        databases = {
            number: Database(number, name, resource_id(number), json.loads(body))
            for number, name, body in self._store.databases()
        }
        self._databases = {database.id: database for database in databases.values()}
        self._containers = {}
        for number, owner, name, ranges, body in self._store.containers():
            container = _container(databases[owner], number=number, name=name, ranges=ranges, body=body)
            self._containers[container.database.id, name] = container

    def names(self, database: str, container: str) -> tuple[str, str]:
        """The names of what two resource ids mean; an id that means nothing stays, and is then not found."""
        owner = next((each.id for each in self._databases.values() if each.rid == database), database)
        found = (each.id for (name, _), each in self._containers.items() if name == owner and each.rid == container)
        return owner, next(found, container)

    def databases(self) -> list[Database]:
        return list(self._databases.values())

    def database(self, name: str) -> Database:
        if name not in self._databases:
            raise errors.not_found()
        return self._databases[name]

    def containers(self, database: str) -> list[Container]:
        if database not in self._databases:
            raise errors.owner_not_found()
        return [container for (owner, _), container in self._containers.items() if owner == database]

    def container(self, database: str, name: str) -> Container:
        if (database, name) not in self._containers:
            raise errors.not_found() if database in self._databases else errors.owner_not_found()
        return self._containers[database, name]

    def owner(self, database: str, name: str) -> Container:
        """The container around an item: what is missing then is the item's owner."""
        if (database, name) not in self._containers:
            raise errors.owner_not_found()
        return self._containers[database, name]

    def create_database(self, definition: Document) -> Database:
        name = checked_id(definition)
        with self._store.atomic():
            number = self._store.add_database(name)
            if number is None:
                raise errors.conflict()
            rid = resource_id(number)
            shown: Document = {"id": name, "_rid": rid, "_self": f"dbs/{rid}/", **self._stamp(number)}
            shown |= {"_colls": "colls/", "_users": "users/"}
            self._store.describe_database(number, dumps(shown))
        self.reload()
        return self._databases[name]

    def delete_database(self, name: str) -> None:
        database = self.database(name)
        with self._store.atomic():
            self._store.drop_database(database.number)
        self.reload()

    def create_container(self, database: str, definition: Document) -> Container:
        """Create a container; refuses by name what a definition may ask for and is not covered."""
        if database not in self._databases:
            raise errors.owner_not_found()
        name, owner = checked_id(definition), self._databases[database]
        completed = _completed(definition)
        with self._store.atomic():
            number = self._store.add_container(owner.number, name, ranges=self._partitions)
            if number is None:
                raise errors.conflict()
            rid = resource_id(owner.number, CONTAINER_BIT | number)
            shown = completed | {"_rid": rid, "_self": f"dbs/{owner.rid}/colls/{rid}/", **self._stamp(number)}
            shown |= {"_docs": "docs/", "_sprocs": "sprocs/", "_triggers": "triggers/", "_udfs": "udfs/"}
            self._store.describe_container(number, dumps(shown | {"_conflicts": "conflicts/"}))
        self.reload()
        return self._containers[database, name]

    def delete_container(self, database: str, name: str) -> None:
        container = self.container(database, name)
        with self._store.atomic():
            self._store.drop_container(container.number)
        self.reload()

    def provision(self, topology: Mapping[str, object]) -> None:
        """Create what the topology's `cosmos` part declares and is not there yet."""
        declared = topology["cosmos"]
        if not isinstance(declared, dict):
            raise TypeError("the topology has no cosmos part")
        database = str(declared["database"])
        if database not in self._databases:
            self.create_database({"id": database})
        for container in declared["containers"]:
            if (database, container["name"]) not in self._containers:
                self.create_container(database, _declared(container))

    def _stamp(self, number: int) -> Document:
        now = int(self._clock())
        return {"_etag": f'"{number:08x}-0000-0000-0000-{now:012x}"', "_ts": now}


def checked_id(document: Document) -> str:
    """The id of a document or a definition, if it is one that the service accepts."""
    name = document.get("id")
    if name is None:
        raise errors.bad_request("The input content is invalid because the required properties - 'id; ' - are missing")
    if not isinstance(name, str) or not name.strip() or len(name) > 255 or set(name) & set("/\\?#"):
        raise errors.bad_request(
            f"The input name '{name}' is invalid. "
            "Ensure to provide a unique non-empty string less than '255' characters."
        )
    return name


def _declared(container: Document) -> Document:
    indexed = container.get("indexed")
    paths: list[Json] = [container["partitionKey"]]
    definition: Document = {
        "id": container["name"],
        "partitionKey": {"paths": paths, "kind": "Hash", "version": 2},
        "indexingPolicy": policy_for([str(path) for path in indexed] if isinstance(indexed, list) else ["/*"]),
    }
    if "defaultTtl" in container:
        definition["defaultTtl"] = container["defaultTtl"]
    return definition


def _completed(definition: Document) -> Document:
    """The definition with the service's defaults filled in."""
    key = definition.get("partitionKey")
    parse_path(key)
    unique = definition.get("uniqueKeyPolicy")
    if isinstance(unique, dict) and unique.get("uniqueKeys"):
        raise errors.not_implemented("unique keys")
    _checked_ttl(definition.get("defaultTtl"))
    shown: Document = {"indexingPolicy": policy_for(["/*"]), **definition}
    shown["partitionKey"] = {"kind": "Hash", "version": 2, **(key if isinstance(key, dict) else {})}
    return shown


def _checked_ttl(ttl: Json) -> None:
    if ttl is None or (isinstance(ttl, int) and not isinstance(ttl, bool) and (ttl == -1 or 0 < ttl < 2**31)):
        return
    raise errors.bad_request(
        f"The default ttl '{ttl}' is invalid. Ensure to provide a nonzero positive integer less than or equal to "
        "'2147483647', or '-1'."
    )


def _container(database: Database, *, number: int, name: str, ranges: int, body: str) -> Container:
    properties: Document = json.loads(body)
    ttl = properties.get("defaultTtl")
    return Container(
        number=number,
        database=database,
        id=name,
        rid=str(properties["_rid"]),
        key_path=parse_path(properties["partitionKey"]),
        ranges=split(ranges),
        default_ttl=ttl if isinstance(ttl, int) else None,
        indexing=parse_policy(properties.get("indexingPolicy")),
        properties=properties,
    )
