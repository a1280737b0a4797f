"""Connections to hosts that a stranger has named: only to addresses that everybody can reach. Knows no HTTP.

A name is looked up once per connection, and what was found is judged and connected to: nobody can answer otherwise in
between. Nothing of a proxy, a cookie or a cache of names is shared with other calls of this process.
"""

import asyncio
import functools
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from shared.domain.addresses import is_public

type AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]
type Lookup = Callable[[str, int], Sequence[AddressInfo]]

_LOOKUPS_AT_ONCE = 64
_LOOKUPS_OF_ONE = 8
"""Of one merchant, counted until the system has ended them: it goes on after nobody waits any more."""

MERCHANT: ContextVar[str] = ContextVar("merchant", default="")
"""For whom a connection is opened."""

MOST_BYTES = 32_768
"""Of what a server sends. The head of an answer fits; what goes on is not read, however small its pieces are."""

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
        self._under_way: Counter[str] = Counter()

    async def resolve(  # noqa: PLR0917 - as aiohttp calls it
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises AddressRefused, and OSError when there is no such name."""
        found = await self._looked_up(host, port)
        usable = [_resolved(host, info) for info in found if family in (socket.AF_UNSPEC, info[0])]
        if not usable:
            raise OSError(f"{host} has no address")
        if not all(is_public(each["host"]) for each in usable):
            raise AddressRefused(f"{host} leads to an address that is not public")
        return usable

    async def _looked_up(self, host: str, port: int) -> Sequence[AddressInfo]:
        """One merchant's names must not keep the threads from the others'."""
        loop, merchant = asyncio.get_running_loop(), MERCHANT.get()
        if self._under_way[merchant] >= _LOOKUPS_OF_ONE:
            raise OSError(f"the names of this merchant take too long: {_LOOKUPS_OF_ONE} are being looked up")
        self._under_way[merchant] += 1
        looking = self._threads.submit(self._lookup, host, port)

        def ended(_: object) -> None:
            with suppress(RuntimeError):  # the loop is gone, and this with it
                loop.call_soon_threadsafe(self._under_way.subtract, [merchant])

        looking.add_done_callback(ended)
        return await asyncio.wrap_future(looking)

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


class _Brief(ResponseHandler):
    """Cuts a connection after MOST_BYTES. aiohttp reads what comes before the answer proper (1xx) as long as it comes,
    and a server that sends nothing else would have the whole loop.
    """

    _left = MOST_BYTES

    def data_received(self, data: bytes) -> None:
        taken = data[: self._left]
        self._left -= len(taken)
        if taken:
            super().data_received(taken)
        if not self._left and self.transport is not None:
            self.transport.abort()


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
    # aiohttp has no public way to say how a connection is read; the tests see that this one is used
    brief: Any = functools.partial(_Brief, loop=asyncio.get_running_loop())
    connector._factory = brief  # noqa: SLF001
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
