"""Completion for bash and zsh, generated from the command line itself. Knows no app."""

import sys

from ops.arguments import parser
from ops.client import Fault


def write_completion(shell: str) -> None:
    """The script for the alias `ops`. Raises Fault where the generator is not installed."""
    try:
        import shtab
    except ImportError as exc:
        raise Fault("completion needs the package shtab: pip install shtab") from exc
    sys.stdout.write(shtab.complete(parser(prog="ops"), shell=shell) + "\n")
