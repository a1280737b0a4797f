"""What is sent to Stripe: the form of each call, what is not sent at all, and where to look for what was done.

Knows no answer and no HTTP client.
"""

from collections.abc import Sequence
from datetime import timedelta

from shared.adapters.stripe.amounts import at_stripe, unsaid
from shared.domain.payment import Payment, RefundTask, Step, Task
from shared.ports.provider import Declined

_CLOCKS_DIFFER = timedelta(minutes=5)
_MOST_ARE_MADE_WITHIN = timedelta(hours=1)


def form_of(payment: Payment, task: Task) -> dict[str, str]:
    """What is sent to have the task done, where nothing speaks against it (`refusal`)."""
    match task:
        case RefundTask():
            return {
                "payment_intent": intent_of(payment),
                "amount": str(amount_of(payment, task)),
                "metadata[payment_id]": payment.payment_id,
                "metadata[refund_id]": task.refund_id,
            }
        case Step.CREATE:
            return {
                "amount": str(amount_of(payment, task)),
                "currency": payment.amount.currency.lower(),
                "capture_method": "manual",
                "confirm": "true",
                "error_on_requires_action": "true",  # nobody here could take the cardholder through it
                "payment_method": str(payment.payment_method),
                "payment_method_types[]": "card",
                "metadata[payment_id]": payment.payment_id,
            }
        case Step.SETTLE:
            return {"amount_to_capture": str(amount_of(payment, task))}
        case _:
            return {}


def needs_key(task: Task) -> bool:
    """Whether a repeat would make a second object. An intent is captured or canceled once, by its own status.

    So those two go without a key: under one, Stripe would repeat a 500 for a day, and nothing could be done meanwhile.
    """
    return task is Step.CREATE or isinstance(task, RefundTask)


def refusal(payment: Payment, task: Task) -> Declined | None:
    """Why it is not even sent: Stripe cannot be told of such money exactly. It was the merchant's to choose."""
    code = "" if task is Step.VOID else unsaid(_amount_minor(payment, task), payment.amount.currency)
    return Declined(code) if code else None


def lists_of(payment: Payment, task: Task) -> tuple[str, Sequence[dict[str, str]]]:
    """The list in which the task's object would stand, and the parts of it to look through, the likeliest first."""
    if isinstance(task, RefundTask):
        return "/v1/refunds", [{"payment_intent": intent_of(payment)}]
    first, last = payment.initiated_at - _CLOCKS_DIFFER, payment.expires_at + _CLOCKS_DIFFER
    middle = str(int(min(last, payment.initiated_at + _MOST_ARE_MADE_WITHIN).timestamp()))
    soon = {"created[gte]": str(int(first.timestamp())), "created[lt]": middle}
    later = {"created[gte]": middle, "created[lte]": str(int(last.timestamp()))}
    return "/v1/payment_intents", [soon, later]


def intent_of(payment: Payment) -> str:
    """Raises ValueError for a payment that was never created there."""
    if payment.created is None:
        raise ValueError(f"payment {payment.payment_id} was never created at the provider")
    return payment.created.provider_payment_id


def amount_of(payment: Payment, task: Task) -> int | None:
    """As Stripe writes it; None for what cannot be said."""
    return at_stripe(_amount_minor(payment, task), payment.amount.currency)


def _amount_minor(payment: Payment, task: Task) -> int:
    refund = payment.refund(task.refund_id) if isinstance(task, RefundTask) else None
    return refund.amount_minor if refund else payment.amount.amount_minor
