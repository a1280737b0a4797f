"""The running API is asked by chance what its document says it may be asked, and answers as the document says.

schemathesis makes the requests and knows the checks. Keys are asked for as in Azure; no other machine is reached.
"""

import asyncio
import base64
import json
import os
import random
import re
import sys
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.supervisor import ROOT, Platform
from tests import hosts
from tests.fuzzed_host import FUNCTION_KEY, TOKEN
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

SEED = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().randrange(2**32))
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 30)
"""Of each operation, and of each chain of links."""
SIGNED_IN = {
    "DEVELOPMENT_PRINCIPAL": "",
    "DEVELOPMENT_NOTIFICATIONS": "",
    "MERCHANT_WEBHOOK_SECRETS": "",
    "PROVIDER_WEBHOOK_SECRETS": f"whsec_{base64.b64encode(b'nobody here signs with this one').decode()}",
    "OPS_AUTH": "entra",
    "WEBSITE_AUTH_ENABLED": "True",
}
"""As on Azure; tests/fuzzed_host.py plays its authentication."""
PARTS = ("Examples", "Coverage", "Fuzzing", "Stateful")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with hosts.running(
        data=tmp_path_factory.mktemp("platform"), modules={"host": "tests.fuzzed_host"}, environment=SIGNED_IN
    ) as running:
        await lists_are_whole(running)
        yield running


async def lists_are_whole(platform: Platform) -> None:
    """Until they were so once, a list that payments overtake answers 503, as documented. To chance that is a fault."""
    headers = {"x-functions-key": FUNCTION_KEY}
    async with aiohttp.ClientSession(headers=headers) as http:

        async def are_whole() -> bool:
            async with http.get(f"{platform.url}/api/payments") as answer:
                return answer.status == HTTPStatus.OK

        await until(are_whole, limit_s=30.0, every_s=0.1)


async def fuzzed(url: str, folder: Path, *options: str) -> tuple[int | None, str]:
    """The exit code of schemathesis, and what it said. folder: where it keeps what it remembers of a run."""
    config = ["--config-file", str(ROOT / "tests" / "schemathesis.toml")]
    callers = ["-H", f"x-functions-key: {FUNCTION_KEY}", "-H", f"Authorization: Bearer {TOKEN}"]
    words = [url, *callers, "--no-color", "--continue-on-failure", *options]
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "schemathesis.cli", *config, "run", *words],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.fuzz_hooks", "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
    return child.returncode, said.decode(errors="replace")


def operations(document: dict[str, Any]) -> int:
    return sum(len(item) for item in document["paths"].values())


@pytest.mark.timeout(300 if EXAMPLES <= 30 else 7_200)
async def test_whatever_it_is_asked_it_answers_as_its_document_says(
    platform: Platform, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("fuzz", f"FUZZ_SEED={SEED}, {EXAMPLES} examples")

    code, said = await fuzzed(
        f"{platform.url}/api/openapi.json", tmp_path, "--max-examples", str(EXAMPLES), "--seed", str(SEED)
    )

    assert code == 0, f"FUZZ_SEED={SEED} repeats it\n{said}"
    assert [part for part in PARTS if f"✅ {part}" not in said] == []
    document = json.loads((ROOT / "functions" / "openapi.json").read_text())
    tested = re.search(r"Tested: (\d+)", said)
    assert tested is not None
    assert int(tested[1]) == operations(document) - 1, "all but the document itself, which is what it loads"


async def test_a_document_that_lies_is_found_out(platform: Platform, tmp_path: Path) -> None:
    document = json.loads((ROOT / "functions" / "openapi.json").read_text())
    schemas = document["components"]["schemas"]
    schemas["Health"]["required"].append("colour")
    schemas["PaymentRequest"]["properties"]["amount_minor"]["minimum"] = 0
    lie = tmp_path / "openapi.json"
    lie.write_text(json.dumps(document))

    only = ["--include-operation-id", "health", "--include-operation-id", "accept_payment"]
    code, said = await fuzzed(str(lie), tmp_path, "--url", platform.url, "--max-examples", "5", "--seed", "1", *only)

    assert code == 1
    assert "Response violates schema" in said, said
    assert "Schema-valid request rejected" in said, said
