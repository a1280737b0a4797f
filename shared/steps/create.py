"""create: have the provider authorise the payment. Declined means PaymentFailed. Knows no HTTP."""

from datetime import datetime

from shared.domain.events import PaymentCreated
from shared.domain.payment import Step
from shared.ports.provider import Provider
from shared.steps.asking import AskingStep


def create(provider: Provider, *, api: str) -> AskingStep:
    """Reserves the money. api: the provider's word in PROVIDER_API, which is kept with its yes."""

    def created(reference: str, at: datetime) -> PaymentCreated:
        return PaymentCreated(occurred_at=at, provider_payment_id=reference, provider_api=api)

    return AskingStep(Step.CREATE, provider, provider.create, created)
