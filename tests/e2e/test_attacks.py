"""Attacks on the running platform, over sockets of our own: each is refused with its code, nothing is stored or changed
by it, and nothing of what was sent is in the log that it should not be in.
"""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from tests import hosts
from tests.e2e.attacking import (
    CHANGES,
    LETTER,
    LETTERS,
    LIST,
    OF_MERCHANTS,
    OF_ONE,
    OPERATIONS,
    ORDER,
    PAY,
    PAYMENT,
    READS,
    TOLD,
    Answer,
    Call,
    Target,
    principal,
    refused,
    target,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

EVERYTHING = ("Payments.Create", "Payments.Read", "Payments.Refund", "Operations")
FIRST, SECOND, STRANGE = ({"x-functions-key": f"key-{name}-s3cret"} for name in ("first", "second", "strange"))
KEYS = {
    hashlib.sha256(each["x-functions-key"].encode()).hexdigest(): f"merchant-{n}"
    for n, each in ((1, FIRST), (2, SECOND))
}
OPERATOR = principal("Operations", application="a-console", name="ada@example.org")
SHOP = principal("Payments.Create", "Payments.Read", application="shop-1")
NOBODYS = "0d9f3a3e-5a2b-4f6e-9f3e-0123456789ab"

SIGNED_IN = {
    "DEVELOPMENT_PRINCIPAL": "",
    "DEVELOPMENT_NOTIFICATIONS": "",
    "MERCHANT_WEBHOOK_SECRETS": "",
    "PROVIDER_WEBHOOK_SECRETS": "",
    "OPS_AUTH": "entra",
    "WEBSITE_AUTH_ENABLED": "True",
    **TOLD,
}
"""As on Azure. The tests play its authentication: what adds the client principal there."""

HOSTS_OWN = (400, 431, 500) if hosts.IS_FOREIGN else (400,)
"""What a host answers by itself: the header is too long, or Microsoft's reads the principal too, and fails at it."""

evil = pytest.mark.parametrize(
    "page",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Content-Type": "text/plain"},
        {"Origin": "https://evil.example", "Content-Type": "application/x-www-form-urlencoded"},
    ],
    ids=lambda page: " ".join(page.values()),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def laptop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """Nobody signs in, and there are no keys."""
    async with target(data=tmp_path_factory.mktemp("laptop"), environment=TOLD, operator={}, merchant={}) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """Two merchants with a key each, and operators who sign in. The host asks for no keys; the app looks at them."""
    settings = {**SIGNED_IN, "MERCHANT_KEYS": json.dumps(KEYS)}
    data = tmp_path_factory.mktemp("shared")
    async with target(data=data, environment=settings, operator=OPERATOR, merchant=FIRST) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def signed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """Everybody signs in."""
    settings = {**SIGNED_IN, "API_AUTH": "entra"}
    data = tmp_path_factory.mktemp("signed")
    async with target(data=data, environment=settings, operator=OPERATOR, merchant=SHOP) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keyed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """The host asks for keys, as on Azure. Of those that it knows, the function's is a merchant's."""
    key = {"x-functions-key": hosts.FUNCTION_KEY}
    table = {hashlib.sha256(hosts.FUNCTION_KEY.encode()).hexdigest(): "merchant-1"}
    settings = {**SIGNED_IN, "MERCHANT_KEYS": json.dumps(table), **hosts.asking_for_keys()}
    data = tmp_path_factory.mktemp("keyed")
    async with target(data=data, environment=settings, operator=OPERATOR, merchant=key) as running:
        yield running


# -- a laptop, where nobody signs in


@pytest.mark.parametrize("call", [*CHANGES, *READS], ids=str)
async def test_a_principal_where_nobody_signs_in_is_forged(laptop: Target, call: Call) -> None:
    forged = principal(*EVERYTHING, application="forged-s3cret", name="mallory-s3cret")

    assert await refused(laptop, call, forged) == (403, "principal_forged")

    log = laptop.log()
    assert "caller.refused" in log
    assert forged["X-MS-CLIENT-PRINCIPAL"] not in log
    assert "s3cret" not in log


@evil
@pytest.mark.parametrize("call", CHANGES, ids=str)
async def test_a_page_of_another_site_changes_nothing_on_a_laptop(
    laptop: Target, call: Call, page: dict[str, str]
) -> None:
    assert await refused(laptop, call, page) == (403, "origin_refused")


@pytest.mark.parametrize("asks", ["POST", "GET", "PUT"])
@pytest.mark.parametrize("call", [*CHANGES, *READS], ids=str)
async def test_a_browser_that_asks_for_another_site_is_allowed_nothing(laptop: Target, call: Call, asks: str) -> None:
    before = await laptop.stored()
    preflight = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": asks,
        "Access-Control-Request-Headers": "content-type,idempotency-key,x-functions-key",
        "Access-Control-Request-Private-Network": "true",
    }

    answer = await laptop.send(replace(call, method="OPTIONS", body=None), preflight)

    assert (answer.status, answer.content) == (404, b"")
    assert _allowed(answer) == []
    assert await laptop.stored() == before


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000"])
@pytest.mark.parametrize("call", [*CHANGES, *READS], ids=str)
async def test_a_page_of_another_site_may_read_no_answer(laptop: Target, call: Call, origin: str) -> None:
    answer = await laptop.send(call, {"Origin": origin})

    assert answer.status == (200 if call in READS else 403)
    assert _allowed(answer) == []


