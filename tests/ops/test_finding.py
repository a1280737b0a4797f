"""The command finds the platform that runs here, says what to try, and completes its words in a shell."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.__main__ import main
from ops.client import TOKEN_VARIABLE, URL_VARIABLE
from ops.finding import DEFAULT_URL, target
from tests.ops.discards import Terminal

HERE = "http://127.0.0.1:9123"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".local").mkdir()
    return tmp_path


def noted(folder: Path, **note: object) -> None:
    (folder / ".local" / "up.json").write_text(json.dumps({"pid": os.getpid(), "url": HERE} | note))


def test_the_platform_of_this_folder_is_found(folder: Path) -> None:
    noted(folder)

    assert target(None).url == HERE


def test_what_somebody_says_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted(folder)
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:2")

    assert target(None).url == "http://127.0.0.1:2"
    assert target("http://127.0.0.1:3").url == "http://127.0.0.1:3"


def test_a_platform_that_was_killed_does_not_count(folder: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    noted(folder, pid=gone.pid)

    assert target(None).url == DEFAULT_URL


@pytest.mark.parametrize(
    "note",
    [{"url": "https://elsewhere.example"}, {"url": 7}, {"url": "http://[::1"}, {"pid": "1"}, {"pid": -1}, {"pid": 0}],
)
def test_a_note_that_cannot_be_of_a_platform_here_does_not_count(folder: Path, note: dict[str, object]) -> None:
    noted(folder, **note)

    assert target(None).url == DEFAULT_URL


@pytest.mark.parametrize("text", ["", "[]", "{", '{"pid": 1}'])
def test_a_note_that_is_none_does_not_count(folder: Path, text: str) -> None:
    (folder / ".local" / "up.json").write_text(text)

    assert target(None).url == DEFAULT_URL


def test_who_reaches_nothing_hears_what_was_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ops.finding.DEFAULT_URL", "http://127.0.0.1:1")

    assert main(["list"]) == 2

    asked, said = capsys.readouterr().err.splitlines()
    assert asked == "asking http://127.0.0.1:1, as nobody has named an address"
    for word in ("--url", URL_VARIABLE, ".local/up.json", "make run"):
        assert word in said


def test_who_reaches_nothing_hears_that_the_note_named_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noted(folder, url="http://127.0.0.1:1")

    assert main(["list"]) == 2

    assert "this one stands in .local/up.json" in capsys.readouterr().err


@pytest.mark.parametrize("has_note", [True, False])
def test_a_token_is_for_an_app_that_somebody_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, has_note: bool
) -> None:
    if has_note:
        noted(folder, url="http://127.0.0.1:1")
    monkeypatch.setenv(TOKEN_VARIABLE, "t0ken")

    assert main(["list"]) == 2

    said = capsys.readouterr().err
    assert said == f"{TOKEN_VARIABLE} is set, and nobody says for which app: --url or {URL_VARIABLE}\n"


def test_who_names_an_address_needs_not_be_told_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "t0ken")
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:1")

    assert main(["list"]) == 2

    assert "asking" not in capsys.readouterr().err


def test_what_cannot_be_undone_says_where_it_would_be_done_before_it_asks(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    noted(folder)
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))

    assert main(["erase", "a-payment", "--reason", "forget me"]) == 1

    assert f"at {HERE}. Erase them?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("ops rec", ["reconcile"]), ("ops payments --ref", ["--reference"]), ("ops list --status cl", ["closed"])],
)
def test_bash_completes_what_is_typed(typed: str, expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    words = typed.split()
    ask = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; f=$(complete -p ops); f=${{f##*-F }}; "
    ask += f'${{f%% *}} ops {words[-1]} {words[-2]}; printf "%s\\n" "${{COMPREPLY[@]}}"'

    done = subprocess.run(
        ["bash", "-c", capsys.readouterr().out + ask], capture_output=True, text=True, check=True, timeout=20
    )

    assert [word.strip() for word in done.stdout.split()] == expected


def test_zsh_gets_a_script_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0

    assert capsys.readouterr().out.startswith("#compdef ops")
