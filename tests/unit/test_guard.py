"""What no caller may send: what a page of another site can, what a foreign name leads to, and bodies beyond measure."""

import azure.functions as func
import pytest

from functions.guard import MAX_BODY_BYTES, MAX_DEPTH, foreign_host, foreign_page, odd_body


def sent(body: bytes = b"", **headers: str) -> func.HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest("POST", "/api/payments", headers={"Host": "pay.example", **named}, body=body)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://pay.example", "pay.example"),
        ("http://pay.example", "pay.example"),
        ("https://PAY.example", "pay.EXAMPLE"),
        ("https://pay.example", "pay.example:443"),
        ("https://pay.example:443", "pay.example"),
        ("http://localhost:7071", "localhost:7071"),
        ("http://[::1]:7071", "[::1]:7071"),
    ],
)
def test_a_page_of_the_app_itself_may_send(origin: str, host: str) -> None:
    assert foreign_page(sent(origin=origin, host=host)) is None


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://pay.example.evil.example",
        "https://evil.example/pay.example",
        "https://pay.example:8443",
        "https://pay.example@evil.example",
        "null",
        "",
        "pay.example",
        "file://pay.example",
        "https://",
        "https://pay.example:port",
        "https://pay.example, https://evil.example",
        "http://[",
    ],
)
def test_a_page_of_anybody_else_may_not(origin: str) -> None:
    refused = foreign_page(sent(origin=origin))

    assert refused is not None
    assert refused.code == "origin_refused"


@pytest.mark.parametrize(("origin", "host"), [("http://localhost:3000", "localhost:7071"), ("http://x", "")])
def test_another_port_or_no_name_at_all_is_another_site(origin: str, host: str) -> None:
    assert foreign_page(sent(origin=origin, host=host)) is not None


@pytest.mark.parametrize(("said", "is_refused"), [("same-origin", 0), ("none", 0), ("same-site", 1), ("cross-site", 1)])
def test_a_browser_that_says_it_comes_from_elsewhere_is_believed(said: str, is_refused: int) -> None:
    assert bool(foreign_page(sent(sec_fetch_site=said))) == bool(is_refused)


def test_who_is_no_browser_says_nothing_and_may_send() -> None:
    assert foreign_page(sent()) is None


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:7071", "LOCALHOST:1", "127.0.0.1:7071", "127.9.9.9", "[::1]:7071", "app:80"]
)
def test_a_laptop_is_asked_by_a_name_of_its_own(host: str) -> None:
    assert foreign_host(sent(host=host), names={"app"}) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7071",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.168.0.7:7071",
        "0.0.0.0:7071",
        "169.254.169.254",
        "[::]",
        "localhost,evil.example",
        "evil.example#localhost",
        "localhost:port",
        "[",
        "",
    ],
)
def test_a_laptop_is_not_asked_by_any_other_name(host: str) -> None:
    refused = foreign_host(sent(host=host), names={"app"})

    assert refused is not None
    assert refused.code == "host_refused"


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_a_body_is_json(media_type: str) -> None:
    assert odd_body(sent(b"{}", content_type=media_type)) is None


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json", "", "json"],
)
def test_a_body_of_any_other_kind_is_refused(media_type: str) -> None:
    refused = odd_body(sent(b"{}", content_type=media_type))

    assert refused is not None
    assert refused.code == "unsupported_media_type"


def test_no_body_is_of_no_kind() -> None:
    assert odd_body(sent(b"", content_type="text/plain")) is None


def test_a_body_beyond_all_measure_is_refused() -> None:
    largest = sent(b" " * MAX_BODY_BYTES, content_type="application/json")
    larger = odd_body(sent(b" " * (MAX_BODY_BYTES + 1), content_type="application/json"))

    assert odd_body(largest) is None
    assert larger is not None
    assert larger.code == "body_too_large"


def nested(depth: int, *, opening: str = "[", closing: str = "]") -> str:
    return f'{{"metadata": {opening * (depth - 1)}{closing * (depth - 1)}}}'


def code_of(body: str, *, encoding: str = "utf-8") -> str | None:
    refused = odd_body(sent(body.encode(encoding), content_type="application/json"))
    return refused.code if refused else None


@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"a": ', "}"), ('[{"a": ', "}]"), ('{"a" :[1, ', ", 2]}")]
)
def test_a_body_may_be_so_deep_and_no_deeper(opening: str, closing: str) -> None:
    each = sum(opening.count(bracket) for bracket in "[{")
    levels = (MAX_DEPTH - 1) // each

    assert code_of(nested(levels + 1, opening=opening, closing=closing)) is None
    assert code_of(nested(levels + 2, opening=opening, closing=closing)) == "body_too_deep"


@pytest.mark.parametrize("depth", [50, 5_000, 30_000])
def test_far_deeper_is_refused_too(depth: int) -> None:
    assert code_of(nested(depth)) == "body_too_deep"


@pytest.mark.parametrize("unclosed", ["[" * 60_000, '{"a":' * 10_000, '{"a": "b", "c": ' + "[" * 17])
def test_what_is_never_closed_is_as_deep(unclosed: str) -> None:
    assert code_of(unclosed) == "body_too_deep"


@pytest.mark.parametrize(
    "text",
    ["[" * 50, "{" * 50, r"\"" + "[" * 50, "\\\\" + r"\"" + "[" * 50, "∀" + "{" * 50, "\n" + "[" * 50, "嬀" * 50],
    ids=["lists", "objects", "quoted", "escaped", "letters", "broken", "bytes"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32-le"])
def test_brackets_in_a_text_are_text(text: str, encoding: str) -> None:
    assert code_of(f'{{"metadata": {{"{text}": "{text}"}}}}', encoding=encoding) is None


@pytest.mark.parametrize(
    "before",
    ['"a text"', r'"ends in \\"', r'"\\\\"', r'"a \" in it"', '""', '"∀"', '"嬀"', '"\u2200 ["'],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32-le"])
def test_a_text_hides_no_bracket_behind_it(before: str, encoding: str) -> None:
    assert code_of(f"[{before}, {nested(50)}]", encoding=encoding) == "body_too_deep"


def test_one_after_another_is_not_inside_one_another() -> None:
    assert code_of(f"[{'[], {}, ' * 5_000}[]]") is None


def test_what_is_no_text_in_any_encoding_is_counted_all_the_same() -> None:
    broken = odd_body(sent(b'"\xff\xfe', content_type="application/json"))
    deep = odd_body(sent(b"\xc3" + b"[" * 50, content_type="application/json"))

    assert broken is None
    assert deep is not None
    assert deep.code == "body_too_deep"
