"""Texts of a document that read as a time: as Microsoft's host hands them over. What it said is kept in hosts_probe."""

import pytest

from local.azure.host.times import rewritten
from tests.hosts_probe.answers import kept
from tests.hosts_probe.questions import TEXTS


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_handed_over_as_microsofts_host_does(text: str) -> None:
    said = kept()["serving"][f"{text} in a document of the feed"]

    assert rewritten(text) == said.real


def test_names_of_fields_and_what_is_no_text_stay_as_they_are() -> None:
    time = "2026-01-02T03:04:05+01:00"

    assert rewritten({time: [time, 1, None, True, {"a": time}]}) == {
        time: ["2026-01-02T02:04:05+00:00", 1, None, True, {"a": "2026-01-02T02:04:05+00:00"}]
    }