def _allowed(answer: Answer) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7071", "127.0.0.1.evil.example", "192.168.0.7:7071"])
@pytest.mark.parametrize("call", [*CHANGES, *READS], ids=str)
async def test_a_laptop_is_asked_under_no_foreign_name(laptop: Target, call: Call, host: str) -> None:
    """DNS rebinding: to the browser, page and app are then of one origin."""
    same = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}

    assert await refused(laptop, call, same) == (403, "host_refused")


@pytest.mark.parametrize("second", ["evil.example", "127.0.0.1"])
async def test_two_names_are_none(laptop: Target, second: str) -> None:
    before = await laptop.stored()
    body = json.dumps(ORDER).encode()
    head = f"POST /api/payments HTTP/1.1\r\nHost: evil.example\r\nHost: {second}\r\nConnection: close\r\n"

    answer = await laptop.raw(
        f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )

    assert answer.status in (400, 403)
    assert await laptop.stored() == before


FORGED_LINE = "2026-01-01T00:00:00Z ERROR caller.accepted by=root"


BROKEN = f"x%0d%0a{FORGED_LINE.replace(' ', '%20')}"


@pytest.mark.parametrize(
    ("call", "query", "status"),
    [
        (Call("GET", f"/api/payments/{BROKEN}"), "", 404),
        (Call("GET", f"{LETTERS}/{BROKEN}"), "", 404),
        (Call("POST", f"{LETTERS}/{BROKEN}/replay"), "", 404),
        (Call("GET", LETTERS), f"?like={BROKEN}", 200),
        (Call("GET", LETTERS), f"?step={BROKEN}", 422),
        (Call("GET", LETTERS), f"?{BROKEN}=1", 422),
        (Call("POST", f"{LETTERS}/{LETTER}/replay"), f"?dry_run={BROKEN}", 422),
    ],
    ids=["payment", "letter", "replay", "value", "word", "name", "wish"],
)
async def test_a_line_break_in_an_address_writes_no_line_of_its_own(
    laptop: Target, call: Call, query: str, status: int
) -> None:
    before = await laptop.stored()

    answer = await laptop.send(call, query=query)

    assert answer.status == status
    assert await laptop.stored() == before
    assert not [line for line in laptop.log().splitlines() if line.startswith(FORGED_LINE)]


