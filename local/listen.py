"""`python -m local listen`: shows what merchants are told, as it happens, and forwards it to a server of yours.

Uses the public HTTP API only, as any merchant can. Changes nothing at the platform.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import aiohttp

from local.asking import FOLLOWED, Away, Unwilling, ask
from local.attempts import MOST_OLDER, Attempt, Json, Lost, Watch
from local.forwarding import Answered, forward
from local.signing import is_signed_with
from terminal.money import money
from terminal.text import printable

EVERY_S = 0.5
_AT_A_TIME = 8
_LOST = {
    Lost.OLDER: f"the {FOLLOWED} newest payments are followed, and those that get older until their merchant is told",
    Lost.UNTOLD: f"more than {MOST_OLDER} older payments have a merchant still to be told: not all are followed",
    Lost.UNLISTED: f"more than {FOLLOWED} payments came at once: not all of them are followed",
}

type Find = Callable[[], str | None]
"""Where the app answers now; None where none runs. Asked again while it is away: its port may be another then.

Raises Unusable.
"""


class Unusable(Exception):
    """Nothing may be asked at the address that was found; the message is for people."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wants to see. is_json: one JSON object per attempt on stdout, all other words on stderr."""

    forward_to: str | None = None
    since: timedelta = timedelta(0)
    secret: str | None = None
    is_json: bool = False
    key: str | None = None
    """The function key of the merchant whose notifications are shown; none where nobody is asked for one."""


async def listen(find: Find, wishes: Wishes) -> int:
    """Returns the exit code: 0 when told to stop, 2 when there is no app to listen to, or it refuses."""
    since = datetime.now(UTC) - wishes.since
    try:
        url = find()
        if url is not None:
            return await _listen(url, find=find, wishes=wishes, since=since)
        print("no platform runs here: `make run` starts it; --data or --url name another one", file=sys.stderr)
    except Unusable as exc:
        print(printable(str(exc)), file=sys.stderr)
    return 2


async def _listen(url: str, *, find: Find, wishes: Wishes, since: datetime) -> int:
    """The exit code. Raises Unusable."""
    headers = {"x-functions-key": wishes.key} if wishes.key else {}
    async with aiohttp.ClientSession(headers=headers) as http, aiohttp.ClientSession() as outside:
        listener = _Listener(http, outside, wishes=wishes)
        try:
            await ask(http, f"{url}/api/health")
            return await listener.run(url, find=find, since=since)
        except Away as exc:
            print(printable(f"no function app answers at {url} ({exc}): `make run` starts it"), file=sys.stderr)
        except Unwilling as exc:
            print(printable(f"the app does not show its payments: {exc}"), file=sys.stderr)
        return 2


