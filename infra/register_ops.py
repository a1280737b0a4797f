"""Makes the Entra app registration in front of the app, once per environment, and says who may call with which role.

Run by `azd up` before anything is provisioned: it tells azd the id, and whoever is signed in may then run the check of
a deployment. By hand: AZURE_ENV_NAME=dev python infra/register_ops.py --operator OBJECT_ID. Needs the Azure CLI, signed
in by someone who may register apps and give their roles. It makes no secret: no password, no certificate. What it does
and what goes wrong it tells on standard error: a script reads standard output.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.app_roles import OF_A_MERCHANT, OF_AN_OPERATOR, OF_THE_CHECK, Assigned, declare, in_directory, send
from infra.azure_cli import CommandFailed
from infra.patience import patiently
from infra.smoke_http import NotYet, SmokeFailed

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
SCOPE = "6f1d2b52-0f0e-4c1a-9a57-3d1a6f5a7c11"
"""Any GUID: it only has to be unique within the registration."""

_NAME = re.compile(r"[\w-]+")
_ID = re.compile(r"[0-9A-Za-z-]+")
_NEXT = (
    "sign in with `az login` as somebody who may register apps and give their roles, such as a Cloud Application "
    "Administrator, or ask one to run this (docs/deploy.md); what is done already stays"
)
_LEAVE = "az ad group member remove --group {group} --member-id {principal}"
_WHO = (
    "give the object id, or of an application its client id: `az ad user show --id NAME --query id`, `az ad sp list "
    "--display-name NAME`. Who is deleted has no token any more"
)
_WHERE = "name the registration by OPS_CLIENT_ID, or its subscription by AZURE_SUBSCRIPTION_ID"

STILL_HELD = 3
"""The exit code where all was done, and somebody whose roles were to go has some by a group: those are the group's."""

type Grant = tuple[str, Sequence[str]]
"""To whom, by object id, and which roles."""


class _OtherTenant(Exception):
    """`az ad` would look, and register, in another tenant than that of the subscription."""


def name_of(environment: str, *, subscription: str) -> str:
    """Two environments of one name in two subscriptions have a registration each: whoever tears one down deletes it."""
    return f"regis-pay-ops-{environment.lower()}-{hashlib.sha256(subscription.lower().encode()).hexdigest()[:8]}"


def made(name: str) -> str:
    """The client id of a new registration."""
    return patiently("ad", "app", "create", *_CREATE, "--display-name", name, *_query("appId"))


