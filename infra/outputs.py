"""Reads names of deployed things out of a deployment's outputs: NAME=value lines, or one value.

Azure Resource Manager changes the case of output names as it likes (AZURE_RESOURCE_GROUP came back as
azurE_RESOURCE_GROUP), so upper and lower case count as the same. A name that is missing or empty stops the run: with an
empty value the next command would work on nothing, or on something else. Imports nothing of the app.
"""
# ruff: noqa: T201 - a command line: what it prints is its answer

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

LOOK = "Look at the outputs of infra/main.bicep and whether its deployment ended well."

_KINDS = {bool: "a boolean", int: "a number", float: "a number", list: "an array"}


class OutputUnusable(Exception):
    """The outputs give no one text for a name. Says which name, and why."""


def value(outputs: Mapping[str, Any], name: str) -> str:
    """What the deployment gave for a name, in upper or lower case. Raises OutputUnusable."""
    spelled = [key for key in outputs if key.lower() == name.lower()]
    if not spelled:
        raise OutputUnusable(f"{name}: the deployment gave no such output; it gave {sorted(outputs) or 'none'}. {LOOK}")
    if len(spelled) > 1:
        raise OutputUnusable(f"{name}: the deployment gave it more than once, as {', '.join(spelled)}. {LOOK}")
    output = outputs[spelled[0]]
    found = output.get("value") if isinstance(output, Mapping) else None
    if found is not None and not isinstance(found, str):
        raise OutputUnusable(f"{name}: its value is not a text but {_KINDS.get(type(found), 'an object')}. {LOOK}")
    if found is None or not found.strip():
        raise OutputUnusable(f"{name}: the deployment gave it no value. {LOOK}")
    if not found.isprintable():
        raise OutputUnusable(f"{name}: its value is not one line of text. {LOOK}")
    return found


def values(text: str, names: list[str]) -> tuple[dict[str, str], list[str]]:
    """The value of each name, and what is wrong with the others. The text: what `az` wrote for properties.outputs."""
    try:
        outputs = json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as fault:
        return {}, [f"{', '.join(names)}: the outputs are not JSON ({fault}). {LOOK}"]
    found, faults = dict[str, str](), list[str]()
    for name in names:
        try:
            found[name] = value(outputs if isinstance(outputs, Mapping) else {}, name)
        except OutputUnusable as fault:
            faults.append(str(fault))
    return found, faults


def main(arguments: list[str] | None = None) -> int:
    """Prints all that was asked for, or nothing but what is wrong."""
    description = "Names of deployed things, from the JSON of properties.outputs on stdin."
    parser = argparse.ArgumentParser(prog="python infra/outputs.py", description=description)
    parser.add_argument("names", metavar="NAME", nargs="+")
    parser.add_argument("--value", action="store_true", help="of one name: the value alone")
    options = parser.parse_args(arguments)
    if options.value and len(options.names) > 1:
        parser.error("--value takes one name")
    found, faults = values(sys.stdin.read(), options.names)
    for fault in faults:
        print(f"FAILED  {fault}", file=sys.stderr)
    if faults:
        return 1
    for name, text in found.items():
        print(text if options.value else f"{name}={text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
