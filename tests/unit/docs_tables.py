"""Reads the tables of a Markdown page, so that tests can hold documents and code together."""

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def tables(page: str) -> list[list[dict[str, str]]]:
    """Every table of docs/PAGE; a row maps headings to cells, code marks taken off."""
    found: list[list[dict[str, str]]] = []
    headings: list[str] = []
    for line in (DOCS / page).read_text().splitlines():
        if not line.startswith("|"):
            headings = []
            continue
        cells = [cell.strip() for cell in line.replace("\\|", "/").strip().strip("|").split("|")]
        if not headings:
            headings = cells
            found.append([])
        elif set("".join(cells)) - set("-:"):
            found[-1].append(dict(zip(headings, cells, strict=True)))
    return found


def table(page: str, *, heading: str) -> list[dict[str, str]]:
    """The rows of all tables whose first heading is this."""
    return [row for rows in tables(page) for row in rows if next(iter(row)) == heading]


def bare(cell: str) -> str:
    """The text of a cell that is all code."""
    assert cell.startswith("`"), f"{cell} should stand in code marks"
    assert cell.endswith("`"), f"{cell} should stand in code marks"
    return cell.strip("`")
