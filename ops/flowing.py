"""What moves now, where it waits and what is parked, as the app sees it at this moment. Knows no HTTP."""

from argparse import Namespace

from ops.client import Api, Json
from ops.output import say, show_json, show_table
from ops.paths import FLOW

_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"))
_LOUDEST = ("high", "normal", "low")


async def show_flow(api: Api, options: Namespace) -> int:
    """1 when a dead letter is open."""
    flow = await api.get(FLOW)
    if options.json:
        show_json(flow)
        return 1 if flow["letters"]["open"] else 0
    show_table([_step(step) for step in flow["steps"]])
    say("")
    show_table([_topic(topic) for topic in flow["topics"]])
    say("")
    for line in (_ends(flow), _times(flow), _feeds(flow["feeds"]), _letters(flow["letters"])):
        say(line)
    say(f"as of {flow['as_of'][:19]}Z; events since {flow['since'][:19]}Z; build {flow['build']}")
    return 1 if flow["letters"]["open"] else 0


def _step(step: Json) -> dict[str, str]:
    return {
        "STEP": step["step"],
        "OWED": str(step["owed"]),
        "LATE": str(step["late"]),
        "OLDEST": _span(step["oldest_s"]),
        "PARKED": _parked(step["parked"]) or "0",
        "LISTENS AT": f"{step['topic']}/{step['subscription']}",
        "FUNCTION": step["function"],
    }


def _topic(topic: Json) -> dict[str, str]:
    return {"TOPIC": topic["topic"], "LAST MINUTE": str(topic["minute"]), "TEN MINUTES": str(sum(topic["curve"]))}


def _parked(parked: Json) -> str:
    """Such as `1 high, 3 normal`; empty for none."""
    return ", ".join(f"{parked[each]} {each}" for each in _LOUDEST if parked[each])


def _ends(flow: Json) -> str:
    ends = ", ".join(f"{sum(end['curve'])} {name}" for name, end in flow["ends"].items())
    return f"in ten minutes: {ends}"


def _times(flow: Json) -> str:
    done, certain = flow["times"]["completed_s"], flow["times"]["certain_s"]
    if done["p50"] is None:
        return "nothing was completed in ten minutes"
    repeated = f"; what needed another attempt was certain after {_pair(certain)}" if certain["p50"] is not None else ""
    return f"completed after {_pair(done)}{repeated}"


def _pair(times: Json) -> str:
    return ", ".join(f"{_rounded(times[name])} s ({name})" for name in ("p50", "p99"))


def _rounded(seconds: float) -> str:
    """They are known to 3%."""
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.2f}"


def _feeds(feeds: Json) -> str:
    readers = {"publish": "the publisher", "project": "the read model"}
    return "; ".join(f"{words} {_behind(feeds[name])}" for name, words in readers.items())


def _behind(feed: Json) -> str:
    if not feed["unread"]:
        return "has read everything"
    stands = f" and has stood still for {_span(feed['lag_s'])}" if feed["lag_s"] else ""
    return f"has {feed['unread']} changes to read{stands}"


def _letters(letters: Json) -> str:
    if not letters["open"]:
        return "no dead letter is open"
    elsewhere = _parked(letters["elsewhere"])
    of_none = f"; of no step: {elsewhere}" if elsewhere else ""
    return f"{letters['open']} dead letters are open, the oldest for {_span(letters['oldest_s'])}{of_none}"


def _span(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    return next((f"{seconds // size}{unit}" for size, unit in _UNITS if seconds >= size), f"{seconds}s")
