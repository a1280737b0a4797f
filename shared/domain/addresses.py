"""Where a merchant may be told: which web addresses are taken, and which addresses of the network may be called.

Whoever asks for a payment chooses where we call, so a call must never reach what only we can reach. Pure: a name is
judged by how it is written; where it leads is asked by whoever connects, who judges the address by `is_public`.
"""

import ipaddress
import re
import unicodedata
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

type _Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HTTPS_PORT = 443
_FIRST_FREE_PORT = 1024
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))
"""What also divides the labels of an international name (RFC 3490)."""
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes a host an IPv4 address to many readers, such as 2130706433, 0x7f.1 and 127.1 (WHATWG URL)."""
INSIDE = frozenset(
    {
        *("localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain", "private"),
        *("svc", "cluster", "consul"),  # of Kubernetes and Consul
        *("test", "invalid", "onion"),  # nobody's in the open (RFC 6761, RFC 7686). `example` may stay: samples use it
    }
)
"""Last labels of names that mean something else, or something more, inside a network."""
INSIDE_ENDS = ("home.arpa", "in-addr.arpa", "ip6.arpa", "internal.cloudapp.net")
"""The same of more than one label; the last is that of virtual machines in a network of Azure.
https://learn.microsoft.com/azure/virtual-network/virtual-networks-name-resolution-for-vms-and-role-instances
"""
_DOTTED_ENDS = tuple(f".{end}" for end in INSIDE_ENDS)
PRIVATE_LINK = "privatelink"
"""A label of names that Azure has answered inside a network by a private endpoint.
https://learn.microsoft.com/azure/private-link/private-endpoint-dns
"""

_AZURE = ipaddress.ip_address("168.63.129.16")
"""The platform's own services on each virtual machine. It is a public address by its number only.
https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # protocol assignments of the IETF; some clouds use it inside
            "192.31.196.0/24",  # AS112: whoever runs such a server near us answers
            "192.52.193.0/24",  # AMT: relays of multicast
            "192.88.99.0/24",  # relays of 6to4
            "192.175.48.0/24",  # AS112
            "2001::/23",  # protocol assignments of the IETF, and Teredo
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation (RFC 9637): later than the tables of some Pythons
        ),
    )
)
"""Special-purpose addresses that `is_global` calls global, at least in part: a packet to them goes to the nearest
server of some protocol, or to nothing, and never to one that a merchant has.
https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
"""
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


class UrlFault(StrEnum):
    """Why a web address is not taken."""

    UNREADABLE = "unreadable"
    NOT_HTTPS = "not_https"
    CREDENTIALS = "credentials"
    PORT = "port"
    NOT_PUBLIC = "not_public"


def url_fault(url: str, *, anywhere: bool = False) -> UrlFault | None:
    """Why nobody may be told there; None: it may be tried. anywhere: also http, and addresses that are not public."""
    parts = _parts(url)
    if parts is None or parts.scheme not in ("https", "http"):
        return UrlFault.UNREADABLE
    if "@" in parts.netloc:
        return UrlFault.CREDENTIALS
    if anywhere:
        return None
    if parts.scheme != "https":
        return UrlFault.NOT_HTTPS
    if not (parts.port is None or parts.port == _HTTPS_PORT or parts.port >= _FIRST_FREE_PORT):
        return UrlFault.PORT
    return None if _is_public_name(str(parts.hostname)) else UrlFault.NOT_PUBLIC


def _parts(url: str) -> SplitResult | None:
    """None for what readers of addresses do not agree on, or what is none."""
    if not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname and "%" not in parts.netloc and _is_plain(parts) else None


def _is_plain(parts: SplitResult) -> bool:
    """Whether what stands in brackets is an IPv6 address; a later version of the protocol is none that we speak."""
    return "[" not in parts.netloc or ":" in str(parts.hostname)


def _is_public_name(host: str) -> bool:
    name = unicodedata.normalize("NFKC", host.translate(_DOTS)).lower()
    name = name.removesuffix(".")
    try:
        return _is_public(ipaddress.ip_address(name))
    except ValueError:
        pass
    labels = name.split(".")
    if len(labels) == 1 or not all(labels) or ":" in name or _NUMBER.fullmatch(labels[-1]):
        return False
    is_inside = labels[-1] in INSIDE or PRIVATE_LINK in labels or f".{name}".endswith(_DOTTED_ENDS)
    return not is_inside


def is_public(address: str) -> bool:
    """Whether everybody can reach this address of a host, and it stands for no other one that not everybody can."""
    try:
        return _is_public(ipaddress.ip_address(address.partition("%")[0])) and "%" not in address
    except ValueError:
        return False


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        return _is_public(inner) if inner is not None else _is_public_6(address)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and address != _AZURE
        and not _is_special(address)
    )


def _is_special(address: _Address) -> bool:
    return any(address in network for network in _SPECIAL)


def _is_public_6(address: ipaddress.IPv6Address) -> bool:
    """Of what tunnels to an IPv4 address by its form (6to4, Teredo), nothing: no server of a merchant is there."""
    is_tunnel = address.sixtofour is not None or address.teredo is not None or address.scope_id is not None
    return address in _GLOBAL_UNICAST and address.is_global and not _is_special(address) and not is_tunnel


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that it only wraps: mapped, behind NAT64, or in a tunnel of ISATAP."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    number = int(address)
    if address in _NAT64 or (address in _GLOBAL_UNICAST and (number >> 32) & 0xFFFFFFFF in _ISATAP):
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    return None
