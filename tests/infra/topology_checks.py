"""Checks of what infra/ makes on the bus and in the store. Each gives the faults it finds, in words."""

from collections.abc import Iterable
from typing import Any

from shared import flow
from tests.infra.bicep_reader import File, Resource
from tests.infra.product import Infra, Product

BUS, STORE = "modules/servicebus.bicep", "modules/cosmos.bicep"
TOPIC = "Microsoft.ServiceBus/namespaces/topics"
SUBSCRIPTION = f"{TOPIC}/subscriptions"
RULE = f"{SUBSCRIPTION}/rules"
CONTAINER = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"
LONGEST = "P10675199DT2H48M5.4775807S"


def topics_as_in_code(infra: Infra, product: Product) -> list[str]:
    """The topics that Bicep makes are those of the code, with their duplicate detection."""
    made = {resource.body["name"]: resource.body["properties"] for resource in _all(infra, BUS, kind=TOPIC)}
    faults = _differences("topic", made=set(made), used=product.topics)
    for name, properties in made.items():
        window = properties.get("duplicateDetectionHistoryTimeWindow")
        expected = (False, None) if name == flow.DEAD_LETTER_TOPIC else (True, "PT1H")
        if (properties.get("requiresDuplicateDetection"), window) != expected:
            faults.append(f"{name}: duplicate detection is not {expected}")
        if properties.get("enablePartitioning") is not False:
            faults.append(f"{name}: partitioned")
    return faults


def subscriptions_as_in_code(infra: Infra, product: Product) -> list[str]:
    """Each function's subscription is made, none besides, and each dies as the design says."""
    made = {_place(resource): resource.body["properties"] for resource in _all(infra, BUS, kind=SUBSCRIPTION)}
    faults = _differences("subscription", made=set(made), used=product.subscriptions)
    for place, properties in made.items():
        recorder = place == (flow.DEAD_LETTER_TOPIC, flow.RECORD_SUBSCRIPTION)
        expected = {
            "requiresSession": False,
            "lockDuration": "PT1M",
            "maxDeliveryCount": 10,
            "defaultMessageTimeToLive": LONGEST,
            "deadLetteringOnMessageExpiration": True,
            "deadLetteringOnFilterEvaluationExceptions": True,
            "forwardDeadLetteredMessagesTo": None if recorder else flow.DEAD_LETTER_TOPIC,
        }
        faults += [
            f"{place}: {key} is {properties.get(key)!r}" for key in expected if properties.get(key) != expected[key]
        ]
    return faults


def rules_as_in_code(infra: Infra, product: Product) -> list[str]:
    """One rule per subscription, in the place of the match-all rule; it takes copies for this subscription only."""
    made = {resource.body["name"]: resource.body["properties"] for resource in _all(infra, BUS, kind=RULE)}
    expected = {}
    for topic, subscription in product.subscriptions:
        sql = f"sys.To IS NULL OR sys.To = '{subscription}'" if topic != flow.DEAD_LETTER_TOPIC else "1=1"
        expected[f"<namespace.name>/{topic}/{subscription}/$Default"] = sql
    faults = _differences("rule", made=set(made), used=set(expected))
    for name in set(made) & set(expected):
        wanted = {"filterType": "SqlFilter", "sqlFilter": {"sqlExpression": expected[name]}}
        faults += [] if made[name] == wanted else [f"rule {name}: {made[name]}"]
    return faults


def containers_as_in_code(infra: Infra, product: Product) -> list[str]:
    """The containers that Bicep makes are those of the code, indexed as topology.json says and in no other way."""
    declared = {container["name"]: container for container in infra.topology["cosmos"]["containers"]}
    made = {r.body["name"]: r.body["properties"]["resource"] for r in _all(infra, STORE, kind=CONTAINER)}
    faults = _differences("container", made=set(made), used=product.containers)
    for name in set(made) & set(declared):
        everything = "/*" in declared[name]["indexed"]
        indexing = {
            "automatic": True,
            "indexingMode": "consistent",
            "includedPaths": [{"path": path} for path in declared[name]["indexed"]],
            "excludedPaths": [{"path": '/"_etag"/?' if everything else "/*"}],
        }
        key = {"kind": "Hash", "version": 2, "paths": [declared[name]["partitionKey"]]}
        wanted = {"id": name, "partitionKey": key, "indexingPolicy": indexing}
        faults += [
            f"{name}: {field} is {made[name].get(field)}" for field in wanted if made[name].get(field) != wanted[field]
        ]
        faults += [f"{name}: unexpected {field}" for field in set(made[name]) - set(wanted)]
    databases = {r.body["name"] for r in infra.file(STORE).resources if r.type.endswith("/sqlDatabases")}
    return faults + _differences("database", made=databases, used={flow.DATABASE})


