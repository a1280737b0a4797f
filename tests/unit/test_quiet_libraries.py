"""The worker hands on every line from INFO on, as lines of the function that runs: a flood of them is paid for."""

import subprocess
import sys

from local.supervisor import ROOT
from tests.conftest import REQUIRED_SETTINGS

FLOOD = """
import logging, sys
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(name)s")
import function_app
for name in (
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.cosmos._cosmos_http_logging_policy",
    "azure.identity.aio",
    "azure.monitor.opentelemetry.exporter.export._base",
    "azure.servicebus._pyamqp.aio._connection_async",
    "uamqp.connection",
):
    logging.getLogger(name).info("a link changed its state")
    logging.getLogger(name).warning("a link was lost")
logging.getLogger("regispay").info("accept.accepted")
"""


def test_a_flood_of_the_sdks_is_dropped_and_what_they_warn_of_and_what_is_ours_is_not() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLOOD], cwd=ROOT, env=REQUIRED_SETTINGS, capture_output=True, text=True, check=True
    )

    lines = done.stdout.split()
    assert len(lines) == len(set(lines)) == 7, lines
    assert lines[-1] == "regispay"
