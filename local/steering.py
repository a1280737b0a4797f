"""A platform whose parts are kept alive, and can be killed and frozen by `/local/...` on the origin of the app.

Knows no command.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager

from local.control import controlling
from local.keeper import Keeper, keeping, say
from local.pauses import FIRST_S
from local.supervisor import Platform

type Run = Callable[..., AbstractAsyncContextManager[Platform]]
"""`running_platform` with all its arguments but `environment`."""


@contextlib.asynccontextmanager
async def steered(
    run: Run,
    *,
    environment: Mapping[str, str] | None = None,
    first_s: float = FIRST_S,
    tell: Callable[..., None] = say,
) -> AsyncIterator[Keeper]:
    """Runs it until the end of the block. first_s: how long after its death a part is started again."""
    async with (
        controlling() as control,
        run(environment={**(environment or {}), **control.environment()}) as platform,
        keeping(platform, first_s=first_s, tell=tell) as keeper,
    ):
        control.keeper = keeper
        yield keeper
