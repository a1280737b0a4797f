"""Makes the database and its containers in the Cosmos DB emulator: `python infra/emulators/create_containers.py`.

In Azure, Bicep does this; the app never does. From infra/topology.json, so that names and partition keys stand once.
Indexing policies are left out: the emulator has none of its own yet. What is there already stays as it is.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient

ROOT = Path(__file__).resolve().parent.parent.parent
TOPOLOGY = ROOT / "infra" / "topology.json"
SAMPLE = ROOT / "local.settings.sample.json"

LIMIT_S = 120
"""For an emulator that has just been started to answer."""


async def create(connection: str, cosmos: dict[str, Any]) -> list[str]:
    """The containers by name, in the order declared. Raises AzureError."""
    client = CosmosClient.from_connection_string(connection)
    try:
        await client.__aenter__()
        database = await client.create_database_if_not_exists(cosmos["database"])
        for declared in cosmos["containers"]:
            key = PartitionKey(path=declared["partitionKey"])
            await database.create_container_if_not_exists(
                declared["name"], partition_key=key, default_ttl=declared.get("defaultTtl")
            )
    finally:  # `async with` would leave the session of a client open that fails to open
        await client.close()
    return [declared["name"] for declared in cosmos["containers"]]


async def create_when_it_answers(connection: str, cosmos: dict[str, Any], *, limit_s: float) -> list[str]:
    """As `create`; an emulator that does not answer yet is asked again. Raises the last AzureError at the limit."""
    loop = asyncio.get_running_loop()
    until = loop.time() + limit_s
    while True:
        try:
            return await create(connection, cosmos)
        except AzureError:
            if loop.time() >= until:
                raise
        await asyncio.sleep(1)


def main() -> int:
    """Where: the setting CosmosConnection; without it, the emulator as local.settings.sample.json has it."""
    sample = json.loads(SAMPLE.read_text())["Values"]["CosmosConnection"]
    cosmos = json.loads(TOPOLOGY.read_text())["cosmos"]
    connection = os.environ.get("CosmosConnection", sample)  # noqa: SIM112 - the name of the app's setting
    names = asyncio.run(create_when_it_answers(connection, cosmos, limit_s=LIMIT_S))
    print(f"{cosmos['database']}: {', '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
