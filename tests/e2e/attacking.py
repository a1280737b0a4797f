"""What the attacks of tests/e2e/test_attacks*.py are made with: every call there is, and a look at what came of it.

Knows no rule: what must be refused, and how, stands in the tests.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from local.supervisor import Platform
from shared import flow
from shared.adapters.cosmos.client import open_client
from tests.e2e.conftest import running_shop
from tests.shop import Shop
from tests.waiting import until

ORDER: Mapping[str, Any] = {
    "amount_minor": 1250,
    "currency": "EUR",
    "payment_method": "pm_ok",
    "reference": "order-1",
}
PAYMENT, LETTER, NOTIFICATION = "{payment}", "{letter}", "{notification}"

TOLD = {"TELEMETRY_CONSOLE": "true"}
"""So that the log holds what would be exported, too."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request as its callers send it. body: None where none is sent."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


PAY = Call("POST", "/api/payments", ORDER)
LETTERS = "/api/ops/dead-letters"
CHANGES = (
    PAY,
    Call("POST", f"/api/payments/{PAYMENT}/cancel"),
    Call("POST", f"/api/payments/{PAYMENT}/refunds", {}),
    Call("POST", f"/api/payments/{PAYMENT}/notifications/{NOTIFICATION}/resend"),
    Call("POST", f"/api/ops/payments/{PAYMENT}/notifications/{NOTIFICATION}/resend"),
    Call("POST", f"/api/ops/payments/{PAYMENT}/erase", {"reason": "an attack"}),
    Call("POST", f"{LETTERS}/replay", {}),
    Call("POST", f"{LETTERS}/drain"),
    Call("POST", f"{LETTERS}/{LETTER}/replay"),
    Call("POST", f"{LETTERS}/{LETTER}/discard", {"reason": "an attack"}),
)
LIST = Call("GET", "/api/payments")
READS = (
    LIST,
    Call("GET", f"/api/payments/{PAYMENT}"),
    Call("GET", f"/api/payments/{PAYMENT}/events"),
    Call("GET", f"/api/payments/{PAYMENT}/notifications"),
    Call("GET", f"/api/ops/payments/{PAYMENT}/notifications"),
    Call("GET", "/api/ops/payments"),
    Call("GET", f"/api/ops/payments/{PAYMENT}"),
    Call("GET", f"/api/ops/payments/{PAYMENT}/events"),
    Call("GET", "/api/ops/flow"),
    Call("GET", "/api/ops/me"),
    Call("GET", LETTERS),
    Call("GET", f"{LETTERS}/summary"),
    Call("GET", f"{LETTERS}/{LETTER}"),
)
OPERATIONS = tuple(call for call in (*CHANGES, *READS) if call.path.startswith("/api/ops/"))
OF_MERCHANTS = tuple(call for call in (*CHANGES, *READS) if call not in OPERATIONS)
OF_ONE = tuple(call for call in OF_MERCHANTS if PAYMENT in call.path)
"""Those that name a payment."""


