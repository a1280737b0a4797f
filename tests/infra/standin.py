"""Stands in for az, azd, gh, devtunnel and curl: refuses what they refuse, answers as they do, keeps the calls.

tests/infra/stage.py puts it on PATH, or asks it in the process of the test. It is started hundreds of times, so it
imports little, and of the project only what stands beside it. STAGE, in the environment, is the folder that it keeps.
commands/*.json say which commands and options there are: of az as `az COMMAND --help` of azure-cli 2.91.0 lists them,
of the others as their source and documentation do.
"""

from __future__ import annotations

import json
import os
import re
import sys
from functools import cache
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:  # what `typing` calls so, without its five milliseconds
    from collections.abc import Callable
    from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

APP = "func-abc"

type Options = dict[str, list[str]]
type Answer = tuple[int, str, str]
"""Exit code, standard output, standard error."""


class Refused(Exception):
    """A command that the tool does not do. said: what it writes on standard output all the same."""

    def __init__(self, words: str, *, code: int, said: str) -> None:
        super().__init__(words)
        self.code, self.said = code, said


def stage() -> Path:
    return Path(os.environ["STAGE"])


def state() -> dict[str, Any]:
    path = stage() / "state.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def keep(**changes: Any) -> None:
    (stage() / "state.json").write_text(json.dumps(state() | changes))


def refuse(words: str, *, code: int = 2, said: str = "") -> NoReturn:
    raise Refused(words, code=code, said=said)


@cache
def commands(tool: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "commands" / f"{tool}.json").read_text())
    return found


def parsed(tool: str, words: list[str]) -> tuple[str, list[str], Options]:
    """The command, what stands behind it without a dash, and the options. Refuses what the tool does not know."""
    known = commands(tool)
    lengths = [count for count in range(len(words), -1, -1) if " ".join(words[:count]) in known]
    if not lengths:
        refuse(f"'{' '.join(words[:4])}' is misspelled or not recognized by the system.")
    command = " ".join(words[: lengths[0]])
    plain, options, last = list[str](), dict[str, list[str]](), ""
    for word in words[lengths[0] :]:
        if re.match(r"--?[A-Za-z]", word):
            last, _, value = word.partition("=")
            options[last] = [value] if value else []
        elif last and (not options[last] or tool == "az") and last not in known[command].get("flags", ()):
            options[last].append(word)
        else:
            plain.append(word)
    checked(command, known[command], plain=plain, options=options)
    return command, plain, options


def checked(command: str, known: dict[str, Any], *, plain: list[str], options: Options) -> None:
    if unknown := [name for name in options if name not in known["options"]]:
        refuse(f"{command}: unrecognized arguments: {' '.join(unknown)}")
    if missing := [names for names in known.get("required", ()) if not options.keys() & set(names)]:
        refuse(f"{command}: the following arguments are required: {', '.join('/'.join(names) for names in missing)}")
    if len(plain) != known.get("plain", 0):
        refuse(f"{command}: unrecognized arguments: {' '.join(plain) or 'none, and some are needed'}")


def first(options: Options, *names: str) -> str:
    return next((" ".join(options[name]) for name in names if name in options), "")


def bus() -> dict[str, dict[str, str]]:
    """The rule of each subscription, by topic: the declared ones, and what a test has put beside them."""
    declared = json.loads((ROOT / "infra" / "topology.json").read_text())["serviceBus"]
    there = {
        topic["name"]: {each["name"]: each["rule"] for each in topic["subscriptions"]} for topic in declared["topics"]
    }
    for each in declared["externalSubscriptions"]:
        there[each["topic"]][each["name"]] = "sys.To IS NULL"
    for topic, more in state().get("beside", {}).items():
        there[topic] = there.get(topic, {}) | more
    return there


def topics(_options: Options) -> str:
    return json.dumps([{"name": name} for name in bus()])


def subscriptions(options: Options) -> str:
    return json.dumps([{"name": name} for name in bus()[first(options, "--topic-name")]])


def rules(options: Options) -> str:
    expression = bus()[first(options, "--topic-name")][first(options, "--subscription-name")]
    return json.dumps([{"name": "$Default", "sqlFilter": {"sqlExpression": expression}}])


def functions(_options: Options) -> str:
    names = json.loads((ROOT / "infra" / "functions.json").read_text())
    return json.dumps([{"name": f"{APP}/{name}", "isDisabled": False, "config": {}} for name in names])


def apps(options: Options) -> str:
    """As Microsoft Graph filters. By display name az itself asks for what begins so."""
    made: dict[str, str] = state().get("apps", {})
    named, asked = first(options, "--display-name"), first(options, "--filter")
    if named:
        found = [name for name in made if name.startswith(named)]
    elif match := re.fullmatch(r"displayName eq '(.+)'", asked):
        found = [name for name in made if name == match[1]]
    else:
        found = list(made)
    return "\n".join(made[name] for name in found[:1]) if first(options, "--query") == "[0].appId" else ""


