"""Looks at the platform as an operator does, twice a second, and says what is wrong. Changes nothing."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from local.gameday.shop import Json, NotAnswered, Shop

LATE_S = 5.0
"""A payment that owes a move and has not moved for so long stands still, as far as anybody can see."""
_READY_LIMIT = aiohttp.ClientTimeout(total=3)


@dataclass(frozen=True, slots=True)
class Look:
    """What was to be seen at one moment. at_s: since the beginning of the scenario. signs: what is wrong, in words."""

    at_s: float
    under_way: int
    letters: list[Json]
    signs: list[str]


@dataclass(slots=True)
class Watch:
    """All looks of one scenario. prefix: of the keys of its orders."""

    shop: Shop
    prefix: str
    began_s: float = field(default_factory=time.monotonic)
    looks: list[Look] = field(default_factory=list)
    _refusals: int = 0

    def __post_init__(self) -> None:
        self._refusals = self.shop.refusals

    def now_s(self) -> float:
        return time.monotonic() - self.began_s

    async def look(self) -> Look:
        """The newest one, which is kept too."""
        signs = await self._of_the_app()
        rows: list[Json] = []
        letters: list[Json] = []
        try:
            rows, letters = await self.shop.rows(), await self.shop.open_letters()
        except NotAnswered:
            signs.append("operators get no answer")
        signs += self._of_payments(rows, letters)
        ours = set(self.shop.of(self.prefix))
        known = {row["id"] for row in rows}
        moving = [row for row in rows if row["id"] in ours and row["owes"] is not None]
        under_way = len(moving) + len(ours - known)  # one that no list shows yet has not got far
        look = Look(self.now_s(), under_way, letters, signs)
        self.looks.append(look)
        return look

    async def _of_the_app(self) -> list[str]:
        signs = []
        try:
            async with self.shop.http.get(f"{self.shop.url}/api/health/ready", timeout=_READY_LIMIT) as response:
                if response.status != 200:
                    signs.append("the app says that it is not ready")
                if self.shop.refusals > self._refusals:
                    signs.append("orders are refused")
                    self._refusals = self.shop.refusals
                return signs
        except TimeoutError:
            return ["the app does not say that it is ready"]
        except aiohttp.ClientError:
            return ["the app does not answer"]

    @staticmethod
    def _of_payments(rows: list[Json], letters: list[Json]) -> list[str]:
        now = datetime.now(UTC)
        late = [
            row
            for row in rows
            if row["owes"] is not None and (now - datetime.fromisoformat(row["moved_at"])).total_seconds() > LATE_S
        ]
        signs = ["payments stand still"] if late else []
        return [*signs, "letters are open"] if letters else signs
