"""The options of `python -m local listen`, and its run in a terminal. Knows no payment."""

import argparse
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from local.datafolder import DEFAULT_DATA, word_found
from local.foreground import in_foreground
from local.listen import Unusable, Wishes, listen
from local.signing import SECRETS, sample_secret

KEY_VARIABLE = "REGIS_PAY_KEY"
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_listen(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the data folder of the running platform")
    parser.add_argument("--url", type=_address, help="the function app's address, without /api; else the platform's")
    parser.add_argument("--forward-to", type=_address, metavar="URL", help="post each there, as it was sent")
    parser.add_argument("--since", type=_span, default=timedelta(0), help="older ones too: 90s, 10m, 2h or 3d")
    parser.add_argument("--json", action="store_true", help="a JSON object per line")
    parser.add_argument("--secret", action="store_true", help="print the secret of the signatures, and end")


def listened(options: argparse.Namespace) -> int:
    """Returns the exit code: 0 when told to stop, 2 when there is nothing to listen to."""
    secret = sample_secret()
    if options.secret:
        print(secret or f"the sample of the settings has no {SECRETS}", file=sys.stdout if secret else sys.stderr)
        return 0 if secret else 2
    key = os.environ.get(KEY_VARIABLE)
    wishes = Wishes(options.forward_to, since=options.since, secret=secret, is_json=options.json, key=key)
    return in_foreground(listen(_finding(options, has_key=bool(key)), wishes))


def _finding(options: argparse.Namespace, *, has_key: bool) -> Callable[[], str | None]:
    """The address is looked at each time: a note that is found later may name another one."""

    def find() -> str | None:
        named: str | None = options.url or (word_found(options.data) or {}).get("url")
        if named is None:
            return None
        try:
            _address(named)
        except argparse.ArgumentTypeError as exc:
            raise Unusable(f"the note in {options.data} is of no use: {exc}") from exc
        if has_key and not _is_safe(named):
            raise Unusable(f"the key of {KEY_VARIABLE} is not sent unencrypted to {named}: use https://")
        return named.rstrip("/")

    return find


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.username
    except ValueError:
        is_good = False
    if not is_good:
        raise argparse.ArgumentTypeError(f"{text!r} is not an http or https address without credentials")
    return text


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


_LONGEST = timedelta(days=30)


def _span(text: str) -> timedelta:
    number, unit_s = text[:-1], _UNITS_S.get(text[-1:], 0)
    if not (number.isdecimal() and len(number) <= 6 and unit_s):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration: write 90s, 10m, 2h or 3d")
    span = timedelta(seconds=int(number) * unit_s)
    if span > _LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is longer than attempts are kept: {_LONGEST.days} days")
    return span
