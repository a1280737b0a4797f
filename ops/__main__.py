"""`python -m ops`: one command, one exit code, never a traceback. Knows only which function does which command."""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Sequence

from ops.arguments import parser
from ops.client import Api, Target, fault_of
from ops.completing import write_completion
from ops.discarding import discard
from ops.erasing import agree, erase
from ops.finding import target
from ops.letters import drain_recorder, show_letter, summarize
from ops.listing import list_letters
from ops.output import say
from ops.payment import show_payment
from ops.payments import list_payments
from ops.reconcile import reconcile
from ops.replaying import replay

COMMANDS: dict[str, Callable[[Api, Namespace], Awaitable[int]]] = {
    "list": list_letters,
    "show": show_letter,
    "replay": replay,
    "discard": discard,
    "summary": summarize,
    "drain": drain_recorder,
    "payments": list_payments,
    "payment": show_payment,
    "erase": erase,
    "reconcile": reconcile,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """0 nothing is left to do; 1 something is, or differs; 2 cannot reach the app, or wrong use; 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        code = _do(options)
        sys.stdout.flush()
    except ExceptionGroup as group:  # of work done side by side: the first fault stands for all
        return _told(group.exceptions[0])
    except KeyboardInterrupt:
        say("stopped; the same command can be given again", out=sys.stderr)
        return 130
    except BrokenPipeError:  # `... | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as exc:  # noqa: BLE001 - the edge: an operator never sees a traceback
        return _told(exc)
    return code


def _told(exc: Exception) -> int:
    fault = fault_of(exc)
    say(fault, out=sys.stderr)
    return fault.code


def _do(options: Namespace) -> int:
    if options.command == "completion":
        write_completion(options.shell)
        return 0
    where = target(options.url)
    if options.command == "erase":
        agree(options, where)
    return asyncio.run(_run(options, where))


async def _run(options: Namespace, where: Target) -> int:
    async with Api(where) as app:
        return await COMMANDS[options.command](app, options)


if __name__ == "__main__":
    sys.exit(main())
