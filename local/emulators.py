"""`python -m local emulators`: Cosmos DB, Service Bus and the provider for a Functions host that somebody else starts.

Knows no payment, and of that host only how people start it.
"""

import shlex
import sys
from pathlib import Path

from local.foreground import Options, in_foreground, serve, started
from local.ports import Ports, is_taken
from local.provider.command import KEY
from local.provider.webhook import LOCAL_KEY
from local.supervisor import ROOT, SERVICES, Platform

EMULATORS = tuple(service for service in SERVICES if service != "host")
_SETTINGS = ROOT / "local.settings.json"


def emulators(options: Options) -> int:
    """Returns the exit code: 0 after Ctrl-C while serving.

    Never reset while a host runs: it would go on from positions of the old store, and see no event.
    """
    port = options.ports.http
    if options.is_reset and port and is_taken(port):
        print(f"a host answers on {port}: stop it first, then RESET=1", file=sys.stderr)
        return 1
    return in_foreground(_run(options))


async def _run(options: Options) -> int:
    async with started(options, EMULATORS, host_command="func start") as running:
        print(to_type(running.platform, has_settings=_SETTINGS.exists()), flush=True)
        return await serve(running)


def to_type(platform: Platform, *, has_settings: bool) -> str:
    """What to type next: the settings' sample fits what is usual, anything else goes before the command.

    A secret of one's own is named and not shown: whoever has set it for the provider can set it for the host.
    """
    azurite = _relative(platform.setup.data / "azurite")
    lines = [f"npx --yes azurite --silent --skipApiVersionCheck --disableTelemetry --location {shlex.quote(azurite)}"]
    if not has_settings:
        lines.append("cp local.settings.sample.json local.settings.json")
    lines.append(f". .venv/bin/activate && {_start(platform)}")
    return "\n  ".join(["next, in other terminals, with Azure Functions Core Tools (docs/local.md):", *lines])


def _start(platform: Platform) -> str:
    served, is_usual = platform.settings(), platform.ports == Ports()
    written = {} if is_usual else {name: shlex.quote(value) for name, value in served.items()}
    if served["PROVIDER_WEBHOOK_SECRETS"] != LOCAL_KEY:
        written["PROVIDER_WEBHOOK_SECRETS"] = f'"${KEY}"'
    settings = [f"{name}={value}" for name, value in written.items()]
    return " ".join([*settings, "func start", *(() if is_usual else ("--port", str(platform.ports.http)))])


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
