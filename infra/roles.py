"""Compares who may do what at the resources of an environment with what a committed snapshot declares.

A deployment gives rights and takes none away: a role that infra/ no longer declares stays, and with it what a narrower
one was to forbid. `python infra/roles.py --snapshot dev --resource-group GROUP` names what was left behind of the app's
and ends with 1; with `--delete` it deletes that. What others hold there it tells, and never deletes. Uses your Azure
CLI sign-in and asks no directory. Imports nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # it is run as a file, from anywhere

from infra.azure_cli import CommandFailed, az, az_json
from infra.deploy_options import Stopped
from infra.smoke_http import SmokeFailed, eventually

SNAPSHOTS = Path(__file__).resolve().parent / "snapshots"

AZURE_ROLES, COSMOS_ROLES = (
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
)
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"

AGAIN = "if it says 403, a role is missing or still spreads: run this again in ten minutes; if not, mend what it names"
MEND = "`--delete` deletes what was left behind, once nothing is missing; what is missing comes with a deployment"
DEPLOY = "deploy infra/main.bicep again, then run this again"
EVALUATE = "set the same switches in its parameter file, `python infra/snapshots.py --write`, then run this again"

_SCOPE_OF_AN_EXTENSION = re.compile(r"^\[extensionResourceId\('([^']+)'|^(.+)/providers/Microsoft\.Authorization/")


@dataclass(frozen=True, order=True)
class Right:
    """A role, and the scope at which it is held."""

    role: str
    scope: str


@dataclass(frozen=True)
class Held:
    """A right as Azure has it: who holds it, and how it is deleted."""

    holder: str
    right: Right
    deleting: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.right.role} on {self.right.scope}"


@dataclass(frozen=True)
class Place:
    """An environment, known by the identity of its app: all names in it end with the same hash.

    switches: those of its deployment that decide which rights the app has, as main.bicep writes them into a tag.
    """

    identity: str
    switches: str

    @property
    def group(self) -> str:
        return self.identity.partition("/providers/")[0].lower()

    @property
    def token(self) -> str:
        return self.identity.rpartition("/id-")[2].lower()

    def of(self, scope: str, *, elsewhere: "Place") -> str:
        """What the scope would be here that it is in another environment."""
        return scope.lower().replace(elsewhere.group, self.group).replace(elsewhere.token, self.token)


@dataclass(frozen=True)
class Found:
    """The rights at a place, by whose they are. groups: what the app has because it is in them."""

    app: list[Held]
    groups: list[Held]
    others: list[Held]


def place(identity: dict[str, Any]) -> Place:
    return Place(identity["id"], (identity.get("tags") or {}).get("rights", ""))


def drawn(snapshot: dict[str, Any]) -> Place:
    """Where the rights of a snapshot are."""
    (identity,) = [each for each in snapshot["predictedResources"] if each["type"] == IDENTITY]
    return place(identity)


def declarations(snapshot: dict[str, Any]) -> Iterable[tuple[str, Right]]:
    """Whoever gets a right in a snapshot, and the right. The holder as it stands there: an id, or a formula."""
    for resource in snapshot["predictedResources"]:
        properties = resource.get("properties", {})
        if resource["type"] == AZURE_ROLES:
            found = _SCOPE_OF_AN_EXTENSION.match(resource["id"])
            scope = (found[1] or found[2]) if found else resource["id"]
        elif resource["type"] == COSMOS_ROLES:
            scope = properties["scope"]
        else:
            continue
        yield properties["principalId"], Right(_role(properties), scope)


def declared(snapshot: dict[str, Any], *, at: Place, of_the_app: bool = True) -> set[Right]:
    """The rights that somebody is to have at a place, by a snapshot: the app, or whoever else."""
    return {
        Right(right.role, at.of(right.scope, elsewhere=drawn(snapshot)))
        for holder, right in declarations(snapshot)
        if (IDENTITY in holder) == of_the_app
    }


@dataclass(frozen=True)
class Azure:
    """What a resource group is asked. Waits for what may pass, up to limit_s. Raises CommandFailed, SmokeFailed."""

    group: str
    limit_s: float
    pause_s: float

    def identity(self) -> dict[str, Any]:
        """The one of the app."""
        identities: list[dict[str, Any]] = self._json("identity", "list", "--resource-group", self.group)
        if len(identities) != 1:
            raise CommandFailed(f"{self.group} has {len(identities)} identities and not one: is it the app's group?")
        return identities[0]

    def held(self, principal: str, *, within: str) -> Found:
        """The app's rights anywhere in the subscription; those of others within the group."""
        listed = ("role", "assignment", "list", "--all", "--fill-principal-name", "false")
        own = [_of_azure(each) for each in self._json(*listed, "--assignee-object-id", principal, "--include-groups")]
        everybody = [*map(_of_azure, self._json(*listed)), *self._of_cosmos()]
        own += [each for each in everybody if each.holder == principal and each not in own]
        return Found(
            app=[each for each in own if each.holder == principal],
            groups=[each for each in own if each.holder != principal],
            others=[each for each in everybody if each not in own and f"{each.right.scope}/".startswith(f"{within}/")],
        )

    def delete(self, right: Held) -> None:
        self._patiently(lambda: az(*right.deleting), what="the deletion")

    def _of_cosmos(self) -> Iterator[Held]:
        for account in self._json("cosmosdb", "list", "--resource-group", self.group):
            where = ("--account-name", account["name"], "--resource-group", self.group)
            delete = ("cosmosdb", "sql", "role", "assignment", "delete", *where, "--yes", "--role-assignment-id")
            for each in self._json("cosmosdb", "sql", "role", "assignment", "list", *where):
                yield _held(each, deleting=(*delete, each["id"].rsplit("/", 1)[-1]))

    def _json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        return self._patiently(lambda: az_json(*words), what=f"az {' '.join(words[:3])}")

    def _patiently[T](self, ask: Callable[[], T], *, what: str) -> T:
        return eventually(ask, what=what, limit_s=self.limit_s, pause_s=self.pause_s)


