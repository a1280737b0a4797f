"""One trace from the request to the end, however the work was divided: by the feed, by the broker, by a crash."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from opentelemetry.sdk.trace import ReadableSpan

from local.supervisor import ROOT
from shared.ports.notifier import Notifier, Reply
from shared.ports.provider import Call
from tests.facts import STEPS
from tests.flow.kit.world import World, a_world


def trace_id(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.trace_id


def traces(world: World) -> set[int]:
    """Of all the work, looking aside."""
    return {trace_id(span) for span in world.telemetry.spans() if span.name in ("accept", "publish", "advance")}


async def test_one_trace_leads_from_accept_over_the_feed_and_every_step_to_completed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        assert len(traces(world)) == 1
        assert len(world.telemetry.spans("accept")) == 1
        published = [dict(span.attributes or {})["regispay.event_id"] for span in world.telemetry.spans("publish")]
        count = len(await world.stream(payment_id))
        assert published == [f"{payment_id}:{version}" for version in range(1, count + 1)]
        advanced = [dict(span.attributes or {})["regispay.step"] for span in world.telemetry.spans("advance")]
        assert [step for step in advanced if step in STEPS] == ["create", "settle", "notify"]


async def test_every_piece_of_work_hangs_under_the_one_that_led_to_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        names = {span.context.span_id: span.name for span in world.telemetry.spans() if span.context is not None}
        leads = [
            (names.get(span.parent.span_id), span.name) for span in world.telemetry.spans() if span.parent is not None
        ]
        steps = len(world.telemetry.spans("advance"))
        assert leads.count(("accept", "publish")) == 1
        assert leads.count(("publish", "advance")) == leads.count(("advance", "publish")) == steps
        assert steps == len(await world.stream(payment_id)) - 1


def drawn(spans: Sequence[ReadableSpan], *, under: int, indent: str = "") -> list[str]:
    """The tree of spans below one, as lines."""
    below = [span for span in spans if span.parent is not None and span.parent.span_id == under]
    lines: list[str] = []
    for span in below:
        said = dict(span.attributes or {})
        step = f" {said['regispay.step']}: {said['regispay.outcome']}" if span.name == "advance" else ""
        is_last = span is below[-1]
        lines.append(f"{indent}{'└─' if is_last else '├─'} {span.name}{step}")
        assert span.context is not None
        lines += drawn(spans, under=span.context.span_id, indent=f"{indent}{'   ' if is_last else '│  '}")
    return lines


async def test_the_picture_of_a_trace_in_the_docs_is_what_happens(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_fails_twice")

        await world.run()

        (accepted,) = world.telemetry.spans("accept")
        assert accepted.context is not None
        tree = drawn(world.telemetry.spans(), under=accepted.context.span_id, indent="   ")
        picture = (ROOT / "docs" / "telemetry.md").read_text().split("```text\n")[1].split("```")[0].splitlines()
        assert picture[1] == "└─ accept"
        assert picture[2:] == [line for line in tree if "query" not in line]


async def test_a_retry_and_a_death_stay_in_the_trace(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_fails_twice")
        await world.read_page("publish")
        await world.bus.take(world.bus.queue("payment-initiated/create"))  # and its taker dies
        await world.restart()

        await world.run()

        assert len(traces(world)) == 1
        advanced = [dict(span.attributes or {}) for span in world.telemetry.spans("advance")]
        attempts = [each["regispay.attempt"] for each in advanced if each["regispay.step"] in STEPS]
        assert attempts == [0, 1, 2, 3, 0, 1, 2, 0], "the redelivery is not quiet, so its copy is sent first"


async def test_a_replay_stays_in_the_trace_and_is_linked_to_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.accept("pm_settle_down")
        await world.run()
        await world.backends.tell_provider("/repair")

        (verdict,) = await world.replay_all()
        await world.run()

        assert len(traces(world)) == 1
        advanced = world.telemetry.spans("advance")
        resumed = [span for span in advanced if dict(span.attributes or {})["regispay.cause"] == verdict.cause]
        assert len(resumed) == 2, "it is not quiet, and its copy is"
        assert all([link.context.trace_id for link in span.links] == [trace_id(span)] for span in resumed)


class _Overheard:
    """A notifier that remembers what it was given."""

    def __init__(self, notifier: Notifier, told: list[tuple[str, Call]]) -> None:
        self._notifier, self._told = notifier, told

    async def notify(self, url: str, body: str, *, merchant_id: str, call: Call) -> Reply:
        self._told.append((body, call))
        return await self._notifier.notify(url, body, merchant_id=merchant_id, call=call)


async def test_the_merchant_is_told_of_the_trace_in_the_event_as_beside_it(tmp_path: Path) -> None:
    told: list[tuple[str, Call]] = []

    async with a_world(
        tmp_path,
        alter=lambda services: replace(services, notifier=cast("Notifier", _Overheard(services.notifier, told))),
    ) as world:
        await world.accept("pm_ok", notify="ok")
        await world.run()

        ((body, call),) = told
        (trace,) = traces(world)
        assert call.traceparent is not None
        assert json.loads(body)["traceparent"] == call.traceparent
        assert call.traceparent[3:35] == f"{trace:032x}"


async def test_the_store_is_told_of_the_trace(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        payment_id = await world.accept("pm_ok")

        await world.run()

        (trace,) = traces(world)
        stored = await world.stream(payment_id)
        assert {(each.traceparent or "")[3:35] for each in stored} == {f"{trace:032x}"}
