"""`python -m local tail [TOPIC ...]`: the events that go to the subscribers of topics, as they go.

Asks the local Service Bus's administration. It takes no message from anybody, and leaves nothing behind.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from terminal.money import money
from terminal.text import printable

_LOOK_AGAIN_S = 0.5
_SILENT_FOR_S = 15.0
"""A broker that is there says at least an empty line in this time."""

_NOTHING_RUNS = "no platform runs here: `make run` starts it; --data names the folder of another one"

type Find = Callable[[], str | None]
"""Where the administration answers now; None where none runs."""


class _NoSuchTopic(Exception):
    """What was asked for is not there; the message is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What somebody wants to see. topics: all when none is named. shows_addressed: also what is for one step alone."""

    topics: Sequence[str] = ()
    is_json: bool = False
    shows_addressed: bool = False


async def tail(find: Find, wishes: Wishes) -> int:
    """Returns the exit code: 0 when told to stop, 2 when no platform runs or there is no such topic.

    A broker that goes away is waited for.
    """
    url = find()
    if url is None:
        print(_NOTHING_RUNS, file=sys.stderr)
        return 2
    is_first = True
    limit = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_SILENT_FOR_S)
    async with aiohttp.ClientSession(timeout=limit) as http:
        while True:
            try:
                await _follow(http, url, wishes=wishes, is_first=is_first)
            except _NoSuchTopic as exc:
                print(printable(str(exc)), file=sys.stderr)
                return 2
            except asyncio.CancelledError:
                return 0
            except (aiohttp.ClientError, TimeoutError) as exc:
                if is_first:
                    print(printable(f"no local Service Bus answers at {url} ({type(exc).__name__})"), file=sys.stderr)
                    return 2
            print("the broker is away, waiting for it; what goes meanwhile is not shown", file=sys.stderr, flush=True)
            is_first, url = False, await _found_again(http, url, find=find)


async def _follow(http: aiohttp.ClientSession, url: str, *, wishes: Wishes, is_first: bool) -> None:
    """Until the connection ends. Raises aiohttp.ClientError, TimeoutError, _NoSuchTopic."""
    async with http.get(f"{url}/tail", params=[("topic", topic) for topic in wishes.topics]) as answer:
        if answer.status == 404:
            said = await answer.json()
            raise _NoSuchTopic(f"{said['error']}; there are {', '.join(said['topics'])}")
        answer.raise_for_status()
        if is_first:
            print(f"watching {', '.join(wishes.topics) or 'all topics'}; Ctrl-C stops", file=sys.stderr, flush=True)
        async for line in answer.content:
            if line.strip():
                _show(json.loads(line), wishes=wishes)


async def _found_again(http: aiohttp.ClientSession, url: str, *, find: Find) -> str:
    """Its port may be another then."""
    while True:
        await asyncio.sleep(_LOOK_AGAIN_S)
        url = find() or url
        try:
            async with http.get(f"{url}/connections") as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            continue
        return url


def _show(message: dict[str, Any], *, wishes: Wishes) -> None:
    if message["missed"]:
        print(f"{message['missed']} messages were missed: they came too fast", file=sys.stderr, flush=True)
    if message["to"] is not None and not wishes.shows_addressed:
        return
    if wishes.is_json:
        print(json.dumps({name: value for name, value in message.items() if name != "missed"}), flush=True)
    else:
        print(printable(line(message, at=datetime.now(UTC))), flush=True)


def line(message: dict[str, Any], *, at: datetime) -> str:
    """For people. at: when it was seen."""
    payment = _payment(message["body"])
    to = [f"-> {message['to']}", *(f"{name} {value}" for name, value in message["properties"].items())]
    words = [
        at.strftime("%H:%M:%S.%f")[:-3],
        str(message["subject"] or message["topic"]),
        str(payment.get("payment_id") or message["message_id"]),
        money(payment),
        str(payment.get("reference", "")),
        " ".join(to) if message["to"] is not None else "",
    ]
    return "  ".join(word for word in words if word)


def _payment(body: str | None) -> dict[str, Any]:
    """Empty where the message is no event of a payment."""
    try:
        event = json.loads(body or "")
        payment = event["data"]
        money(payment)
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    return payment if isinstance(payment, dict) else {}
