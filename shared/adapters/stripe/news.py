"""What Stripe tells by itself is not read: its events have a form of their own. Whoever sends one is told so."""

from collections.abc import Mapping

from shared.ports.provider_news import News, NotRead


class NoNews:
    """Nobody is known as the provider."""

    def read(self, body: bytes, headers: Mapping[str, str]) -> News:  # noqa: ARG002 - whatever it is
        return NotRead("With PROVIDER_API=stripe no news of the provider is read, and disputes are not followed.")
