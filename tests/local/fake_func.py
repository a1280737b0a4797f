"""Stands in for a command such as `func start`: its ready line is not ours, it does not look at standard input, and it
has a child in a session of its own.

FAKE_FUNC says how it takes a SIGTERM, or that it does not even start.
"""

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import FrameType

CHILD = "import time; time.sleep(600)"


class Answers(BaseHTTPRequestHandler):
    """/api/health, as the app does it; /seen: what the command was given."""

    def do_GET(self) -> None:
        seen = {"arguments": sys.argv[1:], "environment": dict(os.environ), "files": sorted(os.listdir())}  # noqa: PTH208
        self.send_response(200 if self.path in {"/api/health", "/seen"} else 404)
        self.end_headers()
        self.wfile.write(json.dumps(seen).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""


def main() -> None:
    kind = os.environ.get("FAKE_FUNC", "orderly")
    if kind == "broken":
        print("on standard output: no such extension", flush=True)
        sys.exit("no such worker")
    print("ready host 5", flush=True)
    child = subprocess.Popen([sys.executable, "-c", CHILD], start_new_session=True)

    def end(_number: int, _frame: FrameType | None) -> None:
        child.terminate()
        child.wait()
        sys.exit(0)

    match kind:
        case "orderly":
            signal.signal(signal.SIGTERM, end)
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case "leaves its child":
            pass
    Path("pids").write_text(f"{os.getpid()} {child.pid}")
    HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answers).serve_forever()


if __name__ == "__main__":
    main()
