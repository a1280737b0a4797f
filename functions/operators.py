"""What operators ask for over HTTP: parse, call one verb, answer. Knows no rule of replay."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import azure.functions as func
from pydantic import BaseModel

from functions.answers import json_answer
from functions.bodies import BodyNotJson, read
from functions.faults import RequestInvalid
from functions.operators_asked import DiscardRequest, EmptyRequest, Letters, ReplayManyRequest, ReplayOne, Rows, Which
from functions.problems import problem, problem_of
from functions.queries import asked_in, nothing_in
from shared.codec.letters import entry_to_json, letter_to_json
from shared.codec.rows import row_to_json
from shared.codec.values import time_to_json
from shared.domain.letters import LetterRecord
from shared.errors import PaymentsError, RowsNotReady
from shared.ports.letter_box import LetterFilter
from shared.services import GetServices, Services
from shared.verbs.recovery.discard import discard
from shared.verbs.recovery.drain import drain
from shared.verbs.recovery.keep import keep
from shared.verbs.recovery.replay import Replay, look_at, replay, replay_all
from shared.verbs.search import Freshness, Wanted, search


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of an operator. by: who it is, for the record."""

    req: func.HttpRequest
    by: str
    services: Services


type Answer = Callable[[Asked], Awaitable[func.HttpResponse]]


async def answer(req: func.HttpRequest, *, ask: Answer, by: str, services: GetServices) -> func.HttpResponse:
    """The answer of one of the functions below, faults as problem documents."""
    try:
        return await ask(Asked(req=req, by=by, services=await services()))
    except BodyNotJson as exc:
        return problem("body_not_json", detail=str(exc))
    except RequestInvalid as exc:
        return problem("request_invalid", errors=exc.errors)
    except PaymentsError as exc:
        return problem_of(exc, detail=str(exc))


async def list_letters(asked: Asked) -> func.HttpResponse:
    """Dead letters by filter, a page at a time; without their bodies."""
    which = asked_in(asked.req, Which)
    as_of = time_to_json(asked.services.clock.now())
    found = await asked.services.letters.find(letter_filter(which, asked.services), limit=which.limit, page=which.page)
    letters = [_summary(letter) for letter in found.letters]
    return json_answer({"dead_letters": letters, "next_page": found.next_page, "as_of": as_of})


async def get_letter(asked: Asked) -> func.HttpResponse:
    """One dead letter whole, with the payment as it now is and what a replay would do."""
    look = await look_at(asked.req.route_params["letter_id"], services=asked.services)
    if look is None:
        return problem("dead_letter_not_found")
    return json_answer(
        {
            **letter_to_json(look.letter),
            "history": [entry_to_json(entry) for entry in look.history],
            "payment": row_to_json(look.row) if look.row else None,
            "replay_would": _verdict(look.replay_would),
        }
    )


async def replay_one(asked: Asked) -> func.HttpResponse:
    """Replay; with ?dry_run=true only say what would happen. What is not understood is refused: it may be a wish."""
    wanted = asked_in(asked.req, ReplayOne)
    if body := asked.req.get_body():
        read(body, EmptyRequest)
    letter_id = asked.req.route_params["letter_id"]
    verdict = await replay(letter_id, by=asked.by, dry_run=wanted.dry_run, services=asked.services)
    return json_answer(_verdict(verdict)) if verdict else problem("dead_letter_not_found")


async def replay_many(asked: Asked) -> func.HttpResponse:
    """Replay a page of what the filter finds. How fast pages follow one another is the caller's to say.

    A body that did not arrive, such as one that was sent in chunks, is no wish to replay everything.
    """
    wanted = told_in(asked, ReplayManyRequest)
    found = await asked.services.letters.find(
        letter_filter(wanted, asked.services), limit=wanted.limit, page=wanted.page
    )
    verdicts = await replay_all(
        found.letters,
        by=asked.by,
        dry_run=wanted.dry_run,
        named=wanted.reason,
        at_once=wanted.at_once,
        services=asked.services,
    )
    results = [_verdict(verdict) for verdict in verdicts]
    return json_answer({"dry_run": wanted.dry_run, "results": results, "next_page": found.next_page})


async def discard_letter(asked: Asked) -> func.HttpResponse:
    """Discard, with a reason for the record; dry_run: say what would happen. 409 when it may not be done now."""
    why = told_in(asked, DiscardRequest)
    outcome = await discard(
        asked.req.route_params["letter_id"],
        by=asked.by,
        reason=why.reason,
        dry_run=why.dry_run,
        services=asked.services,
    )
    if outcome is None:
        return problem("dead_letter_not_found")
    return json_answer(asdict(outcome), status=200 if outcome.discarded else 409)


async def drain_recorder(asked: Asked) -> func.HttpResponse:
    """Record letters that died on their way to being recorded. Call again until `more` is false.

    There is no dry run of it, so whoever asks for one is refused.
    """
    if asked.req.get_body():
        return problem("body_unexpected")
    nothing_in(asked.req)
    drained = await drain(keep=keep, services=asked.services)
    return json_answer({"recorded": drained.recorded, "more": drained.more})


async def list_rows(asked: Asked) -> func.HttpResponse:
    """Payments of all merchants in the read model, newest first, a page at a time.

    as_of: null while the rows are filled for the first time: an operator is shown what is there.
    """
    rows = asked_in(asked.req, Rows)
    wanted = Wanted(
        payment_id=rows.payment_id,
        status=rows.status,
        reference=rows.reference,
        settled=rows.settled,
        owes=rows.owes,
        amount_minor=rows.amount_minor,
        waiting=rows.waiting,
        initiated_from=rows.initiated_from,
    )
    try:
        as_of = time_to_json(await Freshness().as_of(services=asked.services))
    except RowsNotReady:
        as_of = None
    found = await search(None, wanted, limit=rows.limit, page=rows.page, services=asked.services)
    return json_answer(
        {"payments": [row_to_json(row) for row in found.rows], "next_page": found.next_page, "as_of": as_of}
    )


def told_in[M: BaseModel](asked: Asked, model: type[M]) -> M:
    """What the body says. Raises what `answer` translates, also when something stands in the query."""
    nothing_in(asked.req)
    return read(asked.req.get_body(), model)


def letter_filter(which: Letters, services: Services) -> LetterFilter:
    """What the letter box is asked for."""
    before = which.recorded_before
    if before is None and which.older_than_s is not None:
        before = services.clock.now() - timedelta(seconds=which.older_than_s)
    return LetterFilter(
        status=which.status,
        step=which.step,
        reason=which.reason,
        severity=which.severity,
        payment_id=which.payment_id,
        recorded_from=which.recorded_from,
        recorded_before=before,
        like=which.like,
    )


def _summary(letter: LetterRecord) -> dict[str, Any]:
    return {name: value for name, value in letter_to_json(letter).items() if name not in _ONLY_WHOLE}


_ONLY_WHOLE = frozenset({"message", "history"})


def _verdict(verdict: Replay) -> dict[str, Any]:
    return {**asdict(verdict), "verdict": verdict.verdict.value}
