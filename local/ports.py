"""The ports of the local platform: the usual ones, how a free one is found, whether a wanted one is taken.

Knows no process.
"""

import random
import socket
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, replace

from local.base.serving import PortTaken

# Outside the range from which systems draw the ports of outgoing connections (from 32768 on Linux): else a client that
# reconnects to a service that was just killed may be given the service's own port, and talk to itself.
_FREE_PORTS = range(20_000, 32_000)


@dataclass(frozen=True, slots=True)
class Ports:
    """One port per address; 0 means a free one."""

    http: int = 7071
    cosmos: int = 8081
    amqp: int = 5672
    provider: int = 7090
    admin: int = 5300

    def chosen(self, services: Collection[str] | None = None) -> "Ports":
        """The same with a free port in place of every 0.

        Raises PortTaken when another program has the port of one of these services; without any named, of all.
        """
        wanted = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, port in wanted.items():
            is_asked_for = services is None or _SERVICE_OF[name] in services
            if port and is_asked_for and is_taken(port):
                raise PortTaken(_SERVICE_OF[name], port, option=f"--{name}-port")
        free = (port for port in _free_ports() if port not in wanted.values())
        return replace(self, **{name: port or next(free) for name, port in wanted.items()})


FREE = Ports(http=0, cosmos=0, amqp=0, provider=0, admin=0)
_SERVICE_OF = {"http": "host", "cosmos": "cosmos", "amqp": "servicebus", "provider": "provider", "admin": "servicebus"}


def _free_ports() -> Iterator[int]:
    """Every port at most once, so that two addresses never get the same."""
    for port in random.sample(_FREE_PORTS, len(_FREE_PORTS)):
        if not is_taken(port):
            yield port


def is_taken(port: int) -> bool:
    """Whether a program listens there."""
    with socket.socket() as probe:
        # as servers do it: a port whose last connections are still being buried is not taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
