"""What can be done to a running platform from outside, as a small HTTP service: look at its parts, kill or freeze one,
break the provider.

Only the host asks it, with a token that only the two know: which pages of a browser may ask is the host's to say. Knows
no payment.
"""

import asyncio
import contextlib
import hmac
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from local.keeper import CannotBeDone, Keeper, Part, State
from local.provider.reading import Handler
from local.provider.tokens import TOKENS
from local.provider.wire import listening

ADDRESS, TOKEN = "LOCAL_HOST_PLATFORM", "LOCAL_HOST_PLATFORM_TOKEN"
"""The environment variables by which the host is told."""
HEADER = "X-Platform-Token"
ACTIONS = ("kill", "freeze", "thaw")
_ANSWER_LEAVES_WITHIN_S = 0.3
_PROVIDER_LIMIT = aiohttp.ClientTimeout(total=3)
_LOOK_LIMIT = aiohttp.ClientTimeout(total=1)

type Json = dict[str, Any]


class Refused(Exception):
    """Nothing was done. The message says why."""

    def __init__(self, status: int, code: str, *, title: str) -> None:
        super().__init__(title)
        self.status, self.code = status, code


class Control:
    """Answers for one platform, once there is one."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self.port = 0
        self.keeper: Keeper | None = None
        self._dying: set[asyncio.Task[Part]] = set()

    def environment(self) -> dict[str, str]:
        """By which the host finds us."""
        return {ADDRESS: f"http://127.0.0.1:{self.port}", TOKEN: self.token}

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._guarded])
        application.add_routes(
            [
                web.get("/", self._shown),
                web.post("/parts/{part}/{action}", self._act),
                web.post("/provider/{action:break|repair}", self._switch_provider),
            ]
        )
        return application

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        offered = request.headers.get(HEADER, "").encode(errors="surrogatepass")
        if not hmac.compare_digest(self.token.encode(), offered):
            return _problem(401, "token_wrong", title="Only the platform's own host may ask.")
        try:
            return await handler(request)
        except Refused as refused:
            return _problem(refused.status, refused.code, title=str(refused))
        except web.HTTPException as exc:
            return _problem(exc.status, "not_here", title="There is nothing of that kind here.")

    @property
    def _known(self) -> Keeper:
        if self.keeper is None:
            raise Refused(503, "starting", title="The platform is still being started.")
        return self.keeper

    # --- looking

    async def _shown(self, _: web.Request) -> web.StreamResponse:
        keeper = self._known
        platform = keeper.platform
        shown: Json = {
            "as_of": _at(datetime.now(UTC)),
            "parts": [self._row(part) for part in keeper.parts.values()],
            "provider": await self._provider(keeper),
            "payment_methods": sorted(TOKENS) if platform.setup.provider == "regis" else [],
            "notification_url": f"{platform.provider_url}/merchant/ok",
        }
        return web.json_response(shown)

    def _row(self, part: Part) -> Json:
        platform = self._known.platform
        return {
            "part": part.name,
            "state": part.state,
            "since": _at(part.since),
            "pid": platform.pid(part.name) if platform.is_running(part.name) else None,
            "can": part.can,
            "deaths": part.deaths,
            "last_death": part.last_death,
            "again_at": None if part.again_at is None else _at(part.again_at),
        }

    async def _provider(self, keeper: Keeper) -> Json:
        """state: ok, broken, or unknown while it cannot be asked."""
        api = keeper.platform.setup.provider
        if api != "regis":
            return {"api": api, "state": "unknown", "can": []}
        state, part = "unknown", keeper.parts.get("provider")
        if part is not None and part.state is State.UP:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                faults = await _tell(keeper, "GET /faults", limit=_LOOK_LIMIT)
                state = "broken" if faults["rate_5xx"] == 1 else "ok"
        return {"api": api, "state": state, "can": ["break", "repair"]}

    # --- doing

    async def _act(self, request: web.Request) -> web.StreamResponse:
        name, action = request.match_info["part"], request.match_info["action"]
        keeper = self._known
        if name not in keeper.parts or action not in ACTIONS:
            parts = ", ".join(keeper.parts)
            raise Refused(404, "not_here", title=f"There are the parts {parts}, and {', '.join(ACTIONS)}.")
        if name == "host" and action == "kill" and "kill" in keeper.parts[name].can:
            self._kill_when_answered(keeper, name)
            return web.json_response(self._row(keeper.parts[name]), status=202)
        try:
            part = await keeper.do(action, name)
        except CannotBeDone as exc:
            raise Refused(409, "cannot_be_done", title=f"{exc}.") from None
        return web.json_response(self._row(part))

    def _kill_when_answered(self, keeper: Keeper, name: str) -> None:
        """The host passes our answer on, and must live until then."""

        async def kill() -> Part:
            await asyncio.sleep(_ANSWER_LEAVES_WITHIN_S)
            return await keeper.do("kill", name)

        dying = asyncio.create_task(kill())
        self._dying.add(dying)
        dying.add_done_callback(self._dying.discard)

    async def _switch_provider(self, request: web.Request) -> web.StreamResponse:
        """Broken: every call that moves money fails. Repaired: no faults, and what is down until repair is up."""
        keeper = self._known
        if keeper.platform.setup.provider != "regis":
            raise Refused(409, "cannot_be_done", title="This provider cannot be broken. Freeze it or kill it.")
        try:
            if request.match_info["action"] == "break":
                await _tell(keeper, "POST /faults", rate_5xx=1)
                await _tell(keeper, "POST /break")
            else:
                await _tell(keeper, "DELETE /faults")
                await _tell(keeper, "POST /repair")
        except (aiohttp.ClientError, TimeoutError):
            raise Refused(409, "cannot_be_done", title="The provider does not answer.") from None
        return web.json_response(await self._provider(keeper))


@contextlib.asynccontextmanager
async def controlling() -> AsyncIterator[Control]:
    """Answers on a free port of 127.0.0.1 until the end of the block; `keeper` is set when there is one."""
    control = Control()
    async with listening(control.application(), 0) as port:
        control.port = port
        yield control


async def _tell(keeper: Keeper, asked: str, *, limit: aiohttp.ClientTimeout = _PROVIDER_LIMIT, **body: object) -> Json:
    """asked: method and path."""
    method, path = asked.split()
    async with (
        aiohttp.ClientSession(timeout=limit, raise_for_status=True) as http,
        http.request(method, keeper.platform.provider_url + path, json=body or None) as response,
    ):
        answer: Json = {} if response.status == 204 else await response.json()
        return answer


def _problem(status: int, code: str, *, title: str) -> web.Response:
    document = {"title": title, "status": status, "code": code}
    return web.json_response(document, status=status, content_type="application/problem+json")


def _at(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
