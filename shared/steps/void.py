"""void: have the provider release what create reserved, for a payment that failed afterwards, or is to be cancelled.

Knows no HTTP.
"""

from datetime import datetime

from shared.domain.events import PaymentVoided
from shared.domain.payment import Step
from shared.ports.provider import Provider
from shared.steps.asking import AskingStep


def void(provider: Provider) -> AskingStep:
    """Releases the money. If the provider declines, a person must look at it."""
    return AskingStep(Step.VOID, provider, provider.void, _voided, may_decline=False)


def cancel(provider: Provider) -> AskingStep:
    """The same call, while the money may still be taken: whether it was, the provider says."""
    return AskingStep(Step.CANCEL, provider, provider.void, _voided, may_decline=False)


def _voided(reference: str, at: datetime) -> PaymentVoided:
    return PaymentVoided(occurred_at=at, void_id=reference)
