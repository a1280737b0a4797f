"""The front door. The flow, in the order of the blueprints:

accept (HTTP) -> events in Cosmos DB -> publish (change feed) -> topics -> advance (one function per step) -> events ...
recover records what cannot go on, drain what could not be recorded; an operator lists, replays or discards it. project
keeps a row per payment, sweep starts what stands still, measure says how much waits. query (HTTP) shows a payment,
search (HTTP) lists them, notifications (HTTP) shows what its merchant was told and tells it again, cancel and refund
(HTTP) note what a merchant wants of it, hear (HTTP) records what the provider tells by itself, erase (HTTP) takes words
out of it for an operator, watch (HTTP) shows operators what moves and what waits, me (HTTP) who they are here, contract
(HTTP) shows how the API is called, console (HTTP) is the page on which operators see all this. The picture is in
docs/architecture.md. Knows no Cosmos, no JSON, no rule.
"""

import azure.functions as func

from functions import (
    accept,
    advance,
    cancel,
    console,
    contract,
    drain,
    erase,
    health,
    hear,
    me,
    measure,
    notifications,
    project,
    publish,
    query,
    recover,
    refund,
    search,
    sweep,
    watch,
)
from functions.caller import Doors
from functions.requests import Reach
from shared.settings import read_settings
from shared.startup import build_id, once

settings = read_settings()
services = once(settings)

doors = Doors(
    merchant_id=settings.merchant_id,
    merchants=settings.merchants,
    payments_by_entra=settings.api_auth == "entra",
    operations_by_entra=settings.ops_auth == "entra",
    development=settings.development_principal,
    hosts=settings.hosts,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
reach = Reach(anywhere=settings.development_notifications)
app.register_functions(accept.blueprint(services, doors=doors, reach=reach))
app.register_functions(publish.blueprint(services, feed_poll_delay_ms=settings.feed_poll_delay_ms))
app.register_functions(advance.blueprint(services))
app.register_functions(recover.blueprint(services, doors=doors))
app.register_functions(drain.blueprint(services, schedule=settings.drain_schedule))
app.register_functions(project.blueprint(services, feed_poll_delay_ms=settings.feed_poll_delay_ms))
app.register_functions(sweep.blueprint(services, schedule=settings.sweep_schedule))
app.register_functions(measure.blueprint(services, schedule=settings.backlog_schedule))
app.register_functions(cancel.blueprint(services, doors=doors))
app.register_functions(refund.blueprint(services, doors=doors))
app.register_functions(hear.blueprint(services, doors=doors))
app.register_functions(erase.blueprint(services, doors=doors))
app.register_functions(query.blueprint(services, doors=doors))
app.register_functions(notifications.blueprint(services, doors=doors))
app.register_functions(search.blueprint(services, doors=doors))
app.register_functions(watch.blueprint(services, doors=doors, build_id=build_id()))
app.register_functions(me.blueprint(doors=doors, trace_url=settings.trace_viewer_url))
app.register_functions(health.blueprint(services, doors=doors, build_id=build_id()))
app.register_functions(contract.blueprint(doors=doors))
app.register_functions(console.blueprint(doors=doors))
