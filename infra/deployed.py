"""A deployment and what can be asked of it: where it is, to take the package, and whether it works.

Each step returns what it found, in one line, or raises. Knows no command line.
"""
# ruff: noqa: T201 - masking a secret is a printed line

import json
import os
import sys
import zipfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from infra import rules, smoke
from infra.azure_cli import CommandFailed, az, az_json
from infra.deploy_options import Options, Place, Stopped
from infra.deploy_tokens import ASSIGN, Tokens, assigned_alone
from infra.outputs import values
from infra.package import built_from
from infra.publish import Site, publish
from infra.smoke_http import NotYet, SmokeFailed
from infra.smoke_options import Options as SmokeOptions
from infra.smoke_tokens import SAID_SO, given, methods, to_be_set

DECLARED = Path(__file__).resolve().parent / "functions.json"
"""The functions of function_app.py; tests/infra/test_deploy.py holds the two together."""

OUTPUTS = ["AZURE_RESOURCE_GROUP", "AZURE_FUNCTION_APP_NAME", "SERVICE_APP_URL", "SERVICEBUS_NAMESPACE"]
WEB_API = "2024-11-01"
SCM = "https://{}"
PAYMENT_LIMIT_S = 120.0
"""For each wait of the smoke test, however little is left of the run's own limit: what has taken money has to end."""

TEXT = ("--output", "tsv")
ENDED = frozenset({"Succeeded", "Failed", "Canceled"})
"""How a deployment of Azure Resource Manager ends; of all other states it leaves by itself."""

BUS = "https://servicebus.azure.net/"
"""The audience that the SDK asks for, with its slash: it writes https://servicebus.azure.net//.default."""

SET_IT = (
    "set it with `azd env set NAME value`, or as a variable of the GitHub environment; then run this again. "
    f"Where the provider is the local one: {SAID_SO} = true, in place of its tokens"
)
BUILD_IT = "build it from this commit with `python infra/package.py --with-dependencies`"
PROVISION = (
    "see whether the deployment of infra/main.bicep ended well; deploy it again: `azd provision --no-state`, "
    "or re-run the job"
)
ENABLE = "start the app again, or remove the app settings AzureWebJobs.NAME.Disabled; then run this again"
LOOK = (
    "see the lines above; docs/operations.md says what each component does. 403 role_missing: "
    f"{ASSIGN}. 403 caller_unknown: merchantKeys lacks the host's default key, with which this pays (docs/deploy.md)"
)
CANCEL = "wait for it, or `az deployment sub cancel --name NAME`; then run this again"
LEFT_OVER = (
    "what nobody reads fills its topic: `az servicebus topic subscription delete`. If another component reads it, give "
    "it the rule of docs/events.md"
)


