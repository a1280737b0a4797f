"""Our Functions host for a run of chance: callers bring a key, and the app reaches nothing but this machine.

In place of `local host` for a platform of tests. The addresses that merchants are told at are made up there.
"""

import sys
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from local.azure.host.command import main

FUNCTION_KEY, ADMIN_KEY = "a-function-key", "the-admin-key"

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


if __name__ == "__main__":
    sys.addaudithook(_stay_here)
    ServiceBusReceiver.receive_messages = _impatient  # type: ignore[method-assign]
    keys = ["--enable-auth", "--function-key", FUNCTION_KEY, "--admin-key", ADMIN_KEY]
    sys.exit(main([*sys.argv[1:], *keys]))
