"""What is only on a laptop: the parts of the platform, and the report of a game day."""

from local.gameday.day import Day, Outcome
from local.gameday.faults import SCENARIOS
from local.gameday.watch import Look
from tests.browser import played
from tests.browser.scenes.shop import NOW, Json, at


def game_day() -> Day:
    scenarios = {each.name: each for each in SCENARIOS}
    provider = Outcome(scenarios["provider"], 3.0, 13.0, 9.2, "open letters", 31.5, payments=26)
    bus = Outcome(scenarios["bus"], 3.0, 13.0, 8.1, "payments stand still", 17.0, payments=26)
    provider.looks = [_look(each / 2, peak=24, letters=7, outcome=provider) for each in range(64)]
    bus.looks = [_look(each / 2, peak=21, letters=0, outcome=bus) for each in range(36)]
    return Day(NOW, [provider, bus], [], payments=52)


def _look(at_s: float, *, peak: int, letters: int, outcome: Outcome) -> Look:
    """A heap that grows while it hurts, and is then carried off."""
    hurt, healed, well = outcome.hurt_at_s, outcome.healed_at_s, outcome.well_at_s or at_s
    if at_s < hurt:
        return Look(at_s, int(at_s * 4) % 3, [], [])
    grown = min(1.0, (at_s - hurt) / (healed - hurt))
    left = 1.0 if at_s < healed else max(0.0, 1 - (at_s - healed) / (well - healed))
    dead = round(letters * min(1.0, max(0.0, at_s - (outcome.seen_at_s or 0)) / 5) * (1 if left > 0 else 0))
    return Look(at_s, round(peak * grown * left), [{"id": str(each)} for each in range(dead)], [])


def platform() -> Json:
    """The local platform, some seconds after somebody killed its bus."""
    killed = {"last_death": "servicebus was killed by signal 9", "again_at": at(-1.6), "deaths": 1}
    told = played.platform_at_rest(servicebus={"state": "down", "since": at(1.4), "pid": None, "can": [], **killed})
    for part in told["parts"]:
        if part["state"] == "up":
            part["since"] = at(754)
    return {**told, "as_of": at(0), "notification_url": "http://127.0.0.1:7090/merchant/ok"}
