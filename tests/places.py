"""The steps' own subscriptions by short names, for tests."""

from shared import flow
from shared.domain.payment import Step

CREATE = flow.PLACE_OF[Step.CREATE]
SETTLE = flow.PLACE_OF[Step.SETTLE]
NOTIFY = flow.PLACE_OF[Step.NOTIFY]
VOID = flow.PLACE_OF[Step.VOID]
NOTIFY_FAILURE = flow.PLACE_OF[Step.NOTIFY_FAILURE]
