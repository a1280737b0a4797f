"""`python -m local up | emulators | pay | dispute | tail | listen | part | status`: the command line.

Knows what its options are called.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from local.datafolder import DEFAULT_DATA, word_found
from local.dispute import deciding, dispute, opening
from local.emulators import emulators
from local.foreground import Options, in_foreground
from local.listening import add_listen, listened
from local.part import ACTIONS, part
from local.pay import NotAtRest, Order, Paid, Refused, pay, summary
from local.ports import Ports
from local.status import status
from local.supervisor import PROVIDERS, SERVICES
from local.tail import Wishes, tail
from local.up import up
from terminal.text import printable


def run(arguments: Sequence[str], modules: Mapping[str, str]) -> int:
    """Returns the exit code. `modules` puts other Python modules in place of the services."""
    options = _parser().parse_args(arguments)
    match options.command:
        case "up":
            run_options = _run_options(options, modules)
            return up(run_options, is_once=options.once, sample_limit_s=options.sample_limit_s, is_quiet=options.quiet)
        case "emulators":
            return emulators(_run_options(options, modules))
        case "pay":
            return asyncio.run(_pay(options))
        case "dispute":
            return asyncio.run(_dispute(options))
        case "part":
            url = (word_found(options.data) or {}).get("url") or f"http://127.0.0.1:{Ports().http}"
            return asyncio.run(part(url, options.name, action=options.action))
        case "tail":
            return in_foreground(_tail(options))
        case "listen":
            return listened(options)
        case _:
            return status(options.data)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="Azure on a laptop, for this function app.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_up(commands.add_parser("up", help="start everything, send one sample payment, serve until Ctrl-C"))
    _add_run(commands.add_parser("emulators", help="start everything but the Functions host, serve until Ctrl-C"))
    _add_pay(commands.add_parser("pay", help="post a payment and follow it until it rests"))
    _add_dispute(
        commands.add_parser("dispute", help="as the cardholder's bank, dispute a payment, or decide a dispute")
    )
    _add_tail(commands.add_parser("tail", help="the events that go to the subscribers of topics, as they go"))
    add_listen(commands.add_parser("listen", help="show what merchants are told, and forward it to a server of yours"))
    _add_part(commands.add_parser("part", help="the parts of a running platform; kill, freeze or thaw one"))
    show = commands.add_parser("status", help="where a running platform answers, and whether it does")
    show.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the data folder of the running platform")
    commands.add_parser("gameday", help="hurts a platform of its own and measures what becomes of its payments")
    for service in (*SERVICES, "stripe"):
        commands.add_parser(service, help="this service alone, until SIGTERM or Ctrl-C; --help lists its options")
    return parser


def _add_up(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    parser.add_argument(
        "--once", action="store_true", help="stop after the sample payment; exit code 0 if it completed"
    )
    parser.add_argument("--sample-limit-s", type=float, default=60.0, help="how long the sample payment may take")
    parser.add_argument("--quiet", action="store_true", help="say nothing of the payments that come later")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="where payments, messages and logs are kept")
    parser.add_argument("--reset", action="store_true", help="forget all payments and messages first")
    parser.add_argument(
        "--provider", choices=PROVIDERS, default="regis", help="whose API the provider imitates (%(default)s)"
    )
    parser.add_argument(
        "--no-restart", action="store_true", help="end when a part dies, and start it again never; so does --once"
    )
    ports = Ports()
    for name in ("http", "cosmos", "amqp", "provider", "admin"):
        parser.add_argument(
            f"--{name}-port", type=_port, default=getattr(ports, name), help="%(default)s; 0: a free one"
        )


def _add_pay(parser: argparse.ArgumentParser) -> None:
    order = Order()
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the data folder of the running platform")
    parser.add_argument("--url", help="the function app's address, without /api; else the running platform's")
    parser.add_argument("--amount-minor", type=int, default=order.amount_minor)
    parser.add_argument("--currency", default=order.currency)
    parser.add_argument("--payment-method", default=order.payment_method, help="see docs/test-tokens.md")
    parser.add_argument("--reference", default=order.reference)
    parser.add_argument("--notification-url")
    parser.add_argument("--idempotency-key", help="without one, each call is a new payment")
    parser.add_argument("--count", type=_positive, default=1)
    parser.add_argument("--concurrency", type=_positive, default=1, help="how many at a time")
    parser.add_argument("--limit-s", type=float, default=60.0, help="how long a payment may take until it rests")


def _add_dispute(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the data folder of the running platform")
    parser.add_argument("--url", help="the local provider's address; else the running platform's")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("payment_id", nargs="?", help="a captured payment, of which to open a dispute")
    what.add_argument("--win", metavar="DISPUTE_ID", help="decide that the merchant keeps the money")
    what.add_argument("--lose", metavar="DISPUTE_ID", help="decide that the bank does")
    parser.add_argument("--amount-minor", type=_positive, help="else all that is not disputed yet")
    parser.add_argument("--reason", help="a code such as product_not_received")


def _add_part(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", choices=SERVICES, help="all, if none is named")
    parser.add_argument("action", nargs="?", choices=ACTIONS, help="else it is shown; break and repair: the provider")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the data folder of the running platform")


def _add_tail(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="such as payment-settled; all if none is named")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the data folder of the running platform")
    parser.add_argument("--addressed", action="store_true", help="also what is for one step alone: retries, replays")
    parser.add_argument("--json", action="store_true", help="one JSON object per line, with the whole message")


def _run_options(options: argparse.Namespace, modules: Mapping[str, str]) -> Options:
    ports = Ports(
        http=options.http_port,
        cosmos=options.cosmos_port,
        amqp=options.amqp_port,
        provider=options.provider_port,
        admin=options.admin_port,
    )
    return Options(
        options.data,
        ports,
        is_reset=options.reset,
        provider=options.provider,
        modules=modules,
        keeps=not options.no_restart,
    )


async def _pay(options: argparse.Namespace) -> int:
    word = word_found(options.data) or {}
    url = (options.url or word.get("url") or f"http://127.0.0.1:{Ports().http}").rstrip("/")
    order = Order(
        amount_minor=options.amount_minor,
        currency=options.currency,
        payment_method=options.payment_method,
        reference=options.reference,
        notification_url=options.notification_url,
        idempotency_key=options.idempotency_key,
    )
    places = asyncio.Semaphore(options.concurrency)

    async def one(http: aiohttp.ClientSession, nth: Order) -> Paid | Exception:
        async with places:
            try:
                return await pay(http, url, order=nth, limit_s=options.limit_s)
            except (Refused, NotAtRest, aiohttp.ClientError) as exc:
                return exc

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        ends = await asyncio.gather(*(one(http, nth) for nth in _orders(order, options.count)))
    return _report(ends)


async def _tail(options: argparse.Namespace) -> int:
    def find() -> str | None:
        return (word_found(options.data) or {}).get("Service Bus administration")

    wishes = Wishes(topics=options.topics, is_json=options.json, shows_addressed=options.addressed)
    return await tail(find, wishes)


async def _dispute(options: argparse.Namespace) -> int:
    url = options.url or (word_found(options.data) or {}).get("provider") or f"http://127.0.0.1:{Ports().provider}"
    base = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    if options.payment_id:
        path, body = opening(options.payment_id, amount_minor=options.amount_minor, reason=options.reason)
        return await dispute(base, path, body=body)
    return await dispute(base, deciding(options.win or options.lose, is_won=bool(options.win)))


def _orders(order: Order, count: int) -> list[Order]:
    """The order, or as many that differ in reference and key."""
    if count == 1:
        return [order]
    key = order.idempotency_key
    return [
        replace(order, reference=f"{order.reference}-{nth}", idempotency_key=f"{key}-{nth}" if key else None)
        for nth in range(1, count + 1)
    ]


def _report(ends: list[Paid | Exception]) -> int:
    paid = [end for end in ends if isinstance(end, Paid)]
    for failure in [end for end in ends if isinstance(end, Exception)]:
        print(printable(str(failure)), file=sys.stderr)
    if len(ends) > 1:
        print(summary(paid))
    elif paid:
        print(paid[0].timeline())
    return 0 if len(paid) == len(ends) else 1


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: 0 to 65535")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number
