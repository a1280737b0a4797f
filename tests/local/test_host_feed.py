"""How a change feed is read, noted and handed over between hosts, with feed and lease container in memory."""

import asyncio
import logging

import pytest

from local.azure.host.errors import CannotStart, InvocationFailed
from local.azure.host.feed import Document, FeedOptions, FeedProcessor
from local.azure.host.leases import FeedRange, LeaseBook
from local.azure.host.wire import RetryContext
from tests.local.feed_support import AT_ONCE, HIGH, LOW, NEVER, MemoryFeed, Setup, Work, setup
from tests.waiting import until


async def test_the_feed_is_read_from_the_very_beginning_page_by_page() -> None:
    work, given = Work(), setup("a", "b", "c")

    async with given.host(work):
        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "3")

    assert work.seen == ["a", "b", "c"]
    assert work.tries == [0, 0]


async def test_changes_that_come_later_are_seen() -> None:
    work, given = Work(), setup()
    async with given.host(work):
        given.feed.changes[LOW].append("late")

        await until(lambda: work.seen == ["late"])


async def test_a_lease_says_who_reads_what_and_how_far() -> None:
    given = setup("a")

    async with given.host(Work()):
        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "1")

    assert {key: value for key, value in given.leases.of(LOW).items() if key != "_etag"} == {
        "id": "sample..0",
        "version": 0,
        "LeaseToken": "0",
        "FeedRange": {"Range": {"min": "", "max": "20"}},
        "Owner": "1",
        "ContinuationToken": "1",
        "properties": {"host": "one"},
        "timestamp": "2030-01-01T00:00:00+00:00",
        "Mode": "Incremental Feed",
    }


async def test_a_page_is_noted_only_when_its_function_has_succeeded() -> None:
    work, given = Work(), setup("a", "b", "c")
    work.fails = True
    async with given.host(work):
        await until(lambda: len(work.tries) > 3)
        assert given.leases.of(LOW)["ContinuationToken"] is None
        assert set(work.seen) == {"a", "b"}
        assert work.tries[:4] == [0, 1, 2, 3]

        work.fails = False

        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "3")


async def test_a_stop_finishes_and_notes_the_page_under_way_and_frees_the_lease() -> None:
    work, given = Work(), setup("a", "b", "c")
    work.may_end.clear()
    async with given.host(work) as processor:
        await until(lambda: work.seen == ["a", "b"])

        draining = asyncio.create_task(processor.drain())
        await until(lambda: processor.stop.is_told)
        work.may_end.set()
        await draining

    assert work.seen == ["a", "b"]
    assert given.leases.of(LOW)["ContinuationToken"] == "2"
    assert given.leases.of(LOW)["Owner"] is None


async def test_a_stop_ends_a_read_that_waits_for_news_and_frees_the_lease() -> None:
    work, given = Work(), setup("a")
    given.feed.waits = True
    async with given.host(work) as processor:
        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "1")

        async with asyncio.timeout(5):
            await processor.drain()

    assert given.leases.of(LOW)["Owner"] is None


async def test_while_the_store_is_down_no_read_waits_so_that_its_return_is_seen() -> None:
    work, given = Work(), setup("a")
    given.feed.waits = True
    async with given.host(work):
        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "1")
        given.feed.is_down = True
        await until(lambda: given.feed.may_wait[-1:] == [False])
        given.feed.is_down = False
        given.feed.may_wait.clear()

        await until(lambda: given.feed.may_wait == [False])

        given.feed.changes[LOW].append("b")
        await until(lambda: work.seen == ["a", "b"])
        assert given.feed.may_wait == [False, True]


async def test_a_stop_during_the_pause_before_a_retry_notes_nothing() -> None:
    work, given = Work(), setup("a")
    work.fails = True
    async with given.host(work, retry=NEVER) as processor:
        await until(lambda: work.seen == ["a"])

        await processor.drain()

    assert given.leases.of(LOW)["ContinuationToken"] is None
    assert given.leases.of(LOW)["Owner"] is None


