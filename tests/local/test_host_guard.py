"""The host asks the same at its own paths as the app does at its doors: two guards, which cannot share their code."""

import itertools

import azure.functions as func
import pytest
from multidict import CIMultiDict

from functions.guard import foreign_host, foreign_page
from local.base.guard import is_foreign_host, is_foreign_page

HOSTS = ["localhost:7071", "127.9.9.9", "[::1]:7071", "evil.example", "0.0.0.0:7071", "localhost:port", "[", ""]
ORIGINS = [
    None,
    "http://localhost:7071",
    "http://localhost",
    "https://LOCALHOST:7071",
    "http://[::1]:7071",
    "null",
    "",
    "http://[",
    "https://a@localhost:7071",
]
SITES = [None, "none", "same-origin", "same-site", "cross-site", ""]


@pytest.mark.parametrize("host", HOSTS)
def test_the_host_asks_the_same_as_the_app_at_its_doors(host: str) -> None:
    for origin, site in itertools.product(ORIGINS, SITES):
        sent = {"Host": host, "Origin": origin, "Sec-Fetch-Site": site}
        headers = CIMultiDict({name: value for name, value in sent.items() if value is not None})
        req = func.HttpRequest("POST", "/", headers=headers, body=b"")

        assert is_foreign_host(headers) == (foreign_host(req, names=()) is not None), sent
        assert is_foreign_page(headers) == (foreign_page(req) is not None), sent
