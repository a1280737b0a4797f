"""What operators may ask for, as models of queries and bodies. A word that is not known is refused. Knows no verb."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictBool
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError

from functions.queries import Moment, Nothing, Strict
from functions.texts import Reason as Why
from shared import flow
from shared.domain.letters import LetterStatus
from shared.domain.money import MAX_AMOUNT_MINOR
from shared.domain.payment import Step
from shared.domain.reasons import Reason, Severity
from shared.domain.rows import UNKNOWN
from shared.ports.overview import Waiting

type RowStatus = Literal["initiated", "created", "settled", "completed", "failed", "voided", "unknown"]
"""A payment's, and that of one of which nothing could be read yet."""


STEPS = sorted([*Step, flow.PUBLISH, flow.UNKNOWN_STEP])
REASONS, SEVERITIES, OWED = sorted(Reason), sorted(Severity), sorted([*Step, UNKNOWN])


def _one_of(known: Sequence[str]) -> AfterValidator:
    """A typing error must not find nothing, and look like good news."""
    expected = " or ".join([", ".join(f"'{word}'" for word in known[:-1]), f"'{known[-1]}'"])

    def check(word: str) -> str:
        if word not in known:
            raise PydanticCustomError("enum", "Must be {expected}.", {"expected": expected})
        return word

    return AfterValidator(check)


type LetterStep = Annotated[str, Field(json_schema_extra={"enum": [*STEPS]}), _one_of(STEPS)]
type LetterReason = Annotated[str, Field(json_schema_extra={"enum": [*REASONS]}), _one_of(REASONS)]
type LetterSeverity = Annotated[str, Field(json_schema_extra={"enum": [*SEVERITIES]}), _one_of(SEVERITIES)]
type Owed = Annotated[str, Field(json_schema_extra={"enum": [*OWED]}), _one_of(OWED)]

_TEN_YEARS_S = 10 * 365 * 86_400


class Letters(Strict):
    """Which dead letters; text, since it comes in a query string.

    like: a text that stands in reference, payment id, reason, description or message, in whatever case.
    recorded_before: a fixed moment, such as `as_of` of a listing, so that pages go through what was there then.
    """

    status: LetterStatus | None = None
    step: LetterStep | None = None
    reason: LetterReason | None = None
    severity: LetterSeverity | None = None
    payment_id: str | None = None
    like: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    recorded_from: Moment | None = None
    older_than_s: Annotated[float, Field(ge=0, le=_TEN_YEARS_S)] | None = None
    recorded_before: Moment | None = None


class Which(Letters):
    """Filters of a listing."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    page: str | None = None


class Counted(Letters):
    """Filters of a summary."""

    status: LetterStatus = LetterStatus.OPEN


class Rows(Strict):
    """Filters of a list of payments.

    payment_id: also of a payment whose events cannot be read; eight characters or more with which it begins will do.
    waiting: parked waits for a person; retrying was started again, or has not moved for longer than a turn may take.
    """

    payment_id: str | None = None
    status: RowStatus | None = None
    owes: Owed | None = None
    amount_minor: Annotated[int, Field(ge=1, le=MAX_AMOUNT_MINOR, json_schema_extra={"format": "int64"})] | None = None
    waiting: Waiting | None = None
    reference: str | None = None
    settled: bool | None = None
    initiated_from: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    page: str | None = None


class ReplayManyRequest(Which):
    """The body of a replay by filter: JSON, which tells a number from a text and from a switch. our_fault is left out
    unless it is the reason that is named. at_once: of how many payments side by side, as far as REPLAYS_AT_ONCE allows.
    """

    model_config = ConfigDict(strict=True)

    status: Annotated[LetterStatus, Field(strict=False)] = LetterStatus.OPEN  # in JSON it is a text
    dry_run: bool = False
    at_once: Annotated[int, Field(ge=1, le=200)] | None = None


class ReplayOne(Strict):
    dry_run: bool = False


class EmptyRequest(Nothing):
    """A body that there need not be."""


class DiscardRequest(Strict):
    reason: Why
    dry_run: StrictBool = False
