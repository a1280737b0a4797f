"""Receives what Regis Pay tells a merchant: verifies it, keeps it, answers, and only then acts on it.

A start for your own: put your work into `act`. Needs `standardwebhooks` and `cloudevents`; must never hold the answer
back for what `act` does, since whoever answers late is told again.
"""

import argparse
import logging
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError

ADDRESS = "/notifications"
LARGEST_BYTES = 256 * 1024
ACT_AGAIN_S = 5.0

TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS inbox (
    webhook_id TEXT PRIMARY KEY, content_type TEXT NOT NULL, body BLOB NOT NULL,
    received_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, acted_at TEXT
);
CREATE TABLE IF NOT EXISTS payments (payment_id TEXT PRIMARY KEY, version INTEGER NOT NULL, status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shipments (payment_id TEXT PRIMARY KEY, reference TEXT NOT NULL);
"""


def act(database: sqlite3.Connection, event: BaseCloudEvent) -> None:
    """Your work. It runs in the transaction that ticks the notification off, so what it writes here happens once.

    What it does elsewhere may happen again after a crash: hand on the event's id, by which others know a repeat.
    """
    payment: Any = event.get_data()
    database.execute(  # notifications may overtake each other: an older one changes nothing
        "INSERT INTO payments VALUES (:payment_id, :version, :status) ON CONFLICT (payment_id) DO UPDATE"
        " SET version = excluded.version, status = excluded.status WHERE excluded.version > payments.version",
        {name: payment[name] for name in ("payment_id", "version", "status")},
    )
    if event.get_type() == "regispay.payment.settled.v1":
        database.execute("INSERT INTO shipments VALUES (?, ?)", (payment["payment_id"], payment["reference"]))


class Refused(Exception):
    """Not ours to take: it is not signed by Regis Pay, too old, or no event."""


class Inbox:
    """What was received, each notification once, in one SQLite file."""

    def __init__(self, path: Path, *, secrets: list[str]) -> None:
        self._path = path
        self._webhooks = [Webhook(secret) for secret in secrets]
        self._is_more = threading.Event()
        with closing(self._open()) as database:
            database.executescript(TABLES)

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        """Keeps a notification; whether it is new. When it returns, it is on the disk. Raises Refused, sqlite3.Error.

        The secrets are tried one after another: while one is changed, the new and the old one both count.
        """
        self._verify(headers, body)
        content_type = headers.get("content-type", "")
        _event(content_type, body)
        with closing(self._open()) as database, database:
            kept = database.execute(
                "INSERT OR IGNORE INTO inbox (webhook_id, content_type, body) VALUES (?, ?, ?)",
                (headers["webhook-id"], content_type, body),
            )
            is_new = kept.rowcount == 1
        self._is_more.set()
        return is_new

    def work(self) -> None:
        """For ever: acts on what was kept and not acted on yet, also what an earlier run left. For one thread alone."""
        while True:
            self._is_more.clear()
            with _failure_told("what is left to act on"), closing(self._open()) as database:
                left = database.execute("SELECT webhook_id FROM inbox WHERE acted_at IS NULL ORDER BY rowid").fetchall()
                for (webhook_id,) in left:
                    with _failure_told(webhook_id):
                        self._act(database, webhook_id)
            self._is_more.wait(ACT_AGAIN_S)

    def _act(self, database: sqlite3.Connection, webhook_id: str) -> None:
        with database:  # all of it or nothing
            database.execute("BEGIN IMMEDIATE")  # waits its turn; to read first and then write may not be granted
            row = database.execute("SELECT content_type, body FROM inbox WHERE webhook_id = ?", (webhook_id,))
            act(database, _event(*row.fetchone()))
            database.execute("UPDATE inbox SET acted_at = CURRENT_TIMESTAMP WHERE webhook_id = ?", (webhook_id,))
        logging.info("%s: acted on", webhook_id)

    def _verify(self, headers: dict[str, str], body: bytes) -> None:
        reason = "no secret"
        for webhook in self._webhooks:
            try:
                webhook.verify(body, headers, json_parse=False)
            except (WebhookVerificationError, ValueError) as exc:  # ValueError: headers that are none
                reason = str(exc) if isinstance(exc, WebhookVerificationError) else "malformed"
            else:
                return
        raise Refused(reason)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=5)


@contextmanager
def _failure_told(about: str) -> Iterator[None]:
    """Whatever goes wrong in the block is logged and ends there: others have their turn, and this one another.

    Were the thread to end that acts, everything would still be answered with 204, and nothing acted on.
    """
    try:
        yield
    except BaseException:  # SystemExit too, and CancelledError, which `asyncio.run` in `act` may raise
        logging.exception("%s: failed, to be tried again", about)


def _event(content_type: str, body: bytes) -> BaseCloudEvent:
    """Raises Refused."""
    try:
        return from_structured_event(HTTPMessage({"content-type": content_type}, body))
    except Exception as exc:
        raise Refused(f"no CloudEvent ({type(exc).__name__})") from exc


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 for what is kept, and 4xx for what is not. 503 makes the sender come again."""

    inbox: Inbox
    timeout = 5  # seconds without a byte

    def do_POST(self) -> None:
        """One notification."""
        length = self.headers.get("Content-Length", "")
        if self.path != ADDRESS:
            self._answer(HTTPStatus.NOT_FOUND, "no notification goes there")
        elif not (length.isascii() and length.isdecimal()):
            self._answer(HTTPStatus.LENGTH_REQUIRED, "no Content-Length")
        elif len(length) > 9 or int(length) > LARGEST_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large")
        else:
            self._take(self.rfile.read(int(length)))

    def _take(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            is_new = self.inbox.take(headers, body)
        except Refused as exc:
            self._answer(HTTPStatus.BAD_REQUEST, f"refused: {exc}")
        except sqlite3.Error as exc:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, f"not kept: {type(exc).__name__}")
        else:
            self._answer(HTTPStatus.NO_CONTENT, f"{headers['webhook-id']}: {'kept' if is_new else 'known already'}")

    def _answer(self, status: HTTPStatus, words: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        logging.info("%s %s", status.value, words)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
        """Each answer says its own line."""


class Server(ThreadingHTTPServer):
    """A thread per request."""

    request_queue_size = 128  # of 5, as it is else, a burst is made to wait for a second and more


def main() -> int:
    """Serves until Ctrl-C. Returns the exit code: 2 when there is no secret to verify with."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4242)
    parser.add_argument("--database", type=Path, default=Path("receiver.sqlite"))
    options = parser.parse_args()
    secrets = os.environ.get("WEBHOOK_SECRETS", "").split()
    if not secrets:
        print(
            "WEBHOOK_SECRETS is not set: the secret, or the new and the old one with a blank between", file=sys.stderr
        )
        return 2
    try:
        Receiver.inbox = Inbox(options.database, secrets=secrets)
    except (ValueError, EmptyWebhookSecretError):
        print("WEBHOOK_SECRETS holds something that is no secret: whsec_ and base64 after it", file=sys.stderr)
        return 2
    # unlike print, logging raises nothing where its lines cannot go: a full disk, or a reader that has gone
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    threading.Thread(target=Receiver.inbox.work, daemon=True).start()
    with Server((options.host, options.port), Receiver) as server:
        logging.info("listening at http://%s:%s%s", options.host, server.server_port, ADDRESS)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
