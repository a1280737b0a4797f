"""The front door. The flow, in the order of the blueprints:

accept (HTTP) -> events in Cosmos DB -> publish (change feed) -> topics -> advance (one function per step) -> events ...
and query (HTTP) beside it. Knows no Cosmos, no JSON, no rule; docs/architecture.md draws it.
"""

import azure.functions as func

from functions import accept, advance, publish, query
from shared.settings import read_settings
from shared.wiring import build_id, once

settings = read_settings()
services = once(settings)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(accept.blueprint(services))
app.register_functions(publish.blueprint(services, feed_poll_delay_ms=settings.feed_poll_delay_ms))
app.register_functions(advance.blueprint(services))
app.register_functions(query.blueprint(services, build_id=build_id()))
