"""The names of the application properties that we write and read on messages: one table. Knows no message."""

from typing import Final

ATTEMPT: Final = "attempt"
QUIET: Final = "quiet"
"""On copies for one subscription. QUIET: nobody else can be sending for the same cause when this one is delivered."""

ANSWERED: Final = "answered"
REFERENCE: Final = "answered_reference"
HEARD_AT: Final = "answered_at"
"""On copies and on dead letters, after a yes that is not recorded. Earlier releases wrote ANSWERED alone."""

TRIES: Final = "tries"
"""On copies and dead letters: when was tried before, and what came of it."""

SOURCE: Final = "source"
REASON: Final = "reason"
DESCRIPTION: Final = "description"
DELIVERIES: Final = "delivery_count"
RECORD_ATTEMPT: Final = "record_attempt"
"""On dead letters of our own. RECORD_ATTEMPT only while the store cannot take the record."""

BROKERS_REASON: Final = "DeadLetterReason"
BROKERS_DESCRIPTION: Final = "DeadLetterErrorDescription"
"""The broker's own. It overwrites them when the letter dies again on its way to being recorded."""

ANSWERED_OF: Final = "answered_of"
"""The step that the yes is to, where another one heard it."""

PROPERTIES: Final = frozenset(
    {
        ATTEMPT,
        QUIET,
        ANSWERED,
        REFERENCE,
        HEARD_AT,
        ANSWERED_OF,
        TRIES,
        SOURCE,
        REASON,
        DESCRIPTION,
        DELIVERIES,
        RECORD_ATTEMPT,
        BROKERS_REASON,
        BROKERS_DESCRIPTION,
    }
)
