"""What a merchant sees of its notifications, asked for over the edge."""

from typing import Any

from tests.flow.kit.edge import Answered, Edge
from tests.flow.kit.world import World


async def listed(world: World, payment_id: str, *, view: str = "list_notifications") -> list[dict[str, Any]]:
    answered = await Edge(world).ask(view, payment_id=payment_id)
    assert answered.status == 200, answered
    assert answered.body["payment_id"] == payment_id
    found: list[dict[str, Any]] = answered.body["notifications"]
    return found


async def resend(world: World, payment_id: str, notification_id: str) -> Answered:
    return await Edge(world).ask("resend_notification", payment_id=payment_id, notification_id=notification_id)


def states(notifications: list[dict[str, Any]]) -> dict[str, str]:
    """By the word for what is told."""
    return {each["type"].removeprefix("regispay.payment.").removesuffix(".v1"): each["state"] for each in notifications}
