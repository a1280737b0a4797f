"""Reconcile: compares the provider's books with the streams, by sums or by a settlement file. Changes nothing.

Each difference is looked at in the payment's stream, again and again, and reported if it is still there at the end.
"""

from argparse import Namespace

from ops.client import Api, Fault, Target
from ops.reconciling import counts, settling
from ops.reconciling.report import report


async def reconcile(app: Api, options: Namespace) -> int:
    """1 when there is a difference. Raises Fault."""
    if options.settlement:
        compared = await settling.compare(options, app=app)
    elif options.since or options.until:
        raise Fault("--since and --until say what a settlement file covers: give --settlement FILE")
    else:
        async with Api(Target.provider(options.provider_url)) as provider:
            compared = await counts.compare(options, app=app, provider=provider)
    return 1 if report(compared, older_than=options.older_than, as_json=options.json) else 0
