"""The HTTP functions as their decorators declare them. Knows no model."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from functions.route import NEEDED

ROOT = Path(__file__).parents[1]

type Level = Literal["anonymous", "function", "admin"]

PAGES = frozenset({"get_console"})
"""Functions that are no part of the API: they serve a page that calls it."""

_NOWHERE = {
    "CosmosConnection": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=c2VjcmV0;",
    "ServiceBusConnection": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A function that HTTP wakes. level: whose key opens it. path: below /api/. needs: the role of its callers."""

    name: str
    method: str
    path: str
    level: Level
    needs: str | None


def endpoint_of(name: str, trigger: Mapping[str, Any]) -> Endpoint:
    """trigger: the fields of an httpTrigger; its one method by its name."""
    (method,) = trigger["methods"]
    return Endpoint(
        name=name,
        method=getattr(method, "value", method),
        path=trigger["route"],
        level=cast("Level", str(getattr(trigger["authLevel"], "value", trigger["authLevel"])).lower()),
        needs=NEEDED[name],
    )


def declared() -> list[Endpoint]:
    """Of the app as it stands here. Once per process: azure-functions builds the functions once only."""
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    os.environ.update({**sample, **_NOWHERE})
    import function_app

    triggers = {f.get_function_name(): f.get_trigger() for f in function_app.app.get_functions()}
    fields = {name: trigger.get_dict_repr() for name, trigger in triggers.items() if name and trigger}
    called = {name: each for name, each in fields.items() if each["type"] == "httpTrigger" and name not in PAGES}
    return [endpoint_of(name, each) for name, each in called.items()]
