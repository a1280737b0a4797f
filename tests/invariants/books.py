"""The invariants of disputes and of sums: what streams, ledger, rows and messages say, and the provider's books.

Sums are added up here from the stored events once more, so that the ledger is not judged by itself.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from shared import flow
from shared.codec.rows import row_from_json
from shared.domain.ledger import Ledger, ledger_of
from tests.invariants.again import letters, names_nobody, streams
from tests.invariants.disputes import CODE, Case
from tests.invariants.history import Told
from tests.invariants.money import is_known_limit, short
from tests.invariants.runs import Broken
from tests.invariants.world import AMOUNT_MINOR, World

REQUESTED = "payment.refund_requested"
OPENED = "payment.dispute_opened"
DECIDED = {"payment.dispute_won": "won", "payment.dispute_lost": "lost"}


@dataclass(slots=True)
class Sums:
    """Where the money of a payment is, by its events.

    captured: in time or not; settled: in time, which alone may be given back. _again: by a second yes to the same.
    """

    authorised: int = 0
    captured: int = 0
    settled: int = 0
    requested: dict[str, int] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    refunded: set[str] = field(default_factory=set)
    disputed: dict[str, int] = field(default_factory=dict)
    won: set[str] = field(default_factory=set)
    captured_again: int = 0
    refunded_again: int = 0

    def add(self, event: Told) -> None:
        said = event.said
        match event.kind:
            case "payment.created":
                self.authorised = AMOUNT_MINOR
            case "payment.settled":
                self.captured = self.settled = AMOUNT_MINOR
            case "payment.captured_late":
                self.captured = AMOUNT_MINOR
            case "payment.charged_twice":
                self._add_second(said["step"])
            case "payment.refund_requested":
                self.requested[said["refund_id"]] = said["amount_minor"]
            case "payment.refunded":
                self.refunded.add(said["refund_id"])
            case "payment.refund_failed":
                self.failed.add(said["refund_id"])
            case "payment.dispute_opened":
                self.disputed[said["dispute_id"]] = said["amount_minor"]
            case "payment.dispute_lost":
                self.won.discard(said["dispute_id"])
            case "payment.dispute_won":
                self.won.add(said["dispute_id"])
            case _:
                pass

    def _add_second(self, step: str) -> None:
        kind, _, refund_id = step.partition(":")
        self.captured_again += AMOUNT_MINOR if kind == "settle" else 0
        self.refunded_again += self.requested[refund_id] if kind == "refund" else 0

    @property
    def refunded_minor(self) -> int:
        return sum(self.requested[each] for each in self.refunded)

    @property
    def refunding_minor(self) -> int:
        return sum(amount for each, amount in self.requested.items() if each not in self.failed | self.refunded)

    @property
    def disputed_minor(self) -> int:
        return sum(amount for each, amount in self.disputed.items() if each not in self.won)

    @property
    def came_late(self) -> bool:
        """Whether the provider said yes to a refund that had been given up."""
        return bool(self.failed & self.refunded)


def sums_of(stream: Sequence[Told]) -> Iterator[tuple[Told, Sums]]:
    """After each event. It is one object, which goes on."""
    sums = Sums()
    for event in stream:
        sums.add(event)
        yield event, sums


def the_ledger_balances(world: World) -> Iterator[Broken]:
    """After each event. What is taken was reserved; what is given back, or may be, was taken and is with no bank."""
    for payment_id, stream in streams(world).items():
        stored = world.store.read(payment_id)
        for event, sums in sums_of(stream):
            ledger = ledger_of(stored[event.version - 1].payment)
            if fault := _unbalanced(ledger, sums) or _beyond(event, sums):
                yield Broken("the_ledger_balances", f"{fault} at {event.version}, {ledger}: {short(stream)}")


def _unbalanced(ledger: Ledger, sums: Sums) -> str | None:
    found = Ledger(
        authorised_minor=sums.authorised,
        captured_minor=sums.captured,
        refunded_minor=sums.refunded_minor,
        refunding_minor=sums.refunding_minor,
        disputed_minor=sums.disputed_minor,
    )
    if ledger != found:
        return f"the events amount to {found}"
    if ledger.captured_minor != ledger.refunded_minor + ledger.disputed_minor + ledger.net_minor:
        return f"{ledger.net_minor} is not what is left"
    return None


def _beyond(event: Told, sums: Sums) -> str | None:
    """A bank takes what it takes, whenever. So only a request for a refund has to leave alone what banks have."""
    held, taken = sums.refunded_minor + sums.refunding_minor, sums.settled
    if sums.captured > sums.authorised:
        return "more is captured than was authorised"
    if held > taken and not sums.came_late:
        return f"{held} is given back of {taken}"
    if event.kind == REQUESTED and held + sums.disputed_minor > taken:
        return f"{held} is to be given back, and banks have {sums.disputed_minor} of {taken}"
    return None


def disputes_are_told_in_order(world: World) -> Iterator[Broken]:
    """Each is opened once, then decided, and decided later each time, by the provider's clock."""
    for stream in streams(world).values():
        for dispute_id, told in _told_of(stream).items():
            opened, decisions = told[0], told[1:]
            is_legal = opened.kind == OPENED and all(each.kind in DECIDED for each in decisions)
            times = [_moment(each.said.get("decided_at") or each.said["opened_at"]) for each in told]
            if not is_legal or any(one >= other for one, other in pairwise(times)):
                yield Broken("disputes_are_told_in_order", f"{dispute_id} at {list(map(str, times))}: {short(stream)}")


