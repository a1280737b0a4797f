"""One try to tell the merchant, and the note of how it went. Knows no step and no HTTP.

The note is written after the call and within a short time. Whatever becomes of it, what the call brought stands.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared import signals
from shared.domain.notifications import Attempt, By
from shared.domain.payment import Payment
from shared.ports.clock import Clock
from shared.ports.notifier import Failure, Notifier, Reply
from shared.ports.provider import Call
from shared.ports.telemetry import Level
from shared.services import Services

KEPT_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """What is needed to tell a merchant."""

    notifier: Notifier
    clock: Clock
    new_id: Callable[[], str]


def teller(services: Services) -> Teller:
    return Teller(notifier=services.notifier, clock=services.clock, new_id=services.new_id)


async def told(payment: Payment, body: str, *, call: Call, by: By, teller: Teller) -> tuple[Reply, Attempt]:
    """Tell the merchant of a payment that has an address; body: the CloudEvent. The attempt is not kept yet.

    Raises ValueError when it has none.
    """
    url = payment.notification_url
    if url is None:
        raise ValueError(f"payment {payment.payment_id} has nobody to tell")
    at = teller.clock.now()
    reply = await teller.notifier.notify(url, body, merchant_id=payment.merchant_id, call=call)
    attempt = Attempt(
        attempt_id=teller.new_id(),
        payment_id=payment.payment_id,
        notification_id=call.request_id,
        type=str(json.loads(body)["type"]),
        at=at,
        attempt=call.attempt,
        by=by,
        url=url,
        duration_ms=reply.duration_ms,
        status_code=reply.status_code,
        failure=reply.failure,
        headers=reply.headers,
        body=body,
    )
    return reply, attempt


async def keep(attempts: Iterable[Attempt], *, services: Services) -> None:
    """Raises nothing."""
    for attempt in attempts:
        services.telemetry.count(signals.NOTIFICATIONS_TRIED, outcome=attempt.outcome, by=attempt.by)
        names = {"payment_id": attempt.payment_id, "notification_id": attempt.notification_id}
        if attempt.failure == Failure.NO_SECRET:
            services.telemetry.log(signals.LOG_UNSIGNED, names, level=Level.ERROR)
        try:
            async with asyncio.timeout(KEPT_WITHIN_S):
                await services.attempts.add(attempt)
        except Exception as fault:  # noqa: BLE001 - it only shows what was done, and must not undo it
            services.telemetry.count(signals.ATTEMPTS_LOST)
            services.telemetry.log(
                signals.LOG_ATTEMPT_LOST, {**names, "fault": type(fault).__name__}, level=Level.WARNING
            )