def create_app(options: Options) -> str:
    made: dict[str, str] = state().get("apps", {})
    made[first(options, "--display-name")] = f"app-{len(made) + 1}"
    keep(apps=made)
    return f"app-{len(made)}"


def principals(options: Options) -> str:
    match = re.fullmatch(r"appId eq '(.+)'", first(options, "--filter"))
    return f"sp-of-{match[1]}" if match and match[1] in state().get("principals", []) else ""


def create_principal(options: Options) -> str:
    keep(principals=[*state().get("principals", []), first(options, "--id")])
    return ""


def principal(options: Options) -> str:
    """required: by client id, whether it gives tokens to the assigned alone, where a test says so."""
    client_id = first(options, "--id")
    if first(options, "--query") == "appRoleAssignmentRequired":
        return str(state().get("required", {}).get(client_id, True)).lower()
    return f"sp-of-{client_id}"


def token(options: Options) -> str:
    """After a sign-in with GitHub's word, new audiences are served until time has passed. The first one is known: the
    sign-in itself has asked for it. What takes time here is any other command."""
    audience = first(options, "--resource") or "management"
    served: list[str] = state().get("served", ["management"])
    if state().get("signed_in_with") == "a word that is over" and audience not in served:
        refuse("AADSTS700024: Client assertion is not within its valid time range.", code=1)
    keep(served=[*served, audience])
    return f"token-of-{audience}"


def account(options: Options) -> str:
    """tenants: by subscription; of the default one under its name. An id may be asked for by a name."""
    tenants: dict[str, str] = state().get("tenants", {})
    default = "00000000-0000-0000-0000-00000000000a"
    named = first(options, "--subscription")
    if first(options, "--query") == "tenantId":
        return tenants.get(named or "default", default)
    if first(options, "--query").startswith("user."):
        signed_in = state().get("signed_in", {"type": "user", "name": "person@example.org"})
        return str(signed_in[first(options, "--query").removeprefix("user.")])
    return f"id-of-{named.replace(' ', '-')}" if named else default


def credential(options: Options) -> str:
    """What Entra ID will trust, by app."""
    known = json.loads(first(options, "--parameters"))
    keep(trusted={**state().get("trusted", {}), first(options, "--id"): known["subject"]})
    return ""


def deployed(options: Options) -> str:
    if first(options, "--query") == "properties.provisioningState":
        return str(state().get("provisioning", "Succeeded"))
    return json.dumps(state().get("outputs", {}))


def keys(options: Options) -> str:
    found = {"functionKeys.default": "function-key", "functionKeys.shop1": "key-of-shop-1"}
    return found[first(options, "--query")]


def show(_options: Options) -> str:
    """Of a Flex app az gives what Azure Resource Manager answers; of others a form of its own, without `properties`."""
    hosts = [("Standard", "func-abc.azurewebsites.net"), ("Repository", state().get("scm", ""))]
    return json.dumps({"properties": {"hostNameSslStates": [{"hostType": kind, "name": name} for kind, name in hosts]}})


def rights(kind: str) -> str:
    held: dict[str, list[dict[str, str]]] = state().get("rights", {})
    return json.dumps([right for of, given in held.items() if of.startswith(kind) for right in given])


def accounts(options: Options) -> str:
    return "cosmos-abc" if first(options, "--query") == "[0].name" else json.dumps([{"name": "cosmos-abc"}])


def rest(options: Options) -> str:
    """Microsoft Graph has a stand-in of its own; what Azure Resource Manager is asked for is done."""
    url = first(options, "--url", "--uri", "-u")
    if not url.startswith("https://graph.microsoft.com/v1.0/") or "/users/" in url:
        return ""
    from tests.infra import played_graph  # most calls need none

    directory = state().get("directory", {})
    if parameters := options.get("--url-parameters", options.get("--uri-parameters")):
        url += f"?{'&'.join(parameters)}"
    method, body = first(options, "--method", "-m"), content(first(options, "--body", "-b"))
    try:
        said = str(played_graph.answer(directory, method=method, url=url, body=body))
    except played_graph.Refused as refused:
        refuse(str(refused), code=1)
    keep(directory=directory)
    return said


