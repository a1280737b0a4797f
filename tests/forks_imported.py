"""What a process imports before the services of the local platform are forked from it, see tests/forks.py.

Nothing of functions/ and shared/: the app that a host runs may lie elsewhere.
"""

import gc

import azure.cosmos.aio
import azure.functions
import azure.servicebus.aio
import azure_functions_runtime
import opentelemetry.sdk.metrics
import opentelemetry.sdk.trace
import pycountry
import pydantic
import pydantic_extra_types.currency_code
import pydantic_settings

import local.azure.cosmos.command
import local.azure.host.bus
import local.azure.host.command
import local.azure.host.cosmos
import local.azure.servicebus.command
import local.provider.command

__all__ = [
    "azure",
    "azure_functions_runtime",
    "local",
    "opentelemetry",
    "pycountry",
    "pydantic",
    "pydantic_extra_types",
    "pydantic_settings",
]

gc.collect()
gc.freeze()  # a collection in a child would write to, and so copy, what it shares with the others