def store_is_safe(infra: Infra, _: Product) -> list[str]:
    """One write region and Strong, or the conditional create checks nothing; and a way back."""
    (account,) = [r for r in infra.file(STORE).resources if r.type == "Microsoft.DocumentDB/databaseAccounts"]
    properties = account.body["properties"]
    wanted = {
        "consistencyPolicy": {"defaultConsistencyLevel": "Strong"},
        "enableMultipleWriteLocations": False,
    }
    faults = [f"account: {key} is {properties.get(key)}" for key in wanted if properties.get(key) != wanted[key]]
    if len(properties["locations"]) != 1:
        faults.append("account: more than one region")
    if properties["backupPolicy"].get("type") != "Continuous":
        faults.append("account: no continuous backup")
    return faults


def capacity_follows_its_parameter(infra: Infra, _: Product) -> list[str]:
    """Serverless accounts take no throughput; autoscale gives every container its own."""
    serverless = _of(infra.file(STORE, capacity="serverless").resources, CONTAINER)
    given = {resource.body["name"] for resource in serverless if resource.body["properties"]["options"] != {}}
    faults = [f"{name}: throughput on a serverless account" for name in given]
    wanted = {flow.EVENTS: 4000, flow.PAYMENTS: 2000}
    autoscale = infra.file(STORE, capacity="autoscale", eventsMaxThroughput=4000, rowsMaxThroughput=2000)
    for resource in _of(autoscale.resources, CONTAINER):
        most = wanted.get(resource.body["name"], 1000)
        if resource.body["properties"]["options"] != {"autoscaleSettings": {"maxThroughput": most}}:
            faults.append(f"{resource.body['name']}: not autoscale to {most}")
    return faults


def forwards_are_ordered(infra: Infra, _: Product) -> list[str]:
    """A target is there before what forwards to it, a topic before its subscriptions, these before their rules."""
    file, faults = infra.file(BUS), []
    topics = {resource.body["name"]: resource.symbol for resource in _of(file.resources, TOPIC)}
    places = {_place(resource): resource for resource in _of(file.resources, SUBSCRIPTION)}
    for (topic, name), resource in places.items():
        target = resource.body["properties"].get("forwardDeadLetteredMessagesTo")
        needs = {topics.get(topic, f"no topic {topic}")} | (
            {topics.get(target, f"no topic {target}")} if target else set()
        )
        missing = needs - _closure(file, resource.symbol)
        faults += [f"{topic}/{name}: does not wait for {symbol}" for symbol in sorted(missing)]
    for rule in _of(file.resources, RULE):
        if not {r.symbol for r in places.values()} <= _closure(file, rule.symbol):
            faults.append(f"rule {rule.body['name']}: does not wait for its subscription")
    return faults


def app_comes_last(infra: Infra, _: Product) -> list[str]:
    """Roles, topics and containers are there before the app runs; roles after what they are for."""
    file = infra.file("main.bicep")
    missing = {"access", "servicebus", "cosmos", "storage", "monitoring"} - _closure(file, "functionApp")
    early = {"servicebus", "cosmos", "storage", "monitoring", "identity"} - _closure(file, "access")
    return [f"functionApp: does not wait for {m}" for m in missing] + [f"access: does not wait for {m}" for m in early]


def bus_is_premium_when_private(infra: Infra, _: Product) -> list[str]:
    """Only Premium has private endpoints."""
    skus = {
        private: infra.file("main.bicep", privateNetworking=private).modules()["servicebus"]["params"]["sku"]
        for private in (True, False)
    }
    return [] if skus == {True: "Premium", False: "Standard"} else [f"sku by private networking: {skus}"]


CHECKS = (
    topics_as_in_code,
    subscriptions_as_in_code,
    rules_as_in_code,
    containers_as_in_code,
    store_is_safe,
    capacity_follows_its_parameter,
    forwards_are_ordered,
    app_comes_last,
    bus_is_premium_when_private,
)


def _all(infra: Infra, home: str, *, kind: str) -> list[Resource]:
    """Wherever it is made: a stray one in another file counts too."""
    strays = [r for name, r in infra.resources if r.type == kind and name != home]
    return [*_of(infra.file(home).resources, kind), *strays]


def _of(resources: Iterable[Resource], kind: str) -> list[Resource]:
    return [resource for resource in resources if resource.type == kind]


def _place(resource: Resource) -> tuple[str, str]:
    _, topic, name = resource.body["name"].split("/")
    return topic, name


def _differences(what: str, *, made: set[Any], used: set[Any]) -> list[str]:
    unused = [f"{what} {name}: made, and no code uses it" for name in made - used]
    return unused + [f"{what} {name}: used by code, and not made" for name in used - made]


def _closure(file: File, symbol: str) -> set[str]:
    """Everything that is there before it."""
    waits, seen, ahead = file.waits_for(), set[str](), {symbol}
    while ahead:
        ahead = {earlier for one in ahead for earlier in waits.get(one, ())} - seen
        seen |= ahead
    return seen