@pytest.mark.parametrize("name", ["traceparent", "tracestate", "If-None-Match", "X-Correlation-Id", "User-Agent"])
async def test_nothing_of_a_header_becomes_a_header_of_the_answer(laptop: Target, name: str) -> None:
    sent = f"00-{'a' * 32}-{'b' * 16}-01%0d%0aSet-Cookie: s3ssion=1\x0bSet-Cookie: s3ssion=2"

    answer = await laptop.send(Call("GET", f"/api/payments/{PAYMENT}"), {name: sent})

    assert answer.status in (200, 400)
    assert "set-cookie" not in answer.headers
    assert "s3ssion" not in str(dict(answer.headers))


async def test_an_idempotency_key_with_a_gap_in_it_is_refused(laptop: Target) -> None:
    status, code = await refused(laptop, PAY, {"Idempotency-Key": "k\tSet-Cookie:s3ssion=1"})

    assert (status, code) == (400, "idempotency_key_invalid")


# -- several merchants with keys, and operators who sign in


async def test_another_merchants_payment_is_as_none(shared: Target) -> None:
    views = [call for call in READS if call in OF_ONE]
    nobodys = [Call("GET", call.path.replace(PAYMENT, NOBODYS)) for call in views]

    own = [await shared.send(call, FIRST) for call in views]
    others = [await shared.send(call, SECOND) for call in views]
    none = [await shared.send(call, SECOND) for call in nobodys]

    assert [each.status for each in own] == [200, 200, 200]
    assert [_said(each) for each in others] == [_said(each) for each in none]
    assert {(each.status, each.code) for each in others} == {(404, "payment_not_found")}


async def test_in_a_list_are_a_merchants_own_payments_only(shared: Target) -> None:
    own, others = await shared.send(LIST, FIRST), await shared.send(LIST, SECOND)

    assert [each["payment_id"] for each in json.loads(own.content)["payments"]] == [shared.payment]
    assert json.loads(others.content)["payments"] == []


def _said(answer: Answer) -> tuple[int, bytes, set[str]]:
    return answer.status, answer.content, set(answer.headers)


@pytest.mark.parametrize("call", OF_MERCHANTS, ids=str)
async def test_a_key_of_nobody_is_refused(shared: Target, call: Call) -> None:
    query = f"?code={STRANGE['x-functions-key']}"

    assert await refused(shared, call, STRANGE) == (403, "caller_unknown")
    assert await refused(shared, call, query=query) == (403, "caller_unknown")
    assert await refused(shared, call) == (403, "caller_unknown")
    assert "s3cret" not in shared.log()


@pytest.mark.parametrize("call", OF_MERCHANTS, ids=str)
async def test_two_keys_at_once_are_nobodys(shared: Target, call: Call) -> None:
    """The host looks at the first."""
    query = f"?code={FIRST['x-functions-key']}&code={SECOND['x-functions-key']}"

    assert await refused(shared, call, query=query) == (403, "caller_unknown")


@pytest.mark.parametrize("call", OPERATIONS, ids=str)
async def test_nobody_operates_without_the_role(shared: Target, call: Call) -> None:
    without = principal("Payments.Create", "Payments.Read", "operations", "Operations.Read", application="merchant-1")

    assert await refused(shared, call, without) == (403, "role_missing")
    assert await refused(shared, call, {**FIRST, **without}) == (403, "role_missing")
    assert await refused(shared, call, FIRST) == (403, "caller_unknown")
    assert await refused(shared, call) == (403, "caller_unknown")


async def test_a_principal_makes_no_merchant_where_keys_do(shared: Target) -> None:
    (view, *_) = [call for call in READS if call in OF_ONE]
    claimed = principal(*EVERYTHING, application="merchant-1")

    assert await refused(shared, PAY, claimed) == (403, "caller_unknown")
    assert await refused(shared, view, {**SECOND, **claimed}) == (404, "payment_not_found")