def disputes_are_as_the_provider_says(world: World) -> Iterator[Broken]:
    """At rest all news was heard. What one dispute came to between two questions nobody has to know."""
    for payment_id, stream in streams(world).items():
        told = {dispute_id: _shown(events) for dispute_id, events in _told_of(stream).items()}
        cases = {case.dispute_id: _stands(case) for case in world.provider.disputes.of(payment_id)}
        if told != cases:
            yield Broken("disputes_are_as_the_provider_says", f"{told}, and the provider has {cases}: {short(stream)}")


def _told_of(stream: Sequence[Told]) -> dict[str, list[Told]]:
    """The events of each dispute."""
    told: dict[str, list[Told]] = {}
    for event in stream:
        if event.kind == OPENED or event.kind in DECIDED:
            told.setdefault(event.said["dispute_id"], []).append(event)
    return told


def _shown(told: Sequence[Told]) -> dict[str, Any]:
    said, last = told[0].said, told[-1]
    return {
        "amount": said.get("amount_minor"),
        "code": said.get("code"),
        "opened_at": _moment(said["opened_at"]) if "opened_at" in said else None,
        "status": DECIDED.get(last.kind, "open"),
        "decided_at": _moment(last.said["decided_at"]) if last.kind in DECIDED else None,
    }


def _stands(case: Case) -> dict[str, Any]:
    return {
        "amount": case.amount_minor,
        "code": CODE,
        "opened_at": case.words[0].at,
        "status": case.status,
        "decided_at": case.words[-1].at if len(case.words) > 1 else None,
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def rows_have_what_banks_have(world: World) -> Iterator[Broken]:
    """As reconcile compares them: what the provider's books say banks have, against the ledger and the row."""
    for payment_id in world.payment_ids():
        withdrawn = world.provider.disputes.withdrawn_minor(payment_id)
        ledger = ledger_of(world.store.read(payment_id)[-1].payment)
        row = world.rows.get(payment_id)
        listed = row_from_json(row).disputed_minor if row and not world.store.was_rolled_back else withdrawn
        if (ledger.disputed_minor, listed) != (withdrawn, withdrawn):
            found = f"ledger {ledger.disputed_minor}, row {listed}"
            yield Broken("nothing_is_left_to_reconcile", f"banks have {withdrawn} of {payment_id}: {found}")


def nothing_is_left_to_reconcile(world: World) -> Iterator[Broken]:
    """What was taken and given back, by the provider's books, is what the stream amounts to, and the row with it."""
    for payment_id, stream in streams(world).items():
        if any(deed.payment_id == payment_id and is_known_limit(world, deed) for deed in world.provider.book):
            continue
        *_, (_, sums) = sums_of(stream)
        taken = sums.captured + sums.captured_again, sums.refunded_minor + sums.refunded_again
        books = world.provider.captured_minor(payment_id), world.provider.refunded_minor(payment_id)
        if taken != books:
            yield Broken("nothing_is_left_to_reconcile", f"{taken} and in the books {books}: {short(stream)}")
        row = world.rows.get(payment_id)
        if row and row["refunded_minor"] != sums.refunded_minor and not world.store.was_rolled_back:
            yield Broken("nothing_is_left_to_reconcile", f"the row has {row['refunded_minor']} given back, not {taken}")


def everybody_is_told_of_disputes(world: World) -> Iterator[Broken]:
    """Each event goes to its topic, with the dispute in the payment; or there is a letter of the feed instead."""
    unsent = {letter.event_id for letter in letters(world) if letter.source == flow.EVENTS}
    sent = {name for _, name in world.bus.accepted}
    for stream in streams(world).values():
        for event in stream:
            is_news = event.kind == OPENED or event.kind in DECIDED
            if is_news and event.event_id not in sent | unsent and not names_nobody(world, flow.PUBLISH):
                yield Broken("everybody_is_told_of_disputes", f"{event.kind} {event.event_id} was never sent")
    for body in world.bus.bodies:
        if '"disputeid"' in body and not _tells_of_its_dispute(json.loads(body)):
            yield Broken("everybody_is_told_of_disputes", f"{body} does not tell of its dispute")


def _tells_of_its_dispute(body: dict[str, Any]) -> bool:
    """A notice that is started again shows the dispute as it is by then."""
    _, _, kind = body["type"].removesuffix(".v1").partition(".")
    shown = {each["dispute_id"]: each["status"] for each in body["data"].get("disputes", ())}
    is_a_repeat = body["data"]["version"] > int(body["id"].rpartition(":")[2])
    return bool(shown.get(body["disputeid"]) == DECIDED.get(kind, "open")) or (
        is_a_repeat and body["disputeid"] in shown
    )
