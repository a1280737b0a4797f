"""docs/settings.md lists every setting with its default and unit, and nothing that is none."""

import pytest
from pydantic.fields import FieldInfo

from shared.settings import Settings
from tests.unit.docs_tables import bare, table

FIELDS: dict[str, FieldInfo] = {
    field.alias or name.upper(): field for name, field in Settings.model_fields.items()
}  # a setting is called like its field, in capitals, or like its alias
ROWS = {bare(row["setting"]): row for row in table("settings.md", heading="setting")}
LISTED = [name for name in FIELDS if name in ROWS]
UNITS = {"_MS": "milliseconds", "_S": "seconds", "_H": "hours", "_ATTEMPTS": "number", "_SCHEDULE": "NCRONTAB"}


def written(default: object) -> str:
    """As people write it."""
    if default is None:
        return "-"
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_every_setting_is_listed_and_nothing_else() -> None:
    assert set(ROWS) == set(FIELDS)


@pytest.mark.parametrize("name", LISTED)
def test_the_default_is_the_one_of_the_code(name: str) -> None:
    field = FIELDS[name]

    assert ROWS[name]["default"].strip("`") == ("required" if field.is_required() else written(field.default))


@pytest.mark.parametrize("name", LISTED)
def test_the_unit_is_the_one_in_its_name(name: str) -> None:
    units = [unit for suffix, unit in UNITS.items() if name.endswith(suffix)]

    assert all(ROWS[name]["unit"].startswith(unit) for unit in units)


@pytest.mark.parametrize("name", LISTED)
def test_it_says_what_it_means_and_when_to_change_it(name: str) -> None:
    assert all(ROWS[name].values())


@pytest.mark.parametrize("name", LISTED)
def test_a_secret_is_called_one(name: str) -> None:
    is_secret = "SecretStr" in str(FIELDS[name].annotation) or "Connection" in str(FIELDS[name].annotation)

    assert ("secret" in ROWS[name]["unit"]) == is_secret
