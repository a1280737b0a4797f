"""Keys go where they belong, faults are one line and an exit code, and what may pass is asked again."""

import asyncio
import signal
import sys

import pytest

from ops import client
from ops.__main__ import main
from tests.ops.scripted import Scripted, letter, ops, page_of, started, verdict

LIST = "GET /api/ops/dead-letters"


async def test_the_token_stands_in_the_environment(app: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    app.on(LIST, (200, page_of([])))
    monkeypatch.setenv("REGIS_PAY_OPS_TOKEN", "t0ken")

    await ops(app, "list")

    assert app.asked[0].headers["Authorization"] == "Bearer t0ken"


async def test_without_a_token_none_is_sent(app: Scripted) -> None:
    app.on(LIST, (200, page_of([])))

    await ops(app, "list")

    assert not {"x-functions-key", "Authorization"} & set(app.asked[0].headers)


def test_a_token_is_not_sent_unencrypted_to_another_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REGIS_PAY_OPS_TOKEN", "t0ken")

    code = main(["--url", "http://pay.example", "list"])

    captured = capsys.readouterr()
    assert code == 2
    assert captured.err == "a token is not sent to http://pay.example unencrypted: use https://\n"


@pytest.mark.parametrize("url", ["pay.example", "ftp://pay.example", "http://"])
def test_what_is_no_address_is_said_to_be_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", url, "list"]) == 2

    assert "is not an address" in capsys.readouterr().err


def test_nobody_listening_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--url", "http://127.0.0.1:1", "list"])

    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    why = "cannot reach http://127.0.0.1:1: Connection refused"
    assert captured.err == f"{why}; another address: --url or REGIS_PAY_OPS_URL\n"


async def test_a_provider_that_is_not_there_is_told_apart_from_the_app(
    app: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ops(app, "reconcile", "--provider-url", "http://127.0.0.1:1") == 2

    why = "cannot reach http://127.0.0.1:1: Connection refused"
    assert capsys.readouterr().err == f"{why}; another address: --provider-url\n"


@pytest.mark.parametrize("status", [401, 403])
async def test_who_is_refused_hears_what_to_show(
    app: Scripted, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    app.on(LIST, (status, ""))

    assert await ops(app, "list") == 2

    assert "Next: set REGIS_PAY_OPS_TOKEN" in capsys.readouterr().err


async def test_who_is_refused_by_the_app_hears_its_words(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    problem = {"title": "The caller may not do this.", "detail": "This needs the role Operations.", "code": "x"}
    app.on(LIST, (403, problem))

    assert await ops(app, "list") == 2

    assert "The caller may not do this. This needs the role Operations. Next:" in capsys.readouterr().err


async def test_an_answer_of_another_server_is_recognised(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(LIST, (200, "<html>welcome</html>"))

    assert await ops(app, "list") == 2

    assert "without JSON: is this the app's address, without /api?" in capsys.readouterr().err


async def test_a_problem_document_is_told_in_one_line(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    errors = [{"field": "limit", "code": "less_than_equal", "message": "Input should be less"}]
    app.on(LIST, (422, {"title": "Some fields cannot be accepted.", "code": "request_invalid", "errors": errors}))

    assert await ops(app, "list") == 2

    expected = "Some fields cannot be accepted. limit: Input should be less (request_invalid)\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("status", sorted(client.REPEATED))
async def test_what_may_pass_is_asked_again(app: Scripted, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_LONGEST_WAIT_S", 0.0)
    app.on(LIST, (status, ""), (200, page_of([letter(1)])))

    assert await ops(app, "list") == 1

    assert len(app.asked) == 2


async def test_what_does_not_pass_ends_after_some_repeats(
    app: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(client, "_LONGEST_WAIT_S", 0.0)
    app.on(LIST, (503, {"title": "Nothing was stored.", "code": "store_busy"}))

    assert await ops(app, "list") == 2

    assert len(app.asked) == 1 + client.REPEATS
    assert capsys.readouterr().err == "Nothing was stored. (store_busy)\n"


async def test_api_at_the_end_of_the_address_does_no_harm(app: Scripted) -> None:
    app.on(LIST, (200, page_of([])))

    assert await ops(f"{app.url}/api/", "list") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bogus"],
        ["list", "--older-than", "soon"],
        ["list", "--limit", "0"],
        ["replay", "--all", "--rate", "0"],
        ["replay", "--all", "--rate", "x"],
        ["discard", "some-id"],
        ["reconcile"],
    ],
)
def test_a_wrong_use_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["replay"], ["replay", "some-id", "--all"], ["replay", "some-id", "--step", "create"]],
)
def test_a_replay_says_whether_it_means_one_or_many(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2

    assert capsys.readouterr().err.count("\n") == 1


async def test_an_answer_without_its_fields_is_one_line(app: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    app.on(LIST, (200, {"something": "else"}))

    assert await ops(app, "list") == 2

    assert "are app and command of the same version?" in capsys.readouterr().err


async def test_what_is_no_id_asks_for_nothing_else(app: Scripted) -> None:
    assert await ops(app, "show", "../payments?x=1") == 2

    assert [asked.path for asked in app.asked] == ["/api/ops/dead-letters/../payments?x=1"]


async def test_ctrl_c_ends_long_work_and_what_was_done_is_told(app: Scripted) -> None:
    app.on(LIST, (200, page_of([letter(1), letter(2)])))
    app.on("POST /api/ops/dead-letters/replay", (200, {"results": [verdict(1)], "next_page": "second"}))
    process = await started(app, "replay", "--all", "--rate", "0.01")
    assert process.stderr is not None
    assert await process.stderr.readline() == b"replayed: 1 of 2\n"

    process.send_signal(signal.SIGINT)
    printed, errors = await process.communicate()

    assert process.returncode == 130
    assert printed.splitlines()[-1] == b"1 not begun, 1 replayed"
    assert errors == b"stopped; the same command can be given again\n"


async def test_a_reader_that_has_seen_enough_is_no_fault(app: Scripted) -> None:
    app.on(LIST, (200, page_of([letter(number) for number in range(2000)])))
    command = f"{sys.executable} -m ops --url {app.url} list --all | head -1; exit ${{PIPESTATUS[0]}}"
    process = await asyncio.create_subprocess_exec("bash", "-c", command, stderr=asyncio.subprocess.PIPE)

    _, errors = await process.communicate()

    assert (process.returncode, errors) == (0, b"")
