"""The local platform as a whole: one process per service and one for the Functions host, with their ports and settings.

`async with running_platform(data=folder) as platform` is what `up` and the end-to-end tests use. Knows no payment.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from local.azure.cosmos.auth import EMULATOR_KEY
from local.datafolder import kept_for, owned
from local.inherited import harmless, sample_settings
from local.ports import FREE, Ports
from local.processes import Child, Command, ServiceDied
from local.provider.command import KEY
from local.provider.webhook import LOCAL_KEY

ROOT = Path(__file__).parents[1]
TOPOLOGY = ROOT / "infra" / "topology.json"
SERVICES = ("cosmos", "servicebus", "provider", "host")
PROVIDERS = {"regis": "provider", "stripe": "stripe"}
"""The command that serves each API of a provider, as PROVIDER_API names it."""
_SHOWS = {"regis": "/charges", "stripe": "/v1/payment_intents"}
_PORT_OF = {"cosmos": "cosmos", "servicebus": "amqp", "provider": "provider", "host": "http"}
_CHOICES = 3


@dataclass(frozen=True, slots=True)
class Setup:
    """How a platform is to be run."""

    data: Path
    """The folder of everything that is stored; the logs are in `logs` below it."""
    ports: Ports
    environment: Mapping[str, str] = field(default_factory=dict)
    """Settings for the host; they win over everything else."""
    topology: Path = TOPOLOGY
    """Declares topics and containers."""
    provider: str = "regis"
    """The API of the provider that runs: one of PROVIDERS."""
    modules: Mapping[str, str] = field(default_factory=dict)
    """A Python module to run in place of `local SERVICE`, by service."""
    patience: float = 1.0
    """How many times longer than our own services these may take to start and to stop."""

    @property
    def ready_within_s(self) -> float:
        return 60.0 * self.patience

    @property
    def stopped_within_s(self) -> float:
        """Longer than the host lets what is under way finish: requests for 30 s, and then the rest for 10 s."""
        return 50.0 * self.patience


class Platform:
    """The services, while they run, die and are started again, each always on the same port."""

    def __init__(self, setup: Setup, *, lock: int | None) -> None:
        self.setup = setup
        self.ports = setup.ports
        self._lock = lock
        self._children: dict[str, Child] = {}

    # --- addresses

    @property
    def url(self) -> str:
        """The function app's; its functions are below /api."""
        return f"http://127.0.0.1:{self.ports.http}"

    @property
    def cosmos_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.cosmos}/"

    @property
    def provider_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.provider}"

    @property
    def admin_url(self) -> str:
        """Service Bus administration."""
        return f"http://127.0.0.1:{self.ports.admin}"

    @property
    def cosmos_connection(self) -> str:
        return f"AccountEndpoint={self.cosmos_url};AccountKey={EMULATOR_KEY};"

    @property
    def servicebus_connection(self) -> str:
        return (
            f"Endpoint=sb://127.0.0.1:{self.ports.amqp};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )

    def addresses(self) -> dict[str, str]:
        """Addresses of what is running, by the names that people look for."""
        of_service = {
            "host": {
                "console": f"{self.url}/api/console",
                "function app": f"{self.url}/api/payments",
                "API docs": f"{self.url}/api/docs",
            },
            "cosmos": {"Cosmos DB": self.cosmos_url},
            "servicebus": {
                "Service Bus": f"sb://127.0.0.1:{self.ports.amqp}",
                "Service Bus administration": self.admin_url,
            },
            "provider": {"provider": f"{self.provider_url}{_SHOWS[self.setup.provider]}"},
        }
        running = [named for service, named in of_service.items() if self.is_running(service)]
        return {name: address for named in running for name, address in named.items()}

    def settings(self) -> dict[str, str]:
        """By which the app finds the services."""
        return {
            "CosmosConnection": self.cosmos_connection,
            "ServiceBusConnection": self.servicebus_connection,
            "PROVIDER_API": self.setup.provider,
            "PROVIDER_BASE_URL": self.provider_url,
            "PROVIDER_WEBHOOK_SECRETS": _webhook_secret(),
        }

    def log(self, service: str) -> Path:
        return self.setup.data / "logs" / f"{service}.log"

    # --- lives

    async def start(self, *services: str) -> None:
        """Starts what is named, all at once but the host last, and waits until each is ready.

        Raises ServiceDied or NotReady of the first that cannot.
        """
        await self._start_together([service for service in services if service != "host"])
        await self._start_together([service for service in services if service == "host"])

    async def stop(self, *services: str) -> None:
        """Lets each finish what it has under way: the host first, for it needs the others until then."""
        for group in ({"host"}, set(SERVICES) - {"host"}):
            named = [self._children[service] for service in services if service in group and service in self._children]
            await asyncio.gather(*(child.stop(self.setup.stopped_within_s) for child in named))

    async def kill(self, *services: str) -> None:
        """kill -9, and wait until they are gone."""
        await asyncio.gather(*(self._children[service].kill() for service in services))

    def is_running(self, service: str) -> bool:
        return service in self._children and self._children[service].is_running

    def pid(self, service: str) -> int:
        return self._children[service].pid

    async def ready(self, service: str) -> None:
        """Returns when the service that was started answers, however long that takes. Raises ServiceDied."""
        await self._children[service].ready(None)

    async def death(self, service: str) -> ServiceDied:
        """Returns when the service has ended."""
        return await self._children[service].death()

    async def first_death(self) -> ServiceDied:
        """Returns when any service has ended that is running now."""
        deaths = [asyncio.create_task(child.death()) for child in self._children.values() if child.is_running]
        try:
            done, _ = await asyncio.wait(deaths, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for death in deaths:
                death.cancel()

    async def _start_together(self, services: Sequence[str]) -> None:
        try:
            async with asyncio.TaskGroup() as starting:
                for service in services:
                    starting.create_task(self._start_one(service))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # the first that failed; the others were cancelled for it

    async def _start_one(self, service: str) -> None:
        if self.is_running(service):
            raise ValueError(f"{service} is already running")
        child = self._children[service] = await Child.start(self._command(service))
        await child.ready(self.setup.ready_within_s)

    def _command(self, service: str) -> Command:
        module = self.setup.modules.get(service)
        command = PROVIDERS[self.setup.provider] if service == "provider" else service
        program = ["local", command] if module is None else [module]
        port = str(getattr(self.ports, _PORT_OF[service]))
        return Command(
            name=service,
            arguments=[sys.executable, "-m", *program, "--port", port, *self._options(service)],
            folder=ROOT,
            environment=self._host_environment() if service == "host" else {**os.environ, KEY: _webhook_secret()},
            log=self.log(service),
            shared=() if self._lock is None else (self._lock,),
        )

    def _options(self, service: str) -> list[str]:
        if service == "host":
            return ["--app", str(ROOT), "--host-id", "laptop"]
        options = ["--data", str(self.setup.data)]
        if service == "servicebus":
            options += ["--admin-port", str(self.ports.admin)]
        if service == "provider" and self.setup.provider == "regis":
            options += ["--events-url", f"{self.url}/api/provider/events"]
        if service in {"cosmos", "servicebus"}:
            options += ["--topology", str(self.setup.topology)]
        return options

    def _host_environment(self) -> dict[str, str]:
        """Sample settings, then the caller's environment, then where our services are, then what the setup says."""
        return {**sample_settings(), **harmless(os.environ), **self.settings(), **self.setup.environment}


@contextlib.asynccontextmanager
async def running_platform(
    *,
    data: Path,
    ports: Ports = FREE,
    services: Sequence[str] = SERVICES,
    environment: Mapping[str, str] | None = None,
    topology: Path = TOPOLOGY,
    provider: str = "regis",
    modules: Mapping[str, str] | None = None,
    patience: float = 1.0,
) -> AsyncIterator[Platform]:
    """Runs the named services until the end of the block, and leaves none behind. The arguments are `Setup`'s.

    Raises FolderUnusable, PortTaken, ServiceDied, NotReady.
    """
    folder = data.absolute()  # noqa: ASYNC240 - asks nothing of the disk; services have another current folder
    with owned(folder) as lock:
        if "provider" in services:
            kept_for(folder, PROVIDERS[provider], others=PROVIDERS.values())
        setup = Setup(
            folder,
            ports,
            environment=environment or {},
            topology=topology,
            provider=provider,
            modules=modules or {},
            patience=patience,
        )
        platform = await _started(setup, services, lock=lock)
        try:
            yield platform
        finally:
            await platform.stop(*SERVICES)


async def _started(setup: Setup, services: Sequence[str], *, lock: int | None) -> Platform:
    """A port that was free when it was chosen may be taken when the service binds it: then another is chosen. One that
    was named has no other: `chosen` refuses it the next time.
    """
    choices_left = _CHOICES
    while True:
        choices_left -= 1
        platform = Platform(replace(setup, ports=setup.ports.chosen(services)), lock=lock)
        try:
            await platform.start(*services)
        except BaseException as fault:
            await platform.stop(*SERVICES)
            if not choices_left or not _lost_its_port(fault):
                raise
        else:
            return platform


def _lost_its_port(fault: BaseException) -> bool:
    """As PortTaken says it."""
    return isinstance(fault, ServiceDied) and f"is taken, so the local {fault.name} cannot start" in fault.last_words


def _webhook_secret() -> str:
    """By which the provider signs and the app verifies: the caller's, else the one that everybody knows."""
    return os.environ.get(KEY) or LOCAL_KEY
