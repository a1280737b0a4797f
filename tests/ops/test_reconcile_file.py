"""The settlement file as it is read: in every writing that is allowed, and not at all if one line is none."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.client import Fault
from ops.reconciling.movements import Moved
from ops.reconciling.settlement import COLUMNS, period_of, read
from shared.adapters.provider.words import plain

HEADER = ",".join(COLUMNS)
FIRST = "capture,cap_1,p1,1250,EUR,2026-01-02T12:00:00Z"
SECOND = "refund,re_1,p1,500,EUR,2026-01-02T12:00:00.123456Z"


def written(folder: Path, content: str | bytes, *, name: str = "f.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_every_column_is_read(tmp_path: Path) -> None:
    first, second = read([written(tmp_path, f"{HEADER}\n{FIRST}\n{SECOND}\n")])

    assert (first.moved, first.reference, first.payment_reference) == (Moved.CAPTURE, "cap_1", "p1")
    assert (first.amount_minor, first.currency, first.at) == (1250, "EUR", datetime(2026, 1, 2, 12, tzinfo=UTC))
    assert (second.moved, second.at - first.at) == (Moved.REFUND, timedelta(microseconds=123456))
    assert (first.where, second.where) == ("f.csv:2", "f.csv:3")


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{HEADER}\r\n{FIRST}\r\n{SECOND}\r\n",
        f"{HEADER}\n{FIRST}\n{SECOND}",
        f"{HEADER}\r{FIRST}\r{SECOND}\r",
        f"{HEADER}\n{FIRST.replace('cap_1', '"cap_1"')}\n{SECOND.replace('Z', '+00:00')}\n",
    ],
    ids=["byte order mark and CRLF", "no last line end", "CR", "quoted, and an offset of zero"],
)
def test_each_allowed_writing_is_the_same_file(tmp_path: Path, content: str) -> None:
    plain = read([written(tmp_path, f"{HEADER}\n{FIRST}\n{SECOND}\n")])

    assert read([written(tmp_path, content)]) == plain


def changed(name: str, text: str) -> str:
    cells = dict(zip(COLUMNS, FIRST.split(","), strict=True))
    return ",".join({**cells, name: text}.values())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (changed("type", "payout"), "column type: 'payout' must be capture, refund, dispute, dispute_won"),
        (changed("type", "captures"), "column type: 'captures'"),
        (changed("reference", ""), "column reference: ''"),
        (changed("reference", "two words"), "column reference: 'two words'"),
        (changed("reference", "x" * 129), "column reference: 'xxx"),
        (
            changed("reference", "--"),
            "column reference: '--' must be 1 to 128 visible characters of ASCII with a letter or digit",
        ),
        (changed("payment_reference", ""), "column payment_reference: ''"),
        *((changed("payment_reference", text), f"column payment_reference: {text!r}") for text in (".", "..", "../..")),
        *((changed("amount_minor", text), f"column amount_minor: {text!r}") for text in ("", "0", "-1", "1.5", "+1")),
        *(
            (changed("amount_minor", text), f"column amount_minor: {text!r}")
            for text in ("1e3", "٣", "01", "1_0", " 1")
        ),
        (changed("amount_minor", "9" * 19), "column amount_minor: '999"),
        (changed("currency", "eur"), "column currency: 'eur'"),
        (changed("currency", "EURO"), "column currency: 'EURO'"),
        (changed("at", "2026-01-02"), "column at: '2026-01-02' must be a time in UTC"),
        (changed("at", "2026-01-02T12:00:00"), "column at:"),
        (changed("at", "2026-01-02T12:00:00+01:00"), "column at:"),
        (changed("at", "2026-02-30T12:00:00Z"), "column at: '2026-02-30T12:00:00Z' is not in the calendar"),
        (changed("at", "2026-01-02T11:59:59Z"), "column at: it is earlier than the line before"),
        ("capture,cap_2,p1", "column amount_minor: it is missing"),
        ("", "column type: it is missing"),
        (f"{FIRST},more", "column 7: there are more than 6"),
        (changed("reference", '"cap\n_1"'), r"column reference: 'cap\n_1'"),
        ('capture,"cap_2","p"1,1250,EUR,2026-01-02T12:00:00Z', "column payment_reference: ',' expected"),
        ('capture,"cap_2,p1,1250,EUR,2026-01-02T12:00:00Z', "column reference: unexpected end of data"),
    ],
)
def test_a_line_that_is_none_is_named_with_its_column(tmp_path: Path, line: str, said: str) -> None:
    path = written(tmp_path, f"{HEADER}\n{FIRST}\n{line}\n{SECOND}\n")

    with pytest.raises(Fault) as caught:
        read([path])

    assert str(caught.value).startswith(f"{path}, line 3, {said}")
    assert caught.value.code == 2
    assert len(str(caught.value)) < len(str(path)) + 140


def test_what_is_not_utf_8_is_named_with_its_column(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEADER}\n{FIRST}\n".encode() + b"capture,caf\xe9,p1,1250,EUR,2026-01-02T12:00:00Z\n")

    with pytest.raises(Fault, match=r"line 3, column reference: this is not UTF-8"):
        read([path])


@pytest.mark.parametrize("content", ["", f"{FIRST}\n", f"{HEADER},more\n", HEADER.replace("at", "date"), '"type'])
def test_a_file_without_its_header_is_none(tmp_path: Path, content: str) -> None:
    with pytest.raises(Fault, match=r"line 1"):
        read([written(tmp_path, content)])


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"cannot read .*nothing\.csv: No such file or directory"):
        read([tmp_path / "nothing.csv"])
    with pytest.raises(Fault, match=r"cannot read .*: Is a directory"):
        read([tmp_path])


def test_several_files_are_one_in_the_order_of_time_however_they_are_given(tmp_path: Path) -> None:
    monday = written(tmp_path, f"{HEADER}\n{FIRST}\n", name="monday.csv")
    sunday = written(tmp_path, f"{HEADER}\n{FIRST.replace('-02T', '-01T')}\n", name="sunday.csv")

    lines = read([monday, sunday])
    period = period_of(lines, since=None, until=None)

    assert lines == read([sunday, monday])
    assert [line.where for line in lines] == ["sunday.csv:2", "monday.csv:2"]
    assert (period.since, period.holds(lines[1].at)) == (lines[0].at, True)


def test_each_file_is_sorted_by_itself(tmp_path: Path) -> None:
    sorted_ = written(tmp_path, f"{HEADER}\n{FIRST}\n", name="monday.csv")
    unsorted = written(tmp_path, f"{HEADER}\n{SECOND}\n{FIRST}\n", name="tuesday.csv")

    with pytest.raises(Fault, match=r"tuesday\.csv, line 3, column at: it is earlier than the line before"):
        read([sorted_, unsorted])


@pytest.mark.parametrize("reference", ["0", "x" * 128, "../somebody?else", "%2e"])
def test_a_reference_may_be_any_that_the_app_takes_from_the_provider(tmp_path: Path, reference: str) -> None:
    (line,) = read([written(tmp_path, f"{HEADER}\n{changed('payment_reference', reference)}\n")])

    assert line.payment_reference == plain(reference) == reference


def test_a_period_is_what_the_lines_cover_or_what_is_said(tmp_path: Path) -> None:
    lines = read([written(tmp_path, f"{HEADER}\n{FIRST}\n{SECOND}\n")])
    midnight = datetime(2026, 1, 2, tzinfo=UTC)

    by_itself = period_of(lines, since=None, until=None)
    said = period_of(lines, since=midnight, until=midnight + timedelta(days=1))

    assert by_itself.holds(lines[0].at)
    assert by_itself.holds(lines[1].at)
    assert not by_itself.holds(lines[1].at + timedelta(microseconds=1))
    assert (said.since, said.holds(midnight + timedelta(days=1))) == (midnight, False)


def test_a_file_without_lines_has_no_period_of_its_own() -> None:
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)

    with pytest.raises(Fault, match="has no lines: say with --since and --until"):
        period_of([], since=noon, until=None)
    with pytest.raises(Fault, match="ends before it begins"):
        period_of([], since=noon, until=noon)
    assert period_of([], since=noon, until=noon + timedelta(hours=1)).holds(noon)
