"""What a process imports before the services of the local platform are forked from it, see tests/forks.py.

Nothing of functions/ and shared/: the app that a host runs may lie elsewhere.
"""

import gc

import azure.cosmos.aio
import azure.servicebus.aio
import opentelemetry.sdk.trace
import pydantic

import local.azure.cosmos.command
import local.azure.host.bus
import local.azure.host.command
import local.azure.host.cosmos
import local.azure.servicebus.command
import local.provider.command

__all__ = ["azure", "local", "opentelemetry", "pydantic"]

gc.collect()
gc.freeze()  # a collection in a child would write to, and so copy, what it shares with the others