async def test_what_is_given_up_is_not_noted_and_comes_again_at_the_next_start() -> None:
    work, given = Work(), setup("a")
    work.may_end.clear()
    async with given.host(work):
        await until(lambda: work.seen == ["a"])
    assert given.leases.of(LOW)["ContinuationToken"] is None

    work.may_end.set()
    async with given.host(work, instance="2"):
        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "1")

    assert work.seen == ["a", "a"]


async def test_a_page_that_is_cut_keeps_its_lease_and_a_range_at_rest_frees_it() -> None:
    work, given = Work(), Setup(MemoryFeed({LOW: ["a"], HIGH: []}))
    work.may_end.clear()
    async with given.host(work) as processor:
        await until(lambda: work.seen == ["a"])

        draining = asyncio.create_task(processor.drain())
        await until(lambda: given.leases.of(HIGH)["Owner"] is None)
        await processor.abort()
        await asyncio.gather(draining, return_exceptions=True)

    assert given.leases.of(LOW)["Owner"] == "1"
    assert given.leases.of(LOW)["ContinuationToken"] is None


async def test_a_lease_is_there_for_every_range_before_the_info_that_says_so() -> None:
    given = Setup(MemoryFeed({LOW: [], HIGH: []}))

    async with given.host(Work()):
        pass

    assert list(given.leases.documents) == ["sample..0", "sample..1", "sample.info"]
    assert set(given.leases.documents["sample.info"]) == {"id", "_etag"}


async def test_a_killed_host_that_starts_again_goes_on_at_once_where_it_was() -> None:
    given = setup("a", "b")
    async with given.host(Work(), instance="1"):
        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "2")
    assert given.leases.of(LOW)["Owner"] == "1"
    given.feed.changes[LOW].append("c")
    work = Work()

    async with given.host(work, instance="2"):
        await until(lambda: work.seen == ["c"])


async def test_another_host_waits_until_a_killed_hosts_lease_has_expired(caplog: pytest.LogCaptureFixture) -> None:
    given = setup("a", "b", "c")
    async with given.host(Work(), host_id="one"):
        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "3")
    given.feed.changes[LOW].append("d")
    work = Work()

    async with given.host(work, host_id="two"):
        given.clock.advance_s(59)
        await until(lambda: "held by host one, free in 60 s unless it is renewed" in caplog.text)
        assert work.seen == []
        given.clock.advance_s(2)

        await until(lambda: work.seen == ["d"])
    assert given.leases.of(LOW)["properties"] == {"host": "two"}


async def test_a_host_that_lost_its_lease_notes_nothing_more_and_leaves_it_to_the_other() -> None:
    first, second, given = Work(), Work(), setup("a", "b")
    first.may_end.clear()
    async with given.host(first, host_id="one"):
        await until(lambda: first.seen == ["a", "b"])
        given.clock.advance_s(61)
        async with given.host(second, host_id="two"):
            await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "2")
            given.feed.changes[LOW].append("c")

            first.may_end.set()
            await until(lambda: second.seen == ["a", "b", "c"])

            assert first.seen == ["a", "b"]
            assert given.leases.of(LOW)["properties"] == {"host": "two"}


async def test_two_processes_with_one_host_id_do_not_wrestle_for_a_lease(caplog: pytest.LogCaptureFixture) -> None:
    older, newer, given = Work(), Work(), setup("a")
    async with given.host(older, instance="1", renew_interval_s=0.01):
        await until(lambda: older.seen == ["a"])
        async with given.host(newer, instance="2"):
            await until(lambda: given.leases.of(LOW)["Owner"] == "2")
            await until(lambda: "another host has taken it" in caplog.text)  # until then both may read a page
            given.feed.changes[LOW].append("b")

            await until(lambda: newer.seen == ["b"])

            assert older.seen == ["a"]
            assert given.leases.of(LOW)["Owner"] == "2"