class Deployed:
    """The steps."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._tokens = Tokens(self._secret)

    def steps(self, command: str) -> dict[str, Callable[[], str]]:
        """Of one command, by name, in the order in which they make sense."""
        known = {"package": self.package, "outputs": self.outputs}
        checks = {"build": self.build, "triggers": self.triggers, "functions": self.functions, "rules": self.rules}
        return {
            "needs": {"needs": self.needs},
            "idle": {"idle": self.idle},
            "code": {"needs": self.needs, **known, "code": self.code},
            "check": {
                "needs": self.needs,
                "tokens": self.tokens,
                "assigned": self.assigned,
                **known,
                "sync": self.sync,
                **checks,
            }
            | {"works": self.works},
        }[command]

    def needs(self) -> str:
        """What only a person can say. No token of the local provider stands in for one of another."""
        needed = ["AZURE_ENV_NAME", "OPS_CLIENT_ID"]
        needed += ["SMOKE_PRINCIPAL_ID"] if os.environ.get("GITHUB_ACTIONS") else []
        needed += to_be_set()
        if missing := [name for name in needed if not given(name)]:
            raise Stopped(f"not set: {', '.join(missing)}", do=SET_IT)
        return f"set: {', '.join(needed)}"

    def idle(self) -> str:
        """Waits for a deployment that a run has left behind which was cut off: Azure refuses a second of its name."""
        name = self._options.deployment
        try:
            return self._options.patiently(lambda: self._at_rest(str(name)), what=f"the end of deployment {name}")
        except SmokeFailed as exc:
            raise Stopped(str(exc), do=CANCEL) from exc

    def _at_rest(self, name: str) -> str:
        try:
            state = az("deployment", "sub", "show", "--name", name, "--query", "properties.provisioningState", *TEXT)
        except CommandFailed as exc:
            if "DeploymentNotFound" in str(exc):
                return f"{name} was never deployed"
            raise
        if state not in ENDED:
            raise NotYet(f"it is {state}")
        return f"{name} has ended: {state}"

    def tokens(self) -> str:
        """For every audience, before anything takes time.

        GitHub's word for who it is holds for five minutes from the sign-in, and the Azure CLI shows it once more for
        each new audience (AADSTS700024). A token that it gives then holds for an hour.
        """
        audiences = [self._ops, BUS] if given("SMOKE_PRINCIPAL_ID") else [self._ops]
        return f"for {', '.join(each for each in audiences if self._tokens.of(each))}"

    def assigned(self) -> str:
        """Nobody has a token who has no role."""
        return assigned_alone(given("OPS_CLIENT_ID"))

    @property
    def _ops(self) -> str:
        return f"api://{given('OPS_CLIENT_ID')}"

    def package(self) -> str:
        """It is of this commit: the functions, rules and checks that it is held to are those of this checkout."""
        build, wanted = self._build, self._options.build_id
        if wanted and build != wanted:
            raise Stopped(f"{self._options.package} is of build {build} and not {wanted}", do=BUILD_IT)
        return f"{self._options.package} is of build {build}"

    @cached_property
    def _build(self) -> str:
        try:
            return built_from(self._options.package)
        except (OSError, zipfile.BadZipFile, KeyError) as exc:
            raise Stopped(f"{self._options.package} is no package: {exc}", do=BUILD_IT) from exc

    def outputs(self) -> str:
        return f"{self.place.app} in {self.place.group}, {self.place.url}, bus {self.place.namespace}"

    @cached_property
    def place(self) -> Place:
        """From Azure, or from the environment, where azd and the workflow put it. In whatever case."""
        found, faults = values(self._outputs(), OUTPUTS)
        if faults:
            raise Stopped("; ".join(faults), do=PROVISION)
        return Place(*(found[name] for name in OUTPUTS))

    def _outputs(self) -> str:
        name = self._options.deployment
        if name is None:
            return json.dumps({name: {"value": value} for name, value in os.environ.items() if name.upper() in OUTPUTS})
        asked = ["deployment", "sub", "show", "--name", name, "--query", "properties.outputs", "--output", "json"]
        return self._options.patiently(lambda: az(*asked), what="the outputs")

    def code(self) -> str:
        """Uploads the package as it is."""
        scm = self._options.patiently(self._deployment_site, what="the deployment site")
        token = ["account", "get-access-token", "--query", "accessToken", "--output", "tsv"]
        left_s, pause_s = (lambda: self._options.left_s), self._options.pause_s
        site = Site(SCM.format(scm), token=lambda: az(*token), left_s=left_s, pause_s=pause_s)
        return f"deployment {publish(self._options.package.read_bytes(), site=site)}"

    def _deployment_site(self) -> str:
        """Its name cannot be derived from the app's. Of a Flex app the Azure CLI shows what Azure answers, as it is."""
        shown = az_json("functionapp", "show", *self.place.site) or {}
        states = shown.get("properties", shown).get("hostNameSslStates") or []
        hosts = [str(each["name"]) for each in states if each.get("hostType") == "Repository"]
        if not hosts:
            raise NotYet(f"{self.place.app} has no deployment site")
        return hosts[0]

    def build(self) -> str:
        """Waits until what answers is what was packed, and store and bus answer it."""
        checks = smoke.Smoke(self._smoke())
        return f"{checks.live()}, {checks.ready()}"

    def sync(self) -> str:
        """Before the app is waited for: a site whose triggers nobody has read may not start at all. One try, because an
        app that is down can refuse it, and then the wait for the build says why."""
        try:
            return self._synced()
        except NotYet as seen:
            return f"not yet; once more when it answers: {seen}"

    def triggers(self) -> str:
        """Tells the platform what wakes the app: it does not always notice a deployment by itself."""
        return self._options.patiently(self._synced, what="the sync of triggers")

    def _synced(self) -> str:
        path = f"/resourceGroups/{self.place.group}/providers/Microsoft.Web/sites/{self.place.app}/host/default/sync"
        az("rest", "--method", "post", "--url", f"/subscriptions/{{subscriptionId}}{path}?api-version={WEB_API}")
        return "the platform has read them"

    def functions(self) -> str:
        """Those that the platform knows are those that are declared, and none is switched off."""
        declared = set(json.loads(DECLARED.read_text()))
        off = self._options.patiently(lambda: self._listed(declared), what="the functions")
        if off:
            raise Stopped(f"switched off: {', '.join(off)}", do=ENABLE)
        return f"{len(declared)}, each by its name"

    def _listed(self, declared: set[str]) -> list[str]:
        """Those that are switched off. Raises NotYet while the names are others: the list comes after the start."""
        listed = az_json("functionapp", "function", "list", *self.place.site) or []
        names = {str(each["name"]).rpartition("/")[2]: bool(each.get("isDisabled")) for each in listed}
        if missing := sorted(declared - names.keys()):
            raise NotYet(f"{len(names)} functions; missing: {', '.join(missing)}")
        if others := sorted(names.keys() - declared):
            raise NotYet(f"{len(names)} functions; not declared: {', '.join(others)}")
        return sorted(name for name, is_off in names.items() if is_off)

    def rules(self) -> str:
        """Every subscription has its one rule, and none is there that nobody reads."""
        where = {"resource_group": self.place.group, "namespace": self.place.namespace}
        found = rules.compared(json.loads(rules.TOPOLOGY.read_text()), **where, ask=self._asked_json)
        for line in [*found.as_declared, *found.theirs]:
            print(line)
        if found.faults:
            raise Stopped("; ".join(found.faults), do=PROVISION)
        if found.left_over and not self._options.back:
            raise Stopped("; ".join(found.left_over), do=LEFT_OVER)
        for line in found.left_over:
            print(f"WARNING {line}. Until the newer release is back it only collects: see that its topic does not fill")
        return "those of infra/topology.json"

    def works(self) -> str:
        """The smoke test, with what it needs to call the app and, where it can, the bus."""
        closed = self._why_no_bus()
        known_by = ["--query", "[?name=='API_AUTH'].value"]
        api_auth = self._asked("functionapp", "config", "appsettings", "list", *self.place.site, *known_by)
        key = self._secret("functionapp", "keys", "list", *self.place.site, "--query", "functionKeys.default")
        bus = (
            {}
            if closed
            else {"bus": f"{self.place.namespace}.servicebus.windows.net", "bus_token": self._tokens.of(BUS)}
        )
        if smoke.run(self._smoke(api_auth=api_auth, key=key, bearer=self._tokens.of(self._ops), **bus)):
            raise Stopped("the smoke test failed", do=LOOK)
        return f"all but the broker's own dead letter, not tried: {closed}" if closed else "every step"

    def _smoke(self, *, api_auth: str = "key", **more: str | None) -> SmokeOptions:
        tokens = methods()
        return SmokeOptions(
            url=self.place.url,
            api_auth=api_auth,
            expect_build=self._build,
            payment_method=tokens.payment,
            parking_method=tokens.parking,
            voiding_method=tokens.voiding,
            notification_url=given("SMOKE_NOTIFICATION_URL") or None,
            start_limit_s=self._options.left_s,
            limit_s=PAYMENT_LIMIT_S,
            until=self._options.until,
            **more,
        )

    def _why_no_bus(self) -> str | None:
        """None where the bus can be reached from here."""
        if not given("SMOKE_PRINCIPAL_ID"):
            return "SMOKE_PRINCIPAL_ID is not set, so nobody may send"
        asked = ["--resource-group", self.place.group, "--name", self.place.namespace, "--query", "publicNetworkAccess"]
        access = self._asked("servicebus", "namespace", "show", *asked)
        return "the bus is closed to public networks" if access.lower() == "disabled" else None

    def _asked(self, *words: str) -> str:
        what = f"az {' '.join(words[:3])}"
        found = self._options.patiently(lambda: az(*words, *TEXT), what=what)
        if not found:
            raise Stopped(f"az {' '.join(words)}: gave nothing", do=PROVISION)
        return found

    def _asked_json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        return self._options.patiently(lambda: az_json(*words), what=f"az {' '.join(words)}")

    def _secret(self, *words: str) -> str:
        """GitHub leaves it out of its logs. Told on standard error: standard output goes into the summary."""
        found = self._asked(*words)
        if os.environ.get("GITHUB_ACTIONS"):
            print(f"::add-mask::{found}", file=sys.stderr, flush=True)
        return found
