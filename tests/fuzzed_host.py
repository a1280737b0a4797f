"""Our Functions host for a run of chance: merchants bring a key and operators a token, and the app reaches nothing but
this machine.

In place of `local host` for a platform of tests. The addresses that merchants are told at are made up there.
"""

import sys
from http import HTTPStatus
from typing import Any

from aiohttp.web import Request, Response
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from local.azure.host import web
from local.azure.host.command import main
from local.azure.host.wire import RpcHttp
from tests.e2e.attacking import principal

FUNCTION_KEY, ADMIN_KEY = "a-function-key", "the-admin-key"
TOKEN = "an-operators-token"
_PRINCIPAL = "x-ms-client-principal"

_NEAR = ("127.0.0.1", "localhost", "::1")
_DRAIN_WAIT_S = 0.05
"""How long an empty queue is waited for: the local broker hands over at once what it has."""


def _stay_here(event: str, details: tuple[Any, ...]) -> None:
    """An audit hook. Raises OSError before anything is asked of a name server or another machine."""
    if event == "socket.getaddrinfo" and details[0] not in _NEAR:
        raise OSError("no other machine is asked in a test")
    if event == "socket.connect" and isinstance(details[1], tuple) and details[1][0] not in _NEAR:
        raise OSError("no other machine is reached in a test")


_RECEIVE = ServiceBusReceiver.receive_messages


async def _impatient(
    self: ServiceBusReceiver, max_message_count: int | None = 1, max_wait_time: float | None = None
) -> list[ServiceBusReceivedMessage]:
    """The app's own wait for dead letters is meant for a broker that is far away."""
    wait_s = _DRAIN_WAIT_S if self.entity_path.endswith("$DeadLetterQueue") else max_wait_time
    return await _RECEIVE(self, max_message_count=max_message_count, max_wait_time=wait_s)


_READ, _SERVE = web._rpc_request, web.WebServer._serve
_BEHIND_THE_DOOR = "/api/ops/"


async def _signed_in(request: Request, values: dict[str, str]) -> RpcHttp:
    """As Azure's authentication does: what a client says of itself goes, and who has a token is named."""
    read = await _READ(request, values)
    for name in [name for name in read.headers if name.startswith(_PRINCIPAL)]:
        del read.headers[name]
    if _has_a_token(request):
        read.headers.update(principal("Operations", application="a-console"))
    return read


async def _at_the_door(self: web.WebServer, request: Request, **given: Any) -> Response:
    """Where Azure asks for a token, the app is not asked by who has none."""
    if request.path.startswith(_BEHIND_THE_DOOR) and not _has_a_token(request):
        return Response(status=HTTPStatus.UNAUTHORIZED)
    return await _SERVE(self, request, **given)


def _has_a_token(request: Request) -> bool:
    return request.headers.get("Authorization") == f"Bearer {TOKEN}"


if __name__ == "__main__":
    web._rpc_request = _signed_in
    web.WebServer._serve = _at_the_door  # type: ignore[method-assign]
    sys.addaudithook(_stay_here)
    ServiceBusReceiver.receive_messages = _impatient  # type: ignore[method-assign]
    keys = ["--enable-auth", "--function-key", FUNCTION_KEY, "--admin-key", ADMIN_KEY]
    sys.exit(main([*sys.argv[1:], *keys]))