@evil
@pytest.mark.parametrize("call", [call for call in CHANGES if call in OPERATIONS], ids=str)
async def test_a_page_of_another_site_uses_no_operators_cookie(
    shared: Target, call: Call, page: dict[str, str]
) -> None:
    """To the app it is the operator: the platform has turned the cookie into a principal."""
    assert await refused(shared, call, {**OPERATOR, **page}) == (403, "origin_refused")


# -- everybody signs in


@pytest.mark.parametrize("call", OF_MERCHANTS, ids=str)
async def test_nobody_pays_without_the_role(signed: Target, call: Call) -> None:
    own = principal("Operations", application="shop-1")

    assert await refused(signed, call, own) == (403, "role_missing")
    assert await refused(signed, call, FIRST) == (403, "caller_unknown")


async def test_with_its_own_roles_it_is_all_there_for_the_application(signed: Target) -> None:
    """So that what is refused below is refused for what it is."""
    seen = [await signed.send(call, SHOP) for call in READS if call in OF_MERCHANTS]

    assert {answer.status for answer in seen} == {200}


@pytest.mark.parametrize("call", OF_ONE, ids=str)
async def test_another_applications_payment_is_as_none(signed: Target, call: Call) -> None:
    other = principal("Payments.Create", "Payments.Read", "Payments.Refund", application="shop-2")

    assert await refused(signed, call, other) == (404, "payment_not_found")


@pytest.mark.parametrize(
    "claimed", ["", "e30=", "bnVsbA==", "s3cret", "!" * 20_000, "Ww" * 2_000], ids=lambda claimed: claimed[:10]
)
@pytest.mark.parametrize("call", [PAY, Call("POST", f"{LETTERS}/{LETTER}/discard", {"reason": "an attack"})], ids=str)
async def test_a_principal_that_cannot_be_read_is_nobody(signed: Target, call: Call, claimed: str) -> None:
    before = await signed.stored()

    answer = await signed.send(call, {"X-MS-CLIENT-PRINCIPAL": claimed})

    if answer.status == 403:
        assert answer.code == "caller_unknown"
    else:
        assert not answer.headers.get("content-type", "").startswith("application/problem+json"), "the app said it"
        assert answer.status in HOSTS_OWN
    assert await signed.stored() == before
    assert "s3cret" not in signed.log()


# -- the host asks for keys


@pytest.mark.parametrize("call", OF_MERCHANTS, ids=str)
async def test_the_host_lets_nobody_in_without_a_key(keyed: Target, call: Call) -> None:
    before = await keyed.stored()

    answers = [await keyed.send(call), await keyed.send(call, STRANGE), await keyed.send(call, OPERATOR)]

    assert {answer.status for answer in answers} == {401}
    assert await keyed.stored() == before


@pytest.mark.parametrize("call", OF_MERCHANTS, ids=str)
async def test_the_key_to_every_door_is_no_merchants(keyed: Target, call: Call) -> None:
    """The host's master key opens its door. The app asks whose it is."""
    master = {"x-functions-key": hosts.ADMIN_KEY}

    assert await refused(keyed, call, master) == (403, "caller_unknown")
    assert await refused(keyed, call, query=f"?code={hosts.ADMIN_KEY}") == (403, "caller_unknown")
    assert hosts.ADMIN_KEY not in keyed.log()


@pytest.mark.parametrize("call", OPERATIONS, ids=str)
async def test_the_key_to_every_door_makes_no_operator(keyed: Target, call: Call) -> None:
    assert await refused(keyed, call, {"x-functions-key": hosts.ADMIN_KEY}) == (403, "caller_unknown")


async def test_with_the_merchants_key_it_is_all_there(keyed: Target) -> None:
    """So that what is refused above is refused for what it is."""
    own = {"x-functions-key": hosts.FUNCTION_KEY}

    seen = [await keyed.send(call, own) for call in READS if call in OF_MERCHANTS]
    listed = [await keyed.send(call, OPERATOR) for call in READS if call in OPERATIONS]

    assert {answer.status for answer in [*seen, *listed]} == {200}
    assert hosts.FUNCTION_KEY not in keyed.log()
