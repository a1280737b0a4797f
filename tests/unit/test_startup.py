"""What a process loads before a function is called: what its functions are declared with, and no client."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REQUIRED_SETTINGS

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ("aiohttp", "azure.core", "azure.cosmos", "azure.servicebus", "azure.identity", "opentelemetry")
LOADED = "import json, sys; import function_app; print(json.dumps(sorted(sys.modules)))"


def test_the_functions_of_a_process_are_known_before_a_client_is_loaded() -> None:
    environment = {**os.environ, **REQUIRED_SETTINGS}
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, env=environment, capture_output=True, check=True)

    loaded = json.loads(done.stdout)
    assert "functions.accept" in loaded
    assert [name for name in loaded if name.startswith(CLIENTS)] == []
