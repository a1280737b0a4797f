"""`python -m local host`: the local Functions host as a process of its own. Knows the command line only."""

import argparse
import hashlib
import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from local.azure.host.errors import CannotStart
from local.azure.host.server import Host, StartOptions, start_host
from local.azure.host.settings import apply_local_settings
from local.azure.host.web import Keys
from local.base.serving import serve

_FUNCTION_KEY, _ADMIN_KEY = "LOCAL_HOST_FUNCTION_KEY", "LOCAL_HOST_ADMIN_KEY"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    given = _parser().parse_args(arguments)
    _log_to_stderr(verbose=given.verbose)
    hosts: list[Host] = []

    async def start() -> Host:
        hosts.append(await start_host(_options(given)))
        return hosts[0]

    try:
        _prepare(given)
        code = serve("host", start, port=given.port)
    except CannotStart as fault:
        print(f"the local host cannot start: {fault}", file=sys.stderr)
        code = 1
    if hosts and hosts[0].gave_up:
        # A synchronous function that never returns would keep its thread, and the interpreter waits for threads.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _parser() -> argparse.ArgumentParser:
    words = "A local Functions host: runs one function app, as `func start` does."
    parser = argparse.ArgumentParser(prog="python -m local host", description=words)
    parser.add_argument("--app", type=Path, default=Path(), help="the app's folder, with function_app.py and host.json")
    parser.add_argument("--port", "--http-port", type=int, default=7071, help="for HTTP functions; 0 takes a free one")
    parser.add_argument("--settings", type=Path, help="default: local.settings.json in the app's folder, if there")
    parser.add_argument("--host-id", help="whose feed leases are ours after a restart; default: this machine and app")
    parser.add_argument("--drain-s", type=float, default=30.0, help="how long a stop waits for functions under way")
    parser.add_argument("--lanes", type=int, default=2, help="AMQP connections per Service Bus function")
    parser.add_argument("--enable-auth", action="store_true", help="ask callers for keys, as Azure does")
    parser.add_argument("--function-key", default=os.environ.get(_FUNCTION_KEY, ""), help=f"or {_FUNCTION_KEY}")
    parser.add_argument("--admin-key", default=os.environ.get(_ADMIN_KEY, ""), help=f"or {_ADMIN_KEY}")
    parser.add_argument("--verbose", action="store_true", help="the app's and the host's log from INFO on, with traces")
    return parser


def _prepare(given: argparse.Namespace) -> None:
    """Make folder and environment what a function finds in Azure."""
    given.app = given.app.resolve()
    settings = given.settings.resolve() if given.settings else given.app / "local.settings.json"
    if not given.app.is_dir():
        raise CannotStart(f"{given.app} is not a folder: give the app's folder with --app DIR")
    if given.enable_auth and not given.function_key:
        raise CannotStart(f"--enable-auth without a key lets nobody in: give --function-key KEY or set {_FUNCTION_KEY}")
    if given.lanes < 1:
        raise CannotStart(f"--lanes {given.lanes} leaves nobody to receive messages: give at least 1")
    if given.settings or settings.is_file():
        apply_local_settings(settings, os.environ)
    os.chdir(given.app)


def _options(given: argparse.Namespace) -> StartOptions:
    machine_and_app = hashlib.sha256(str(given.app).encode()).hexdigest()[:12]
    return StartOptions(
        app=given.app,
        port=given.port,
        host_id=given.host_id or f"{socket.gethostname()}-{machine_and_app}",
        drain_s=given.drain_s,
        lanes=given.lanes,
        keys=Keys(given.enable_auth, given.function_key, given.admin_key),
    )


def _log_to_stderr(*, verbose: bool) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("local.azure.host").setLevel(logging.DEBUG if verbose else logging.WARNING)
    # The runtime reports a fault of the app with its whole search path, the SDKs each failed try of theirs; the host
    # says in one line what is wrong, and once what is down and when it is up again.
    logging.getLogger("azure.functions").setLevel(logging.INFO if verbose else logging.CRITICAL)
    logging.getLogger("azure.servicebus").setLevel(logging.WARNING if verbose else logging.CRITICAL)
    logging.getLogger("azure.core").setLevel(logging.WARNING)
    logging.getLogger("azure.cosmos").setLevel(logging.WARNING if verbose else logging.CRITICAL)
