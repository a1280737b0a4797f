"""`python -m local host`: the local Functions host as a process of its own. Knows the command line only."""

import argparse
import hashlib
import os
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from local.azure.host.errors import CannotStart
from local.azure.host.hostjson import read_host_json
from local.azure.host.keys import Keys
from local.azure.host.logs import log_to_stderr
from local.azure.host.passing import Runner
from local.azure.host.server import Host, StartOptions, start_host
from local.azure.host.settings import apply_local_settings
from local.azure.host.worker import running_function
from local.base.serving import serve

_FUNCTION_KEY, _ADMIN_KEY = "LOCAL_HOST_FUNCTION_KEY", "LOCAL_HOST_ADMIN_KEY"
_ENABLE_AUTH = "LOCAL_HOST_ENABLE_AUTH"
_LISTENS_ON = "LOCAL_HOST_LISTENS_ON"
_PLATFORM, _PLATFORM_TOKEN = "LOCAL_HOST_PLATFORM", "LOCAL_HOST_PLATFORM_TOKEN"
_OF_THE_WORKER = {"PYTHON_THREADPOOL_THREAD_COUNT": "1000"}
"""What the worker of Microsoft's host is started with."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    given = _parser().parse_args(arguments)
    started_in, runner = Path.cwd(), _runner()
    log_to_stderr({}, current=running_function, verbose=given.verbose)

    async def start() -> Host:
        host_options = read_host_json(given.app)
        log_to_stderr(host_options.log_levels, current=running_function, verbose=given.verbose)
        return await start_host(_options(given, started_in, runner=runner), host_options=host_options)

    try:
        _prepare(given)
        return serve("host", start, port=given.port)
    except CannotStart as fault:
        print(f"the local host cannot start: {fault}", file=sys.stderr)
        return 1


def _runner() -> Runner | None:
    """As we were told, and nobody else is: the app in this process must not be aware of it."""
    address, token = os.environ.pop(_PLATFORM, ""), os.environ.pop(_PLATFORM_TOKEN, "")
    return Runner(address, token) if address and token else None


def _begin_anew(started_in: Path, listening: socket.socket | None, *, runner: Runner | None) -> NoReturn:
    """The same command in the same process, as if it had just been typed. Whoever has knocked meanwhile is answered."""
    if runner:
        os.environ |= {_PLATFORM: runner.address, _PLATFORM_TOKEN: runner.token}
    if listening:
        os.environ[_LISTENS_ON] = str(listening.fileno())
        listening.set_inheritable(True)
    _flush()
    os.chdir(started_in)
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the program and words we were started with


def _end() -> NoReturn:
    """At once: no function gets the chance to tidy up, in Azure neither, and no thread is waited for."""
    _flush()
    os._exit(0)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    words = "A local Functions host: runs one function app, as `func start` does."
    parser = argparse.ArgumentParser(prog="python -m local host", description=words)
    parser.add_argument("--app", type=Path, default=Path(), help="the app's folder, with function_app.py and host.json")
    parser.add_argument("--port", "--http-port", type=int, default=7071, help="for HTTP functions; 0 takes a free one")
    parser.add_argument("--settings", type=Path, help="default: local.settings.json in the app's folder, if there")
    parser.add_argument("--host-id", help="whose feed leases are ours after a restart; default: this machine and app")
    parser.add_argument("--http-drain-s", type=float, default=30.0, help="how long a stop waits for requests under way")
    parser.add_argument("--drain-s", type=float, default=10.0, help="how long it waits then for all that runs")
    parser.add_argument("--lanes", type=int, default=2, help="AMQP connections per Service Bus function")
    parser.add_argument(
        "--enable-auth",
        "--enableAuth",
        action="store_true",
        default=os.environ.get(_ENABLE_AUTH) == "true",
        help=f"ask callers for keys, as Azure does; or {_ENABLE_AUTH}=true",
    )
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
    for name, value in _OF_THE_WORKER.items():
        os.environ.setdefault(name, value)
    os.chdir(given.app)


def _options(given: argparse.Namespace, started_in: Path, *, runner: Runner | None) -> StartOptions:
    machine_and_app = hashlib.sha256(str(given.app).encode()).hexdigest()[:12]
    return StartOptions(
        app=given.app,
        port=given.port,
        host_id=given.host_id or f"{socket.gethostname()}-{machine_and_app}",
        http_drain_s=given.http_drain_s,
        drain_s=given.drain_s,
        lanes=given.lanes,
        keys=Keys(given.enable_auth, given.function_key, given.admin_key),
        runner=runner,
        listening=_left_by_the_life_before(),
        begin_anew=partial(_begin_anew, started_in, runner=runner),
        end=_end,
    )


def _left_by_the_life_before() -> socket.socket | None:
    descriptor = os.environ.pop(_LISTENS_ON, None)
    return socket.socket(fileno=int(descriptor)) if descriptor else None
