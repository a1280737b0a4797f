"""What operators see of the flow as models. As in answers.py, they write nothing."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from contracts.values import Answer, StepName, grows
from functions.watch import AGES_S
from shared.codec.facts import FORM_NAMED
from shared.domain.rates import SLICE_S, SLICES
from shared.domain.reasons import Severity

Count = Annotated[int, Field(ge=0)]
Age = Annotated[int, Field(ge=0, description="In seconds. From a minute on in tens, from an hour on in minutes.")]
Seconds = Annotated[float, Field(ge=0)]
EventType = Annotated[str, Field(json_schema_extra=grows(*FORM_NAMED))]
Curve = Annotated[
    list[Count],
    Field(
        max_length=SLICES,
        description=f"How often in each {SLICE_S} s, {SLICES} of them, the oldest first. The last one is that of now, "
        "and still grows.",
    ),
]


class Rate(Answer):
    """How often something happened lately."""

    minute: Annotated[int, Field(ge=0, description="In the last six slices.")]
    curve: Curve


class FlowTopic(Rate):
    """A topic, and how often events went to it: when they occurred, be they sent by now or not."""

    topic: str
    event: Annotated[EventType | None, Field(description="The type of its events; null where there are several.")]
    events: Annotated[list[EventType], Field(description="The types of its events.")]


class Parked(Answer):
    """Open dead letters, by how soon a person must look."""

    high: Count
    normal: Count
    low: Count


class FlowRetries(Answer):
    """What a step does by itself where its call fails. When the next attempt comes is drawn by lot."""

    attempts: Annotated[int, Field(ge=1, description="How often it is tried in all before a person has to look.")]
    longest_wait_s: Annotated[float, Field(ge=0, description="How long it waits between two attempts at most.")]


class FlowStep(Answer):
    """A step, where it listens, and what waits for it."""

    step: StepName
    topic: str
    subscription: str
    function: str
    appends: Annotated[list[EventType], Field(description="What it adds to the stream where nothing breaks.")]
    owed: Annotated[int, Field(ge=0, description="Payments whose next move it is, as the read model has them.")]
    late: Annotated[int, Field(ge=0, description="Those of them that have not moved for 10 s.")]
    oldest_s: Annotated[Age | None, Field(description="How long ago the one moved that stands still the longest.")]
    parked: Parked
    retries: FlowRetries


class Feed(Answer):
    """A reader of the change feed."""

    lag_s: Annotated[Age, Field(description="How long it has stood still while there was something to read.")]
    unread: Annotated[int, Field(ge=0, description="Changes that it has not read.")]


class Feeds(Answer):
    """The readers of the change feed: the publisher, and the read model's."""

    publish: Feed
    project: Feed


class Ends(Answer):
    """Payments that came to an end."""

    completed: Rate
    failed: Rate
    voided: Rate


Pair = Annotated[list[Seconds], Field(min_length=2, max_length=2)]


class Times(Answer):
    """How long something took, in seconds: at most 3% off."""

    p50: Seconds | None
    p99: Seconds | None
    curve: Annotated[
        list[Pair | None],
        Field(max_length=SLICES, description="p50 and p99 in each slice of a curve; null where none ended."),
    ]


class FlowTimes(Answer):
    """Of the last ten minutes."""

    completed_s: Annotated[Times, Field(description="From the request of a payment until nothing was left to do.")]
    certain_s: Annotated[
        Times,
        Field(
            description="From the start of a step to what is recorded of it, where the first attempt did not bring it."
        ),
    ]


class LettersOfAge(Answer):
    """Letters by their age; each is counted once."""

    up_to_s: Annotated[int | None, Field(description=f"One of {', '.join(map(str, AGES_S))}; null for older ones.")]
    n: Count


class FlowLetters(Answer):
    """The open dead letters."""

    open: Count
    high: Annotated[int, Field(ge=0, description=f"Those of severity {Severity.HIGH}.")]
    oldest_s: Age | None
    by_age: list[LettersOfAge]
    elsewhere: Annotated[Parked, Field(description="Those of no step: of the publisher, or from an unknown place.")]


class Flow(Answer):
    """What one process of the app sees."""

    as_of: Annotated[datetime, Field(description="When it was seen.")]
    counted_at: Annotated[
        datetime,
        Field(
            description="When `owed`, `late` and the letters were counted: after something moved, else every 10 s. "
            "Where there is much to count, less often."
        ),
    ]
    since: Annotated[
        datetime,
        Field(description="From when on nothing is missing in the curves. Before that this process has not watched."),
    ]
    build: Annotated[str, Field(description="From which build it is.")]
    bucket_s: Annotated[int, Field(ge=1, description="How long a slice of the curves is.")]
    feeds: Feeds
    topics: list[FlowTopic]
    steps: list[FlowStep]
    ends: Ends
    times: FlowTimes
    letters: FlowLetters
