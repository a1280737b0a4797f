"""What `reconcile` prints, for people and for programs. Knows no HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ops.client import Json
from ops.output import age, say, show_json, show_table, units
from ops.reconciling.differences import Difference, Found, Told, found


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """differences: also those that are not listed. counted, words: what was compared, for programs and for people."""

    differences: tuple[Difference, ...]
    counted: Mapping[str, object]
    words: str


def report(compared: Compared, *, older_than: timedelta, as_json: bool) -> int:
    """How many differences are listed."""
    now = datetime.now(UTC)
    what = found(compared.differences, older_than=older_than, now=now)
    if as_json:
        show_json(_document(compared, what=what, now=now))
    else:
        say(compared.words)
        _show(what, older_than=older_than, now=now)
    return len(what.listed)


def _document(compared: Compared, *, what: Found, now: datetime) -> Json:
    return {
        **compared.counted,
        "differences": [_as_json(each, now=now) for each in what.listed],
        "younger": what.younger,
        "at_edge": what.at_edge,
    }


def _as_json(difference: Difference, *, now: datetime) -> Json:
    since = difference.since
    return {
        "kind": difference.kind,
        "type": difference.type,
        "of": difference.about,
        "payment_id": difference.payment_id,
        "since": since.astimezone(UTC).isoformat().replace("+00:00", "Z") if since else None,
        "age_s": max(0.0, round((now - since).total_seconds(), 3)) if since else None,
        "provider": difference.provider.as_json() if difference.provider else None,
        "stream": difference.stream.as_json() if difference.stream else None,
    }


def _show(what: Found, *, older_than: timedelta, now: datetime) -> None:
    show_table([_row(each, now=now) for each in what.listed])
    if what.younger:
        say(f"{what.younger} younger than {units(older_than)}, not listed")
    if what.at_edge:
        say(f"{what.at_edge} recorded where the period begins: the file before may have them, not listed")
    number = len(what.listed)
    say(f"{number} difference{'s' if number > 1 else ''}" if number else "no difference")


def _row(difference: Difference, *, now: datetime) -> dict[str, str]:
    return {
        "AGE": age(difference.since.isoformat(), now=now) if difference.since else "?",
        "PAYMENT": difference.payment_id,
        "DIFFERENCE": difference.kind.value,
        "TYPE": f"{difference.about} {difference.type}",
        "PROVIDER": _words(difference.provider),
        "STREAM": _words(difference.stream),
    }


def _words(told: Told | None) -> str:
    return told.words if told else "nothing"
