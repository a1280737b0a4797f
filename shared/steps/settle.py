"""settle: have the provider capture the money. Declined means PaymentFailed. Knows no HTTP."""

from datetime import datetime

from shared.domain.events import PaymentSettled
from shared.domain.payment import Step
from shared.ports.provider import Provider
from shared.steps.asking import AskingStep


def settle(provider: Provider) -> AskingStep:
    """Takes the money that create reserved."""
    return AskingStep(Step.SETTLE, provider, provider.settle, _settled)


def _settled(reference: str, at: datetime) -> PaymentSettled:
    return PaymentSettled(occurred_at=at, capture_id=reference)