def expose(client_id: str, *, object_id: str) -> None:
    """The registration is known in the tenant, and operators get tokens for it by the Azure CLI. Safe to run again."""
    if not patiently("ad", "sp", "list", "--filter", f"appId eq '{client_id}'", *_query("[0].id")):
        patiently("ad", "sp", "create", "--id", client_id, "--output", "none")
    # Two steps: an app can be trusted with a scope only once the scope is there.
    exposed = {"requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [_OPERATE]}
    application = f"applications/{object_id}"
    send("patch", application, body={"identifierUris": [f"api://{client_id}"], "api": exposed})
    trusted = {"appId": AZURE_CLI, "delegatedPermissionIds": [SCOPE]}
    send("patch", application, body={"api": {"preAuthorizedApplications": [trusted]}})


def shut(client_id: str, *, object_id: str) -> Assigned:
    """The registration has the roles, and nobody has a token without one: before anybody is given any."""
    declare(object_id)
    assigned = Assigned(_principal_of(client_id))
    assigned.required()
    return assigned


def _object_id(client_id: str) -> str:
    return patiently("ad", "app", "show", "--id", client_id, *_query("id"))


def _principal_of(client_id: str) -> str:
    """The object id that an application has in this tenant."""
    return patiently("ad", "sp", "show", "--id", client_id, *_query("id"))


def _signed_in() -> str:
    """The object id of whoever the Azure CLI is signed in as: a person, or an application."""
    if patiently("account", "show", *_query("user.type")) == "user":
        return patiently("ad", "signed-in-user", "show", *_query("id"))
    return _principal_of(patiently("account", "show", *_query("user.name")))


def _found(name: str) -> str:
    """By the whole name: `--display-name` asks for what begins so, and `dev` would find `dev2`."""
    return patiently("ad", "app", "list", "--filter", f"displayName eq '{name}'", *_query("[0].appId"))


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
        return patiently("account", "show", *_query("id"))
    default, its = (
        patiently("account", "show", *which, *_query("tenantId")) for which in ([], ["--subscription", chosen])
    )
    if default != its:
        raise _OtherTenant(f"the Azure CLI works in tenant {default}, and subscription {chosen} is of tenant {its}")
    return chosen


def _failed(what: object, *, do: str) -> int:
    print(f"FAILED  {what}\nNEXT    {do}", file=sys.stderr)
    return 1


def _grants(asked: argparse.Namespace) -> Iterator[Grant]:
    yield from ((principal, OF_AN_OPERATOR) for principal in asked.operator)
    yield from ((principal, OF_THE_CHECK) for principal in asked.smoke)
    yield from ((_principal_of(client_id), OF_A_MERCHANT) for client_id in asked.merchant)
    if not any((asked.operator, asked.smoke, asked.merchant, asked.revoke)):
        yield _signed_in(), OF_THE_CHECK


def _changed(assigned: Assigned, asked: argparse.Namespace) -> int:
    """The exit code."""
    for principal, roles in _grants(asked):
        given = assigned.give(principal, roles)
        print(f"{principal} has {', '.join(roles)}; new: {', '.join(given) or 'none'}", file=sys.stderr)
    codes = {_revoked(assigned, some_id) for some_id in asked.revoke}
    return 1 if 1 in codes else max(codes, default=0)


def _revoked(assigned: Assigned, some_id: str) -> int:
    """Who has no role by this id may have one by another: that is looked up before anybody is said to have none."""
    principal, count = some_id, assigned.take_away(some_id)
    if not count:
        found = in_directory(some_id)
        if found is None:
            return _failed(f"{some_id}: there is nobody of this id, so no role was taken away", do=_WHO)
        principal, count = found, assigned.take_away(found)
    return _left(assigned, principal, count=count)


def _left(assigned: Assigned, principal: str, *, count: int) -> int:
    groups = assigned.groups_of(principal)
    left = "none of its own" if groups else "none"
    print(f"{principal} had {count} roles and has {left}; a token that is out holds on for an hour", file=sys.stderr)
    if not groups:
        return 0
    for group in groups:
        _failed(f"{principal} still has the roles of group {group}", do=_LEAVE.format(group=group, principal=principal))
    return STILL_HELD


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no id; `az ad user show --id NAME --query id` gives one")
    return text


_OPTIONS = (
    ("operator", "OBJECT_ID", "may operate: a person, a group or an application"),
    ("smoke", "OBJECT_ID", "may run the check of a deployment"),
    ("merchant", "CLIENT_ID", "an application that pays, with apiAuth=entra"),
    ("revoke", "ID", "has no role any more: an object id, or the client id of an application"),
)


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python infra/register_ops.py", description="Who may call the app, as what?")
    for name, metavar, what in _OPTIONS:
        parser.add_argument(f"--{name}", action="append", default=[], type=_id, metavar=metavar, help=what)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    asked, given = _asked(arguments), os.environ.get("OPS_CLIENT_ID", "")
    if given and not any(vars(asked).values()):
        print(f"The app registration is {given}; who may call stays as it is.")
        return 0
    environment = os.environ.get("AZURE_ENV_NAME", "")
    if not given and not _NAME.fullmatch(environment):
        return _failed(f"AZURE_ENV_NAME is {environment!r}", do="AZURE_ENV_NAME=dev python infra/register_ops.py")
    try:
        name = name_of(environment, subscription=_subscription())
        found = given or _found(name)
        if asked.revoke and not found:
            return _failed(f"nobody has a role: there is no registration {name}", do=_WHERE)
        client_id = found or made(name)
        object_id = _object_id(client_id)
        if not given:
            expose(client_id, object_id=object_id)
        code = _changed(shut(client_id, object_id=object_id), asked)
    except _OtherTenant as exc:
        return _failed(exc, do=f"az account set --subscription {os.environ['AZURE_SUBSCRIPTION_ID']}")
    except (CommandFailed, SmokeFailed, NotYet) as exc:
        return _failed(exc, do=_NEXT)
    if not given:
        _tell_azd(client_id, environment=environment)
    print(f"OPS_CLIENT_ID={client_id}")
    return code


if __name__ == "__main__":
    sys.exit(main())
