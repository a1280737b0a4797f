"""Makes the Entra app registration in front of the ops functions, once per environment, and tells azd its id.

Run by `azd up` before anything is provisioned; by hand: AZURE_ENV_NAME=dev python infra/register_ops.py. Needs the
Azure CLI, signed in by someone who may register apps. Nothing secret is made: no password, no certificate. What goes
wrong is told on standard error: a script reads standard output.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.azure_cli import CommandFailed, az
from infra.smoke_http import NotYet, SmokeFailed, eventually

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
SCOPE = "6f1d2b52-0f0e-4c1a-9a57-3d1a6f5a7c11"
"""Any GUID: it only has to be unique within the registration."""

LIMIT_S = 120.0
"""Entra ID answers from several places; what one has made the next may not know for some seconds."""

_NOT_KNOWN_YET = re.compile("ResourceNotFound|does not exist|does not reference a valid application")
_NAME = re.compile(r"[\w-]+")
_NEXT = "sign in with `az login` as somebody who may register apps, or ask one to run this (docs/deploy.md)"


class _OtherTenant(Exception):
    """`az ad` would look, and register, in another tenant than that of the subscription."""


def name_of(environment: str, *, subscription: str) -> str:
    """Two environments of one name in two subscriptions have a registration each: whoever tears one down deletes it."""
    return f"regis-pay-ops-{environment.lower()}-{hashlib.sha256(subscription.lower().encode()).hexdigest()[:8]}"


def register(name: str) -> str:
    """The client id of the registration of this name, which is made if it is not there. Safe to run again."""
    client_id = _found(name) or _patiently("ad", "app", "create", *_CREATE, "--display-name", name, *_query("appId"))
    object_id = _patiently("ad", "app", "show", "--id", client_id, *_query("id"))
    if not _patiently("ad", "sp", "list", "--filter", f"appId eq '{client_id}'", *_query("[0].id")):
        _patiently("ad", "sp", "create", "--id", client_id, "--output", "none")
    # Two steps: an app can be trusted with a scope only once the scope is there.
    exposed = {"requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [_OPERATE]}
    _patch(object_id, {"identifierUris": [f"api://{client_id}"], "api": exposed})
    trusted = {"appId": AZURE_CLI, "delegatedPermissionIds": [SCOPE]}
    _patch(object_id, {"api": {"preAuthorizedApplications": [trusted]}})
    return client_id


def _found(name: str) -> str:
    """By the whole name: `--display-name` asks for what begins so, and `dev` would find `dev2`."""
    return _patiently("ad", "app", "list", "--filter", f"displayName eq '{name}'", *_query("[0].appId"))


_CREATE = ["--sign-in-audience", "AzureADMyOrg"]
_OPERATE = {
    "id": SCOPE,
    "value": "operate",
    "type": "User",
    "isEnabled": True,
    "adminConsentDisplayName": "Operate payments",
    "adminConsentDescription": "List, replay and discard dead letters.",
}


def _query(what: str) -> list[str]:
    return ["--query", what, "--output", "tsv"]


def _patch(object_id: str, body: dict[str, Any]) -> None:
    """From a file: a shell on Windows does not leave the quotes of JSON alone. By the object's id, because it takes the
    parentheses of `applications(appId='...')` apart as well."""
    graph = f"https://graph.microsoft.com/v1.0/applications/{object_id}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body.json"
        path.write_text(json.dumps(body))
        _patiently("rest", "--method", "patch", "--url", graph, "--body", f"@{path}", "--output", "none")


def _patiently(*words: str) -> str:
    def ask() -> str:
        try:
            return az(*words)
        except CommandFailed as exc:
            if _NOT_KNOWN_YET.search(str(exc)):
                raise NotYet(str(exc)) from exc
            raise

    return eventually(ask, what=f"az {' '.join(words[:3])}", limit_s=LIMIT_S, pause_s=1.0)


def _tell_azd(client_id: str, *, environment: str) -> None:
    """The environment of this name, not the one that is chosen: by hand, it may be another or none."""
    if azd := shutil.which("azd"):
        command = [azd, "env", "set", "OPS_CLIENT_ID", client_id, "--environment", environment]
        if subprocess.run(command, check=False, stdout=sys.stderr).returncode:  # noqa: S603 - our own words
            print(f"azd keeps no environment {environment}: OPS_CLIENT_ID is for you to set", file=sys.stderr)


def _subscription() -> str:
    """The one that azd chose, else the default one. Raises _OtherTenant, CommandFailed, NotYet, SmokeFailed."""
    chosen = os.environ.get("AZURE_SUBSCRIPTION_ID", "")
    if not chosen:
        return _patiently("account", "show", *_query("id"))
    default, its = (
        _patiently("account", "show", *which, *_query("tenantId")) for which in ([], ["--subscription", chosen])
    )
    if default != its:
        raise _OtherTenant(f"the Azure CLI works in tenant {default}, and subscription {chosen} is of tenant {its}")
    return chosen


def _failed(what: object, *, do: str) -> int:
    print(f"FAILED  {what}\nNEXT    {do}", file=sys.stderr)
    return 1


def main() -> int:
    if given := os.environ.get("OPS_CLIENT_ID"):
        print(f"The ops functions use the app registration {given}.")
        return 0
    environment = os.environ.get("AZURE_ENV_NAME", "")
    if not _NAME.fullmatch(environment):
        return _failed(f"AZURE_ENV_NAME is {environment!r}", do="AZURE_ENV_NAME=dev python infra/register_ops.py")
    try:
        client_id = register(name_of(environment, subscription=_subscription()))
    except _OtherTenant as exc:
        return _failed(exc, do=f"az account set --subscription {os.environ['AZURE_SUBSCRIPTION_ID']}")
    except (CommandFailed, SmokeFailed, NotYet) as exc:
        return _failed(exc, do=_NEXT)
    _tell_azd(client_id, environment=environment)
    print(f"OPS_CLIENT_ID={client_id}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