def _of_azure(assignment: dict[str, Any]) -> Held:
    return _held(assignment, deleting=("role", "assignment", "delete", "--ids", assignment["id"]))


def _held(assignment: dict[str, Any], *, deleting: tuple[str, ...]) -> Held:
    scope = assignment["scope"].rstrip("/").lower() or "/"
    return Held(assignment["principalId"].lower(), Right(_role(assignment), scope), deleting)


def _role(assignment: dict[str, Any]) -> str:
    return str(assignment["roleDefinitionId"]).rsplit("/", 1)[-1].lower()


def same_switches(here: Place, snapshot: dict[str, Any], *, name: str) -> None:
    """A snapshot of other switches declares other rights. Raises Stopped."""
    there = drawn(snapshot)
    if here.switches == there.switches:
        return
    if not here.switches:
        raise Stopped("the app's identity has no tag `rights`: an older main.bicep was deployed", do=DEPLOY)
    fitting = [path.stem for path in sorted(SNAPSHOTS.glob("*.json")) if _switches(path) == here.switches]
    raise Stopped(
        f"deployed with {here.switches}; the snapshot {name} is of {there.switches}: nothing was compared or deleted",
        do=f"run this with --snapshot {fitting[0]}, whose rights are the same" if fitting else EVALUATE,
    )


def _switches(path: Path) -> str | None:
    snapshot = json.loads(path.read_text())
    return drawn(snapshot).switches if "predictedResources" in snapshot else None


def compare(name: str, azure: Azure, *, delete: bool) -> list[str]:
    """What is wrong, one line each. Raises CommandFailed, Stopped, SmokeFailed.

    With `delete`, what was left behind is deleted and not wrong; not before all is there that the app needs instead.
    """
    snapshot, identity = json.loads((SNAPSHOTS / f"{name}.json").read_text()), azure.identity()
    here = place(identity)
    same_switches(here, snapshot, name=name)
    found, wanted = azure.held(identity["principalId"].lower(), within=here.group), declared(snapshot, at=here)
    missing = sorted(wanted - {each.right for each in found.app})
    faults = [f"missing: {right.role} on {right.scope}" for right in missing]
    faults += [f"through the group {each.holder}: {each}: take the app out of that group" for each in found.groups]
    for each in found.app:
        if each.right not in wanted and delete and not missing:
            azure.delete(each)
            print(f"deleted  {each}")
        elif each.right not in wanted:
            faults.append(f"left behind: {each}: az {' '.join(each.deleting)}")
    tell(found.others, declared(snapshot, at=here, of_the_app=False))
    return faults


def tell(others: list[Held], declared_for_others: set[Right]) -> None:
    """Who else may do something here. Whoever gave these rights knows why, so none of them is a fault."""
    smoke = os.environ.get("SMOKE_PRINCIPAL_ID", "").strip().lower()
    for each in others:
        is_declared = each.right in declared_for_others
        if not (is_declared and each.holder == smoke):
            why = "declared for SMOKE_PRINCIPAL_ID, which is another" if is_declared else "not declared"
            print(f"NOTE     {each.holder} has {each} ({why}). If nobody needs it: az {' '.join(each.deleting)}")


def failed(*said: str, do: str, code: int) -> int:
    """On standard error there are faults and nothing else: a rollback looks at the kinds of them."""
    print("\n".join(f"FAILED  {line}" for line in said), file=sys.stderr, flush=True)
    print(f"NEXT    {do}")
    return code


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python infra/roles.py", description="Has the app the rights it should?")
    parser.add_argument("--snapshot", required=True, help="dev or prod: infra/snapshots/NAME.json")
    parser.add_argument("--resource-group", required=True)
    parser.add_argument("--delete", action="store_true", help="delete what was left behind of the app's")
    parser.add_argument("--limit-s", type=float, default=900.0, help="for whatever may pass by itself")
    parser.add_argument("--pause-s", type=float, default=5.0)
    options = parser.parse_args(arguments)
    azure = Azure(options.resource_group, options.limit_s, options.pause_s)
    try:
        faults = compare(options.snapshot, azure, delete=options.delete)
    except FileNotFoundError as fault:
        parser.error(f"no snapshot {options.snapshot}: {fault}")
    except Stopped as fault:
        return failed(str(fault), do=fault.do, code=1)
    except (CommandFailed, SmokeFailed) as fault:
        return failed(str(fault), do=AGAIN, code=2)
    if faults:
        return failed(*faults, do=MEND, code=1)
    print(f"the app's identity has the rights that {options.snapshot} declares, and no others")
    return 0


if __name__ == "__main__":
    sys.exit(main())
