"""`python -m local COMMAND`: finds the command. Knows no options: each command reads its own."""

import sys
from collections.abc import Callable, Mapping, Sequence

from terminal.unread import is_unread


def main(arguments: Sequence[str] | None = None, *, modules: Mapping[str, str] | None = None) -> int:
    """Returns the exit code. `modules` puts other Python modules in place of the services that a command starts.

    When nobody reads what a command prints any more, as after `... | head`, it ends without a word.
    """
    try:
        return _run(sys.argv[1:] if arguments is None else list(arguments), modules or {})
    except BrokenPipeError:
        if not is_unread():
            raise
        return 0
    finally:
        is_unread()  # what was printed may not be written yet


def _run(given: Sequence[str], modules: Mapping[str, str]) -> int:
    alone = _service(given[0]) if given else None
    if alone is not None:
        return alone(given[1:])
    from local.commands import run

    return run(given, modules)


def _service(name: str) -> Callable[[Sequence[str]], int] | None:
    """The command that runs one service alone. Imported only now: none has to load the libraries of the others."""
    match name:
        case "cosmos":
            from local.azure.cosmos.command import main as cosmos

            return cosmos
        case "servicebus":
            from local.azure.servicebus.command import main as servicebus

            return servicebus
        case "provider":
            from local.provider.command import main as provider

            return provider
        case "stripe":
            from local.stripe.command import main as stripe

            return stripe
        case "host":
            from local.azure.host.command import main as host

            return host
        case "gameday":
            from local.gameday.command import main as gameday

            return gameday
        case _:
            return None


if __name__ == "__main__":
    sys.exit(main())
