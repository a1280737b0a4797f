"""Connections to hosts that a stranger has named: only to addresses that everybody can reach. Knows no HTTP.

A name is looked up once per connection, and what was found is judged and connected to: nobody can answer otherwise in
between. Nothing of a proxy, a cookie or a cache of names is shared with other calls of this process.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.domain.addresses import is_public

type AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]
type Lookup = Callable[[str, int], Sequence[AddressInfo]]

_LOOKUPS_AT_ONCE = 16
_WITH_SCOPE = 4
_MOST_HEADER_BYTES, _MOST_HEADERS, _READ_AHEAD_BYTES = 8190, 64, 16_384


class AddressRefused(OSError):
    """The host, or one of its addresses, is nothing that we call."""


class PublicResolver(AbstractResolver):
    """Finds the addresses of a name, and refuses the name when one of them is not public.

    The system asks in threads of its own: a name that takes long must not hold up other names of this process, such as
    the provider's.
    """

    def __init__(self, lookup: Lookup | None = None) -> None:
        self._lookup = lookup or _system
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="merchant-names")

    async def resolve(  # noqa: PLR0917 - as aiohttp calls it
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises AddressRefused, and OSError when there is no such name."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, self._lookup, host, port)
        usable = [_resolved(host, info) for info in found if family in (socket.AF_UNSPEC, info[0])]
        if not usable:
            raise OSError(f"{host} has no address")
        if not all(is_public(each["host"]) for each in usable):
            raise AddressRefused(f"{host} leads to an address that is not public")
        return usable

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _system(host: str, port: int) -> Sequence[AddressInfo]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


def _resolved(host: str, info: AddressInfo) -> ResolveResult:
    """A scope is kept, and refused with its address: what has one is not public."""
    family, _, proto, _, address = info
    return ResolveResult(
        hostname=host,
        host=_written(address),
        port=int(address[1]),
        family=int(family),
        proto=proto,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


def _written(address: Sequence[Any]) -> str:
    """An address of a socket; of IPv6, whose last part is a scope."""
    scope = address[3] if len(address) == _WITH_SCOPE else 0
    return f"{address[0]}%{scope}" if scope else str(address[0])


def _public_socket(info: AddressInfo) -> socket.socket:
    """The socket of a connection: the last place where an address is judged, also one that needed no lookup."""
    family, kind, proto, _, address = info
    if not is_public(_written(address)):
        raise AddressRefused("the address is not public")
    return socket.socket(family, kind, proto)


def open_session(*, anywhere: bool, lookup: Lookup | None = None) -> aiohttp.ClientSession:
    """The session of the notifier; it is closed by whoever opened it. Call it in the running loop.

    anywhere: also to addresses that are not public, as on a laptop. A connection is used once: what one merchant's
    server has left in it never meets another's answer.
    """
    connector = aiohttp.TCPConnector(
        resolver=None if anywhere else PublicResolver(lookup),
        socket_factory=None if anywhere else _public_socket,
        use_dns_cache=False,
        force_close=True,
        limit=0,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        read_bufsize=_READ_AHEAD_BYTES,
        max_line_size=_MOST_HEADER_BYTES,
        max_field_size=_MOST_HEADER_BYTES,
        max_headers=_MOST_HEADERS,
    )
