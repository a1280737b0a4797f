"""The receivers that merchants' developers copy: what they take, what they refuse, and what a kill costs."""

import asyncio
import json
import os
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.examples.notification import NEW, OLD, OTHER, Notification, an_event, send, until
from tests.examples.receivers import EXAMPLES, Node, Python, Receiver, Running, installed_node
from tests.local.terminal import Run, local
from tests.ops.scripted import Scripted, scripted

BOTH = f"{NEW} {OLD}"


@pytest.fixture(name="program", scope="module", params=["python", "node"])
def the_code_of_a_receiver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "python":
        return EXAMPLES / "receiver-python"
    installed = installed_node(tmp_path_factory.mktemp("node"))
    if isinstance(installed, str):
        if os.environ.get("CI"):
            pytest.fail(f"the Node receiver has to be tested here: {installed}")
        pytest.skip(installed)
    return installed


@pytest.fixture(name="receiver")
def a_receiver_without_any_data(program: Path, tmp_path: Path) -> Receiver:
    return (Node if "node" in program.name else Python)(tmp_path, program)


def shown_by(app: Scripted, *sent: Notification) -> None:
    """The app lists the payments, and for each the one attempt to notify its merchant."""
    app.on("GET /api/health", (200, {}))
    moved = {"version": 3, "amount_minor": 1250, "currency": "EUR", "reference": "order-1"}
    app.on("GET /api/payments", (200, {"payments": [{"payment_id": each.payment_id, **moved} for each in sent]}))
    for each in sent:
        headers = {name: value for name, value in each.headers.items() if name.startswith("webhook-")}
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=UTC).isoformat()
        call = {"at": at, "attempt": 1, "by": "step", "url": "https://shop.example", "duration_ms": 5}
        told = {
            "notification_id": headers["webhook-id"],
            "type": "regispay.payment.settled.v1",
            "state": "waiting",
            "occurred_at": at,
            "attempts": [{**call, "failure": "connection", "headers": headers, "body": each.body}],
        }
        route = f"GET /api/payments/{each.payment_id}/notifications"
        app.on(route, (200, {"payment_id": each.payment_id, "notifications": [told]}))


async def forwarded(run: Run, *, count: int) -> dict[str, int]:
    """What the first so many were answered, by payment."""
    assert run.process.stdout is not None
    answers: dict[str, int] = {}
    while len(answers) < count:
        line = (await run.process.stdout.readline()).decode()
        assert line, f"ended after {answers}"
        if line.startswith("{"):
            shown = json.loads(line)
            answers[shown["payment"]["payment_id"]] = shown["forwarded"]["status_code"]
    return answers


