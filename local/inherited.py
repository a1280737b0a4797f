"""What a local host is given to begin with: the sample's settings, and what is safe of the caller's environment."""

import json
from collections.abc import Mapping
from pathlib import Path

_SAMPLE = Path(__file__).parents[1] / "local.settings.sample.json"
_CONNECTIONS = ("CosmosConnection", "ServiceBusConnection")
_STORAGE = "AzureWebJobsStorage"
_DEVELOPMENT_STORAGES = ("UseDevelopmentStorage=true", "devstoreaccount1")


def harmless(environment: Mapping[str, str]) -> dict[str, str]:
    """Without connections, which would let a local run loose on a real account, and storage that is no Azurite."""
    return {name: value for name, value in environment.items() if _is_harmless(name, value)}


def _is_harmless(name: str, value: str) -> bool:
    if name.startswith(_STORAGE):
        return any(each in value for each in _DEVELOPMENT_STORAGES)
    return not name.startswith(_CONNECTIONS)


def sample_settings() -> dict[str, str]:
    """Without what only Microsoft's Service Bus emulator needs: ours takes any number of connections, as Azure does."""
    values: dict[str, str] = json.loads(_SAMPLE.read_text())["Values"]
    del values["SERVICEBUS_SENDERS"]
    return values
