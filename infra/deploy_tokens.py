"""Who calls the app for the check of a deployment: tokens, and whether others have any.

Knows no step and no resource.
"""

import re
from collections.abc import Callable

from infra.azure_cli import CommandFailed, az
from infra.deploy_options import Stopped
from infra.smoke_http import NotYet

NOT_ASSIGNED = re.compile(r"AADSTS(50105|501051)\b")
"""A person, an application: not assigned to a registration that gives tokens to the assigned alone."""

ASSIGN = (
    "have it given its roles: `OPS_CLIENT_ID=ID python infra/register_ops.py --smoke OBJECT_ID` (docs/deploy.md). Then "
    "run this again: a token that the Azure CLI keeps lacks a new role for up to an hour, `az login` gets another"
)


class Tokens:
    """One for each audience, asked for once. secret: asks the Azure CLI, waits for what may pass, and tells GitHub."""

    def __init__(self, secret: Callable[..., str]) -> None:
        self._secret = secret
        self._held = dict[str, str]()

    def of(self, audience: str) -> str:
        """Raises Stopped where Entra ID gives none for want of a role."""
        if audience not in self._held:
            asked = ["account", "get-access-token", "--resource", audience, "--query", "accessToken"]
            try:
                self._held[audience] = self._secret(*asked)
            except CommandFailed as exc:
                if NOT_ASSIGNED.search(str(exc)):
                    raise Stopped(f"Entra ID gives no token for {audience}: {exc}", do=ASSIGN) from exc
                raise
        return self._held[audience]


def assigned_alone(client_id: str) -> str:
    """Nobody has a token for the app who has no role. Not everybody may ask: GitHub's identity may not.

    Raises Stopped where whoever is in the tenant has one.
    """
    asked = ["ad", "sp", "show", "--id", client_id, "--query", "appRoleAssignmentRequired", "--output", "tsv"]
    try:
        required = az(*asked)
    except (CommandFailed, NotYet) as exc:
        return f"not looked at: {exc}"
    if required.lower() != "true":
        raise Stopped(f"whoever is in the tenant has a token for {client_id}", do=ASSIGN)
    return "who has no role has no token"