class _Listener:
    """Looks in one task and forwards in another, so that a slow server holds up what is shown of none."""

    def __init__(self, http: aiohttp.ClientSession, outside: aiohttp.ClientSession, *, wishes: Wishes) -> None:
        self._http = http
        self._outside = outside
        self._wishes = wishes
        self._to_forward: asyncio.Queue[Attempt] = asyncio.Queue()
        self._unanswered = 0
        self._said_once: set[str] = set()

    async def run(self, url: str, *, find: Find, since: datetime) -> int:
        """Until it is told to stop; the exit code. Raises Unwilling, Unusable."""
        self._say(f"listening to {url}; Ctrl-C stops")
        if self._wishes.forward_to:
            self._say(f"forwarding to {self._wishes.forward_to}")
        if self._wishes.secret:
            self._say(f"the secret of the signatures, as the sample of the settings has it: {self._wishes.secret}")
        try:
            async with asyncio.TaskGroup() as work:
                work.create_task(self._look(url, find=find, watch=Watch(since)))
                work.create_task(self._forward())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # of the one task that failed; the other was cancelled for it
        except asyncio.CancelledError:
            self._say(f"stopped{f'; {self._unanswered} have no answer yet' if self._unanswered else ''}")
        return 0

    async def _look(self, url: str, *, find: Find, watch: Watch) -> None:
        is_away = False
        while True:
            try:
                await self._round(url, watch)
                if is_away:
                    self._say(f"listening to {url} again")
                is_away = False
            except Away as exc:
                if not is_away:
                    self._say(f"the app is away, waiting for it: {exc}")
                is_away, url = True, find() or url
            await asyncio.sleep(EVERY_S)

    async def _round(self, url: str, watch: Watch) -> None:
        page = await ask(self._http, f"{url}/api/payments?limit={FOLLOWED}")
        is_all = page.get("next_page") is None
        for lost in watch.listed(page["payments"], now_s=time.monotonic(), is_all=is_all):
            self._say_once(_LOST[lost])
        places = asyncio.Semaphore(_AT_A_TIME)

        async def look_at(payment_id: str) -> list[Attempt] | Away:
            try:
                async with places:
                    answer = await ask(self._http, f"{url}/api/payments/{payment_id}/notifications")
            except Away as exc:
                watch.postponed(payment_id, now_s=time.monotonic())
                return exc
            except Unwilling as exc:
                watch.refused(payment_id, now_s=time.monotonic())
                self._say_once("not all notifications are shown", f": {exc}")
                return []
            return watch.answered(payment_id, answer, now_s=time.monotonic())

        answers = await asyncio.gather(*(look_at(each) for each in watch.due(now_s=time.monotonic())))
        found = [attempt for each in answers if not isinstance(each, Away) for attempt in each]
        for attempt in sorted(found, key=lambda attempt: attempt.at):
            self._show(attempt)
        faults = [each for each in answers if isinstance(each, Away)]
        if faults and len(faults) == len(answers):  # one alone may be a payment that cannot be read
            raise faults[0]

    def _show(self, attempt: Attempt) -> None:
        if not self._wishes.is_json:
            print(printable(line(attempt, secret=self._wishes.secret)), flush=True)
        if self._wishes.forward_to:
            self._to_forward.put_nowait(attempt)
            self._unanswered += 1
        elif self._wishes.is_json:
            print(json.dumps(document(attempt, secret=self._wishes.secret)), flush=True)

    async def _forward(self) -> None:
        """One after another: a server sees them in the order in which they were sent."""
        while self._wishes.forward_to:
            attempt = await self._to_forward.get()
            answered = None
            if attempt.was_signed:
                answered = await forward(
                    self._outside, self._wishes.forward_to, headers=attempt.headers, body=attempt.body
                )
            self._unanswered -= 1
            if self._wishes.is_json:
                print(json.dumps(document(attempt, answered, secret=self._wishes.secret)), flush=True)
            else:
                print(printable(answer_line(attempt, answered)), flush=True)

    def _say_once(self, words: str, more: str = "") -> None:
        if words not in self._said_once:
            self._said_once.add(words)
            self._say(words + more)

    def _say(self, words: str) -> None:
        print(printable(words), file=sys.stderr if self._wishes.is_json else sys.stdout, flush=True)


def line(attempt: Attempt, *, secret: str | None) -> str:
    """For people. A signature by another secret than the one that was shown at the start is pointed out."""
    row, told = attempt.row, attempt.told
    came = f"answered {told['status_code']}" if told.get("status_code") else str(told.get("failure") or "no answer")
    by = f"attempt {told['attempt']}" if told["by"] == "step" else f"attempt {told['attempt']} ({told['by']})"
    words = [
        attempt.at.strftime("%H:%M:%S.%f")[:-3],
        str(attempt.notification["type"]),
        str(row["payment_id"]),
        money(row),
        str(row["reference"]),
        f"{by}: {came} in {told['duration_ms']} ms",
    ]
    signature = _signature(attempt, secret)
    return "  ".join([*words, *({"other": ["signed with another secret"], "none": ["not signed"]}.get(signature, []))])


def answer_line(attempt: Attempt, answered: Answered | None) -> str:
    """What the server said to which an attempt was forwarded; None: it was not signed, so it was not sent."""
    about = f"{attempt.notification['type']} of {attempt.row['payment_id']}"
    return f"  -> {answered or 'not forwarded, since it was never sent'}  ({about}, attempt {attempt.told['attempt']})"


def document(attempt: Attempt, answered: Answered | None = None, *, secret: str | None) -> Json:
    """For programs: the payment as the list has it, the notification without its other attempts, the attempt."""
    notification = {name: value for name, value in attempt.notification.items() if name != "attempts"}
    shown: Json = {"payment": attempt.row, "notification": notification, "attempt": attempt.told}
    shown |= {"signature": _signature(attempt, secret)}
    return shown if answered is None else shown | {"forwarded": asdict(answered)}


def _signature(attempt: Attempt, secret: str | None) -> str:
    """`ok`: it is that of the sample's secret. `other`: it is not, or nobody can say. `none`: there is none."""
    if not attempt.was_signed:
        return "none"
    is_ours = secret is not None and is_signed_with(secret, attempt.headers, body=attempt.body)
    return "ok" if is_ours else "other"