async def test_what_is_signed_is_kept_and_acted_on_once_however_often_it_comes(
    receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    sent = Notification()
    async with receiver.running(NEW) as running:
        answers = [await send(http, running, sent) for _ in range(3)]
        await until(lambda: receiver.acted_on() == 1)
        answers.append(await send(http, running, sent))
        other = Notification()
        answers.append(await send(http, running, other))
        await until(lambda: receiver.acted_on() == 2)

    assert answers == [204] * 5
    assert receiver.kept() == 2
    assert set(receiver.shipments()) == {sent.payment_id, other.payment_id}
    assert receiver.statuses()[sent.payment_id] == "settled"


async def test_an_old_event_that_comes_after_a_newer_one_changes_nothing(
    receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    older = Notification()
    newer = Notification(payment_id=f"{older.payment_id}-2", body=an_event(older.payment_id, kind="completed"))
    async with receiver.running(NEW) as running:
        assert await send(http, running, newer) == 204
        await until(lambda: receiver.acted_on() == 1)
        assert await send(http, running, older) == 204
        await until(lambda: receiver.acted_on() == 2)

    assert receiver.statuses() == {older.payment_id: "completed"}
    assert set(receiver.shipments()) == {older.payment_id}


@pytest.mark.parametrize(
    ("known", "signed_with"), [(NEW, [NEW, BOTH]), (OLD, [BOTH]), (BOTH, [OLD, NEW, f"{OTHER} {OLD}"])]
)
async def test_while_a_secret_is_changed_the_new_and_the_old_one_count(
    receiver: Receiver, http: aiohttp.ClientSession, known: str, signed_with: list[str]
) -> None:
    async with receiver.running(known) as running:
        answers = {each: await send(http, running, Notification(secrets=each)) for each in signed_with}

    assert answers == dict.fromkeys(signed_with, 204)


async def test_what_is_not_signed_by_the_platform_or_is_too_old_is_refused_and_not_kept(
    receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    def changed(name: str, value: str) -> Notification:
        return Notification(changes={name: value})

    six_minutes = timedelta(minutes=6)
    forged = {
        "another secret": Notification(secrets=OTHER),
        "an old one, though well signed": Notification(ago=six_minutes),
        "one of the future": Notification(ago=-six_minutes),
        "a time that was not signed": changed("webhook-timestamp", str(int(datetime.now(UTC).timestamp()) - 30)),
        "no time": changed("webhook-timestamp", "soon"),
        "another id": changed("webhook-id", "p2:notify"),
        "no signature": changed("webhook-signature", ""),
        "words": changed("webhook-signature", "nonsense"),
        "another version": changed("webhook-signature", "v2,AAAA"),
        "no base64": changed("webhook-signature", "v1,%%% v1,é"),
        "too many parts": changed("webhook-signature", "v1,AAAA,AAAA"),
    }
    async with receiver.running(BOTH) as running:
        answers = {name: await send(http, running, each) for name, each in forged.items()}
        answers["another body"] = await send(http, running, Notification(), body=an_event("p2").encode())
        answers["no text"] = await send(http, running, Notification(), body=b"\xff\xfe")
        answers["no body"] = await send(http, running, Notification(), body=b"")

        assert await send(http, running, Notification()) == 204

    assert answers == dict.fromkeys(answers, 400)
    assert receiver.kept() == 1


async def test_what_is_signed_and_no_event_is_refused(receiver: Receiver, http: aiohttp.ClientSession) -> None:
    bodies = ["no JSON", "[]", "{}", '{"specversion":"1.0","type":"x"}']
    async with receiver.running(NEW) as running:
        answers = {body: await send(http, running, Notification(body=body)) for body in bodies}
        assert await send(http, running, Notification()) == 204

    assert answers == dict.fromkeys(bodies, 400)
    assert receiver.kept() == 1


async def test_other_addresses_and_bodies_that_are_too_large_are_not_taken(
    receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    async with receiver.running(NEW) as running:
        async with http.post(f"{running.url}/elsewhere", data=b"{}") as response:
            assert response.status == 404
        async with http.get(running.url) as response:
            assert response.status in {404, 501}
        large = Notification(body=json.dumps({"x": "x" * 300_000}))
        assert await send(http, running, large) == 413
        assert await send(http, running, Notification()) == 204

    assert receiver.kept() == 1


async def test_killed_between_the_answer_and_the_work_it_loses_nothing_and_does_nothing_twice(
    receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    held_up, other = Notification(), Notification()
    async with receiver.running(NEW) as running:
        receiver.hold_up(held_up.payment_id)
        assert await send(http, running, held_up) == 204
        assert await send(http, running, other) == 204
        await until(lambda: receiver.acted_on() == 1)  # work that fails does not hold up the rest
        await running.kill()
    assert set(receiver.shipments()) == {other.payment_id}

    receiver.let_go(held_up.payment_id)
    async with receiver.running(NEW) as running:
        await until(lambda: receiver.acted_on() == 2)
        assert await send(http, running, held_up) == 204

    assert receiver.kept() == 2
    assert set(receiver.shipments()) == {held_up.payment_id, other.payment_id}


async def test_killed_at_any_moment_it_ends_up_with_each_notification_once(
    receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    waiting: list[Notification] = []
    answered: list[str] = []

    async def deliver(running: Running, sent: Notification) -> None:
        """The platform counts a yes alone; everything else comes again."""
        while sent in waiting:
            with suppress(aiohttp.ClientError, TimeoutError):
                if await send(http, running, sent) == 204:
                    waiting.remove(sent)
                    answered.append(sent.payment_id)
                    return
            await asyncio.sleep(0.1)

    async def answers(count: int) -> None:
        await until(lambda: len(answered) >= count)

    for kill_after in (1, 4, 8):
        waiting += [Notification() for _ in range(12)]
        async with receiver.running(NEW) as running, asyncio.TaskGroup() as sending:
            tasks = [sending.create_task(deliver(running, each)) for each in list(waiting)]
            await answers(len(answered) + kill_after)
            await running.kill()
            for task in tasks:
                task.cancel()
    async with receiver.running(NEW) as running:
        await asyncio.gather(*(deliver(running, each) for each in list(waiting)))
        await until(lambda: receiver.acted_on() == 36)

    assert len(set(answered)) == receiver.kept() == 36
    assert set(receiver.shipments()) == set(answered)


async def test_what_is_left_to_do_and_cannot_be_read_for_a_while_is_done_later_without_another_notification(
    receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    sent = Notification()
    async with receiver.running(NEW) as running:
        receiver.blind()
        assert await send(http, running, sent) == 204
        await running.run.says("rror: ")
        receiver.unblind()
        await until(lambda: receiver.acted_on() == 1)

    assert set(receiver.shipments()) == {sent.payment_id}


async def test_what_listen_forwards_is_taken_as_if_the_platform_had_sent_it(receiver: Receiver) -> None:
    fresh, old, forged = Notification(), Notification(ago=timedelta(minutes=6)), Notification(secrets=OTHER)
    async with scripted() as app, receiver.running(NEW) as running:
        shown_by(app, fresh, old, forged)
        async with local("listen", "--url", app.url, "--forward-to", running.url, "--since", "1h", "--json") as run:
            answers = await forwarded(run, count=3)
        await until(lambda: receiver.acted_on() == 1)

    assert answers == {fresh.payment_id: 204, old.payment_id: 400, forged.payment_id: 400}
    assert set(receiver.shipments()) == {fresh.payment_id}


@pytest.mark.parametrize("secrets", ["", "whsec_", "whsec_%%%"])
async def test_without_a_secret_it_does_not_start(receiver: Receiver, secrets: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *receiver.command,
        env={**os.environ, "WEBHOOK_SECRETS": secrets},
        stderr=asyncio.subprocess.PIPE,
    )

    _, said = await process.communicate()

    assert process.returncode == 2
    assert said.startswith(b"WEBHOOK_SECRETS ")
    assert said.count(b"\n") == 1


def test_the_lock_of_the_node_one_names_versions_and_hashes_and_no_host() -> None:
    text = (EXAMPLES / "receiver-node" / "package-lock.json").read_text()
    packages = {name: each for name, each in json.loads(text)["packages"].items() if name}

    assert "://" not in re.sub(r'"url": "[^"]*"', "", text)
    assert [name for name, each in packages.items() if not {"version", "integrity"} <= set(each)] == []
