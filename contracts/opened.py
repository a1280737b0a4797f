"""Doors that are wider than a released contract had them, because somebody wanted that. The gate stops any other."""

from collections.abc import Mapping

OPENED: Mapping[str, str] = {}
"""The reason of each, by what the gate says of it, word for word. One that the gate does not say has to go."""
