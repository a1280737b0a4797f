"""Where a merchant may be told: an address that a stranger has named must lead to what everybody can reach."""

import pytest

from shared.domain.addresses import UrlFault, is_public, url_fault

PUBLIC = [
    "https://shop.example.com/hooks",
    "https://shop.example.com:443/hooks?a=1#b",
    "https://SHOP.example.com./hooks",
    "https://shop.example.com:8443/hooks",
    "https://m\u00fcnchen.example/hooks",
    "https://93.184.216.34/hooks",
    "https://[2606:2800:220:1:248:1893:25c8:1946]/hooks",
    "https://localhost.example.com/hooks",
    "https://shop.example/hooks",
    "https://test.consul.svc.example.com/hooks",
    "https://shop.westeurope.cloudapp.net/hooks",
    "https://notinternal.cloudapp.net/hooks",
    "https://internal.cloudapp.network/hooks",
    "https://myprivatelink.example.com/hooks",
    "https://privatelink-shop.example.com/hooks",
]


@pytest.mark.parametrize("url", PUBLIC)
def test_an_address_that_everybody_can_reach_is_taken(url: str) -> None:
    assert url_fault(url) is None


NOT_PUBLIC = [
    # this machine and its neighbours
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - a text to be refused
    "10.0.0.5",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    # the services of clouds
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "100.100.100.200",
    # other ways to write an IPv4 address
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0.0.0x1",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "0",
    "0x",
    "127.0.0.1.",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "127\u30020\u30020\u30021",
    "\u2460\u2461\u2466.0.0.1",
    # IPv6
    "[::1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[0:0:0:0:0:ffff:a00:5]",
    "[::ffff:0:127.0.0.1]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[100::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a00:1]",
    "[2606:2800::5efe:127.0.0.1]",
    "[::ffff:168.63.129.16]",
    "[3fff::1]",
    # names with a meaning inside a network
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "host",
    "host.",
    "printer.local",
    "metadata.google.internal",
    "METADATA.GOOGLE.INTERNAL.",
    "metadata\u3002google\u3002internal",
    "router.lan",
    "nas.home.arpa",
    "1.0.0.127.in-addr.arpa",
    "home.arpa",
    "pay.default.svc",
    "pay.default.svc.cluster.local",
    "a.cluster",
    "web.service.consul",
    "shop.test",
    "shop.invalid",
    "SHOP.INVALID.",
    "shop.onion",
    "vm1.abcdefgh.ax.internal.cloudapp.net",
    "VM1.Internal.CloudApp.Net.",
    "internal.cloudapp.net",
    "mine.privatelink.documents.azure.com",
    "privatelink.documents.azure.com",
    "mine.PrivateLink.documents.azure.com.",
    "mine\u3002privatelink\u3002vaultcore\u3002azure\u3002net",
    "mine.privatelink",
    "a..example.com",
]


@pytest.mark.parametrize("host", NOT_PUBLIC)
def test_an_address_that_only_we_can_reach_is_refused_however_it_is_written(host: str) -> None:
    assert url_fault(f"https://{host}/hooks") is UrlFault.NOT_PUBLIC
    assert url_fault(f"https://{host}:8443/") is UrlFault.NOT_PUBLIC


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://shop.example.com/", UrlFault.NOT_HTTPS),
        ("https://me@shop.example.com/", UrlFault.CREDENTIALS),
        ("https://me:s3cret@shop.example.com/", UrlFault.CREDENTIALS),
        ("https://@shop.example.com/", UrlFault.CREDENTIALS),
        ("https://shop.example.com:80/", UrlFault.PORT),
        ("https://shop.example.com:22/", UrlFault.PORT),
        ("https://shop.example.com:0/", UrlFault.PORT),
        ("https://shop.example.com:65536/", UrlFault.UNREADABLE),
        ("https://shop.example.com:a/", UrlFault.UNREADABLE),
        ("https:///hooks", UrlFault.UNREADABLE),
        ("https://", UrlFault.UNREADABLE),
        ("shop.example.com", UrlFault.UNREADABLE),
        ("ftp://shop.example.com/", UrlFault.UNREADABLE),
        ("file:///etc/passwd", UrlFault.UNREADABLE),
        ("gopher://shop.example.com/", UrlFault.UNREADABLE),
        ("https://shop.example.com\\@127.0.0.1/", UrlFault.UNREADABLE),
        ("https://127.0.0.1\\.example.com/", UrlFault.UNREADABLE),
        ("https://%31%32%37.0.0.1/", UrlFault.UNREADABLE),
        ("https://[::1%25lo]/", UrlFault.UNREADABLE),
        ("https://[::1%lo]/", UrlFault.UNREADABLE),
        ("https://[fe80::1%25eth0]/", UrlFault.UNREADABLE),
        ("https://[::1/", UrlFault.UNREADABLE),
        ("https://[v1.a]/", UrlFault.UNREADABLE),
        ("https://shop.example.com/a b", UrlFault.UNREADABLE),
        ("https://shop.example.com/\r\nHost: a", UrlFault.UNREADABLE),
        ("https://shop.example.com\u200b/", UrlFault.UNREADABLE),
    ],
)
def test_an_address_that_is_not_https_to_a_plain_host_is_refused(url: str, fault: UrlFault) -> None:
    assert url_fault(url) is fault


@pytest.mark.parametrize("url", ["http://127.0.0.1:7090/merchant/ok", "http://localhost/", "https://[::1]:8443/"])
def test_a_laptop_may_tell_itself(url: str) -> None:
    assert url_fault(url, anywhere=True) is None


@pytest.mark.parametrize("url", ["http://me@localhost/", "https://me:secret@shop.example.com/", "ftp://localhost/"])
def test_a_laptop_takes_no_credentials_and_no_other_protocol(url: str) -> None:
    assert url_fault(url, anywhere=True) is not None


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"])
def test_an_address_of_the_open_internet_is_called(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", ["2606:2800::1%eth0", "93.184.216.34%1", "shop.example.com", "", "127.1"])
def test_what_is_no_plain_address_is_not_called(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "192.0.0.0",
        "192.0.0.9",
        "192.0.0.10",
        "192.0.0.255",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.175.48.1",
        "192.175.48.255",
        "2001:1::1",
        "2001:1::2",
        "2001:1::3",
        "2001:3::1",
        "2001:4:112::1",
        "2001:20::1",
        "2001:30::1",
        "2001:1ff:ffff::1",
        "2620:4f:8000::1",
        "3fff:fff::1",
        "::ffff:192.0.0.9",
        "64:ff9b::c01f:c401",
    ],
)
def test_an_address_of_a_special_purpose_is_not_called_though_everybody_may_use_it(address: str) -> None:
    """All are in the registries of IANA, most of them as globally reachable, and no merchant has a server there."""
    bracketed = f"[{address}]" if ":" in address else address

    assert not is_public(address)
    assert url_fault(f"https://{bracketed}/hooks") is UrlFault.NOT_PUBLIC


@pytest.mark.parametrize(
    "address",
    [
        "192.0.1.1",
        "192.31.195.255",
        "192.31.197.1",
        "192.52.192.1",
        "192.52.194.1",
        "192.175.47.1",
        "192.175.49.1",
        "2001:200::1",
        "2620:4f:7fff::1",
        "2620:4f:8001::1",
    ],
)
def test_the_neighbours_of_such_addresses_are_called(address: str) -> None:
    assert is_public(address)
