"""The report of a game day: one HTML file with a picture of each scenario, to be read without a network. Pure."""

from collections.abc import Sequence
from html import escape

from local.gameday.day import Day, Outcome

_WIDTH, _HEIGHT, _LEFT = 640, 150, 36
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid light-dark(#bbb, #555); }
.bad { color: light-dark(#a40000, #ff8a80); font-weight: 600; }
svg { width: 100%; height: auto; }
svg .fault { fill: light-dark(#f6d5d5, #5a2a2a); }
svg .way { fill: none; stroke: light-dark(#0b5cad, #7ab8ff); stroke-width: 2; }
svg .letters { fill: none; stroke: light-dark(#a35200, #ffb366); stroke-width: 2; stroke-dasharray: 5 3; }
svg .mark { stroke: currentColor; stroke-width: 1; stroke-dasharray: 2 3; }
svg text { font-size: 12px; fill: currentColor; }
figcaption { font-size: .9rem; }
"""


def report(day: Day) -> str:
    """The page."""
    findings = day.findings
    verdict = f"{len(findings)} findings" if findings else "nothing lost, nothing charged twice, all in time"
    listed = "".join(f"<li class=bad>{escape(each)}</li>" for each in findings)
    return "\n".join(
        [
            "<!DOCTYPE html><html lang=en><head><meta charset=utf-8>",
            "<meta name=viewport content='width=device-width'>",
            f"<title>Game day: {escape(verdict)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>Game day: {escape(verdict)}</h1>",
            f"<p>Begun {day.began:%Y-%m-%d %H:%M} UTC. {day.payments} payments were accepted, one each half second",
            "from shortly before a fault to its end. <i>Seen</i> counts from the beginning of the fault until an",
            "operator could see a sign of it. <i>Well</i> counts from its end until every payment was where it belongs",
            "and nothing was wrong any more. Behind <i>of</i> stands how long it may take.</p>",
            f"<ul>{listed}</ul>" if listed else "",
            "<table><thead><tr><th>what was done<th>payments<th>seen after<th>first sign<th>well after</thead><tbody>",
            *map(_row, day.outcomes),
            "</tbody></table>",
            *map(_picture, day.outcomes),
            "</body></html>",
        ]
    )


def _row(outcome: Outcome) -> str:
    scenario = outcome.scenario
    seen = _time(outcome.seen_after_s, limit_s=scenario.seen_within_s)
    well = _time(outcome.well_after_s, limit_s=scenario.well_within_s)
    sign = escape(outcome.first_sign or "none")
    return f"<tr><td>{escape(scenario.title)}<td>{outcome.payments}{seen}<td>{sign}{well}"


def _time(seconds: float | None, *, limit_s: float) -> str:
    shown = "never" if seconds is None else f"{seconds:.1f} s"
    is_bad = seconds is None or seconds > limit_s
    return f"<td{' class=bad' if is_bad else ''}>{shown} of {limit_s:g} s"


def _picture(outcome: Outcome) -> str:
    """Payments under way and open letters over time, with the time of the fault, and where it was seen and over."""
    looks = outcome.looks
    end_s = max([look.at_s for look in looks], default=1.0)
    highest = max([1, *(look.under_way for look in looks), *(len(look.letters) for look in looks)])

    def x(at_s: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT) * at_s / end_s, 1)

    def line(kind: str, values: Sequence[int]) -> str:
        points = " ".join(
            f"{x(look.at_s)},{round(_HEIGHT - (_HEIGHT - 20) * value / highest, 1)}"
            for look, value in zip(looks, values, strict=True)
        )
        return f"<polyline class={kind} points='{points}'/>"

    def mark(at_s: float | None, word: str) -> str:
        if at_s is None:
            return ""
        place = x(at_s)
        anchor = "end" if place > _WIDTH - 60 else "start"
        return f"<path class=mark d='M{place} 14V{_HEIGHT}'/><text x={place} y=11 text-anchor={anchor}>{word}</text>"

    begins, ends = x(outcome.hurt_at_s), x(outcome.healed_at_s)
    width = max(1.0, round(ends - begins, 1))
    title = escape(outcome.scenario.title)
    return "".join(
        [
            f"<figure><svg viewBox='0 0 {_WIDTH} {_HEIGHT + 18}' role=img aria-label='{title}'>",
            f"<rect class=fault x={begins} y=14 width={width} height={_HEIGHT - 14} />",
            line("way", [look.under_way for look in looks]),
            line("letters", [len(look.letters) for look in looks]),
            mark(outcome.seen_at_s, "seen"),
            mark(outcome.well_at_s, "well"),
            f"<text x=0 y=24>{highest}</text><text x=0 y={_HEIGHT}>0</text>",
            f"<text x={_WIDTH} y={_HEIGHT + 15} text-anchor=end>{end_s:.0f} s</text></svg>",
            f"<figcaption>{title}. Solid: payments under way. Dashed: open letters. Shaded: the fault.</figcaption>",
            "</figure>",
        ]
    )
