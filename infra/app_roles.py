"""The app roles of the registration in front of the app, and who has them. Asks Microsoft Graph through the Azure CLI.

A role that is given is in the next token of whom it was given to, and stays in it until that token ends, for an hour
and a bit. Knows no environment and no merchant.
"""

import json
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.azure_cli import CommandFailed
from infra.patience import patiently

GRAPH = "https://graph.microsoft.com/v1.0"
NAMESPACE = uuid.UUID("6f1d2b52-0f0e-4c1a-9a57-3d1a6f5a7c11")

CREATE, READ, REFUND, OPERATE = "Payments.Create", "Payments.Read", "Payments.Refund", "Operations"
"""As they stand in a token, and as the app asks for them."""

MEANING = {
    CREATE: ("Create payments", "Begin payments."),
    READ: ("Read payments", "See one's own payments and what happened to them."),
    REFUND: ("Refund payments", "Cancel one's own payments, and give back what they took."),
    OPERATE: ("Operate payments", "See every payment; list, replay and discard dead letters."),
}
"""What people see of a role where they give it."""

OF_A_MERCHANT = (CREATE, READ, REFUND)
OF_AN_OPERATOR = (OPERATE,)
OF_THE_CHECK = (OPERATE, CREATE, READ, REFUND)
"""What infra/smoke.py calls for; tests/infra/test_register_ops.py holds it to that."""

_ON_A_PAGE = 999
"""Grants in one answer: the most that Graph gives."""

_GROUPS = 20
"""In one question: the most that Graph takes."""


def role_id(role: str) -> str:
    """The same in every registration and at every run."""
    return str(uuid.uuid5(NAMESPACE, role))


def declare(object_id: str) -> None:
    """The registration has our roles; others that it has stay as they are. object_id: of the registration."""
    listed = _asked(f"applications/{object_id}")["appRoles"]
    there = {role["id"]: {name: each for name, each in role.items() if name != "origin"} for role in listed}
    wanted = there | {role_id(role): _role(role) for role in MEANING}
    if wanted != there:  # `origin` Graph gives, and takes from nobody
        send("patch", f"applications/{object_id}", body={"appRoles": list(wanted.values())})


def _role(role: str) -> dict[str, Any]:
    """For people as well: who runs the check of a deployment from a laptop pays, and has a token of a person."""
    name, meaning = MEANING[role]
    for_whom = {"allowedMemberTypes": ["User", "Application"], "isEnabled": True}
    return {"id": role_id(role), "value": role, "displayName": name, "description": meaning, **for_whom}


def send(method: str, path: str, *, body: dict[str, Any]) -> None:
    """Raises CommandFailed, SmokeFailed."""
    _sent(method, path, body=body, output="none")


def _sent(method: str, path: str, *, body: dict[str, Any], output: str) -> str:
    """From a file: a shell on Windows does not leave the quotes of JSON alone. By ids, because it takes the parentheses
    of `applications(appId='...')` apart as well."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "body.json"
        file.write_text(json.dumps(body))
        url = ["--url", f"{GRAPH}/{path}", "--body", f"@{file}", "--output", output]
        return patiently("rest", "--method", method, *url)


def _asked(path: str, *parameters: str) -> Any:  # noqa: ANN401 - JSON
    """parameters: NAME=VALUE each, as words of their own: what stands between them az on Windows cannot be given."""
    url = ["--url", f"{GRAPH}/{path}", *(["--url-parameters", *parameters] if parameters else []), "--output", "json"]
    return json.loads(patiently("rest", "--method", "get", *url))


def _pages(path: str) -> Iterator[dict[str, str]]:
    """What stands on all pages. Graph says by an address where to go on; of that the parameters are what is new."""
    parameters = [f"$top={_ON_A_PAGE}"]
    while parameters:
        page = _asked(path, *parameters)
        yield from page["value"]
        parameters = [f"{name}={value}" for name, value in parse_qsl(urlsplit(page.get("@odata.nextLink", "")).query)]


def in_directory(some_id: str) -> str | None:
    """The object id of who can have a role and is meant by this id; None: there is nobody.

    An application has three ids: a client id, and one as an object for its registration and for its service principal.
    The last has the roles.
    """
    asked = {"ids": [some_id]}  # answered with a list, so that nobody waits for one that is not there
    found = json.loads(_sent("post", "directoryObjects/getByIds", body=asked, output="json"))["value"]
    if found and not found[0]["@odata.type"].endswith(".application"):
        return str(found[0]["id"])
    client_id = found[0]["appId"] if found else some_id
    named = ["--filter", f"appId eq '{client_id}'", "--query", "[0].id", "--output", "tsv"]
    return patiently("ad", "sp", "list", *named) or None


@dataclass(frozen=True, slots=True)
class Assigned:
    """Who is assigned to the registration, by the service principal that it has in the tenant."""

    service_principal: str

    @property
    def _path(self) -> str:
        return f"servicePrincipals/{self.service_principal}"

    def required(self) -> None:
        """From now on Entra ID gives a token to those alone who have a role, people and applications alike."""
        send("patch", self._path, body={"appRoleAssignmentRequired": True})

    def give(self, principal: str, roles: Iterable[str]) -> list[str]:
        """The roles that it did not have yet. principal: object id of a person, a group or a service principal."""
        has = {each["appRoleId"] for each in self._held(principal)}
        new = [role for role in roles if role_id(role) not in has]
        for role in new:
            self._give(principal, role)
        return new

    def _give(self, principal: str, role: str) -> None:
        grant = {"principalId": principal, "resourceId": self.service_principal, "appRoleId": role_id(role)}
        try:
            send("post", f"{self._path}/appRoleAssignedTo", body=grant)
        except CommandFailed as exc:
            if "Permission being assigned already exists" not in str(exc):  # the list can be older than the grant
                raise

    def take_away(self, principal: str) -> int:
        """All that it has; how many roles that were."""
        held = self._held(principal)
        for each in held:
            patiently("rest", "--method", "delete", "--url", f"{GRAPH}/{self._path}/appRoleAssignedTo/{each['id']}")
        return len(held)

    def groups_of(self, principal: str) -> list[str]:
        """The groups by which it has a role, by object id. Graph counts a group within a group too, by which nobody has
        one: better that one too many is named."""
        path = f"directoryObjects/{principal}/checkMemberGroups"
        groups = sorted({each["principalId"] for each in self._every() if each["principalType"] == "Group"})
        answers = [
            _sent("post", path, body={"groupIds": some}, output="json")
            for some in batched(groups, _GROUPS, strict=False)
        ]
        return [group for answer in answers for group in json.loads(answer)["value"]]

    def _held(self, principal: str) -> list[dict[str, str]]:
        return [each for each in self._every() if each["principalId"].lower() == principal.lower()]

    def _every(self) -> list[dict[str, str]]:
        return list(_pages(f"{self._path}/appRoleAssignedTo"))
