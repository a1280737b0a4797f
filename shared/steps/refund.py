"""refund: have the provider give money back, of one refund. Declined means PaymentRefundFailed. Knows no HTTP."""

from datetime import datetime

from shared.domain.events import PaymentRefunded, PaymentRefundFailed
from shared.domain.payment import Payment, RefundTask
from shared.ports.provider import Answer, Call, Provider
from shared.steps.asking import AskingStep


def refund(provider: Provider, task: RefundTask) -> AskingStep:
    """Gives back what its request has reserved."""

    async def make(payment: Payment, call: Call) -> Answer:
        return await provider.refund(payment, task, call=call)

    def refunded(reference: str, at: datetime) -> PaymentRefunded:
        return PaymentRefunded(occurred_at=at, refund_id=task.refund_id, provider_refund_id=reference)

    def declined(code: str, at: datetime) -> PaymentRefundFailed:
        return PaymentRefundFailed(occurred_at=at, refund_id=task.refund_id, reason="declined", code=code)

    return AskingStep(task, provider, make, refunded, declined=declined)
