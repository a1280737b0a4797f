"""Microsoft Graph, as far as `az rest` is asked for it: app roles of a registration, and who has been given them.

Part of the stand-in for az, so it imports little. It refuses in Graph's own words what Graph refuses. The registration
of client id X is `object-of-X`, its service principal `sp-of-X`; what begins with `group-` is a group. Whoever else is
there begins with `person-` or `sp-`. Must not know which roles there should be.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

type Json = dict[str, Any]

HOST = "https://graph.microsoft.com/v1.0/"


class Refused(Exception):
    """Answered with 400, 404: what az then says."""


def answer(directory: Json, *, method: str, url: str, body: str) -> str:
    """What az writes. Changes the directory, which is kept from one command to the next."""
    path, _, query = url.removeprefix(HOST).partition("?")
    sent = json.loads(body) if body else {}
    match [method, *path.split("/")]:
        case ["get", "applications", registration]:
            return json.dumps({"appRoles": _roles(directory, registration)})
        case ["patch", "applications", registration]:
            _declared(directory, registration, sent.get("appRoles"))
            return ""
        case ["patch", "servicePrincipals", principal]:
            directory.setdefault("required", {})[principal] = sent["appRoleAssignmentRequired"]
            return ""
        case ["get", "servicePrincipals", principal, "appRoleAssignedTo"]:
            return json.dumps(_page(_assigned(directory, principal), url=f"{HOST}{path}", query=query))
        case ["post", "servicePrincipals", principal, "appRoleAssignedTo"]:
            return _given(directory, principal, grant=sent)
        case ["delete", "servicePrincipals", principal, "appRoleAssignedTo", grant]:
            _taken(directory, principal, grant=grant)
            return ""
        case ["post", "directoryObjects", member, "checkMemberGroups"]:
            return _groups_of(directory, member.lower(), asked=sent["groupIds"])
        case ["post", "directoryObjects", "getByIds"]:
            return json.dumps({"value": [found for each in sent["ids"] for found in _there(each)]})
    raise Refused(f"Not Found: the stand-in knows no {method} {url}")


def _roles(directory: Json, registration: str) -> list[Json]:
    found: list[Json] = directory.setdefault("roles", {}).setdefault(registration, [])
    return found


def _assigned(directory: Json, principal: str) -> list[Json]:
    found: list[Json] = directory.setdefault("assigned", {}).setdefault(principal, [])
    return found


def _page(grants: list[Json], *, url: str, query: str) -> Json:
    """Where it goes on stands in an address, in which the mark of the place is escaped; to be asked for it is not."""
    asked = re.fullmatch(r"(?:\$top=(\d+))?&?(?:\$skiptoken=(\d+)=)?", query)
    if asked is None:
        raise Refused(f"Bad Request: the stand-in does not know the parameters {query}")
    most, start = min(int(asked[1] or 100), 999), int(asked[2] or 0)
    further = {"@odata.nextLink": f"{url}?$top={most}&$skiptoken={start + most}%3D"}
    return {"value": grants[start : start + most], **(further if len(grants) > start + most else {})}


def _there(some_id: str) -> list[Json]:
    """Graph itself takes GUIDs alone, and finds them however they are written."""
    found = re.match("(person|group|sp|object-of)-", some_id.lower())
    if found is None:
        return []
    kind = {"person": "user", "group": "group", "sp": "servicePrincipal", "object-of": "application"}[found[1]]
    known_by = {"appId": some_id.removeprefix("object-of-")} if kind == "application" else {}
    return [{"@odata.type": f"#microsoft.graph.{kind}", "id": some_id.lower(), **known_by}]


def _declared(directory: Json, registration: str, roles: list[Json] | None) -> None:
    if roles is None:
        return
    if any("origin" in role for role in roles):
        raise Refused("Bad Request: Property origin in payload has a value that does not match schema.")
    values = [role["value"] for role in roles]
    if len(set(values)) < len(values):
        raise Refused("Bad Request: Request contains a property with duplicate values.")
    kept = {role["id"] for role in roles}
    if [role for role in _roles(directory, registration) if role["isEnabled"] and role["id"] not in kept]:
        raise Refused("Bad Request: Permission (scope or role) cannot be deleted or updated unless disabled first.")
    directory["roles"][registration] = [{**role, "origin": "Application"} for role in roles]


def _given(directory: Json, principal: str, *, grant: Json) -> str:
    there, registration = _assigned(directory, principal), principal.replace("sp-of-", "object-of-")
    if grant["resourceId"] != principal:
        raise Refused("Bad Request: resourceId is of another service principal.")
    if grant["appRoleId"] not in {role["id"] for role in _roles(directory, registration)}:
        raise Refused("Bad Request: Permission being assigned was not found on application.")
    if any(grant.items() <= each.items() for each in there):
        raise Refused("Bad Request: Permission being assigned already exists on the object.")
    kind = "Group" if grant["principalId"].lower().startswith("group-") else "User"
    there.append({**grant, "principalType": kind, "id": f"grant-{directory.setdefault('grants', 0) + 1}"})
    directory["grants"] += 1
    return json.dumps(there[-1])


def _groups_of(directory: Json, member: str, *, asked: list[str]) -> str:
    """members: who is in each group, set by a test."""
    if len(asked) > 20:
        raise Refused("Bad Request: Number of items in groupIds exceeds the limit of 20.")
    directory.setdefault("looked_into", []).extend(asked)
    members = directory.get("members", {})
    return json.dumps({"value": [group for group in asked if member in members.get(group, [])]})


def _taken(directory: Json, principal: str, *, grant: str) -> None:
    there = _assigned(directory, principal)
    if grant not in {each["id"] for each in there}:
        raise Refused(f"Not Found: Resource '{grant}' does not exist")
    directory["assigned"][principal] = [each for each in there if each["id"] != grant]