AZ: dict[str, Callable[[Options], str]] = {
    "account get-access-token": token,
    "account show": account,
    "ad app create": create_app,
    "ad app federated-credential create": credential,
    "ad app list": apps,
    "ad app show": lambda options: f"object-of-{first(options, '--id')}",
    "ad signed-in-user show": lambda _: "person-1",
    "ad sp create": create_principal,
    "ad sp list": principals,
    "ad sp show": principal,
    "cosmosdb list": accounts,
    "cosmosdb sql role assignment list": lambda _: rights("Microsoft.DocumentDB/"),
    "deployment sub show": deployed,
    "functionapp config appsettings list": lambda _: str(state().get("api_auth", "key")),
    "functionapp function list": functions,
    "functionapp keys list": keys,
    "functionapp show": show,
    "identity list": lambda _: json.dumps([state().get("identity", {})]),
    "rest": rest,
    "keyvault show": lambda _: "/subscriptions/a/vaults/kv-abc",
    "role assignment list": lambda _: rights("Microsoft.Authorization/"),
    "servicebus namespace show": lambda _: "Enabled",
    "servicebus topic list": topics,
    "servicebus topic subscription list": subscriptions,
    "servicebus topic subscription rule list": rules,
}


def az(words: list[str]) -> str:
    command, _, options = parsed("az", words)
    if command != "account get-access-token" and state().get("signed_in_with") == "GitHub's word":
        keep(signed_in_with="a word that is over")
    return answer(options) if (answer := AZ.get(command)) else ""


def azd(words: list[str]) -> str:
    """Its environment: what was set, and the outputs in their right case."""
    command, plain, _ = parsed("azd", words)
    values: dict[str, str] = state().get("azd", {})
    if command == "up":
        keep(azd={**values, **state().get("provisioned", {})})
    if command == "env set":
        keep(azd={**values, plain[0]: plain[1]})
    if command == "env get-value" and plain[0] not in values:
        refuse(f"key '{plain[0]}' not found in the environment values", code=1)
    return values[plain[0]] if command == "env get-value" else ""


def gh(words: list[str]) -> str:
    """Its variables, by environment; none: the repository's own."""
    command, plain, options = parsed("gh", words)
    values: dict[str, str] = state().get("gh", {})
    if command == "variable set":
        name = f"{first(options, '--env')}/{plain[0]}"
        keep(gh={**values, name: first(options, "--body")})
    if command == "variable get":
        name = f"{first(options, '--env')}/{plain[0]}"
        if name not in values:
            refuse(f"variable {plain[0]} was not found", code=1)
        return values[name]
    return github(plain[0], options) if command == "api" else ""


def github(path: str, options: Options) -> str:
    """What its API answers, as far as `--jq` asks for it. Of a refusal gh writes the body on standard output."""
    github: dict[str, Any] = {"prefix": "repo:Owner@11/Name@22", "repository": "Owner/Name"} | state().get("github", {})
    kind, _, rest = path.partition("/")
    what = "/".join(rest.split("/")[2:]) or kind
    if what == "actions/oidc/customization/sub":
        if github["prefix"] is None:
            refuse("gh: Not Found (HTTP 404)", code=1, said='{"message": "Not Found"}')
        return str(github["prefix"])
    if re.fullmatch(r"environments/[\w-]+", what) and "--method" not in options:
        return "\n".join(github.get("protected_by", []))
    return {"repos": str(github["repository"]), "users": "7"}.get(what, "")


def other(tool: str, words: list[str]) -> str:
    parsed(tool, words)
    return ""


TOOLS: dict[str, Callable[[list[str]], str]] = {"az": az, "azd": azd, "gh": gh}


def queued(tool: str, words: list[str]) -> Answer | None:
    """What a test has put in the way: answers for the next calls that begin so."""
    waiting: dict[str, list[Answer]] = state().get("queue", {})
    asked = f"{tool} {' '.join(words)}"
    for start, answers in waiting.items():
        if asked.startswith(start) and answers:
            answer, rest = answers[0], answers[1:]
            keep(queue={**waiting, start: rest})
            return answer
    return None


def content(word: str) -> str:
    """Of the file that is named instead of a text: it may be gone when a test looks."""
    return Path(word[1:]).read_text() if word.startswith("@") else word


def answered(tool: str, words: list[str]) -> Answer:
    """Keeps the call, and gives what the tool would."""
    with (stage() / "calls").open("a") as calls:
        calls.write(json.dumps([tool, *map(content, words)]) + "\n")
    try:
        said = TOOLS[tool](words) if tool in TOOLS else other(tool, words)
    except Refused as refused:
        return refused.code, line(refused.said), line(f"ERROR: {refused}")
    code, said, complained = queued(tool, words) or (0, said, "")
    return code, line(said), complained


def line(text: str) -> str:
    return f"{text}\n" if text else ""


def main() -> int:
    tool, *words = sys.argv[1:]
    code, said, complained = answered(tool, words)
    print(said, end="")
    print(complained, end="", file=sys.stderr)
    return code
