"""The HTTP of the operator's command: tokens, repeats, pages, and every fault as one line. Knows no command."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from ops.output import say

type Json = dict[str, Any]
type Query = Mapping[str, str]

URL_VARIABLE = "REGIS_PAY_OPS_URL"
TOKEN_VARIABLE = "REGIS_PAY_OPS_TOKEN"  # noqa: S105 - the name of a variable, not a token
PROVIDER_KEY_VARIABLE = "REGIS_PAY_PROVIDER_KEY"

REPEATED = frozenset({429, 502, 503, 504})
"""Answers after which the same request is sent again: every operation of the app is safe to repeat."""
REPEATS = 3
_LONGEST_WAIT_S = 5.0
_LIMIT_S = 230.0  # Azure's load balancer cuts a request after 230 s


class Fault(Exception):
    """Why the command cannot do its work, in one line. `code` is the command's exit code."""

    code = 2


class NotNow(Fault):
    """The app understood the request and did not do it: look at it, or try again."""

    code = 1


class NotThere(Fault):
    """There is nothing under this address."""


class Broken(Fault):
    """The app has failed at this request (500), and answers others."""


def fault_of(exc: Exception) -> Fault:
    """The fault itself; of anything else, that the answer was of another kind than this command knows."""
    if isinstance(exc, Fault):
        return exc
    said = f"{type(exc).__name__}: {exc}"
    return Fault(f"an answer was not as expected ({said}): are app and command of the same version?")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send requests, and with which headers. named_by: how somebody says that it is elsewhere.

    is_named: whether somebody has named it. If not, it is said on stderr before the first request.
    """

    url: str
    named_by: str
    headers: Mapping[str, str] = field(default_factory=dict)
    is_named: bool = True

    @classmethod
    def app(cls, url: str, *, named_by: str) -> Self:
        """The function app. The token stands in the environment, where no list of processes shows it.

        Raises Fault when it would travel unencrypted.
        """
        token = os.environ.get(TOKEN_VARIABLE)
        return cls(_checked(url, secret=token), named_by, _bearer(token))

    @classmethod
    def provider(cls, url: str) -> Self:
        """The payment provider. Raises Fault when a secret would travel unencrypted."""
        key = os.environ.get(PROVIDER_KEY_VARIABLE)
        return cls(_checked(url, secret=key), "--provider-url", _bearer(key))

    @property
    def is_near(self) -> bool:
        """On this machine."""
        return is_near(self.url)


class Api:
    """One service over HTTP, while the `async with` block lasts."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._session: aiohttp.ClientSession | None = None
        self._is_to_say = not target.is_named

    async def __aenter__(self) -> Self:
        # a proxy is for the way out of this machine
        self._session = aiohttp.ClientSession(
            headers=self._target.headers,
            timeout=aiohttp.ClientTimeout(total=_LIMIT_S),
            trust_env=not self._target.is_near,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, query: Query | None = None) -> Json:
        """Raises Fault, NotThere, Broken."""
        return await self._ask("GET", path, query=query)

    async def find(self, path: str) -> Json | None:
        """None when there is nothing of that name. Raises Fault."""
        try:
            return await self.get(path)
        except NotThere:
            return None

    async def post(self, path: str, body: Json | None = None, *, query: Query | None = None) -> Json:
        """Raises Fault, NotNow, NotThere."""
        return await self._ask("POST", path, query=query, body=body)

    async def pages(self, path: str, query: Query, *, cursor: tuple[str, str]) -> AsyncIterator[Json]:
        """Answers until the last one. cursor: the field that names the next page, and the parameter it goes into."""
        told, asked = cursor
        page: str | None = None
        while True:
            answer = await self.get(path, {**query, **({asked: page} if page else {})})
            yield answer
            page = answer.get(told)
            if page is None:
                return

    async def _ask(self, method: str, path: str, *, query: Query | None = None, body: Json | None = None) -> Json:
        if self._is_to_say:
            self._is_to_say = False
            say(f"asking {self._target.url}, as nobody has named an address", out=sys.stderr)
        for repeat in range(REPEATS + 1):
            answer = await self._once(method, path, query=query, body=body)
            if answer.status not in REPEATED or repeat == REPEATS:
                return answer.document(self._target.url)
            await asyncio.sleep(answer.wait_s(repeat))
        raise AssertionError("unreachable")  # pragma: no cover - the last repeat returns

    async def _once(self, method: str, path: str, *, query: Query | None, body: Json | None) -> "_Answer":
        if self._session is None:
            raise RuntimeError("used outside of its `async with` block")
        try:
            async with self._session.request(method, self._target.url + path, params=query, json=body) as response:
                return _Answer(response.status, response.headers.get("Retry-After", ""), await _json(response))
        except TimeoutError as exc:
            raise Fault(f"{self._target.url} did not answer within {_LIMIT_S:g} s") from exc
        except aiohttp.ClientError as exc:
            elsewhere = f"another address: {self._target.named_by}"
            raise Fault(f"cannot reach {self._target.url}: {_why(exc)}; {elsewhere}") from exc


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: str
    body: Json | None

    def wait_s(self, repeat: int) -> float:
        named = float(self.retry_after) if self.retry_after.isdecimal() else 0.5 * 2**repeat
        return min(named, _LONGEST_WAIT_S)

    def document(self, url: str) -> Json:
        """The body of a yes, or of a 409 that explains itself. Raises Fault, NotNow, NotThere."""
        if self.status in (401, 403):
            said = f" {problem.get('title')} {problem.get('detail', '')}".rstrip() if (problem := self.body) else ""
            hint = f"set {TOKEN_VARIABLE} to a token of Microsoft Entra ID with the role Operations"
            raise Fault(f"{url} refuses access ({self.status}):{said} Next: {hint}")
        if self.body is None:
            raise Fault(f"{url} answered {self.status} without JSON: is this the app's address, without /api?")
        if self.status < 300 or (self.status == 409 and "code" not in self.body):
            return self.body
        raise self._fault()

    def _fault(self) -> Fault:
        problem = self.body or {}
        said = str(problem.get("title") or problem.get("message") or f"answered {self.status}")
        wrong = "; ".join(f"{each['field']}: {each['message']}" for each in problem.get("errors", ()))
        line = " ".join(part for part in (said, str(problem.get("detail", "")), wrong) if part)
        kind = {404: NotThere, 409: NotNow, 500: Broken}.get(self.status, Fault)
        return kind(f"{line} ({problem.get('code', self.status)})")


async def _json(response: aiohttp.ClientResponse) -> Json | None:
    try:
        body = await response.json(content_type=None)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _why(exc: aiohttp.ClientError) -> str:
    """The system's own words, without addresses and error numbers."""
    if isinstance(exc, aiohttp.ClientSSLError):
        return f"TLS failed: {exc.os_error}"
    if isinstance(exc, aiohttp.ClientConnectorError):
        number = exc.os_error.errno
        return os.strerror(number) if number and number > 0 else str(exc.os_error.strerror or exc.os_error)
    if isinstance(exc, aiohttp.InvalidURL):
        return "this is not a URL"
    return str(exc) or type(exc).__name__


def _checked(url: str, *, secret: str | None) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Fault(f"{url} is not an address: it must begin with http:// or https://")
    if secret and parts.scheme == "http" and not is_near(url):
        raise Fault(f"a token is not sent to {url} unencrypted: use https://")
    return url.rstrip("/").removesuffix("/api")


def is_near(url: str) -> bool:
    """On this machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
