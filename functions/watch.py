"""watch: GET /api/ops/flow, all that a picture of the flow needs in one answer. Translates what is seen into HTTP.

Topics, steps and what each step appends are those of the map: a step that is added there shows without a word here.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import azure.functions as func

from functions.answers import tagged_answer
from functions.caller import Doors, Role
from functions.problems import problem_of
from functions.route import Request, Route, blueprint_of
from shared import flow
from shared.codec.facts import FORMS
from shared.codec.values import time_to_json
from shared.domain.events import Event, PaymentCompleted, PaymentFailed, PaymentVoided
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.payment import Step
from shared.domain.rates import SLICE_S, Durations, Percentiles, Rate, minute
from shared.domain.reasons import Severity
from shared.errors import PaymentsError
from shared.ports.letter_box import Glance
from shared.ports.outbox import Lag
from shared.services import GetServices, Limits
from shared.verbs.watch import Flow, Waiting, Watch

ROUTE = Route(name="watch_flow", method="GET", path="ops/flow", needs=Role.OPERATIONS)

AGES_S: Final = (60, 600, 3600, 21_600, 86_400)
"""Letters are counted by how old they are: up to each of these, and older."""

_ENDS = {"completed": PaymentCompleted, "failed": PaymentFailed, "voided": PaymentVoided}


def blueprint(services: GetServices, *, doors: Doors, build_id: str) -> func.Blueprint:
    """The function `watch_flow`."""
    return blueprint_of({ROUTE: partial(_watch, watch=Watch(), build_id=build_id, services=services)}, doors=doors)


async def _watch(request: Request, *, watch: Watch, build_id: str, services: GetServices) -> func.HttpResponse:
    """The ETag is that of what is seen. When it was seen tells nothing new."""
    try:
        known = await services()
        seen = await watch.look(services=known)
    except PaymentsError as exc:
        return problem_of(exc)
    what = {"build": build_id, **shown(seen, limits=known.limits)}
    times = {"as_of": time_to_json(seen.as_of), "counted_at": time_to_json(seen.waiting.counted_at)}
    return tagged_answer(
        request.http,
        json.dumps({**times, **what}).encode(),
        headers={"Cache-Control": "private, no-cache"},
        same_as=json.dumps(what).encode(),
    )


def shown(seen: Flow, *, limits: Limits) -> dict[str, Any]:
    """What is seen; without when it was, and from which build."""
    now, tally = seen.as_of, seen.tally
    return {
        "since": time_to_json(seen.since),
        "bucket_s": SLICE_S,
        "feeds": {"publish": _lag(seen.published, now=now), "project": _lag(seen.projected, now=now)},
        "topics": [
            *(_topic(route.topic, [route.event], rate=tally.events[route.event], now=now) for route in flow.MAP),
            _topic(flow.NOTICES, NOTICE_EVENTS, rate=tally.notices, now=now),
        ],
        "steps": [_step(step, seen.waiting, limits=limits, now=now) for step in Step],
        "ends": {name: _rate(tally.events[event], now=now) for name, event in _ENDS.items()},
        "times": {
            "completed_s": _durations(tally.completed, now=now),
            "certain_s": _durations(tally.certain, now=now),
        },
        "letters": _letters(seen.waiting, now=now),
    }


def _lag(lag: Lag, *, now: datetime) -> dict[str, Any]:
    return {"lag_s": _age_s(timedelta(seconds=lag.seconds(now))), "unread": lag.changes}


def _topic(topic: str, events: Sequence[type[Event]], *, rate: Rate, now: datetime) -> dict[str, Any]:
    names = [FORMS[event].name for event in events]
    return {"topic": topic, "event": names[0] if len(names) == 1 else None, "events": names, **_rate(rate, now=now)}


def _rate(rate: Rate, *, now: datetime) -> dict[str, Any]:
    curve = rate.curve(now)
    return {"minute": minute(curve), "curve": curve}


def _step(step: Step, waiting: Waiting, *, limits: Limits, now: datetime) -> dict[str, Any]:
    place, owed = flow.PLACE_OF[step], waiting.owed.get(step.value)
    return {
        "step": step.value,
        "topic": place.topic,
        "subscription": place.subscription,
        "function": flow.FUNCTION_OF[step],
        "appends": [FORMS[event].name for event in flow.APPENDS[step]],
        "owed": owed.payments if owed else 0,
        "late": owed.late if owed else 0,
        "oldest_s": _age_s(now - owed.oldest_at) if owed else None,
        "parked": _by_severity([letter for letter in waiting.letters if letter.kind.step == step.value]),
        "retries": {
            "attempts": limits.retries.of(step).attempts,
            "longest_wait_s": limits.longest_wait(step).total_seconds(),
        },
    }


def _durations(durations: Durations, *, now: datetime) -> dict[str, Any]:
    whole = durations.all(now)
    return {
        "p50": whole.p50 if whole else None,
        "p99": whole.p99 if whole else None,
        "curve": [_pair(each) for each in durations.curve(now)],
    }


def _pair(percentiles: Percentiles | None) -> list[float] | None:
    return [percentiles.p50, percentiles.p99] if percentiles else None


def _letters(waiting: Waiting, *, now: datetime) -> dict[str, Any]:
    """elsewhere: of no step of the map, but of the publisher or of nobody knows where."""
    letters = waiting.letters
    oldest = min((letter.recorded_at for letter in letters), default=None)
    return {
        "open": len(letters),
        "high": sum(letter.kind.severity == Severity.HIGH for letter in letters),
        "oldest_s": _age_s(now - oldest) if oldest else None,
        "by_age": _by_age(waiting),
        "elsewhere": _by_severity([letter for letter in letters if letter.kind.step not in set(Step)]),
    }


def _by_age(waiting: Waiting) -> list[dict[str, Any]]:
    ages = [(waiting.counted_at - letter.recorded_at).total_seconds() for letter in waiting.letters]
    below = [sum(age <= up_to for age in ages) for up_to in AGES_S]
    counts = [here - before for here, before in zip([*below, len(ages)], [0, *below], strict=True)]
    return [{"up_to_s": up_to, "n": n} for up_to, n in zip([*AGES_S, None], counts, strict=True)]


def _by_severity(letters: Sequence[Glance]) -> dict[str, int]:
    return {severity.value: sum(each.kind.severity == severity for each in letters) for severity in Severity}


def _age_s(age: timedelta) -> int:
    """The older the rougher, so that not each second is news."""
    seconds = max(0, int(age.total_seconds()))
    unit = 60 if seconds >= 3600 else 10 if seconds >= 60 else 1
    return seconds - seconds % unit
