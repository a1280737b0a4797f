"""The ingestion endpoint of Application Insights, as far as an exporter can tell: it takes what comes, and keeps it."""

import gzip
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class Ingestion:
    """What has arrived. Each envelope is one span, figure or log record."""

    def __init__(self) -> None:
        self.envelopes: list[dict[str, Any]] = []
        self.connection = ""

    async def track(self, request: web.Request) -> web.Response:
        body = await request.read()
        text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
        arrived = json.loads(text)
        self.envelopes += arrived
        return web.json_response({"itemsReceived": len(arrived), "itemsAccepted": len(arrived), "errors": []})

    def spans(self) -> list[dict[str, Any]]:
        """Of ours: requests and dependencies."""
        return [each for each in self.envelopes if each["data"]["baseType"] in ("RequestData", "RemoteDependencyData")]

    def lines(self, event_name: str | None = None) -> list[dict[str, Any]]:
        """Log records, or those of one event."""
        told = [each["data"]["baseData"] for each in self.envelopes if each["data"]["baseType"] == "MessageData"]
        return [each for each in told if event_name in (None, each["properties"].get("event_name"))]

    def figures(self, name: str) -> list[dict[str, Any]]:
        """What was told of a metric, one for each point."""
        told = [each["data"]["baseData"] for each in self.envelopes if each["data"]["baseType"] == "MetricData"]
        return [each for each in told if each["metrics"][0]["name"] == name]


@asynccontextmanager
async def running_ingestion() -> AsyncIterator[Ingestion]:
    """With a key of its own. What an exporter could not send lies in the folder for temporary files, by key, and
    whoever comes later with that key sends it. So users give a folder of their own too, which goes when the test does.
    """
    ingestion = Ingestion()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/{version:.*}/track", ingestion.track)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    ingestion.connection = f"InstrumentationKey={uuid.uuid4()};IngestionEndpoint=http://127.0.0.1:{port}/"
    try:
        yield ingestion
    finally:
        await runner.cleanup()
