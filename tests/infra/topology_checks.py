"""Checks of what infra/ makes on the bus and in the store. Each gives the faults it finds, in words.

What would be there is read from the snapshots; in which order it comes, from Bicep, because no snapshot says that.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from shared import flow
from tests.infra.bicep_reader import Resource
from tests.infra.product import Infra, Product
from tests.infra.snapshot import Snapshot, last

BUS = "modules/servicebus.bicep"
NAMESPACE = "Microsoft.ServiceBus/namespaces"
TOPIC = f"{NAMESPACE}/topics"
SUBSCRIPTION = f"{TOPIC}/subscriptions"
RULE = f"{SUBSCRIPTION}/rules"
ACCOUNT = "Microsoft.DocumentDB/databaseAccounts"
DATABASE = f"{ACCOUNT}/sqlDatabases"
CONTAINER = f"{DATABASE}/containers"
LONGEST = "P10675199DT2H48M5.4775807S"


def topics_as_in_code(infra: Infra, product: Product) -> list[str]:
    """The topics are those of the code, with their duplicate detection."""
    faults = []
    for snapshot, made in _by_name(infra, TOPIC):
        faults += _differences(f"{snapshot.name}: topic", made=set(made), used=product.topics)
        for name, properties in made.items():
            window = properties.get("duplicateDetectionHistoryTimeWindow")
            expected = (False, None) if name == flow.DEAD_LETTER_TOPIC else (True, "PT1H")
            if (properties.get("requiresDuplicateDetection"), window) != expected:
                faults.append(f"{name}: duplicate detection is not {expected}")
            if properties.get("enablePartitioning") is not False:
                faults.append(f"{name}: partitioned")
            if properties.get("defaultMessageTimeToLive") != LONGEST:
                faults.append(f"{name}: its messages expire, however long a subscription would keep them")
    return faults


def subscriptions_as_in_code(infra: Infra, product: Product) -> list[str]:
    """Each function's subscription is made, those declared for other components, and none besides."""
    faults = []
    for snapshot in infra.snapshots:
        made = {_place(resource): resource["properties"] for resource in snapshot.of(SUBSCRIPTION)}
        others = _externals(infra)
        used = product.subscriptions | others.keys()
        faults += _differences(f"{snapshot.name}: subscription", made=set(made), used=used)
        for place, properties in made.items():
            wanted = _of_others(others[place]) if place in others else _dying(place)
            faults += [f"{place}: {fault}" for fault in _unlike(properties, wanted)]
    return faults


def rules_as_in_code(infra: Infra, product: Product) -> list[str]:
    """One rule per subscription, in the place of the match-all rule; it takes copies for this subscription only."""
    faults = []
    for snapshot in infra.snapshots:
        made = {_inside(resource["name"]): resource["properties"] for resource in snapshot.of(RULE)}
        expected = {}
        for topic, subscription in product.subscriptions:
            sql = f"sys.To IS NULL OR sys.To = '{subscription}'" if topic != flow.DEAD_LETTER_TOPIC else "1=1"
            expected[f"{topic}/{subscription}/$Default"] = sql
        expected |= {f"{topic}/{name}/$Default": "sys.To IS NULL" for topic, name in _externals(infra)}
        faults += _differences("rule", made=set(made), used=set(expected))
        for name in set(made) & set(expected):
            wanted = {"filterType": "SqlFilter", "sqlFilter": {"sqlExpression": expected[name]}}
            faults += [] if made[name] == wanted else [f"rule {name}: {made[name]}"]
    return faults


def containers_as_in_code(infra: Infra, product: Product) -> list[str]:
    """The containers are those of the code, indexed as topology.json says and in no other way."""
    declared = {container["name"]: container for container in infra.topology["cosmos"]["containers"]}
    faults = []
    for snapshot, found in _by_name(infra, CONTAINER):
        made = {name: properties["resource"] for name, properties in found.items()}
        faults += _differences("container", made=set(made), used=product.containers)
        for name in set(made) & set(declared):
            wanted = _as_declared(declared[name])
            faults += [f"{name}: {fault}" for fault in _unlike(made[name], wanted)]
            faults += [f"{name}: unexpected {field}" for field in set(made[name]) - set(wanted)]
        databases = {last(resource["name"]) for resource in snapshot.of(DATABASE)}
        faults += _differences("database", made=databases, used={flow.DATABASE})
    return faults


def store_is_safe(infra: Infra, _: Product) -> list[str]:
    """One write region and Strong, or the conditional create checks nothing; and a way back."""
    faults = []
    for snapshot in infra.snapshots:
        properties = snapshot.only(ACCOUNT)["properties"]
        wanted = {
            "consistencyPolicy": {"defaultConsistencyLevel": "Strong"},
            "enableMultipleWriteLocations": False,
        }
        faults += [f"account: {fault}" for fault in _unlike(properties, wanted)]
        if len(properties["locations"]) != 1:
            faults.append("account: more than one region")
        if properties["backupPolicy"].get("type") != "Continuous":
            faults.append("account: no continuous backup")
    return faults


