"""Erase what a merchant wrote for itself in a payment. It cannot be undone, so it asks first. Knows no HTTP."""

import sys
from argparse import Namespace

from ops.client import Api, Fault, Json, NotNow, Target
from ops.output import ask, say, show_json, show_table
from ops.paths import payment_path


def agree(options: Namespace, where: Target) -> None:
    """Ask whether it is meant, before anything is sent. Raises NotNow for a no, Fault where nobody can be asked."""
    if options.dry_run or options.yes:
        return
    if not sys.stdin.isatty():
        raise Fault("nobody can be asked here, and this cannot be undone: say --yes, or --dry-run to look first")
    lost = f"Description, metadata and reasons of refunds of payment {options.payment_id} will be gone for good"
    if ask(f"{lost} at {where.url}. Erase them? [y/N]").strip().lower() not in ("y", "yes"):
        raise NotNow("nothing was erased")


async def erase(api: Api, options: Namespace) -> int:
    """1 for a dry run that finds something to erase."""
    wanted = {"reason": options.reason, "dry_run": options.dry_run}
    answer = await api.post(f"{payment_path(options.payment_id)}/erase", wanted)
    if options.json:
        show_json(answer)
    else:
        _report(answer)
    return 1 if answer["dry_run"] and answer["erased"] else 0


def _report(answer: Json) -> None:
    rows = [
        {"EVENT": each["event_id"], "TYPE": each["type"], "FIELDS": ", ".join(each["fields"])}
        for each in answer["erased"]
    ]
    if not rows:
        say(f"nothing is left to erase in payment {answer['payment_id']}")
        return
    show_table(rows)
    say(f"{'would be erased' if answer['dry_run'] else 'erased'}; all else of the payment stays")
