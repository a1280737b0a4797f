"""The subscriptions of the product by short names: one for each step, and the recorder's."""

from shared import flow
from shared.domain.payment import Step

CREATE = flow.PLACE_OF[Step.CREATE]
SETTLE = flow.PLACE_OF[Step.SETTLE]
NOTIFY = flow.PLACE_OF[Step.NOTIFY]
CANCEL = flow.PLACE_OF[Step.CANCEL]
VOID = flow.PLACE_OF[Step.VOID]
NOTIFY_FAILURE = flow.PLACE_OF[Step.NOTIFY_FAILURE]
REFUND = flow.PLACE_OF[Step.REFUND]
NOTICE = flow.PLACE_OF[Step.NOTICE]
RECORD = flow.Place(flow.DEAD_LETTER_TOPIC, flow.RECORD_SUBSCRIPTION)
