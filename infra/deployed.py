"""A deployment and what can be asked of it: where it is, to take the package, and whether it works.

Each step returns what it found, in one line, or raises. Knows no command line.
"""
# ruff: noqa: T201 - masking a secret is a printed line

import json
import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from infra import rules, smoke
from infra.azure_cli import az, az_json
from infra.outputs import values
from infra.package import built_from
from infra.publish import Site, publish
from infra.smoke_http import NotYet, eventually

DECLARED = Path(__file__).resolve().parent / "functions.json"
"""The functions of function_app.py; tests/infra/test_deploy.py holds the two together."""

OUTPUTS = ["AZURE_RESOURCE_GROUP", "AZURE_FUNCTION_APP_NAME", "SERVICE_APP_URL", "SERVICEBUS_NAMESPACE"]
WEB_API = "2024-11-01"
SCM = "https://{}"
PAYMENT_LIMIT_S = 120.0

LOCAL_TOKENS = {"SMOKE_PAYMENT_METHOD": "pm_ok", "SMOKE_PARKING_METHOD": "pm_invalid"}
"""Of the local provider. In prod there is another one, so there they have to be set."""

SET_IT = "set it with `azd env set NAME value`, or as a variable of the GitHub environment; then run this again"
BUILD_IT = "build it from this commit with `python infra/package.py --with-dependencies`"
PROVISION = "see whether the deployment of infra/main.bicep ended well; deploy it again"
DEPLOY = "deploy the code again; the failures in Application Insights say why it does not start"
ENABLE = "start the app again, or remove the app settings AzureWebJobs.NAME.Disabled; then run this again"
LOOK = "see the lines above; docs/operations.md says what each component does"


class Stopped(Exception):
    """A step that failed, and what to do next."""

    def __init__(self, what: str, *, do: str) -> None:
        super().__init__(what)
        self.do = do


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. limit_s: how long to wait for what may pass, such as a role that still spreads."""

    package: Path
    deployment: str | None = None
    build_id: str | None = None
    limit_s: float = 900.0
    pause_s: float = 5.0

    def patiently[T](self, ask: Callable[[], T], *, what: str) -> T:
        return eventually(ask, what=what, limit_s=self.limit_s, pause_s=self.pause_s)


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is."""

    group: str
    app: str
    url: str
    namespace: str

    @property
    def site(self) -> list[str]:
        """As the Azure CLI wants the app named."""
        return ["--resource-group", self.group, "--name", self.app]


class Deployed:
    """The steps."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def steps(self, command: str) -> dict[str, Callable[[], str]]:
        """Of one command, by name, in the order in which they make sense."""
        first = {"needs": self.needs, "package": self.package, "outputs": self.outputs}
        if command == "needs":
            return {"needs": self.needs}
        if command == "code":
            return {**first, "code": self.code}
        checks = {"build": self.build, "triggers": self.triggers, "functions": self.functions, "rules": self.rules}
        return {**first, **checks, "works": self.works}

    def needs(self) -> str:
        """What only a person can say. In prod no token of the local provider stands in for one of the real one."""
        needed = ["AZURE_ENV_NAME", "OPS_CLIENT_ID"]
        needed += ["SMOKE_PRINCIPAL_ID"] if os.environ.get("GITHUB_ACTIONS") else []
        needed += LOCAL_TOKENS if _given("AZURE_ENV_NAME") == "prod" else []
        if missing := [name for name in needed if not _given(name)]:
            raise Stopped(f"not set: {', '.join(missing)}", do=SET_IT)
        return f"set: {', '.join(needed)}"

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
        site = Site(
            SCM.format(scm), token=lambda: az(*token), limit_s=self._options.limit_s, pause_s=self._options.pause_s
        )
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

    def triggers(self) -> str:
        """Tells the platform what wakes the app: it does not always notice a deployment by itself."""
        path = f"/resourceGroups/{self.place.group}/providers/Microsoft.Web/sites/{self.place.app}/host/default/sync"
        url = f"/subscriptions/{{subscriptionId}}{path}?api-version={WEB_API}"
        self._options.patiently(lambda: az("rest", "--method", "post", "--url", url), what="the sync of triggers")
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
        """Every subscription has its one rule."""
        topology = json.loads(rules.TOPOLOGY.read_text())
        if found := rules.faults(topology, resource_group=self.place.group, namespace=self.place.namespace):
            raise Stopped("; ".join(found), do=PROVISION)
        return "those of infra/topology.json"

    def works(self) -> str:
        """The smoke test, with what it needs to call the app and, where it can, the bus."""
        closed = self._why_no_bus()
        key = self._secret("functionapp", "keys", "list", *self.place.site, "--query", "masterKey")
        audience = ["--resource", f"api://{_given('OPS_CLIENT_ID')}"]
        bearer = self._secret("account", "get-access-token", *audience, "--query", "accessToken")
        bus = None if closed else f"{self.place.namespace}.servicebus.windows.net"
        if smoke.run(self._smoke(key=key, bearer=bearer, bus=bus)):
            raise Stopped("the smoke test failed", do=LOOK)
        return f"all but the broker's own dead letter, not tried: {closed}" if closed else "every step"

    def _smoke(self, **more: str | None) -> smoke.Options:
        tokens = {name: _given(name) or token for name, token in LOCAL_TOKENS.items()}
        is_local = not _given("SMOKE_PAYMENT_METHOD")
        return smoke.Options(
            url=self.place.url,
            expect_build=self._build,
            payment_method=tokens["SMOKE_PAYMENT_METHOD"],
            parking_method=tokens["SMOKE_PARKING_METHOD"],
            voiding_method=_given("SMOKE_VOIDING_METHOD") or ("pm_settle_declined" if is_local else ""),
            notification_url=_given("SMOKE_NOTIFICATION_URL") or None,
            start_limit_s=self._options.limit_s,
            limit_s=min(self._options.limit_s, PAYMENT_LIMIT_S),
            **more,
        )

    def _why_no_bus(self) -> str | None:
        """None where the bus can be reached from here."""
        if not _given("SMOKE_PRINCIPAL_ID"):
            return "SMOKE_PRINCIPAL_ID is not set, so nobody may send"
        asked = ["--resource-group", self.place.group, "--name", self.place.namespace, "--query", "publicNetworkAccess"]
        access = self._asked("servicebus", "namespace", "show", *asked)
        return "the bus is closed to public networks" if access.lower() == "disabled" else None

    def _asked(self, *words: str) -> str:
        what = f"az {' '.join(words[:3])}"
        found = self._options.patiently(lambda: az(*words, "--output", "tsv"), what=what)
        if not found:
            raise Stopped(f"az {' '.join(words)}: gave nothing", do=PROVISION)
        return found

    def _secret(self, *words: str) -> str:
        """GitHub leaves it out of its logs. Told on standard error: standard output goes into the summary."""
        found = self._asked(*words)
        if os.environ.get("GITHUB_ACTIONS"):
            print(f"::add-mask::{found}", file=sys.stderr, flush=True)
        return found


def _given(name: str) -> str:
    return os.environ.get(name, "").strip()