async def test_a_lease_is_renewed_while_a_page_waits_for_its_retries() -> None:
    work, given = Work(), setup("a")
    work.fails = True
    async with given.host(work, retry=NEVER, renew_interval_s=0.01):
        await until(lambda: work.seen == ["a"])

        given.clock.advance_s(30)

        await until(lambda: given.leases.of(LOW)["timestamp"] == "2030-01-01T00:00:30+00:00")
        assert given.leases.of(LOW)["ContinuationToken"] is None


async def test_ranges_are_read_beside_each_other() -> None:
    both = asyncio.Barrier(2)
    given = Setup(MemoryFeed({LOW: ["a"], HIGH: ["z"]}))

    async def meet(_documents: list[Document], _retry: RetryContext) -> None:
        await both.wait()  # comes through only when the other range is there too

    async with given.host(meet):
        await until(lambda: [given.leases.of(r)["ContinuationToken"] for r in (LOW, HIGH)] == ["1", "1"])


async def test_a_range_that_fails_does_not_hold_up_the_other() -> None:
    given = Setup(MemoryFeed({LOW: ["bad"], HIGH: ["x", "y", "z"]}))

    async def run(documents: list[Document], _retry: RetryContext) -> None:
        if documents[0]["id"] == "bad":
            raise InvocationFailed("f", reason="poison")

    async with given.host(run, retry=NEVER):
        await until(lambda: given.leases.of(HIGH)["ContinuationToken"] == "3")

    assert given.leases.of(LOW)["ContinuationToken"] is None


async def test_the_ranges_of_the_first_start_are_kept() -> None:
    given = setup("a")
    async with given.host(Work()):
        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "1")
    given.feed.changes = {FeedRange("", "10", 0): ["a"], FeedRange("10", "20", 1): [], LOW: ["a", "b"]}
    work = Work()

    async with given.host(work):
        await until(lambda: work.seen == ["b"])


async def test_a_store_that_goes_away_is_tried_until_it_is_back_and_logged_once_each_way(
    caplog: pytest.LogCaptureFixture,
) -> None:
    work, given = Work(), setup("a")
    async with given.host(work):
        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "1")
        given.feed.is_down = True
        await until(lambda: "the store is down" in caplog.text)

        given.feed.changes[LOW].append("b")
        given.feed.is_down = False

        await until(lambda: work.seen == ["a", "b"])
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "f: range 0: Cosmos DB: ConnectionError: the store is down; trying again until it answers",
        "f: range 0: Cosmos DB: answers again",
    ]


async def test_a_page_that_succeeded_while_the_store_was_down_is_noted_later_and_not_run_again() -> None:
    work, given = Work(), setup("a")
    work.may_end.clear()
    async with given.host(work):
        await until(lambda: work.seen == ["a"])
        given.leases.is_down = True
        work.may_end.set()
        await asyncio.sleep(0)
        given.leases.is_down = False

        await until(lambda: given.leases.of(LOW)["ContinuationToken"] == "1")
    assert work.seen == ["a"]


async def test_a_start_waits_for_the_store() -> None:
    work, given = Work(), setup("a")
    given.leases.is_down = True
    processor = given.processor(work)
    starting = asyncio.create_task(processor.start())
    await asyncio.sleep(0)
    assert not starting.done()

    given.leases.is_down = False

    await starting
    await until(lambda: work.seen == ["a"])
    await processor.abort()


async def test_a_start_ends_at_once_when_there_is_no_lease_container() -> None:
    async def open_leases() -> LeaseBook:
        raise CannotStart("there is no lease container")

    options = FeedOptions(1.0, acquire_interval_s=1.0, renew_interval_s=1.0, retry=AT_ONCE)
    processor = FeedProcessor("f", feed=MemoryFeed({}), open_leases=open_leases, run=Work(), options=options)

    with pytest.raises(CannotStart, match="no lease container"):
        await processor.start()