def production_cannot_be_deleted_by_mistake(infra: Infra, _: Product) -> list[str]:
    """The account of the events is locked; dev can be torn down."""
    lock = "/providers/Microsoft.Authorization/locks/event-store", "CanNotDelete"
    locked = {"dev": [], "egress": [], "prod": [lock], "closed": [lock]}
    faults = []
    for snapshot in infra.snapshots:
        account, locks = snapshot.only(ACCOUNT)["id"], snapshot.of("Microsoft.Authorization/locks")
        found = [
            (lock["id"].removeprefix(account), lock["properties"]["level"])
            for lock in locks
            if lock["id"].startswith(f"{account}/")
        ]
        faults += [] if found == locked[snapshot.name] else [f"{snapshot.name}: the event store has the locks {found}"]
    return faults


def capacity_follows_its_parameter(infra: Infra, _: Product) -> list[str]:
    """Serverless accounts take no throughput; autoscale gives every container its own."""
    faults = []
    for name, properties in _named(infra.snapshot("dev"), CONTAINER):
        faults += [] if properties["options"] == {} else [f"{name}: throughput on a serverless account"]
    most = {flow.EVENTS: 4000, flow.PAYMENTS: 1000}
    for name, properties in _named(infra.snapshot("prod"), CONTAINER):
        if properties["options"] != {"autoscaleSettings": {"maxThroughput": most.get(name, 1000)}}:
            faults.append(f"{name}: not autoscale to {most.get(name, 1000)}")
    capabilities = {
        snapshot.name: snapshot.only(ACCOUNT)["properties"]["capabilities"]
        for snapshot in infra.snapshots
        if snapshot.name != "closed"
    }
    serverless = [{"name": "EnableServerless"}]
    wanted = {"dev": serverless, "prod": [], "egress": serverless}
    return faults + ([] if capabilities == wanted else [f"capabilities: {capabilities}"])


def zones_and_backups_are_as_decided(infra: Infra, _: Product) -> list[str]:
    """A zone takes no event of production with it, and a month can be taken back. decisions/0023 and 0030."""
    one_zone = {"store": False, "storage": "Standard_LRS", "plan": False, "backup": "Continuous7Days"}
    three_zones = {"store": True, "storage": "Standard_ZRS"}
    wanted = {
        "dev": one_zone,
        "egress": one_zone,
        "prod": one_zone | three_zones | {"backup": "Continuous30Days"},
        "closed": one_zone | three_zones | {"plan": True},
    }
    return [
        f"{snapshot.name}: {fault}"
        for snapshot in infra.snapshots
        for fault in _unlike(_placed(snapshot), wanted[snapshot.name])
    ]


def forwards_are_ordered(infra: Infra, _: Product) -> list[str]:
    """A target is there before what forwards to it, a topic before its subscriptions, these before their rules."""
    file, faults = infra.file(BUS), []
    topics = {resource.body["name"]: resource.symbol for resource in _of(file.resources, TOPIC)}
    places = {_written_place(resource): resource for resource in _of(file.resources, SUBSCRIPTION)}
    for (topic, name), resource in places.items():
        target = resource.body["properties"].get("forwardDeadLetteredMessagesTo")
        needs = {topics.get(topic, f"no topic {topic}")} | (
            {topics.get(target, f"no topic {target}")} if target else set()
        )
        missing = needs - file.before(resource.symbol)
        faults += [f"{topic}/{name}: does not wait for {symbol}" for symbol in sorted(missing)]
    for rule in _of(file.resources, RULE):
        _, topic, name, _ = rule.body["name"].split("/")
        if places[topic, name].symbol not in file.before(rule.symbol):
            faults.append(f"rule {rule.body['name']}: does not wait for its subscription")
    return faults


def what_is_deleted_can_be_brought_back(infra: Infra, _: Product) -> list[str]:
    """In storage lie the host's keys, which callers hold, and the package that runs. A week is time to notice."""
    faults = []
    for snapshot in infra.snapshots:
        kept = snapshot.only("Microsoft.Storage/storageAccounts/blobServices")["properties"]
        for what in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
            policy = kept.get(what, {})
            if not policy.get("enabled") or policy.get("days", 0) < 7:
                faults.append(f"{snapshot.name}: {what} is {policy}")
    return faults


def app_comes_last(infra: Infra, _: Product) -> list[str]:
    """Roles, topics and containers are there before the app runs; roles after what they are for."""
    file = infra.file("main.bicep")
    missing = {"access", "servicebus", "cosmos", "storage", "monitoring"} - file.before("functionApp")
    early = {"servicebus", "cosmos", "storage", "monitoring", "identity", "vault"} - file.before("access")
    return [f"functionApp: does not wait for {m}" for m in missing] + [f"access: does not wait for {m}" for m in early]


