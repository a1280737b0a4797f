"""The command line: what may be asked for, and its words. Does nothing itself."""

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from ops.client import URL_VARIABLE
from ops.finding import DEFAULT_URL, NOTE
from ops.output import duration
from ops.words import LETTER_STATUSES, OWED, PAYMENT_STATUSES, REASONS, SEVERITIES, STEPS, WAITING

_EXIT_CODES = (
    "exit codes: 0 nothing is left to do, 1 something is left or differs, 2 cannot reach the app or wrong use, "
    "130 stopped by Ctrl-C"
)


class _Parser(argparse.ArgumentParser):
    """One line for a mistake, not the whole usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message} (see {self.prog} --help)\n")


def parser(prog: str = "python -m ops") -> argparse.ArgumentParser:
    """`--url` and `--json` may stand before the command or behind it."""
    top = _Parser(
        prog=prog,
        description="Operate Regis Pay: look at dead letters, replay or discard them, compare with the provider.",
        epilog=_EXIT_CODES,
        parents=[_common(is_top=True)],
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = _common(is_top=False)

    def add(name: str, words: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=words, description=words, parents=[common], epilog=_EXIT_CODES)

    _listing(add("list", "the dead letters that wait for somebody: the gravest first, then the oldest"))
    _filters(add("summary", "the open dead letters, counted by step, reason and age"))
    add("show", "one dead letter whole, its payment, and what a replay would do").add_argument("letter_id")
    _replaying(add("replay", "send a dead letter again to the step that failed; for publish, to all subscribers"))
    _discarding(add("discard", "end payments that cannot be saved; the provider is asked first"))
    add("drain", "record the dead letters that could not be recorded")
    add("flow", "what moves now, where it waits and what is parked, as the app sees it at this moment")
    _payments(add("payments", "the payments, as the read model has them, newest first"))
    one = add("payment", "one payment whole: what it waits for, its events, notifications and dead letters")
    one.add_argument("payment_id", metavar="ID|REFERENCE", help="the payment's id, or the merchant's own reference")
    _erasing(add("erase", "erase the merchant's own words of a payment: description, metadata, reasons of refunds"))
    _reconciling(add("reconcile", "compare what the provider captured with what is recorded"))
    shell = add("completion", "a script that completes `ops` in a shell: alias ops='python -m ops'")
    shell.add_argument("shell", choices=("bash", "zsh"))
    return top


def _common(*, is_top: bool) -> _Parser:
    """Behind the command an option that is not given must not overwrite what stood before it."""
    common = _Parser(add_help=False)
    common.add_argument(
        "--url",
        default=None if is_top else argparse.SUPPRESS,
        help=f"the function app, without /api; if not given: ${URL_VARIABLE}, {NOTE}, {DEFAULT_URL}",
    )
    common.add_argument(
        "--json", action="store_true", default=False if is_top else argparse.SUPPRESS, help="for programs"
    )
    return common


def _filters(command: argparse.ArgumentParser, *, reason: str = "--reason") -> None:
    command.add_argument("--step", choices=STEPS, metavar="STEP", help=f"one of {', '.join(STEPS)}")
    command.add_argument(
        reason,
        dest="died_of",
        choices=REASONS,
        metavar="REASON",
        help="why it died, such as retries_exhausted; docs/operations.md lists them",
    )
    command.add_argument("--severity", choices=SEVERITIES)
    command.add_argument("--payment", metavar="PAYMENT_ID")
    command.add_argument(
        "--like", metavar="TEXT", help="it stands in reference, payment id, reason, description or message"
    )
    command.add_argument(
        "--since", type=_moment, metavar="2h", help="recorded since then: a time, or how long ago (s, m, h, d)"
    )
    command.add_argument(
        "--older-than", type=_duration, metavar="10m", help="recorded at least this long ago: s, m, h, d"
    )


def _listing(command: argparse.ArgumentParser) -> None:
    _filters(command)
    command.add_argument("--status", choices=LETTER_STATUSES, default="open")
    command.add_argument("--ids", action="store_true", help="only the ids, for scripts")
    _how_many(command)


def _how_many(command: argparse.ArgumentParser) -> None:
    command.add_argument("--limit", type=_positive, default=50, help="at most this many, %(default)s if not given")
    command.add_argument("--all", action="store_true", help="every one")


def _replaying(command: argparse.ArgumentParser) -> None:
    command.add_argument("letter_id", nargs="?")
    command.add_argument("--all", action="store_true", help="all open dead letters that match the filters")
    _filters(command)
    command.add_argument("--dry-run", action="store_true", help="change nothing, say what would happen now")
    command.add_argument(
        "--rate",
        type=_rate,
        metavar="N",
        help="with --all: at most this many per second; as fast as it goes if not given",
    )
    command.add_argument(
        "--at-once",
        type=_positive,
        metavar="N",
        help="with --all: of how many payments side by side, up to the app's REPLAYS_AT_ONCE; that many if not given",
    )
    command.add_argument("--wait", type=_duration, metavar="1m", help="until what was replayed rests or dies again")


def _discarding(command: argparse.ArgumentParser) -> None:
    command.add_argument("letter_id", nargs="?")
    command.add_argument("--reason", required=True, help="for the record, at least three letters")
    command.add_argument("--all", action="store_true", help="all open dead letters that match the filters")
    _filters(command, reason="--died-of")
    command.add_argument("--dry-run", action="store_true", help="change nothing, say what would happen now")
    command.add_argument("--yes", action="store_true", help="with --all: do not ask; needed where nobody can be asked")


def _payments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--status", choices=PAYMENT_STATUSES)
    command.add_argument("--reference", help="the merchant's own, whole")
    command.add_argument("--owes", choices=OWED, metavar="STEP", help=f"what has to move next: {', '.join(OWED)}")
    command.add_argument("--amount", type=_positive, metavar="1250", help="whole, in minor units: 1250 is 12.50 EUR")
    command.add_argument(
        "--waiting",
        choices=WAITING,
        help="for a person (parked), or started again or longer under way than a turn may take (retrying)",
    )
    command.add_argument(
        "--since", type=_moment, metavar="2h", help="initiated since then: a time, or how long ago (s, m, h, d)"
    )
    command.add_argument("--settled", choices=("yes", "no"), help="only those whose money was, or was not, taken")
    _how_many(command)


def _erasing(command: argparse.ArgumentParser) -> None:
    command.add_argument("payment_id")
    command.add_argument("--reason", required=True, help="for the record, at least three letters; it names nobody")
    command.add_argument("--dry-run", action="store_true", help="change nothing, say what would be erased")
    command.add_argument("--yes", action="store_true", help="do not ask; needed where nobody can be asked")


def _reconciling(command: argparse.ArgumentParser) -> None:
    books = command.add_mutually_exclusive_group(required=True)
    books.add_argument("--provider-url", help="GET {provider-url}/charges lists the captures")
    books.add_argument(
        "--settlement", type=Path, nargs="+", metavar="FILE", help="the provider's settlement file, or several in a row"
    )
    covers = "with --settlement: the file covers the time %s this; its %s line's if not given"
    command.add_argument("--since", type=_moment, metavar="TIME", help=covers % ("from", "first"))
    command.add_argument("--until", type=_moment, metavar="TIME", help=covers % ("before", "last"))
    command.add_argument(
        "--older-than",
        type=_duration,
        default=timedelta(),
        metavar="1h",
        help="only count what is younger: money on its way is no difference yet",
    )
    command.add_argument(
        "--patience",
        type=_duration,
        default=timedelta(seconds=10),
        metavar="10s",
        help="how long a difference is looked at again: payments under way differ for a moment",
    )


def _duration(text: str) -> timedelta:
    try:
        return duration(text)
    except (ValueError, OverflowError) as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _moment(text: str) -> datetime:
    """A time without an offset is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _ago(_duration(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ago(how_long: timedelta) -> datetime:
    try:
        return datetime.now(UTC) - how_long
    except OverflowError as exc:
        raise argparse.ArgumentTypeError("that is before the calendar begins") from exc


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} must be a whole number, 1 or more")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is not a rate: more than 0 and up to 1000 per second")
    return rate
