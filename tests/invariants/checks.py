"""The invariants. `judge` mends a world, lets it come to rest, feeds it its history again, and lets operators end it.

Each check says in one sentence what does not hold. What happened before is the story of the run.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from shared import flow
from shared.codec.rows import row_from_json
from shared.domain.evolution import evolve, fold
from shared.domain.letters import MONEY_TO_GIVE_BACK, LetterStatus, letter_status
from shared.domain.payment import Payment, Step
from shared.domain.rows import row_of
from shared.domain.stream import StoredEvent
from shared.errors import PaymentsError
from tests.invariants.again import history_fed_again_changes_nothing, letters, names_nobody, streams
from tests.invariants.books import (
    disputes_are_as_the_provider_says,
    disputes_are_told_in_order,
    everybody_is_told_of_disputes,
    nothing_is_left_to_reconcile,
    rows_have_what_banks_have,
    the_ledger_balances,
)
from tests.invariants.history import (
    NOTES,
    Told,
    before,
    cause,
    furthest,
    is_being_told_late,
    may_be_told_late,
    references,
    stands,
    starts,
    tasks,
    told,
)
from tests.invariants.limits import LIMITS
from tests.invariants.money import (
    each_refund_is_made_once,
    is_known_limit,
    one_charge,
    short,
)
from tests.invariants.notices import (
    a_payment_knows_what_is_still_to_be_told,
    what_is_told_is_what_happened_under_its_id,
    whoever_wants_to_know_is_to_be_told,
)
from tests.invariants.rest import come_to_rest, mend, pass_time, sweep_once
from tests.invariants.runs import Broken
from tests.invariants.turns import (
    nobody_ends_what_moved_on,
    nothing_is_shipped_after_a_failure,
    only_who_may_calls,
)
from tests.invariants.words import what_was_erased_is_gone, words_never_leave_the_stream
from tests.invariants.world import WHY, World

MOST_SWEEPS = 12
_LONGEST_S = 1.1 * max(LIMITS.horizon(step).total_seconds() for step in Step)


def judge(world: World) -> Iterator[Broken]:
    """What does not hold, in the order in which it shows."""
    mend(world)
    habits = world.provider.habits
    habits.declines = habits.finds_fault = habits.lags = 0.0
    come_to_rest(world)
    yield from _all_of(world, AT_REST)
    yield from _swept_until_nothing_stands_still(world)
    yield from _all_of(world, AT_REST + WHEN_SWEPT)
    if world.setting.fed_again_early:
        yield from history_fed_again_changes_nothing(world)
    yield from _operators_can_end_everything(world)
    yield from _all_of(world, AT_REST + WHEN_SWEPT + IN_THE_END)
    if not world.setting.fed_again_early:
        yield from history_fed_again_changes_nothing(world)
        yield from _all_of(world, AT_REST)


def _all_of(world: World, checks: "Sequence[Check]") -> Iterator[Broken]:
    for check in checks:
        yield from check(world)


# --- the invariants ---


def _nothing_unforeseen(world: World) -> Iterator[Broken]:
    for fault in world.stage.raised:
        if not isinstance(fault, PaymentsError):
            yield Broken("nothing_unforeseen", f"{type(fault).__name__}: {fault}")


def _swept_until_nothing_stands_still(world: World) -> Iterator[Broken]:
    """None is forgotten: what is owed is parked, or the sweep starts it again until it is done or parked."""
    for _ in range(MOST_SWEEPS):
        if not list(_running(world)):
            return
        pass_time(world, _LONGEST_S * 2**LIMITS.sweep_limit)
        sweep_once(world)
    for payment_id, step, stream in _running(world):
        del payment_id
        yield Broken("none_is_forgotten", f"{step} runs, and no sweep ends that: {short(stream)}")


def _running(world: World) -> Iterator[tuple[str, str, tuple[Told, ...]]]:
    """But for payments whose document reached no topic: there a letter of the feed waits for a person."""
    unsent = {
        letter.payment_id
        for letter in letters(world)
        if letter.source == flow.EVENTS and letter.status is LetterStatus.OPEN
    }
    for payment_id, stream in streams(world).items():
        for step in tasks(stream):
            if stands(stream, step) == "running" and payment_id not in unsent:
                yield payment_id, step, stream


def _who_is_parked_has_a_letter(world: World) -> Iterator[Broken]:
    """A parked step waits for a person, who sees an open letter."""
    open_letters = {letter.letter_id for letter in letters(world) if letter.status is LetterStatus.OPEN}
    for stream in streams(world).values():
        for step in tasks(stream):
            if stands(stream, step) != "parked":
                continue
            current = cause(stream, step)
            parked = [
                each.said["letter_id"]
                for each in stream
                if each.kind == "payment.parked"
                and current is not None
                and (each.said["step"], each.said["cause"]) == (step, current.event_id)
            ]
            if not open_letters.intersection(parked):
                yield Broken("none_is_forgotten", f"{step} is parked, and no letter of it is open: {short(stream)}")


def _every_yes_that_was_handed_on_stands_once(world: World) -> Iterator[Broken]:
    """Or in an open letter, if the release that kept it could not read the stream.

    What a worker heard and took with it into death is asked for again, at the latest by an operator's replay.
    """
    held = {letter.yes.reference for letter in letters(world) if letter.yes and letter.status is LetterStatus.OPEN}
    handed_on = {deed.reference for deed in world.provider.book if deed.heard and deed.handed_on}
    yield from _yeses(world, handed_on - held)


def _every_yes_stands_once(world: World) -> Iterator[Broken]:
    """But for one that was taken into death, of a provider that forgets what it did when it is told to do it again."""
    heard = [deed for deed in world.provider.book if deed.heard]
    wanted = {deed.reference for deed in heard if deed.handed_on or not is_known_limit(world, deed)}
    yield from _yeses(world, wanted)


def _yeses(world: World, wanted: set[str | None]) -> Iterator[Broken]:
    for payment_id, stream in streams(world).items():
        standing = references(stream)
        for deed in world.provider.book:
            times = standing.count(deed.reference or "")
            if deed.payment_id == payment_id and deed.reference in wanted and times != 1:
                yield Broken(
                    "every_yes_stands_once", f"{deed.reference} stands {times} times in the stream: {short(stream)}"
                )


def _a_letter_speaks_for_its_cause_only(world: World) -> Iterator[Broken]:
    """Who parks or resumes names the cause that is current there, and a letter of it unless nobody can be at work."""
    causes = {letter.letter_id: letter.cause for letter in letters(world)}
    for stream in streams(world).values():
        for event in stream:
            if event.kind not in ("payment.parked", "payment.resumed"):
                continue
            fault = _too_late(event, before(stream, event), causes)
            if fault:
                yield Broken("a_letter_speaks_for_its_cause_only", f"version {event.version} {fault}: {short(stream)}")


def _too_late(event: Told, stream: tuple[Told, ...], causes: dict[str, str | None]) -> str | None:
    step = str(event.said["step"])
    current, standing = cause(stream, step), stands(stream, step)
    named = event.said.get("cause") or event.said.get("replaces")
    letter_id = event.said.get("letter_id")
    if current is None or named != current.event_id:
        return f"names {named} as the cause of {step}"
    if letter_id is not None and causes.get(letter_id) != named:
        age = event.at - current.at
        past = event.kind == "payment.resumed" and age >= LIMITS.horizon(_kind(step))
        to, under_way = event.said.get("to"), current.said.get("to")
        is_under_way = standing == "running" or (under_way and is_being_told_late(stream))
        ends = (to, under_way) == ("end", "finish") and is_under_way  # what was started again may be ended by it
        if not past and not ends:
            return f"comes of a letter of {causes.get(letter_id)}, and {step} has the cause {named}"
    allowed = {"running"} if event.kind == "payment.parked" else {"running", "parked"}
    if standing not in allowed and not may_be_told_late(stream, step):
        return f"while {step} was {standing}"
    if event.said.get("by") == "sweep" and (
        standing != "running" or event.at - current.at < LIMITS.horizon(_kind(step))
    ):
        return f"is the sweep's, and {step} was {standing} since {current.at}"
    return None


def _kind(task: str) -> Step:
    kind, _, about = task.partition(":")
    return Step.NOTICE if kind == "notify" and about else Step(kind)


def _one_of_a_race_lands(world: World) -> Iterator[Broken]:
    """An operator who is told that it worked finds it in the stream once; one who is told otherwise never does."""
    for claim in world.claims:
        if claim.result is None:
            continue
        landed = [each.event_id for stream in streams(world).values() for each in stream if _is_act_of(each, claim.by)]
        appends = claim.is_of_step or claim.verb == "discard"  # what the feed could not send is only sent
        known = [claim.result.cause] if appends and claim.result.cause else []
        if landed != known:
            yield Broken("one_of_a_race_lands", f"{claim} left {landed} in the stream")


def _is_act_of(event: Told, who: str) -> bool:
    """Not what the sweep or the turn wrote down later for the same person."""
    given_back = event.kind == "payment.seen_to" and event.said["reference"] is not None
    resumed = event.kind == "payment.resumed" and event.said["by"] != "sweep"
    return (resumed or given_back) and event.said["who"] == who


def _notes_change_no_fact(world: World) -> Iterator[Broken]:
    names = (
        "created",
        "settled",
        "completed",
        "cancel_requested",
        "failed",
        "voided",
        "failure_told",
        "captured_late",
        "refunds",
        "disputes",
    )
    for payment_id in world.payment_ids():
        events = [(stored.event, told(text).kind) for stored, text in _read(world, payment_id)]
        whole = fold(event for event, _ in events)
        without = fold(event for event, kind in events if kind not in NOTES)
        differs = [name for name in names if getattr(whole, name) != getattr(without, name)]
        if differs:
            yield Broken("notes_change_no_fact", f"without the notes, {differs} would be another")


def _read(world: World, payment_id: str) -> Iterator[tuple[StoredEvent, str]]:
    return zip(world.store.read(payment_id), world.store.texts(payment_id), strict=True)


def _every_document_holds_the_state_after_it(world: World) -> Iterator[Broken]:
    """Versions have no gaps, and what stands beside each event is what all events up to it amount to."""
    for payment_id in world.payment_ids():
        stream = world.store.read(payment_id)
        if [stored.payment.version for stored in stream] != list(range(1, len(stream) + 1)):
            yield Broken("every_document_holds_the_state_after_it", f"versions of {payment_id} have gaps")
        payment: Payment | None = None
        for stored in stream:
            payment = evolve(payment, stored.event)
            if stored.payment != payment:
                yield Broken("every_document_holds_the_state_after_it", f"{stored.payment} is not {payment}")


def _rows_show_the_last_event(world: World) -> Iterator[Broken]:
    for payment_id in world.payment_ids():
        row, last = world.rows.get(payment_id), world.store.read(payment_id)[-1]
        shown = replace(row_from_json(row), etag=None, swept_at=None) if row else None
        if shown != row_of(last) and not world.store.was_rolled_back:  # else project could not read it
            yield Broken("rows_show_the_last_event", f"{shown} is not {row_of(last)}")


def _who_and_why_never_leave(world: World) -> Iterator[Broken]:
    words = [WHY, *(f'"{claim.by}"' for claim in world.claims), *world.letters.texts]
    for body in world.bus.bodies:
        if found := [word for word in words if word in body]:
            yield Broken("who_and_why_never_leave", f"{found} in {body}")


def _letters_never_go_back(world: World) -> Iterator[Broken]:
    """Open, then perhaps taken up, then closed; and lists show at rest what the stream says."""
    order = list(LetterStatus)
    for letter in letters(world):
        now = letter_status(letter, world.store.read(letter.payment_id or ""))
        last = world.statuses.setdefault(letter.letter_id, now)
        about = f"the letter {letter.letter_id}, {letter.reason} of {letter.step} at {letter.cause},"
        if order.index(now) < order.index(last):
            yield Broken("letters_never_go_back", f"{about} was {last} and is {now}")
        lags = order.index(letter.status) < order.index(now) and names_nobody(world, letter.step)
        if letter.status is not now and not lags and not world.store.was_rolled_back:  # else its end was not readable
            yield Broken("letters_never_go_back", f"{about} is listed as {letter.status} and is {now}")
        world.statuses[letter.letter_id] = now


def _letters_stand_as_the_design_says(world: World) -> Iterator[Broken]:
    """Of letters of a step: closed with the step, taken up once there is a newer cause, and never back."""
    for letter in letters(world):
        stream = streams(world).get(letter.payment_id or "", ())
        task = letter.task.value if letter.task else letter.step
        named = any(each.event_id == letter.cause for each in starts(stream, task))
        if letter.closing or letter.reason in MONEY_TO_GIVE_BACK or not named:
            continue
        said, found = letter_status(letter, world.store.read(letter.payment_id or "")), furthest(stream, letter)
        if said.value != found:
            yield Broken(
                "letters_never_go_back", f"{letter.reason} of {letter.step} is {said} and not {found}: {short(stream)}"
            )


def _the_feeds_letters_append_nothing(world: World) -> Iterator[Broken]:
    own = {letter.letter_id for letter in letters(world) if letter.source == flow.EVENTS}
    for stream in streams(world).values():
        for event in stream:
            if event.said.get("letter_id") in own and event.kind in ("payment.parked", "payment.resumed"):
                yield Broken("the_feeds_letters_append_nothing", f"{event.kind} at {event.version}: {short(stream)}")


def _operators_can_end_everything(world: World) -> Iterator[Broken]:
    """Nothing is out of reach: when all letters were replayed, then discarded, nothing is owed, none is left."""
    for verb in ("replay", "discard", "discard"):
        pass_time(world, _LONGEST_S)  # nobody is at work any more, so a letter may speak for a later cause
        for letter in letters(world):
            if letter.status is not LetterStatus.CLOSED:
                world.operate(verb, letter.letter_id, worker=0)
                come_to_rest(world)
        yield from _swept_until_nothing_stands_still(world)
    left = [f"{each.reason} of {each.step}" for each in letters(world) if each.status is not LetterStatus.CLOSED]
    owed = [step for stream in streams(world).values() for step in tasks(stream) if stands(stream, step) == "parked"]
    if left or owed:
        yield Broken("operators_can_end_everything", f"letters: {left}, parked steps: {owed}")


def _no_money_is_unknown(world: World) -> Iterator[Broken]:
    """In the end the stream knows of everything that the provider did, heard or not."""
    for payment_id, stream in streams(world).items():
        for deed in world.provider.book:
            unknown = deed.reference is not None and deed.reference not in references(stream)
            if deed.payment_id == payment_id and unknown and not is_known_limit(world, deed):
                yield Broken("no_money_is_unknown", f"{deed.reference} was done: {short(stream)}")


type Check = Callable[[World], Iterator[Broken]]

AT_REST: tuple[Check, ...] = (
    _nothing_unforeseen,
    one_charge,
    each_refund_is_made_once,
    whoever_wants_to_know_is_to_be_told,
    what_is_told_is_what_happened_under_its_id,
    a_payment_knows_what_is_still_to_be_told,
    the_ledger_balances,
    disputes_are_told_in_order,
    disputes_are_as_the_provider_says,
    rows_have_what_banks_have,
    everybody_is_told_of_disputes,
    only_who_may_calls,
    nobody_ends_what_moved_on,
    nothing_is_shipped_after_a_failure,
    _a_letter_speaks_for_its_cause_only,
    _one_of_a_race_lands,
    _notes_change_no_fact,
    _letters_never_go_back,
    _rows_show_the_last_event,
    _the_feeds_letters_append_nothing,
    _who_is_parked_has_a_letter,
    what_was_erased_is_gone,
)
WHEN_SWEPT: tuple[Check, ...] = (_every_yes_that_was_handed_on_stands_once,)
"""A yes may stand in a message that was lost; then the sweep has it asked for."""
IN_THE_END: tuple[Check, ...] = (
    _every_document_holds_the_state_after_it,
    _who_and_why_never_leave,
    words_never_leave_the_stream,
    _every_yes_stands_once,
    _letters_stand_as_the_design_says,
    _no_money_is_unknown,
    nothing_is_left_to_reconcile,
)