def bus_is_premium_when_private(infra: Infra, _: Product) -> list[str]:
    """Only Premium has private endpoints. It has a name of its own: no namespace changes its tier, docs/runbooks.md."""
    skus = {snapshot.name: snapshot.only(NAMESPACE)["sku"]["name"] for snapshot in infra.snapshots}
    wanted = {"dev": "Standard", "prod": "Standard", "closed": "Premium", "egress": "Standard"}
    faults = [] if skus == wanted else [f"tier of the bus: {skus}"]
    names = {skus[snapshot.name]: snapshot.only(NAMESPACE)["name"].split("-")[0] for snapshot in infra.snapshots}
    return faults + ([] if len(set(names.values())) == len(names) else [f"names of the bus: {names}"])


CHECKS = (
    topics_as_in_code,
    subscriptions_as_in_code,
    rules_as_in_code,
    containers_as_in_code,
    store_is_safe,
    production_cannot_be_deleted_by_mistake,
    capacity_follows_its_parameter,
    zones_and_backups_are_as_decided,
    what_is_deleted_can_be_brought_back,
    forwards_are_ordered,
    app_comes_last,
    bus_is_premium_when_private,
)


def _placed(snapshot: Snapshot) -> dict[str, Any]:
    """In how many zones things are, and how far back a restore goes."""
    account = snapshot.only(ACCOUNT)["properties"]
    return {
        "store": all(location["isZoneRedundant"] for location in account["locations"]),
        "storage": snapshot.only("Microsoft.Storage/storageAccounts")["sku"]["name"],
        "plan": snapshot.only("Microsoft.Web/serverfarms")["properties"]["zoneRedundant"],
        "backup": account["backupPolicy"].get("continuousModeProperties", {}).get("tier"),
    }


def _named(snapshot: Snapshot, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((last(resource["name"]), resource["properties"]) for resource in snapshot.of(kind))


def _by_name(infra: Infra, kind: str) -> Iterator[tuple[Snapshot, dict[str, dict[str, Any]]]]:
    yield from ((snapshot, dict(_named(snapshot, kind))) for snapshot in infra.snapshots)


def _inside(name: str) -> str:
    """A name without that of the namespace."""
    return name.split("/", 1)[1]


def _place(resource: dict[str, Any]) -> tuple[str, str]:
    topic, name = _inside(resource["name"]).split("/")
    return topic, name


def _dying(place: tuple[str, str]) -> dict[str, Any]:
    """What the design says of the subscription at a place."""
    recorder = place == (flow.DEAD_LETTER_TOPIC, flow.RECORD_SUBSCRIPTION)
    return {
        "requiresSession": False,
        "lockDuration": "PT1M",
        "maxDeliveryCount": 10,
        "defaultMessageTimeToLive": LONGEST,
        "deadLetteringOnMessageExpiration": True,
        "deadLetteringOnFilterEvaluationExceptions": True,
        "forwardDeadLetteredMessagesTo": None if recorder else flow.DEAD_LETTER_TOPIC,
    }


def _externals(infra: Infra) -> dict[tuple[str, str], dict[str, Any]]:
    """Subscriptions of other components, by their place."""
    return {(each["topic"], each["name"]): each for each in infra.topology["serviceBus"]["externalSubscriptions"]}


def _of_others(declared: dict[str, Any]) -> dict[str, Any]:
    """Its dead letters stay where they are, and what nobody reads goes at last."""
    return {
        "requiresSession": False,
        "lockDuration": declared.get("lockDuration", "PT1M"),
        "maxDeliveryCount": declared.get("maxDeliveryCount", 10),
        "defaultMessageTimeToLive": declared.get("timeToLive", "P14D"),
        "deadLetteringOnMessageExpiration": False,
        "deadLetteringOnFilterEvaluationExceptions": True,
        "forwardDeadLetteredMessagesTo": None,
    }


def _as_declared(container: dict[str, Any]) -> dict[str, Any]:
    everything = "/*" in container["indexed"]
    indexing = {
        "automatic": True,
        "indexingMode": "consistent",
        "includedPaths": [{"path": path} for path in container["indexed"]],
        "excludedPaths": [{"path": '/"_etag"/?' if everything else "/*"}],
    }
    key = {"kind": "Hash", "version": 2, "paths": [container["partitionKey"]]}
    ttl = container.get("defaultTtl")
    return {"id": container["name"], "partitionKey": key, "indexingPolicy": indexing, "defaultTtl": ttl}


def _unlike(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    return [f"{key} is {found.get(key)!r}" for key in wanted if found.get(key) != wanted[key]]


def _of(resources: Iterable[Resource], kind: str) -> list[Resource]:
    return [resource for resource in resources if resource.type == kind]


def _written_place(resource: Resource) -> tuple[str, str]:
    _, topic, name = resource.body["name"].split("/")
    return topic, name


def _differences(what: str, *, made: set[Any], used: set[Any]) -> list[str]:
    unused = [f"{what} {name}: made, and no code uses it" for name in made - used]
    return unused + [f"{what} {name}: used by code, and not made" for name in used - made]
