"""The answers to operators as models. As in answers.py, they write nothing."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from contracts.values import Absent, Amount, Answer, Currency, Minor, Version, grows
from shared.domain.letters import LetterStatus
from shared.domain.payment import Status
from shared.domain.reasons import Reason, Severity
from shared.domain.rows import UNKNOWN
from shared.verbs.recovery.discard import Way
from shared.verbs.recovery.replay import Verdict


class HistoryEntry(Answer):
    """One thing that was done about a dead letter."""

    at: datetime
    action: str
    by: str
    note: str


class DeadLetter(Answer):
    """What a person has to look at."""

    id: str
    status: Annotated[LetterStatus, Field(description="It only ever goes forward.")]
    as_of: Annotated[int | None, Field(description="At which version of the payment the status was so.")]
    step: Annotated[str, Field(description="The step of the subscription, or `publish`.")]
    source: str
    reason: Annotated[str, Field(description="A word of ours or of the broker.", json_schema_extra=grows(*Reason))]
    description: str
    severity: Annotated[str, Field(json_schema_extra=grows(*Severity))]
    payment_id: str | None
    event_id: str | None
    cause: str | None
    recorded_at: datetime
    closing: HistoryEntry | Absent = None
    refund_id: Annotated[str | Absent, Field(description="Which of the payment's refunds it is about.")] = None
    merchant_id: Annotated[str | Absent, Field(description="Whose payment it is, where its events could be read.")] = (
        None
    )
    reference: Annotated[str | Absent, Field(description="The merchant's own, of the payment.")] = None
    amount_minor: Annotated[Amount | Absent, Field(description="Of the payment, in minor units.")] = None
    refund_minor: Annotated[Amount | Absent, Field(description="Of the refund that it is about.")] = None
    currency: Currency | Absent = None


class DeadLetters(Answer):
    """A page of dead letters, without their bodies."""

    dead_letters: list[DeadLetter]
    next_page: Annotated[str | None, Field(description="For the parameter `page`; null on the last one.")]
    as_of: Annotated[datetime, Field(description="When the page was read.")]


class DeadTry(Answer):
    """An attempt that brought nothing."""

    at: datetime
    code: Annotated[str, Field(description="A word of ours.")]
    answer: Annotated[str, Field(description="For people.")]


class DeadMessage(Answer):
    """The message as it was."""

    message_id: str
    subject: str
    body: str
    attempt: int
    delivery_count: int
    answered: Annotated[bool, Field(description="Whether the other side had said yes, and that was not recorded.")]
    answered_of: Annotated[str | Absent, Field(description="The step that the yes was to, if another heard it.")] = None
    reference: str | Absent = None
    heard_at: datetime | Absent = None
    tries: Annotated[
        list[DeadTry] | Absent, Field(description="The attempts, oldest first; of many the first and the last.")
    ] = None


class PaymentRow(Answer):
    """A payment at a glance. Of one that this release cannot read, only id and version are meant."""

    id: str
    merchant_month: Annotated[str, Field(description="Where the row is.")]
    position: Annotated[str, Field(description="Its place in a list.")]
    schemaVersion: int  # noqa: N815 - as it is stored
    merchant_id: Annotated[str | None, Field(description="Null as long as no event of it could be read.")]
    version: Version
    status: Annotated[str, Field(json_schema_extra=grows(*Status, UNKNOWN))]
    owes: Annotated[str | None, Field(description="The step that has to move next.")]
    amount_minor: Annotated[Minor, Field(ge=0)]
    currency: Annotated[str, Field(pattern="^([A-Z]{3})?$")]
    reference: str
    settled: bool
    refunded_minor: Annotated[Minor, Field(ge=0)]
    disputed_minor: Annotated[Minor, Field(ge=0)]
    initiated_at: datetime
    moved_at: datetime
    broken: list[str]
    charged_twice: bool
    captured_late: bool
    swept_at: datetime | None
    active_at: datetime


class ReplayVerdict(Answer):
    """What came of a replay, or would come of it now."""

    letter_id: str
    verdict: Annotated[str, Field(json_schema_extra=grows(*Verdict))]
    why: Annotated[str, Field(description="For people.")]
    cause: Annotated[str | None, Field(description="The event that starts the step again.")]


class DeadLetterWhole(DeadLetter):
    """One dead letter with its message, its payment, and what a replay would do."""

    message: DeadMessage
    history: list[HistoryEntry]
    payment: PaymentRow | None
    replay_would: ReplayVerdict


class ReplayResults(Answer):
    """What came of a page of replays."""

    dry_run: bool
    results: list[ReplayVerdict]
    next_page: str | None


class DiscardOutcome(Answer):
    """Whether a dead letter is, or is being, given up."""

    letter_id: str
    discarded: bool
    comes_to: Annotated[
        str,
        Field(
            description="What it comes to: `end` ends the step, `note` says that money was given back, `close` closes "
            "the letter alone, with `nothing` nothing was left to do, with `keep` it stays.",
            json_schema_extra=grows(*Way),
        ),
    ]
    why: Annotated[str, Field(description="For people.")]
    cause: Annotated[str | None, Field(description="The event that ends the step.")]
    money: Annotated[str | None, Field(description="The provider's reference of what is noted as given back.")]


class DrainOutcome(Answer):
    """How many letters were recorded. Call again until `more` is false."""

    recorded: Annotated[int, Field(ge=0)]
    more: bool


class Erased(Answer):
    """Where a merchant's own words stood. What they said is not repeated."""

    event_id: str
    type: Annotated[str, Field(description="As in the payment's timeline.")]
    fields: Annotated[list[str], Field(description="Of the event's `data`.", min_length=1)]


class ErasureOutcome(Answer):
    """What was erased of a payment, or would be; empty when nothing was left."""

    payment_id: str
    dry_run: bool
    erased: list[Erased]


class PaymentRows(Answer):
    """A page of payments."""

    payments: list[PaymentRow]
    next_page: str | None
    as_of: Annotated[datetime | None, Field(description="Null while the rows are filled for the first time.")]
