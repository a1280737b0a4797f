"""The merchant's web server. Raises nothing: answers are values."""

from typing import Protocol

from shared.ports.provider import Answer, Call


class Notifier(Protocol):
    """The merchant's web server."""

    async def notify(self, url: str, body: str, *, call: Call) -> Answer:
        """Tell the merchant; the body is a CloudEvent. Done.reference is empty."""