@dataclass(frozen=True, slots=True)
class Answer:
    """As it came over the wire."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def code(self) -> str:
        """Of a problem document."""
        return str(json.loads(self.content)["code"])


@dataclass(frozen=True, slots=True)
class Target:
    """A running platform with one payment that stands still, parked, and its letter: there is something to change."""

    platform: Platform
    shop: Shop
    payment: str
    letter: str
    skipped: int = 0
    """Of the log: what was written before there was anything to attack. A host may print its keys when it starts."""

    async def send(
        self, call: Call, headers: Mapping[str, str] | None = None, *, body: bytes | None = None, query: str = ""
    ) -> Answer:
        """The call over a socket of its own, as bytes that no client has tidied. body: in place of the call's own."""
        own = b"" if call.body is None else json.dumps(call.body).encode()
        content = own if body is None else body
        usual = {"Host": f"127.0.0.1:{self.platform.ports.http}", "Connection": "close"}
        kind = {"Content-Type": "application/json", "Content-Length": str(len(content))} if content else {}
        key = {"Idempotency-Key": "an-attack"} if call.path.endswith("/refunds") else {}
        length = {"Content-Length": "0"} if call.method == "POST" and not content else {}
        lines = [f"{name}: {value}" for name, value in {**usual, **kind, **length, **key, **(headers or {})}.items()]
        path = (
            call.path.replace(PAYMENT, self.payment)
            .replace(LETTER, self.letter)
            .replace(NOTIFICATION, f"{self.payment}:notify")
        )
        return await self.raw("\r\n".join([f"{call.method} {path}{query} HTTP/1.1", *lines, "", ""]).encode() + content)

    async def raw(self, sent: bytes) -> Answer:
        """Whatever these bytes are answered with."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.platform.ports.http)
        try:
            writer.write(sent)
            await writer.drain()
            return _answer(await reader.read())
        finally:
            writer.close()

    async def stored(self) -> list[tuple[str, str, str]]:
        """Every payment, event and letter, with the version of its document: the same list, and nothing has changed.

        But for the mark up to when the rows are whole, which a timer moves each minute.
        """
        names = (flow.EVENTS, flow.DEAD_LETTERS, flow.PAYMENTS, flow.NOTIFICATIONS)
        async with open_client(self.platform.cosmos_connection, proxies=False) as client:
            database = client.get_database_client(flow.DATABASE)
            found = [
                (name, str(each["id"]), str(each["_etag"]))
                for name in names
                async for each in database.get_container_client(name).read_all_items()
                if each["id"] != "whole"
            ]
        return sorted(found)

    def log(self) -> str:
        """What the host and the app have written since, spans and exported lines among it."""
        return self.platform.log("host").read_bytes()[self.skipped :].decode(errors="replace")


async def refused(
    at: Target, call: Call, headers: Mapping[str, str] | None = None, *, body: bytes | None = None, query: str = ""
) -> tuple[int, str]:
    """Send it. The status and code of the answer, after a look at what is stored."""
    before = await at.stored()

    answer = await at.send(call, headers, body=body, query=query)

    assert answer.headers["content-type"].startswith("application/problem+json"), answer
    changed = set(await at.stored()) ^ set(before)
    assert not changed, f"{call}: {changed}"
    return answer.status, answer.code


@asynccontextmanager
async def target(
    *, operator: Mapping[str, str], merchant: Mapping[str, str], **arguments: Any
) -> AsyncIterator[Target]:
    """A platform of its own. operator, merchant: the headers of who may operate and who may pay."""
    async with running_shop(**arguments) as (platform, shop):
        empty = Target(platform, shop, "", "")
        parked = await empty.send(Call("POST", "/api/payments", {**ORDER, "payment_method": "pm_invalid"}), merchant)
        assert parked.status == 202, parked
        payment = str(json.loads(parked.content)["payment_id"])
        letters: list[str] = []

        async def has_a_letter() -> bool:
            listed = await empty.send(Call("GET", LETTERS), operator)
            assert listed.status == 200, listed
            letters[:] = [each["id"] for each in json.loads(listed.content)["dead_letters"]]
            return bool(letters)

        await until(has_a_letter, limit_s=None, every_s=0.1)
        ready = Target(platform, shop, payment, letters[0])
        await _rests(ready)
        yield replace(ready, skipped=len(platform.log("host").read_bytes()))


async def _rests(target: Target) -> None:
    """The read model has caught up: whatever changes from here on has been asked for."""
    seen: list[list[tuple[str, str, str]]] = [[]]

    async def is_still() -> bool:
        seen.append(await target.stored())
        return seen[-1] == seen[-2]

    await until(is_still, limit_s=None, every_s=1.5)


def principal(*roles: str, application: str, name: str = "") -> dict[str, str]:
    """The headers that Azure's authentication would add."""
    claims = [{"typ": "azp", "val": application}, *({"typ": "roles", "val": role} for role in roles)]
    encoded = base64.b64encode(json.dumps({"auth_typ": "aad", "claims": claims}).encode()).decode()
    return {"X-MS-CLIENT-PRINCIPAL": encoded, **({"X-MS-CLIENT-PRINCIPAL-NAME": name} if name else {})}


def _answer(received: bytes) -> Answer:
    head, _, content = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        content = _joined(content)
    return Answer(int(status.split()[1]), headers, content)


def _joined(chunks: bytes) -> bytes:
    parts = []
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size, 16)
        parts.append(rest[:length])
        chunks = rest[length + 2 :] if length else b""
    return b"".join(parts)
